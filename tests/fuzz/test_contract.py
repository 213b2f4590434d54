"""The contract under generated calls: whatever is sent to the running service, it answers as its own document says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.children import ROOT
from tests.fuzz.fuzzing import CONVERSATION, WHOLE, Outcome, Plan, fuzz
from tests.fuzz.place import Place, running

pytestmark = [pytest.mark.second_engine, pytest.mark.timeout(7200)]

SAMPLE = Plan(seed=20261121, cases_per_route=2, scenarios=5, walks=28, has_boundaries=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        with running(tmp_path_factory.mktemp("fuzz")) as found:
            yield found


def test_a_sample_of_calls_is_answered_as_documented(place: Place) -> None:
    outcome = fuzz(place, _document(), SAMPLE)
    _require(outcome)
    assert outcome.cases >= 200


@pytest.mark.prove
def test_ten_thousand_calls_are_answered_as_documented(place: Place) -> None:
    outcome = fuzz(place, _document(), WHOLE)
    _require(outcome)
    assert outcome.cases >= 10_000
    seldom = {label: dict(counts) for label, counts in outcome.statuses.items() if outcome.is_hardly_reached(label)}
    assert set(seldom) <= {CONVERSATION}, f"hardly ever answered with a success: {seldom}"
    followed = {name for name, status in outcome.walked if status < 300}
    assert followed >= _linked(), f"never reached along a link: {_linked() - followed}"


def _require(outcome: Outcome) -> None:
    print(outcome.table())
    assert not outcome.complaints(), outcome.complaints()


def _document() -> dict[str, Any]:
    """The contract as it is generated; `make check` compares it with the code."""
    document: dict[str, Any] = json.loads(Path(ROOT, "docs", "openapi.json").read_text())
    return document


def _linked() -> set[str]:
    """The operations that any answer's link leads to."""
    operations = [one for path in _document()["paths"].values() for one in path.values()]
    answers = [answer for one in operations for answer in one["responses"].values()]
    return {link["operationId"] for answer in answers for link in answer.get("links", {}).values()}
