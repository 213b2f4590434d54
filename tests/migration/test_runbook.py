"""The page for operators: every command of it is understood, and every phase, gate and way back is told."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from chalicelib.migration.__main__ import _parser
from chalicelib.migration.commands import COMMANDS
from chalicelib.migration.phases import MOVES, Gate, Move, Phase
from chalicelib.migration.serenya.rails import RULES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "migration.md").read_text(encoding="utf-8")
_ATTESTED = {Gate.SNAPSHOT_TAKEN: "snapshot", Gate.CREDENTIALS_LISTED: "credentials", Gate.COST_CHECKED: "cost"}
_PROGRAM = "python -m chalicelib.migration "


def _commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def _section(phase: Phase) -> str:
    return next(part for part in PAGE.split("\n## ") if f"`{phase}`" in part.splitlines()[0])


@pytest.mark.parametrize("command", _commands())
def test_a_command_of_the_page_is_understood(command: str) -> None:
    assert command.startswith(_PROGRAM)
    words = shlex.split(command.split(" > ", maxsplit=1)[0].removeprefix(_PROGRAM))
    assert _parser().parse_args(words).command in COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_told_of(command: str) -> None:
    assert re.search(rf"\b{command}\b", PAGE)


@pytest.mark.parametrize("move", [one for one in MOVES if one.is_forward], ids=lambda one: one.target)
def test_the_section_of_a_phase_names_exactly_the_gates_before_it(move: Move) -> None:
    by_name = {gate for gate in Gate if f"`{gate}`" in _section(move.target)}
    by_command = {gate for gate, figure in _ATTESTED.items() if f"attest {figure} --do" in _section(move.target)}
    # The section about the cut-over also tells of the way back from it.
    assert (by_name | by_command) - {Gate.LEGACY_REACHABLE} == set(move.gates)


def test_the_way_back_of_every_phase_stands_in_the_table() -> None:
    for move in (one for one in MOVES if not one.is_forward):
        (row,) = re.findall(rf"^\| `{move.origin}` \|.*$", PAGE, re.MULTILINE)
        assert f"`{move.target}`" in row.split("|")[4]


def test_every_rule_of_the_guard_rails_is_told_with_its_number() -> None:
    assert len(RULES) == 4
    for said in ("1 % errors for 5 minutes", "2 s for 10 minutes", "5 % of sign-ins", "1 % of payments"):
        assert said in PAGE
