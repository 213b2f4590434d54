"""The recorder of AWS calls: whose a call is, and what a difference to the committed record is called."""

from __future__ import annotations

from deploy.permissions import Need
from tests.calls import record, running
from tests.calls.recorder import Recorder

READ, WRITE = Need("dynamodb:GetItem", "table USER#"), Need("dynamodb:PutItem", "table USER#")


def deployed(recorder: Recorder, need: Need, *functions: str) -> None:
    """A call as code of the service makes it: no frame of a test stands between it and its function."""
    running.as_functions(recorder.note, functions)({need})


def test_a_call_counts_for_the_function_that_runs_and_a_tests_own_for_nobody() -> None:
    recorder = Recorder()
    deployed(recorder, READ, "sweep_jobs")
    recorder.note({WRITE})
    assert set(recorder.of_functions()) == {("sweep_jobs", READ)}


def test_a_call_of_a_tests_double_inside_a_function_counts_for_nobody() -> None:
    recorder = Recorder()

    def double() -> None:
        recorder.note({READ})

    running.as_functions(double, ("sweep_jobs",))()
    assert not recorder.of_functions()


def test_what_one_function_needs_in_a_shared_method_the_other_needs_that_was_seen_there() -> None:
    recorder = Recorder()
    recorder.add(([("Outcomes.fail", *WRITE, "a test"), ("sweep_jobs", *WRITE, "a test")], []))
    assert set(recorder.of_functions()) == {("sweep_jobs", WRITE)}
    recorder.add(([], [("retry_analysis", "Outcomes.fail")]))
    assert set(recorder.of_functions()) == {("sweep_jobs", WRITE), ("retry_analysis", WRITE)}


def test_what_workers_saw_comes_together() -> None:
    one, other = Recorder(), Recorder()
    deployed(one, READ, "sweep_jobs")
    deployed(other, WRITE, "api_handler")
    other.add(one.raw())
    assert set(other.of_functions()) == {("sweep_jobs", READ), ("api_handler", WRITE)}


def test_a_new_call_is_named_with_its_test_and_a_missing_one_by_itself() -> None:
    known = {(function, need): "" for function, needs in record.read().items() for need in needs}
    assert record.differences(known) == []
    gone = next(iter(known))
    invented = ("sweep_usage", Need("dynamodb:Scan", "*"))
    changed = {**known, invented: "tests/a.py::test_b"}
    del changed[gone]
    new, missing = record.differences(changed)
    assert new == "new:      sweep_usage dynamodb:Scan * (first in tests/a.py::test_b)"
    assert missing == f"not seen: {gone[0]} {gone[1].action} {gone[1].place}"
