"""Orders of reports: who may have one, what counts as the same one, and the one that is free."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.models.states import JobState, Tier
from chalicelib.reports.contract import ReportAnswer
from tests.rooms.documents_world import World, empty_bucket, make_bucket
from tests.rooms.reports_world import GLUCOSE, UPGRADE, ReportsWorld
from tests.support import SettableClock


@pytest.fixture
def base(any_engine_for_long: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[World]:
    """The documents' world, whose bucket the reports share."""
    make_bucket(settings)
    yield World(settings, clock)
    empty_bucket(settings)


@pytest.fixture
def world(base: World) -> ReportsWorld:
    """A free user who signed up yesterday."""
    return ReportsWorld(base)


def test_a_premium_user_orders_as_many_reports_as_they_like(base: World) -> None:
    world = ReportsWorld(base, tier=Tier.PREMIUM, days_since_sign_up=400)

    ids = {world.ordered(key=str(number)) for number in range(3)}

    assert len(ids) == 3
    assert world.free_report() is None


def test_a_free_user_has_one_report_within_a_week_of_sign_up(world: ReportsWorld) -> None:
    first = world.ordered(key="1")
    with pytest.raises(errors.Forbidden) as refusal:
        world.order(key="2")

    assert refusal.value.code == "PREMIUM_REQUIRED"
    assert refusal.value.details["upgrade_url"] == UPGRADE
    assert world.free_report() == first


@pytest.mark.parametrize(("days", "is_free"), [(6.99, True), (7, False), (8, False)])
def test_the_free_report_is_there_for_seven_days(base: World, days: float, is_free: bool) -> None:
    world = ReportsWorld(base, days_since_sign_up=days)

    if is_free:
        assert world.order().status == "processing"
        return
    with pytest.raises(errors.Forbidden, match="PREMIUM_REQUIRED"):
        world.order()
    assert world.base.stored() == []


def test_of_many_free_reports_at_once_one_is_given(world: ReportsWorld) -> None:
    def order(number: int) -> str:
        try:
            return world.ordered(key=str(number))
        except errors.Forbidden as refusal:
            return refusal.code

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(order, range(8)))

    given = [one for one in answers if one.startswith("report_")]
    assert answers.count("PREMIUM_REQUIRED") == 7
    assert given == [world.free_report()]
    assert len(world.base.stored()) == 1


def test_the_same_values_are_the_same_report_and_take_the_free_one_once(world: ReportsWorld) -> None:
    first = world.order()
    again = world.order()

    assert first.job_id == again.job_id
    world.deliver()
    assert world.ordered() == first.job_id, "also once it is there"


def test_the_same_values_with_another_key_are_another_report(base: World) -> None:
    world = ReportsWorld(base, tier=Tier.FAMILY)

    assert world.ordered(key="a") == world.ordered(key="a")
    assert world.ordered(key="a") != world.ordered(key="b")
    assert world.ordered(key="a") != world.ordered()


def test_values_whose_report_was_removed_are_ordered_anew_without_a_key(base: World) -> None:
    world = ReportsWorld(base, tier=Tier.PREMIUM)
    first, keyed = world.ordered(), world.ordered(key="k")
    for job_id in (first, keyed):
        world.library.clean_up(world.caller, job_id)

    assert world.ordered() != first
    with pytest.raises(errors.Conflict, match="REPORT_ALREADY_CLEANED_UP"):
        world.order(key="k")


def test_a_free_report_that_fails_is_given_back(world: ReportsWorld) -> None:
    job_id = world.ordered()
    world.base.objects.delete([f"requests/{world.base.user_id}/{job_id}.json"])
    world.deliver()

    job = world.job(job_id)
    assert job is not None
    assert (job.data.state, job.data.error_code) == (JobState.FAILED, "REPORT_DATA_MISSING")
    assert world.free_report() is None
    assert world.ordered() != job_id


def test_a_free_report_that_is_removed_before_it_is_written_is_given_back(world: ReportsWorld) -> None:
    job_id = world.ordered()
    world.library.clean_up(world.caller, job_id)

    assert world.free_report() is None
    assert world.base.stored() == []
    assert world.deliver() == 1
    assert world.base.stored() == [], "the late message brings nothing back"


def test_a_free_report_that_was_read_stays_taken_when_it_is_removed(world: ReportsWorld) -> None:
    world.written()
    taken = world.free_report()
    assert taken is not None
    world.library.clean_up(world.caller, taken)

    assert world.free_report() == taken
    with pytest.raises(errors.Forbidden, match="PREMIUM_REQUIRED"):
        world.order()


def test_whoever_has_a_failed_report_tried_again_does_not_get_two(world: ReportsWorld) -> None:
    failed = world.ordered(key="1")
    kept = world.base.content(f"requests/{world.base.user_id}/{failed}.json")
    world.base.objects.delete([f"requests/{world.base.user_id}/{failed}.json"])
    world.deliver()
    world.base.objects.put(f"requests/{world.base.user_id}/{failed}.json", kept, "application/json")
    other = world.ordered(key="2")
    world.deliver()

    world.library.retry(world.caller, failed)
    world.deliver()

    job = world.job(failed)
    assert job is not None
    assert (job.data.state, job.data.error_code) == (JobState.FAILED, "PREMIUM_REQUIRED")
    assert world.free_report() == other


def test_a_failed_report_that_is_tried_again_takes_the_free_one_again(world: ReportsWorld) -> None:
    failed = world.ordered()
    key = f"requests/{world.base.user_id}/{failed}.json"
    kept = world.base.content(key)
    world.base.objects.delete([key])
    world.deliver()
    world.base.objects.put(key, kept, "application/json")

    world.library.retry(world.caller, failed)
    world.deliver()

    assert isinstance(world.shelf.result(world.caller, failed, None), ReportAnswer)
    assert world.free_report() == failed


def test_without_consent_nothing_is_taken(world: ReportsWorld) -> None:
    user = world.base.users.by_id(world.base.user_id)
    assert user is not None
    user.data.consents.healthcare_consultation.consent_given = False
    user.save()

    with pytest.raises(errors.Forbidden, match="CONSENT_REQUIRED"):
        world.order()
    assert (world.free_report(), world.base.stored()) == (None, [])


def test_a_session_that_was_revoked_orders_nothing(world: ReportsWorld) -> None:
    user = world.base.users.by_id(world.base.user_id)
    assert user is not None
    user.data.current_session.session_id = "another"
    user.save()

    with pytest.raises(errors.Unauthenticated):
        world.order()


def test_values_that_cannot_be_stored_take_nothing(world: ReportsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_down(*_: object, **__: object) -> bool:
        raise errors.Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(type(world.base.objects), "put", is_down)
        with pytest.raises(errors.Unavailable):
            world.order()

    assert world.free_report() is None
    assert world.order().status == "processing"


def test_an_order_whose_message_is_lost_is_written_all_the_same(world: ReportsWorld) -> None:
    world.queue.is_down = True
    job_id = world.ordered()
    world.queue.is_down = False
    world.finish(10)

    assert world.library.status(world.caller, job_id).status == "completed"


def test_a_report_of_stored_documents_has_their_values_and_of_nobody_elses(base: World) -> None:
    world = ReportsWorld(base, tier=Tier.PREMIUM)
    document = base.uploaded()
    base.deliver_event(document)
    stranger = world.add_user(str(uuid4()), Tier.PREMIUM)

    report = world.written(document_ids=[document, document.removeprefix("result_")])
    assert [one.test_name for one in report.lab_results][:1] == ["Potassium"]
    assert str(report.lab_results[0].test_value) == "5.10"
    with pytest.raises(errors.NotFound, match="JOB_NOT_FOUND"):
        world.order(caller=stranger, document_ids=[document])


@pytest.mark.parametrize(
    "wrong", ["nonsense", "result_nonsense", "../results/x", "report_3b3f2d0e-6f0d-4c58-9d4f-2f7f0a1c9e55", ""]
)
def test_an_id_that_is_none_of_a_document_is_not_found(world: ReportsWorld, wrong: str) -> None:
    with pytest.raises(errors.NotFound):
        world.order(document_ids=[wrong])


def test_a_document_that_is_not_read_yet_is_to_be_waited_for(world: ReportsWorld) -> None:
    document = world.base.uploaded()

    with pytest.raises(errors.Conflict, match="RESULT_NOT_READY"):
        world.order(document_ids=[document])


@pytest.mark.parametrize(
    "body",
    [{"health_data": {}}, {"health_data": None}, {"medical_data": {"lab_results": []}}, {"document_ids": []},
     {"health_data": {"theme": "dark"}}, {"report_preferences": {"report_style": "summary"}}],
)  # fmt: skip
def test_without_a_value_there_is_nothing_to_report(world: ReportsWorld, body: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequest, match="MISSING_HEALTH_DATA"):
        world.order(**body)
    assert world.free_report() is None


def test_more_documents_than_fit_are_refused(world: ReportsWorld) -> None:
    with pytest.raises(errors.InvalidRequest, match="INVALID_DOCUMENT_IDS"):
        world.order(document_ids=[str(uuid4()) for _ in range(world.rules.report_most_documents + 1)])


def test_the_free_report_is_the_whole_report_trends_included(base: World) -> None:
    world = ReportsWorld(base)
    values = [{**GLUCOSE["lab_results"][0], "test_date": day} for day in ("2025-01-01", "2026-01-01")]

    report = world.written(medical_data={"lab_results": values})

    assert [one.test_name for one in report.report.trends] == ["Glucose"]


def test_an_order_costs_the_calls_that_are_budgeted(world: ReportsWorld) -> None:
    with world.base.watched() as calls:
        job_id = world.ordered()
    assert calls.names == [
        "dynamodb.GetItem", "dynamodb.GetItem", "dynamodb.TransactWriteItems", "s3.PutObject", "sqs.SendMessage",
    ]  # fmt: skip
    with world.base.watched() as calls:
        world.deliver()
    assert calls.names == [
        "dynamodb.UpdateItem", "dynamodb.GetItem", "s3.GetObject", "s3.PutObject", "dynamodb.UpdateItem",
        "dynamodb.GetItem", "s3.DeleteObjects",
    ]  # fmt: skip
    assert world.base.stored() == [f"results/{world.base.user_id}/{job_id}.json"]


def test_a_job_is_found_again_after_two_days_no_more(world: ReportsWorld) -> None:
    job_id = world.ordered()
    job = world.job(job_id)
    assert job is not None

    assert job.ttl == int((world.clock.now() + timedelta(days=2)).timestamp())
