"""The recorder of AWS calls: whose a call is, and what a difference to the committed record is called."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

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
    recorder = Recorder()
    recorder.add((record.committed(), []))
    assert record.differences(recorder) == []
    (name, need), test = next(iter(recorder.of_functions().items()))
    del recorder.recorded[name, need]
    recorder.recorded["sweep_usage", Need("dynamodb:Scan", "*")] = "tests/a.py::test_b"
    new, missing = record.differences(recorder)
    assert new == "new:      sweep_usage dynamodb:Scan * (first in tests/a.py::test_b)"
    assert missing == f"not seen: {name} {need.action} {need.place}"
    assert test == ""


def test_what_the_move_adds_has_a_record_of_its_own_and_by_luck_may_not_be_seen() -> None:
    recorder = Recorder()
    recorder.add((record.committed(), []))
    seen = dict(recorder.of_the_move().keys())
    assert "moving reads people" in {name for name, _ in recorder.recorded}
    assert ("sweep_jobs", READ) not in recorder.of_the_move(), "seen without a move as well"
    del recorder.recorded["moving reads people", seen["reads people"]]
    assert record.differences(recorder) == []
    recorder.recorded["moving reads people", Need("dynamodb:Scan", "*")] = "tests/migration/a.py::test_b"
    assert record.differences(recorder) == [
        "new:      reads people dynamodb:Scan * (first in tests/migration/a.py::test_b)"
    ]


def test_a_call_of_another_thread_counts_for_the_function_that_began_it() -> None:
    recorder = Recorder()
    with recorder.watching(), ThreadPoolExecutor(1) as pool:
        running.as_functions(lambda: pool.submit(recorder.note, {READ}), ("sweep_jobs",))().result()
    assert set(recorder.of_functions()) == {("sweep_jobs", READ)}


def test_the_door_tells_what_is_asked_through_it_and_whose_copy_is_made() -> None:
    seen: list[frozenset[str]] = []

    def store(*_: object) -> None:
        seen.append(running._running.get().shared)

    def asked(*_: object) -> None:
        store()
        running.as_home(store)(None, "4c1d")
        running.as_home(store)(None, "ERASURE#1")

    items = [{"Put": {"Item": {"PK": {"S": "USER#4c1d"}}}}, {"ConditionCheck": {"Key": {"PK": {"S": "ERASURE#1"}}}}]
    running.as_door(asked)(None, "TransactWriteItems", {"TransactItems": items})
    assert seen == [
        {"writes people", "checks ERASURE#"},
        {"writes people", "copies people"},
        {"checks ERASURE#", "copies ERASURE#"},
    ]
