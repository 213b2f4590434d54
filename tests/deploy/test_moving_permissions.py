"""What the move adds to policies is what its door, its copies and its functions were seen to ask, and no more."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.migration.serenya.places import OWNED_GUARDS
from deploy import moving
from deploy.generate import stage_settings
from deploy.permissions import FUNCTIONS, Need, Permissions, needs_of
from deploy.policies import policy
from tests.calls import record

SETTINGS = stage_settings("dev")
MOVING = replace(SETTINGS, has_legacy_database=True)
SEEN = record.read(record.OF_THE_MOVE)
MOVERS = ("move_people", "tend_move")
MAKES_A_COPY = Need("dynamodb:PutItem", "table MIGRATION#COPY#")
LEGACY_SECRET = Need("secretsmanager:GetSecretValue", "secret legacy-database")


def _declared(actions: moving.Actions) -> set[Need]:
    return Permissions(table=actions).needs(SETTINGS)


def _of_table(needs: set[Need]) -> set[Need]:
    return {need for need in needs if need.action.startswith("dynamodb:") and need.place != "*"}


@pytest.mark.parametrize("whose", moving.COPIES)
def test_a_copy_asks_what_it_was_seen_to_ask(whose: str) -> None:
    assert _declared(moving.COPIES[whose]) == _of_table(SEEN[f"copies {whose}"])


@pytest.mark.parametrize("way", moving.DOOR)
def test_the_door_asks_what_it_was_seen_to_ask(way: str) -> None:
    seen = _of_table(SEEN[way])
    if MAKES_A_COPY in seen:
        # Which copies are made is known by whose they are, whatever led to them.
        seen |= _of_table(SEEN[f"copies {way.partition(' ')[2]}"])
    assert _declared(moving.DOOR[way]) == seen


def test_every_way_through_the_door_is_one_that_a_function_takes() -> None:
    taken = set().union(*(moving.ways(needs.table, needs.indexes) for needs in FUNCTIONS.values()))
    assert taken == set(moving.DOOR)
    assert {name for name in SEEN if name not in FUNCTIONS} == taken | {f"copies {whose}" for whose in moving.COPIES}


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name not in MOVERS])
def test_a_function_may_do_what_it_was_seen_to_do_while_people_move(function: str) -> None:
    assert SEEN.get(function, set()) <= needs_of(function, MOVING).needs(MOVING)


@pytest.mark.parametrize("function", MOVERS)
def test_a_function_of_the_move_may_do_what_it_or_any_copy_was_seen_to_do(function: str) -> None:
    copies = set().union(*(_of_table(SEEN[f"copies {whose}"]) for whose in moving.COPIES))
    allowed = needs_of(function, MOVING).needs(MOVING)
    assert SEEN[function] <= allowed
    assert allowed - copies <= SEEN[function], "nothing was seen to need as much"


def test_what_else_functions_gather_was_seen() -> None:
    for function, gathered in moving.GATHERED.items():
        assert _declared(gathered) <= SEEN[function]
    assert LEGACY_SECRET in SEEN["api_handler"]


def test_only_what_moves_phases_may_write_the_phase_and_nobody_scans_but_the_backfill() -> None:
    for function in FUNCTIONS:
        actions = needs_of(function, MOVING).table
        writes = set(actions.get("MIGRATION#PHASE", ())) - {"GetItem"}
        assert bool(writes) == (function == "tend_move"), function
        assert needs_of(function, MOVING).reads_whole_table == (function == "move_people")


def test_a_function_that_touches_nobody_is_let_at_nobody() -> None:
    """The sweeps ask an index, and hand on what they find."""
    assert needs_of("sweep_erasures", MOVING).table == {"MIGRATION#PHASE": ("GetItem",)}
    assert set(needs_of("sweep_usage", MOVING).table) == {"MIGRATION#PHASE", "SWEEP#"}
    of_resets = needs_of("reset_usage_batch", MOVING).table
    assert not {"UNCLAIMED#", "GUARD#EVENT#", "MIGRATION#LOAD"} & set(of_resets)
    assert set(OWNED_GUARDS) <= set(of_resets), "who is copied is copied whole"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_policy_of_a_stage_that_moves_fits_into_a_role_and_names_no_wildcard(function: str) -> None:
    text = json.dumps(policy(function, needs_of(function, MOVING), MOVING), separators=(",", ":"))
    assert len(text) < 10_240
    assert '"*"' not in text


def test_where_nobody_moves_nothing_of_it_is_allowed() -> None:
    for function in FUNCTIONS:
        text = json.dumps(policy(function, needs_of(function, SETTINGS), SETTINGS))
        assert "MIGRATION#" not in text
        assert "legacy-database" not in text
