"""The worker of reports: what it asks the analyst, what it does when things fail, and kills at every call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.gateways.analyst.local.talking import narrative_of
from chalicelib.models.states import AccountStatus, JobState, Tier
from chalicelib.reports.contract import ReportAnswer
from chalicelib.web.response import Raw
from tests.rooms.documents_world import Killed, World, empty_bucket, make_bucket
from tests.rooms.reports_world import ReportsWorld
from tests.support import SettableClock

MOST_CALLS = 12


@pytest.fixture
def base(table: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[World]:
    """The documents' world, whose bucket the reports share."""
    make_bucket(settings)
    yield World(settings, clock)
    empty_bucket(settings)


@pytest.fixture
def world(base: World) -> ReportsWorld:
    """A free user who signed up yesterday."""
    return ReportsWorld(base)


def test_status_and_result_of_a_report_are_those_of_documents(world: ReportsWorld) -> None:
    job_id = world.ordered()
    assert world.library.status(world.caller, job_id).status == "processing"
    with pytest.raises(errors.Conflict, match="RESULT_NOT_READY"):
        world.shelf.result(world.caller, job_id, None)
    world.deliver()

    assert world.library.status(world.caller, job_id).status == "completed"
    report = world.shelf.result(world.caller, job_id, "application/json")
    assert isinstance(report, ReportAnswer)
    assert (report.job_id, len(report.lab_results)) == (job_id, 1)
    paper = world.shelf.result(world.caller, job_id, "application/pdf")
    assert isinstance(paper, Raw)
    assert bytes(paper.body[:5]) == b"%PDF-"  # type: ignore[arg-type]  # narrower than its declared type


def test_a_strangers_report_is_not_found(world: ReportsWorld) -> None:
    job_id = world.ordered()
    world.deliver()
    stranger = world.add_user("somebody-else", Tier.PREMIUM)

    for accept in (None, "application/pdf"):
        with pytest.raises(errors.NotFound):
            world.shelf.result(stranger, job_id, accept)


def test_the_analyst_has_until_shortly_before_the_lease_ends(world: ReportsWorld) -> None:
    world.ordered()
    world.deliver()

    ((request, deadline),) = world.writer.asked
    assert deadline == world.clock.now() + world.rules.job_lease - world.rules.job_storing_time
    assert [fact.name for fact in request.facts] == ["Glucose"]
    assert request.owner_id == world.base.user_id


def test_without_an_analyst_the_report_is_codes_alone_and_says_so(world: ReportsWorld) -> None:
    world.writer.steps = [errors.AnalystUnavailable("down")]
    report = world.written()

    assert report.report.notes[0].startswith("Our language model did not take part")
    assert report.processing_summary.analyst == "local"
    assert report.report.executive_summary


def test_a_models_words_stand_beside_the_numbers_of_code(world: ReportsWorld) -> None:
    class Model:
        name = "bedrock"

        def report(self, request, deadline):  # type: ignore[no-untyped-def]  # typed by what it stands for
            by_code = narrative_of(request)
            return msgspec.structs.replace(
                by_code,
                executive_summary=f"{by_code.executive_summary}\n\nA model's summary.",
                questions_for_doctor=("A model's question?",),
                analyst="bedrock",
                model_used="model 1",
            )

    world.writer.report = Model().report  # type: ignore[method-assign]  # a fake in its place
    report = world.written()

    assert report.report.executive_comments == "A model's summary."
    assert report.report.questions_for_doctor[0] == "A model's question?"
    assert "6.4" in report.report.values[0].value
    assert report.processing_summary.analyst == "bedrock"


def test_what_was_sent_is_gone_once_the_report_is_there(world: ReportsWorld) -> None:
    job_id = world.ordered()
    assert world.base.stored() == [f"requests/{world.base.user_id}/{job_id}.json"]
    world.deliver()

    assert world.base.stored() == [f"results/{world.base.user_id}/{job_id}.json"]


def test_a_report_without_consent_fails_and_is_given_back(world: ReportsWorld) -> None:
    job_id = world.ordered()
    user = world.base.users.by_id(world.base.user_id)
    assert user is not None
    user.data.consents.medical_disclaimers.consent_given = False
    user.save()
    world.deliver()

    job = world.job(job_id)
    assert job is not None
    assert (job.data.state, job.data.error_code) == (JobState.FAILED, "CONSENT_REQUIRED")
    assert world.free_report() is None


def test_of_somebody_who_left_nothing_stays(world: ReportsWorld) -> None:
    job_id = world.ordered()
    user = world.base.users.by_id(world.base.user_id)
    assert user is not None
    user.data.account_status = AccountStatus.DELETED
    user.save()
    world.deliver()

    assert world.job(job_id) is None
    assert world.base.stored() == []


def test_trouble_is_tried_again_three_times_then_the_report_fails(world: ReportsWorld) -> None:
    world.writer.steps = [RuntimeError("a defect")] * 4
    job_id = world.ordered()
    waits = []
    for _ in range(4):
        world.deliver()
        waits = [delay for _, delay in world.queue.sent]
        world.clock.advance(timedelta(minutes=5))

    job = world.job(job_id)
    assert job is not None
    assert waits == [0, 30, 120, 300]
    assert job.data.state == JobState.FAILED
    assert world.free_report() is None


def test_the_same_message_twice_writes_one_report(world: ReportsWorld) -> None:
    world.ordered()
    ((_, message),) = world.queue.waiting
    world.writing.write(message)
    world.writing.write(message)

    assert len(world.writer.asked) == 1


def test_a_message_that_is_none_of_ours_is_not_swallowed(world: ReportsWorld) -> None:
    with pytest.raises(msgspec.MsgspecError):
        world.writing.write('{"job_id": 5}')


def test_a_worker_that_lost_its_claim_leaves_the_other_ones_report(world: ReportsWorld) -> None:
    job_id = world.ordered()
    ((_, message),) = world.queue.waiting
    original = world.writer.report

    def slow(request, deadline):  # type: ignore[no-untyped-def]  # typed by what it stands for
        world.writer.report = original  # type: ignore[method-assign]  # a fake in its place
        world.clock.advance(world.rules.job_lease + timedelta(minutes=5))
        world.sweep.sweep()
        world.deliver()
        return original(request, deadline)

    world.writer.report = slow  # type: ignore[method-assign]  # a fake in its place
    world.writing.write(message)

    job = world.job(job_id)
    assert job is not None
    assert job.data.state == JobState.COMPLETED
    assert world.base.stored() == [f"results/{world.base.user_id}/{job_id}.json"]
    assert world.free_report() == job_id


@pytest.mark.parametrize("when", [pytest.param("before", marks=pytest.mark.prove), "after"])
@pytest.mark.parametrize("at", range(1, MOST_CALLS + 1))
def test_a_process_that_dies_anywhere_ends_in_one_report_or_none_taken(world: ReportsWorld, at: int, when: str) -> None:
    try:
        with world.base.watched(at, when) as calls:
            world.ordered()
            world.deliver()
    except Killed:
        pass
    else:
        assert at > calls.count
    world.finish()

    taken = world.free_report()
    results = [key for key in world.base.stored() if key.startswith("results/")]
    assert len(results) <= 1
    if taken is not None:
        assert results == [f"results/{world.base.user_id}/{taken}.json"]
    else:
        assert results == []
        assert world.order().status == "processing", "and it can be ordered again"
