"""Releases in an emulated cloud: aliases move by a tenth, then wholly, and back; stopped anywhere they go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.release import aliases
from deploy.release.aliases import Aliases, Note
from deploy.release.place import Refused
from deploy.release.shift import Pace, WentBack
from tests.deploy.cloud import emulated_place
from tests.deploy.releases import FUNCTIONS, Clock, Stage, stage_in

pytestmark = pytest.mark.second_engine


def _in_prove(value: int) -> Any:
    """A value that `make prove` alone tries."""
    return pytest.param(value, marks=pytest.mark.prove)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Stage]:
    with emulated_place() as place:
        yield stage_in(place)


@pytest.fixture
def stage(cloud: Stage) -> Iterator[Stage]:
    """A stage whose source `1` serves."""
    found = Stage(cloud.place, cloud.role_arn)
    found.deploy("1")
    found.release().run(FUNCTIONS, "source-1")
    found.check.asked.clear()
    yield found
    lambdas = cloud.place.client("lambda")
    for one in lambdas.list_functions()["Functions"]:
        lambdas.delete_function(FunctionName=one["FunctionName"])


class Stopped(BaseException):
    """What a kill looks like from inside."""


def test_what_is_deployed_serves_nobody_until_it_is_released(stage: Stage) -> None:
    stage.deploy("2")
    assert stage.alias() == ("1", {})
    assert stage.serves() == "1"


def test_a_release_is_checked_then_tried_by_a_tenth_for_five_minutes_and_then_serves_everybody(stage: Stage) -> None:
    stage.deploy("2")
    seen: list[tuple[float, Any]] = []
    clock = Clock(lambda at: seen.append((at, stage.alias())))
    assert stage.release(clock).run(FUNCTIONS, "source-2")
    assert stage.check.asked == [{"api_handler": "2", "retry_analysis": "2"}]
    assert {state for _, state in ((at, (one[0], tuple(one[1].items()))) for at, one in seen)} == {("1", (("2", 0.1),))}
    assert (len(seen), seen[-1][0]) == (20, 300.0)
    assert [stage.alias(function) for function in FUNCTIONS] == [("2", {}), ("2", {})]
    assert stage.serves() == "2"


def test_the_same_release_again_has_nothing_to_do(stage: Stage) -> None:
    assert not stage.release().run(FUNCTIONS, "source-1")
    assert stage.check.asked == []


def test_a_version_that_does_not_pass_the_check_gets_no_call(stage: Stage) -> None:
    stage.deploy("2")
    stage.check.refuses = "2"
    with pytest.raises(Refused, match="does not answer"):
        stage.release().run(FUNCTIONS, "source-2")
    assert [stage.alias(function) for function in FUNCTIONS] == [("1", {}), ("1", {})]


def test_an_alarm_during_the_trial_takes_the_release_back(stage: Stage) -> None:
    stage.deploy("2")
    stage.alarms = ("api-5xx",)
    stage.ring("api-5xx", "OK")
    clock = Clock(lambda at: stage.ring("api-5xx") if at >= 60 else None)
    with pytest.raises(WentBack, match="api-5xx"):
        stage.release(clock).run(FUNCTIONS, "source-2")
    assert clock.at == 60
    assert [stage.alias(function) for function in FUNCTIONS] == [("1", {}), ("1", {})]
    assert stage.serves() == "1"


def test_a_new_version_that_fails_by_itself_is_taken_back_although_no_alarm_rings(stage: Stage) -> None:
    # What is counted stays in the cloud, so this is a function that no other test has.
    functions = (*FUNCTIONS, "sweep_billing")
    stage.deploy("1", ("sweep_billing",))
    stage.release().run(functions, "source-1")
    stage.deploy("2", functions)
    stage.fail(100, "1", "sweep_billing")
    # Within the release: what was counted in a minute before it began is not looked at.
    failures = {45: 2, 60: 1}
    clock = Clock(lambda at: stage.fail(failures[int(at)], "2", "sweep_billing") if at in failures else None)
    with pytest.raises(WentBack, match="sweep_billing, version 2, failed 3 times"):
        stage.release(clock).run(functions, "source-2")
    assert clock.at == 60
    assert [stage.alias(function) for function in functions] == [("1", {})] * 3


@pytest.mark.prove
def test_an_alarm_that_rings_already_stops_a_release_unless_it_is_forced(stage: Stage) -> None:
    stage.deploy("2")
    stage.alarms = ("rings-already", "quiet")
    stage.ring("rings-already")
    stage.ring("quiet", "OK")
    with pytest.raises(Refused, match="FORCE=1"):
        stage.release().run(FUNCTIONS, "source-2")
    assert stage.alias() == ("1", {})
    with pytest.raises(WentBack, match=r": the alarm quiet went off\."):
        stage.release(Clock(lambda _: stage.ring("quiet")), is_forced=True).run(FUNCTIONS, "source-2")
    stage.ring("quiet", "OK")
    assert stage.release(is_forced=True).run(FUNCTIONS, "source-2")
    assert stage.alias() == ("2", {})


def test_an_alarm_that_is_not_there_is_no_quiet_alarm(stage: Stage) -> None:
    stage.deploy("2")
    stage.alarms = ("of-nobody",)
    with pytest.raises(Refused, match="not there: of-nobody"):
        stage.release().run(FUNCTIONS, "source-2")


@pytest.mark.parametrize("moves", [_in_prove(0), _in_prove(1), 2, _in_prove(3)])
def test_a_release_that_is_killed_after_any_move_goes_on_when_it_is_run_again(
    stage: Stage, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.deploy("2")
    _kill_after(moves, monkeypatch)
    with pytest.raises(Stopped):
        stage.release().run(FUNCTIONS, "source-2")
    monkeypatch.undo()
    assert stage.release().run(FUNCTIONS, "source-2")
    assert [stage.alias(function) for function in FUNCTIONS] == [("2", {}), ("2", {})]
    stage.release().back(FUNCTIONS)
    assert [stage.alias(function) for function in FUNCTIONS] == [("1", {}), ("1", {})]


@pytest.mark.parametrize("moves", [_in_prove(0), 1])
def test_a_way_back_that_is_killed_is_finished_and_not_turned_round(
    stage: Stage, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.deploy("2")
    stage.release().run(FUNCTIONS, "source-2")
    _kill_after(moves, monkeypatch)
    with pytest.raises(Stopped):
        stage.release().back(FUNCTIONS)
    monkeypatch.undo()
    stage.release().back(FUNCTIONS)
    assert [stage.alias(function) for function in FUNCTIONS] == [("1", {}), ("1", {})]


def test_the_way_back_and_forth_is_one_command_each(stage: Stage) -> None:
    stage.deploy("2")
    stage.release().run(FUNCTIONS, "source-2")
    stage.release().back(FUNCTIONS)
    assert stage.serves() == "1"
    stage.release().back(FUNCTIONS)
    assert stage.serves() == "2"


@pytest.mark.prove
def test_a_release_that_is_being_tried_is_given_up_by_the_way_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.deploy("2")
    _kill_after(2, monkeypatch)
    with pytest.raises(Stopped):
        stage.release().run(FUNCTIONS, "source-2")
    monkeypatch.undo()
    assert stage.alias() == ("1", {"2": 0.1})
    stage.release().back(FUNCTIONS)
    assert [stage.alias(function) for function in FUNCTIONS] == [("1", {}), ("1", {})]


@pytest.mark.prove
def test_a_source_that_was_taken_back_can_be_released_again(stage: Stage) -> None:
    stage.deploy("2")
    stage.release().run(FUNCTIONS, "source-2")
    stage.release().back(FUNCTIONS)
    assert stage.release().run(FUNCTIONS, "source-2")
    assert stage.serves() == "2"
    stage.release().back(FUNCTIONS)
    assert stage.serves() == "1"


def test_before_the_first_release_there_is_nothing_to_go_back_to(stage: Stage) -> None:
    with pytest.raises(Refused, match="no release before"):
        stage.release().back(FUNCTIONS)
    with pytest.raises(Refused, match="Not deployed: sweep_jobs"):
        stage.release().back((*FUNCTIONS, "sweep_jobs"))


@pytest.mark.prove
def test_a_new_function_stays_when_the_others_go_back(stage: Stage) -> None:
    stage.deploy("2", (*FUNCTIONS, "sweep_jobs"))
    stage.release().run((*FUNCTIONS, "sweep_jobs"), "source-2")
    stage.release().back((*FUNCTIONS, "sweep_jobs"))
    assert [stage.serves(one) for one in (*FUNCTIONS, "sweep_jobs")] == ["1", "1", "2"]
    assert "sweep_jobs has no version before, and stays" in stage.said.text


@pytest.mark.prove
def test_only_what_changed_is_tried_and_the_way_back_is_that_of_the_whole_release(stage: Stage) -> None:
    stage.deploy("2", ("retry_analysis",))
    seen: list[Any] = []
    clock = Clock(lambda _: seen.append([stage.alias(function) for function in FUNCTIONS]))
    stage.release(clock).run(FUNCTIONS, "source-2")
    assert seen[0] == [("1", {}), ("1", {"2": 0.1})]
    stage.release().back(FUNCTIONS)
    assert [stage.serves(function) for function in FUNCTIONS] == ["1", "1"]


def test_of_two_releases_at_once_one_is_told(stage: Stage) -> None:
    stage.deploy("2")
    found = Aliases(stage.place)
    standing = found.standing("api_handler")
    assert standing is not None
    found.try_out(standing, "2", 0.1)
    with pytest.raises(Refused, match="Somebody else"):
        found.settle(standing, "2", Note())


@pytest.mark.prove
def test_a_version_before_that_is_gone_is_said_before_anything_moves(stage: Stage) -> None:
    stage.deploy("2")
    stage.release().run(FUNCTIONS, "source-2")
    stage.place.client("lambda").delete_function(FunctionName="serenya-dev-retry_analysis", Qualifier="1")
    with pytest.raises(Refused, match="gone of retry_analysis"):
        stage.release().back(FUNCTIONS)
    assert [stage.serves(function) for function in FUNCTIONS] == ["2", "2"]


@pytest.mark.prove
def test_old_versions_leave_but_for_five_and_the_one_to_go_back_to(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aliases, "_KEPT", 2)
    for number in range(2, 6):
        stage.deploy(str(number))
        stage.release().run(FUNCTIONS, f"source-{number}")
    listed = stage.place.client("lambda").list_versions_by_function(FunctionName="serenya-dev")["Versions"]
    assert [one["Version"] for one in listed] == ["$LATEST", "4", "5"]
    stage.release().back(FUNCTIONS)
    assert stage.serves() == "4"


def test_a_note_fits_into_a_description_and_one_of_somebody_else_remembers_nothing() -> None:
    note = Note("a" * 12, "b" * 16, "99999", "c" * 12)
    assert len(note.written()) <= 256
    assert aliases._note(note.written()) == note
    assert aliases._note("by hand") == aliases._note('["x"]') == aliases._note("") == Note()


def _kill_after(moves: int, patch: pytest.MonkeyPatch) -> None:
    """Let so many aliases move, and kill the one that moves the next."""
    original, done = Aliases._move, [0]

    def move(self: Aliases, *arguments: Any, **changes: Any) -> None:
        if done[0] == moves:
            raise Stopped
        done[0] += 1
        original(self, *arguments, **changes)

    patch.setattr(Aliases, "_move", move)


def test_a_release_is_a_tenth_for_five_minutes_by_itself() -> None:
    pace = Pace()
    assert (pace.share, pace.bake_seconds) == (0.1, 300)
