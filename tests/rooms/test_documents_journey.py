"""A document from its upload to its removal, as its owner sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.documents import inspection
from chalicelib.models.states import JobState, Tier
from chalicelib.web.response import encode
from tests.rooms.documents_world import PDF, World, an_analysis, empty_bucket, make_bucket, shown
from tests.support import SettableClock

REPORT = Path("tests/data/lab-reports/pathology-panel-10-pages.pdf")


@pytest.fixture
def world(table: TableConnection, settings: Settings, clock: SettableClock) -> World:
    make_bucket(settings)
    return World(settings, clock)


@pytest.fixture
def any_world(any_engine_for_long: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[World]:
    make_bucket(settings)
    yield World(settings, clock)
    empty_bucket(settings)


def test_a_document_is_taken_analysed_read_and_removed(any_world: World) -> None:
    world = any_world
    job_id = world.uploaded()
    assert world.library.status(world.caller, job_id).status == "processing"
    world.deliver_event(job_id)
    assert shown(world.library.status(world.caller, job_id)) == {
        "success": True, "job_id": job_id, "status": "completed", "retry_count": 0, "progress": 100,
    }  # fmt: skip
    assert world.library.result(world.caller, job_id).title == "Blood test"
    assert world.library.result(world.caller, job_id).title == "Blood test"
    world.library.clean_up(world.caller, job_id)
    assert world.stored() == []
    with pytest.raises(errors.NotFound):
        world.library.status(world.caller, job_id)
    assert world.used() == 1


def test_the_answer_to_an_upload_has_every_field(world: World) -> None:
    answer = shown(world.send(file_name="../../C:\\my  report.pdf"))
    job_id = answer["job_id"]
    assert answer == {
        "success": True,
        "job_id": job_id,
        "status": "processing",
        "estimated_completion_seconds": 30,
        "polling_endpoint": f"/api/v1/process/status/{job_id}",
        "document_id": job_id.removeprefix("result_"),
        "file_name": "my report.pdf",
        "mime_type": "application/pdf",
        "file_size_bytes": len(PDF),
        "page_count": 1,
        "uploaded_at": "2026-03-14T09:30:00Z",
    }


def test_a_result_has_exactly_the_fields_of_the_contract_and_its_digits(world: World) -> None:
    job_id = world.uploaded()
    world.clock.advance(timedelta(seconds=3))
    world.deliver_event(job_id)
    text = encode(world.library.result(world.caller, job_id))
    result = json.loads(text, parse_float=Decimal)
    assert set(result) == {
        "success", "job_id", "content_id", "title", "summary", "detailed_interpretation", "confidence_score",
        "document_date", "medical_flags", "lab_results", "vitals", "disclaimers", "generated_at", "processing_summary",
    }  # fmt: skip
    potassium, protein = result["lab_results"]
    assert set(potassium) == {
        "id", "content_id", "test_name", "test_category", "test_value", "test_unit", "reference_range_low",
        "reference_range_high", "reference_range_text", "is_abnormal", "confidence_score", "ai_interpretation",
        "test_date", "source",
    }  # fmt: skip
    assert '"test_value":5.10,' in text
    assert '"test_value":"Negative"' in text
    assert '"reference_range_low":3.5,' in text
    assert protein["content_id"] == potassium["content_id"] == result["content_id"]
    assert len({potassium["id"], protein["id"], result["vitals"][0]["id"]}) == 3
    assert set(result["vitals"][0]) == {
        "id", "content_id", "vital_type", "systolic_value", "diastolic_value", "numeric_value", "unit",
        "is_abnormal", "confidence_score", "ai_interpretation", "measurement_date", "source",
    }  # fmt: skip
    assert '"systolic_value":120,' in text
    assert result["processing_summary"] == {
        "processing_time_seconds": 0,
        "lab_results_count": 2,
        "vitals_count": 1,
        "model_used": "scripted 1",
        "analyst": "scripted",
    }
    assert (result["document_date"], result["generated_at"]) == ("2026-03-01", "2026-03-14T09:30:03Z")


def test_an_upload_a_status_and_a_result_cost_the_calls_that_are_budgeted(world: World) -> None:
    with world.watched() as calls:
        job_id = world.uploaded()
    assert calls.names == ["dynamodb.GetItem", "dynamodb.TransactWriteItems", "s3.PutObject"]
    with world.watched() as calls:
        world.deliver_event(job_id)
    assert calls.names == [
        "dynamodb.UpdateItem", "dynamodb.GetItem", "dynamodb.PutItem", "sqs.SendMessage",
        "dynamodb.UpdateItem", "dynamodb.GetItem", "s3.GetObject", "s3.PutObject", "dynamodb.UpdateItem",
    ]  # fmt: skip
    with world.watched() as calls:
        world.library.status(world.caller, job_id)
    assert calls.names == ["dynamodb.BatchGetItem"]
    with world.watched() as calls:
        world.library.result(world.caller, job_id)
    assert calls.names == ["dynamodb.BatchGetItem", "s3.GetObject"]
    with world.watched() as calls, pytest.raises(errors.NotFound):
        world.library.status(world.caller, "../../etc/passwd")
    assert calls.names == ["dynamodb.GetItem"]
    with world.watched() as calls:
        world.library.clean_up(world.caller, job_id)
    assert calls.names == ["dynamodb.BatchGetItem", "dynamodb.UpdateItem", "s3.DeleteObjects"]


def test_a_real_document_passes_the_real_inspection(table: TableConnection, settings: Settings) -> None:
    make_bucket(settings)
    world = World(settings, SettableClock(), inspect=inspection.inspect)
    answer = world.send(REPORT.read_bytes())
    assert answer.mime_type == "application/pdf"
    assert world.content(world.key(answer.job_id)) == REPORT.read_bytes()


def test_a_foreign_an_unknown_and_an_expired_job_are_the_same_answer(world: World) -> None:
    foreign = world.uploaded()
    world.deliver_event(foreign)
    stranger = world.another()
    unknown = "result_00000000-0000-4000-8000-000000000000"
    expired = stranger.uploaded()
    stranger.deliver_event(expired)
    world.clock.advance(timedelta(days=2, seconds=1))
    world.s3.delete_object(Bucket=world.settings.bucket_name, Key=stranger.key(expired))
    world.s3.delete_object(Bucket=world.settings.bucket_name, Key=f"results/{stranger.user_id}/{expired}.json")
    answers = set()
    for job_id in (foreign, unknown, expired, "nonsense", "", "result_" + "x" * 10_000):
        for ask in (
            stranger.library.status,
            stranger.library.result,
            stranger.library.clean_up,
            stranger.library.retry,
        ):
            with pytest.raises(errors.NotFound) as refused:
                ask(stranger.caller, job_id)
            answers.add(
                (refused.value.code, refused.value.message, refused.value.user_message, str(refused.value.details))
            )
    assert len(answers) == 1
    assert next(iter(answers))[0] == "JOB_NOT_FOUND"
    assert world.job(foreign) is not None


def test_a_result_that_is_not_there_yet_is_a_conflict(world: World) -> None:
    job_id = world.uploaded()
    with pytest.raises(errors.Conflict) as refused:
        world.library.result(world.caller, job_id)
    assert refused.value.code == "RESULT_NOT_READY"


def test_a_failed_job_says_why_and_gives_its_unit_back(world: World) -> None:
    world.analyst.steps = [errors.NotMedical()]
    job_id = world.uploaded()
    assert world.used() == 1
    world.deliver_event(job_id)
    assert world.used() == 0
    status = shown(world.library.status(world.caller, job_id))
    assert status == {
        "success": True, "job_id": job_id, "status": "failed", "retry_count": 0,
        "error_message": "This does not look like a medical document.",
    }  # fmt: skip
    with pytest.raises(errors.Conflict) as refused:
        world.library.result(world.caller, job_id)
    assert refused.value.code == "JOB_FAILED"
    assert refused.value.details["error_code"] == "INVALID_MEDICAL_DOCUMENT"
    assert f"failures/{world.user_id}/{job_id}.json" in world.stored()


def test_the_owner_may_retry_a_failed_job_three_times_for_no_unit(world: World) -> None:
    world.analyst.steps = [errors.NotMedical()]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    for number in (1, 2, 3):
        assert world.library.retry(world.caller, job_id).retry_count == number
        with pytest.raises(errors.Conflict) as running:
            world.library.retry(world.caller, job_id)
        assert running.value.code == "JOB_IN_PROGRESS"
        assert world.deliver_messages() == 1
        assert world.library.status(world.caller, job_id).status == "failed"
        assert world.used() == 0
    with pytest.raises(errors.TooManyRequests) as refused:
        world.library.retry(world.caller, job_id)
    assert refused.value.retry_after_seconds == 2 * 24 * 3600
    assert len(world.analyst.calls) == 4


def test_a_retry_that_succeeds_costs_no_unit_and_leaves_no_failure(world: World) -> None:
    world.analyst.steps = [errors.NotMedical(), an_analysis()]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    world.library.retry(world.caller, job_id)
    world.deliver_messages()
    assert world.library.result(world.caller, job_id).title == "Blood test"
    assert world.used() == 0
    assert f"failures/{world.user_id}/{job_id}.json" not in world.stored()
    with pytest.raises(errors.Conflict) as refused:
        world.library.retry(world.caller, job_id)
    assert refused.value.code == "JOB_ALREADY_COMPLETED"


def test_cleaning_up_twice_is_fine_and_a_strangers_attempt_changes_nothing(any_world: World) -> None:
    world = any_world
    job_id = world.uploaded()
    world.deliver_event(job_id)
    stranger = world.another()
    with pytest.raises(errors.NotFound):
        stranger.library.clean_up(stranger.caller, job_id)
    before = world.stored()
    assert len(before) == 2
    first = shown(world.library.clean_up(world.caller, job_id))
    assert shown(world.library.clean_up(world.caller, job_id)) == first
    assert world.stored() == []
    left = world.job(job_id)
    assert left is not None
    assert left.data.state is JobState.CLEANED
    assert not (left.data.file_type or left.data.file_checksum or left.data.object_key)
    assert left.ttl is not None


def test_a_running_job_that_is_cleaned_up_stores_no_result_and_gives_its_unit_back(any_world: World) -> None:
    world = any_world
    job_id = world.uploaded()
    world.analyst.steps = [lambda: world.library.clean_up(world.caller, job_id)]
    world.deliver_event(job_id)
    assert world.stored() == []
    assert world.used() == 0
    world.finish(10)
    assert world.stored() == []
    with pytest.raises(errors.NotFound):
        world.library.status(world.caller, job_id)


def test_an_upload_that_was_cleaned_up_is_not_brought_back_by_its_repetition(world: World) -> None:
    job_id = world.uploaded()
    world.deliver_event(job_id)
    world.library.clean_up(world.caller, job_id)
    with pytest.raises(errors.Conflict) as refused:
        world.send()
    assert refused.value.code == "UPLOAD_ALREADY_CLEANED_UP"
    assert world.stored() == []
    assert world.used() == 1


def test_progress_is_an_integer_that_grows_and_never_says_done_too_early(world: World) -> None:
    job_id = world.uploaded()
    seen = [world.library.status(world.caller, job_id).progress]

    def look() -> None:
        for seconds in (5, 10, 100):
            world.clock.advance(timedelta(seconds=seconds))
            seen.append(world.library.status(world.caller, job_id).progress)

    world.analyst.steps = [look]
    world.deliver_event(job_id)
    assert seen == [10, 25, 55, 95]
    assert all(isinstance(number, int) for number in seen)


def test_an_overdue_job_is_never_processing_for_ever(world: World) -> None:
    job_id = world.uploaded()
    world.clock.advance(timedelta(minutes=5))
    assert world.library.status(world.caller, job_id).status == "processing"
    world.clock.advance(timedelta(minutes=2, seconds=1))
    assert world.library.status(world.caller, job_id).status == "timeout"
    with pytest.raises(errors.Conflict) as refused:
        world.library.result(world.caller, job_id)
    assert refused.value.details["error_code"] == "PROCESSING_TIMEOUT"


def test_an_overdue_job_can_be_retried_by_its_owner(world: World) -> None:
    job_id = world.uploaded()
    world.clock.advance(timedelta(minutes=8))
    assert world.library.retry(world.caller, job_id).status == "processing"
    world.deliver_messages()
    assert world.library.status(world.caller, job_id).status == "completed"
    assert world.used() == 1


@pytest.mark.parametrize(
    ("kept", "status"), [("results", "completed"), ("failures", "failed"), ("uploads", "processing")]
)
def test_where_the_item_is_gone_the_locations_decide(world: World, kept: str, status: str) -> None:
    world.analyst.steps = [errors.NotMedical()] if kept == "failures" else []
    job_id = world.uploaded()
    if kept != "uploads":
        world.deliver_event(job_id)
    job = world.job(job_id)
    assert job is not None
    job.delete()
    assert world.library.status(world.caller, job_id).status == status
    if kept == "results":
        assert world.library.result(world.caller, job_id).title == "Blood test"
    else:
        with pytest.raises(errors.Conflict):
            world.library.result(world.caller, job_id)
    world.library.clean_up(world.caller, job_id)
    assert world.stored() == []


def test_a_revoked_session_learns_nothing(world: World) -> None:
    job_id = world.uploaded()
    assert world.users.end_session(world.user_id, world.caller.session_id, world.clock.now())
    for ask in (world.library.status, world.library.result, world.library.clean_up, world.library.retry):
        for one in (job_id, "nonsense"):
            with pytest.raises(errors.Unauthenticated):
                ask(world.caller, one)
    with pytest.raises(errors.Unauthenticated):
        world.send()


def test_premium_users_have_no_limit(world: World) -> None:
    world.add_user(world.user_id, used=70, tier=Tier.PREMIUM)
    for number in range(3):
        world.uploaded(timestamp=str(number))
    assert world.used() == 73
