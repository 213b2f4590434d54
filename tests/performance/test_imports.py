"""What is loaded before a function can do its work: held to budgets in modules, which no busy machine changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import cold_start
from bench.imports import API, HEAVY, ROOT, measure
from bench.recorded import ENVIRONMENT
from deploy.permissions import FUNCTIONS

BUDGETS: dict[str, dict[str, int]] = json.loads((Path(__file__).parent / "imports.json").read_text(encoding="utf-8"))
_IDLE = {"ours": 8, "others": 40}
"""A budget this far above what is loaded holds nothing any more. Versions of Python differ in the modules of others."""
PROFILE = f"{API}: profile"


def _complaints(loaded: dict[str, Any], name: str) -> list[str]:
    told = []
    for what, budget in BUDGETS[name].items():
        if loaded[what] > budget:
            told.append(f"{name} loads {loaded[what]} modules ({what}), and may load {budget}")
        elif loaded[what] + _IDLE[what] < budget:
            told.append(f"{name} loads {loaded[what]} modules ({what}): a budget of {budget} holds nothing")
    return told


def test_a_profile_request_loads_no_sdk_of_a_store_no_reader_of_documents_and_no_driver() -> None:
    loaded = measure(PROFILE)[PROFILE]
    assert loaded["heavy"] == []
    assert _complaints(loaded, PROFILE) == []


def test_what_is_looked_for_would_be_seen() -> None:
    script = "import stripe, pypdf; from bench.imports import _loaded; print(*_loaded(set())['heavy'])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True, env=ENVIRONMENT
    )
    assert {"stripe", "pypdf"} <= set(done.stdout.split())
    assert {"stripe", "pypdf"} <= HEAVY


def test_a_budget_that_is_exceeded_is_told_and_so_is_one_that_holds_nothing() -> None:
    most = BUDGETS[PROFILE]
    assert _complaints(most, PROFILE) == []
    assert _complaints({**most, "ours": most["ours"] + 1}, PROFILE)
    assert _complaints({**most, "ours": most["ours"] - _IDLE["ours"] - 1}, PROFILE)


@pytest.mark.thorough
def test_every_function_loads_what_its_budget_allows() -> None:
    found = measure()
    assert set(found) == set(BUDGETS)
    assert {name for name in found if not name.startswith((API, "app.py"))} == set(FUNCTIONS) - {API}
    assert [told for name, loaded in found.items() for told in _complaints(loaded, name)] == []
    assert {name: loaded["heavy"] for name, loaded in found.items() if loaded["heavy"]} == {}


_MANY_CALLS = """
import botocore.session
import app
from bench.recorded import Context, Minutes, answered, read
from chalicelib import clock
from chalicelib.models import catalogue
from chalicelib.models.base import Item, shared_connection

made, create = [], botocore.session.Session.create_client
def creating(session, service_name, *more, **given):
    made.append(service_name)
    return create(session, service_name, *more, **given)
botocore.session.Session.create_client = creating
clock.SystemClock.now = Minutes().now
with answered() as outside:
    for one in read():
        outside.expect(one.cold)
        answer = app.app(one.cold_event, Context())
        assert answer["statusCode"] == one.status, (one.name, answer)
        assert set(outside.left()) <= {"GetSecretValue", "GET"}, (one.name, outside.left())  # kept from before
models = [Item, *Item.__subclasses__()]
assert len(models) > 15 and len(catalogue.KINDS) > 15
assert {id(model._get_connection().connection) for model in models} == {id(shared_connection().connection)}
print(made.count("dynamodb"), made.count("secretsmanager"), made.count("s3"))
"""


def test_there_is_one_client_and_one_connection_however_many_models_and_routes_are_used() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MANY_CALLS],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "1 1 1"


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_a_cold_start_costs_little_more_than_the_least_that_it_can_cost() -> None:
    assert cold_start.exceeded(cold_start.measure_here(cold_start.ROUNDS)) == []
