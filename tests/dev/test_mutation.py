"""Mutation testing tells faults that tests notice from changes that nobody could: a trial with planted ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.mutation import tables
from bench.mutation.__main__ import Tally, table, tallies, total
from bench.mutation.mutants import ROOT, Mutant, sample

PERIODS = "chalicelib/billing/periods.py"
TIERS = "chalicelib/billing/tiers.py"
TRIAL = """
import sys
from bench.mutation import judge, plan
from bench.mutation.mutants import ROOT, Mutant

def planted(path, _):
    text = (ROOT / path).read_text()
    made = []
    for at_import, old, new in {
        "chalicelib/billing/periods.py": (
            (False, "begun -= 1", "begun -= 2"),
            (False, "begun -= 1", "begun = begun - 1"),
            (False, "begun -= 1", "while begun: pass"),
            (True, "months: int = 1", "months: int = 2"),
            (True, "months: int = 1", "months: int = 2 - 1"),
        ),
        "chalicelib/billing/tiers.py": (
            (True, "UNLIMITED: Final = -1", "UNLIMITED: Final = -2"),
            (True, "UNLIMITED: Final = -1", "UNLIMITED: Final = 1 - 2"),
        ),
    }[path]:
        assert text.count(old) == 1, old
        line = text[: text.index(old)].count("\\n") + 1
        made.append(Mutant(path, range(line, line + 1), "trial", at_import, text, text.replace(old, new)))
    return len(made), made

judge.sample = planted
plan.ROOMS["trial"] = plan.Room(
    ("chalicelib/billing/periods.py", "chalicelib/billing/tiers.py"),
    ("tests/unit/billing/test_periods.py", "tests/unit/billing/test_tiers.py", "tests/unit/billing/test_projection.py"),
)
sys.exit(judge.main(["trial", sys.argv[1], "9"]))
"""


def test_planted_faults_are_noticed_and_changes_of_nothing_are_not(tmp_path: Path) -> None:
    outcomes = tmp_path / "outcomes.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", TRIAL, outcomes], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    lines = [json.loads(line) for line in outcomes.read_text(encoding="utf-8").splitlines()]
    found = {line["name"].partition(" => ")[2]: line["outcome"] for line in lines if "outcome" in line}
    assert {text.strip(): outcome for text, outcome in found.items()} == {
        "begun -= 2": "killed",
        "begun = begun - 1": "survived",
        "while begun: pass": "timed out",
        "def period_at(anchor: datetime, now: datetime, *, months: int = 2) -> Period:": "killed",
        "def period_at(anchor: datetime, now: datetime, *, months: int = 2 - 1) -> Period:": "survived",
        "UNLIMITED: Final = -2": "killed",
        "UNLIMITED: Final = 1 - 2": "survived",
    }


def test_the_same_faults_are_drawn_every_time_and_each_differs_from_the_text() -> None:
    made, first = sample(PERIODS, 10)
    again = sample(PERIODS, 10)[1]
    assert [one.name for one in first] == [one.name for one in again]
    assert len(first) == 10 < made
    assert all(one.text != one.original for one in first)


def test_what_follows_from_a_table_runs_again_with_it() -> None:
    text = (ROOT / TIERS).read_text(encoding="utf-8")

    def names(old: str, new: str) -> list[str] | None:
        again = tables.statements(Mutant(TIERS, range(1, 2), "", True, text, text.replace(old, new)))
        return None if again is None else [name for one in again for name in sorted(tables.names_of(one))]

    assert names("priority_processing=False", "priority_processing=True") == ["_FREE", "TIERS"]
    assert names("medical_reports: bool", "medical_reports: bool = True") is None


def test_the_score_counts_what_was_noticed_of_what_changes_anything() -> None:
    lines = [{"path": "chalicelib/billing/x.py", "made": 50, "tried": 5}] + [
        {"path": "chalicelib/billing/x.py", "name": name, "outcome": outcome}
        for name, outcome in (
            ("a", "killed"),
            ("b", "timed out"),
            ("c", "survived"),
            ("d", "survived"),
            ("e", "no test"),
        )
    ]
    (tally,) = tallies(lines, {"c": "It is the same number."})
    assert (tally.noticed, tally.counted, tally.score) == (2, 4, 50.0)
    assert tally.survivors == ["d", "e"]
    assert total([tally, tally]).tried == 10
    assert "50 %" in table([tally])
    assert Tally("nothing").score == pytest.approx(100.0)
