"""Uploads: what is refused stores nothing and costs nothing; what is repeated costs once."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.documents.contract import UploadUrlAnswer, UploadUrlRequest
from chalicelib.models.states import JobState
from chalicelib.web.response import encode
from tests.rooms.documents_world import PDF, Killed, World, a_form, a_user, empty_bucket, make_bucket
from tests.support import SettableClock


@pytest.fixture
def world(table: TableConnection, settings: Settings, clock: SettableClock) -> World:
    make_bucket(settings)
    return World(settings, clock)


@pytest.fixture
def second_world(second_engine: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[World]:
    make_bucket(settings)
    yield World(settings, clock)
    empty_bucket(settings)


def test_an_object_key_holds_ids_only_and_the_object_its_type_and_encryption(world: World) -> None:
    job_id = world.uploaded(file_name="Mustermann, Max HIV.pdf")
    assert world.stored() == [f"uploads/{world.user_id}/{job_id}.pdf"]
    head = world.s3.head_object(Bucket=world.settings.bucket_name, Key=world.key(job_id), ChecksumMode="ENABLED")
    assert (head["ContentType"], head["ServerSideEncryption"]) == ("application/pdf", "AES256")
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(PDF).digest()).decode()
    job = world.job(job_id)
    assert job is not None
    assert "Mustermann" not in json.dumps(job.to_simple_dict(), default=str)


def test_the_same_upload_again_is_the_same_job_for_one_unit_and_fires_no_second_event(world: World) -> None:
    first = world.send()
    written = world.s3.head_object(Bucket=world.settings.bucket_name, Key=world.key(first.job_id))["LastModified"]
    assert encode(world.send()) == encode(first)
    assert world.used() == 1
    world.deliver_event(first.job_id)
    with world.watched() as calls:
        assert world.send().job_id == first.job_id
    assert "s3.PutObject" not in calls.names
    assert (
        world.s3.head_object(Bucket=world.settings.bucket_name, Key=world.key(first.job_id))["LastModified"] == written
    )
    assert (world.used(), len(world.analyst.calls)) == (1, 1)


@pytest.mark.parametrize(
    "changed",
    [{"timestamp": "2026-03-14T09:31:00Z"}, {"content": PDF + b"\n"}, {"timestamp": None}],
    ids=["another time", "other bytes", "no time"],
)
def test_another_upload_is_another_job(world: World, changed: dict[str, str]) -> None:
    first = world.uploaded()
    assert world.uploaded(**changed) != first  # type: ignore[arg-type]  # each case changes another argument
    assert world.used() == 2


def test_the_same_upload_by_somebody_else_is_another_job(world: World) -> None:
    assert world.uploaded() != world.another().uploaded()


def test_without_a_timestamp_the_idempotency_key_tells_repetitions(world: World) -> None:
    headers = {"idempotency-key": "abc"}
    assert world.uploaded(timestamp=None, headers=headers) == world.uploaded(timestamp=None, headers=headers)
    assert world.uploaded(timestamp=None) != world.uploaded(timestamp=None)
    assert world.used() == 3


def test_the_last_unit_can_be_spent_on_an_upload_and_on_its_repetition(world: World) -> None:
    world.add_user(world.user_id, used=4)
    assert world.uploaded() == world.uploaded()
    with pytest.raises(errors.QuotaSpent) as refused:
        world.uploaded(timestamp="later")
    assert (refused.value.details["used"], refused.value.details["limit"]) == (5, 5)
    assert len(world.stored()) == 1


@pytest.mark.parametrize(
    ("content", "form", "code"),
    [
        (b"just text", {}, "UNSUPPORTED_FILE_TYPE"),
        (b"", {}, "NO_FILE_PROVIDED"),
        (PDF, {"file_size": 5}, "FILE_VALIDATION_FAILED"),
        (PDF, {"file_size": "5.0"}, "FILE_VALIDATION_FAILED"),
        (PDF, {"file_size": "-1"}, "FILE_VALIDATION_FAILED"),
        (PDF, {"file_size": "9" * 500}, "FILE_VALIDATION_FAILED"),
        (PDF, {"file_size": "٣"}, "FILE_VALIDATION_FAILED"),
    ],
)
def test_what_is_refused_stores_nothing_and_counts_nothing(
    world: World, content: bytes, form: dict[str, object], code: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        world.uploaded(content, **form)
    assert refused.value.code == code
    assert (world.used(), world.stored()) == (0, [])


@pytest.mark.parametrize("name", ["x" * 300 + ".pdf", "../../etc/passwd.pdf", "a\u202eb.pdf", ""])
def test_a_strange_file_name_is_made_harmless_and_stands_in_no_key(world: World, name: str) -> None:
    answer = world.send(file_name=name)
    assert 0 < len(answer.file_name) <= 120
    assert not set(answer.file_name) & {"/", "\\", "\u202e"}
    assert world.stored() == [world.key(answer.job_id)]


def test_5_mib_pass_and_one_byte_more_is_too_large(world: World) -> None:
    exactly = PDF + b" " * (5 * 1024 * 1024 - len(PDF))
    world.uploaded(exactly)
    with pytest.raises(errors.TooLarge) as refused:
        world.uploaded(exactly + b" ")
    assert refused.value.code == "FILE_TOO_LARGE"
    assert world.used() == 1


def test_without_consent_nothing_is_inspected_stored_or_counted(world: World) -> None:
    user = a_user(world.user_id, world.clock.now())
    user.data.consents.healthcare_consultation.consent_given = False
    user.save()
    with pytest.raises(errors.Forbidden) as refused:
        world.uploaded(b"not even a document")
    assert refused.value.code == "CONSENT_REQUIRED"
    with pytest.raises(errors.Forbidden):
        world.uploads.presign(world.caller, {}, UploadUrlRequest(file_type="pdf", file_size=5))
    assert (world.used(), world.stored()) == (0, [])


def test_an_upload_whose_object_cannot_be_stored_costs_nothing_and_can_be_repeated(world: World) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject")

    world.s3.meta.events.register("before-call.s3.PutObject", refuse)
    with pytest.raises(errors.Unavailable):
        world.send()
    assert world.used() == 0
    world.s3.meta.events.unregister("before-call.s3.PutObject", refuse)
    job_id = world.uploaded()
    world.deliver_event(job_id)
    assert world.library.status(world.caller, job_id).status == "completed"
    assert world.used() == 1


def test_a_document_that_never_arrived_gives_its_unit_back_when_its_deadline_has_passed(world: World) -> None:
    with pytest.raises(Killed), world.watched(kill_at=3):
        world.send()
    assert world.used() == 1
    world.finish(4)
    assert world.used() == 1
    world.finish(2)
    assert world.used() == 0


@pytest.mark.second_engine
def test_10_parallel_uploads_with_one_unit_left_make_one_job(second_world: World) -> None:
    world = second_world
    world.add_user(world.user_id, used=4)

    def attempt(number: int) -> str:
        try:
            return world.uploaded(timestamp=str(number))
        except errors.QuotaSpent as refused:
            return refused.code

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(attempt, range(10)))
    assert outcomes.count("USAGE_LIMIT_EXCEEDED") == 9
    assert (world.used(), len(world.stored())) == (5, 1)


@pytest.mark.second_engine
def test_the_same_upload_10_times_in_parallel_is_one_job_for_one_unit(second_world: World) -> None:
    world = second_world
    with ThreadPoolExecutor(10) as pool:
        jobs = set(pool.map(lambda _: world.uploaded(), range(10)))
    assert len(jobs) == 1
    assert (world.used(), len(world.stored())) == (1, 1)


# --- Presigned


def presigned(world: World, headers: dict[str, str] | None = None, **request: object) -> UploadUrlAnswer:
    wanted = {"file_type": "pdf", "file_size": len(PDF), **request}
    return world.uploads.presign(world.caller, headers or {}, UploadUrlRequest(**wanted)).answer  # type: ignore[arg-type]  # wrong types are cases too


def policy_of(answer: UploadUrlAnswer) -> dict[str, object]:
    policy: dict[str, object] = json.loads(base64.b64decode(answer.upload.fields["policy"]))
    return policy


def test_a_presigned_form_is_bound_to_key_type_size_checksum_and_ten_minutes(world: World) -> None:
    digest = hashlib.sha256(PDF)
    with world.watched() as calls:
        answer = presigned(world, checksum_sha256=digest.hexdigest())
    assert calls.names == ["dynamodb.GetItem", "dynamodb.TransactWriteItems"]
    key = world.key(answer.job_id)
    conditions = policy_of(answer)["conditions"]
    assert isinstance(conditions, list)
    checksum = base64.b64encode(digest.digest()).decode()
    for expected in (
        {"key": key},
        {"Content-Type": "application/pdf"},
        {"x-amz-checksum-sha256": checksum},
        ["content-length-range", len(PDF), len(PDF)],
    ):
        assert expected in conditions
    assert answer.upload.fields["key"] == key
    assert answer.expires_at == world.clock.now() + timedelta(minutes=10)
    assert world.used() == 1
    again = presigned(world, checksum_sha256=checksum)
    assert again.upload.fields["x-amz-checksum-sha256"] == checksum


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"file_type": "exe"}, "UNSUPPORTED_FILE_TYPE"),
        ({"file_type": ""}, "UNSUPPORTED_FILE_TYPE"),
        ({"file_size": 0}, "FILE_VALIDATION_FAILED"),
        ({"file_size": -5}, "FILE_VALIDATION_FAILED"),
        ({"file_size": 10 * 1024 * 1024 + 1}, "FILE_TOO_LARGE"),
        ({"checksum_sha256": "abc"}, "FILE_VALIDATION_FAILED"),
        ({"checksum_sha256": "ä" * 64}, "FILE_VALIDATION_FAILED"),
        ({"checksum_sha256": base64.b64encode(b"short").decode()}, "FILE_VALIDATION_FAILED"),
    ],
)
def test_a_wrong_presigned_request_reserves_nothing(world: World, request_: dict[str, Any], code: str) -> None:
    with pytest.raises(errors.ServiceError) as refused:
        presigned(world, **request_)
    assert refused.value.code == code
    assert world.used() == 0


@pytest.mark.parametrize("file_type", ["pdf", "PDF", "jpg", "jpeg", "png"])
def test_each_file_type_can_be_presigned_up_to_10_mib(world: World, file_type: str) -> None:
    assert presigned(world, file_type=file_type, file_size=10 * 1024 * 1024)


def test_a_presigned_request_with_the_same_key_is_the_same_job(world: World) -> None:
    headers = {"idempotency-key": "k"}
    first = presigned(world, headers)
    world.clock.advance(timedelta(minutes=4))
    again = presigned(world, headers)
    assert again.job_id == first.job_id
    assert again.expires_at == first.expires_at
    assert presigned(world, headers, file_size=7).job_id != first.job_id
    assert world.used() == 2
    world.clock.advance(timedelta(minutes=6))
    with pytest.raises(errors.Conflict) as refused:
        presigned(world, headers)
    assert refused.value.code == "UPLOAD_EXPIRED"


def test_an_unused_presigned_job_gives_its_unit_back_after_its_deadline(world: World) -> None:
    job_id = presigned(world).job_id
    world.finish(14)
    assert world.used() == 1
    assert world.library.status(world.caller, job_id).status == "processing"
    world.finish(2)
    assert world.used() == 0
    assert world.library.status(world.caller, job_id).status == "failed"


def test_a_presigned_document_is_inspected_when_it_is_there(world: World) -> None:
    good, bad = presigned(world).job_id, presigned(world, file_size=9).job_id
    world.objects.put(world.key(good), PDF, "application/pdf")
    world.objects.put(world.key(bad), b"just text", "application/pdf")
    world.deliver(world.key(good), world.key(bad))
    assert world.library.status(world.caller, good).status == "completed"
    status = world.library.status(world.caller, bad)
    assert (status.status, status.error_message) == ("failed", "We can read PDF, JPG and PNG files.")
    assert world.used() == 1


def test_a_refused_document_cannot_be_exchanged_for_another_one_and_tried_again_for_nothing(world: World) -> None:
    job_id = presigned(world, file_size=9).job_id
    world.objects.put(world.key(job_id), b"just text", "application/pdf")
    world.deliver_event(job_id)
    assert world.used() == 0
    world.objects.put(world.key(job_id), b"%PDF-1.7 ", "application/pdf", is_replacing=True)
    world.deliver_event(job_id)
    world.library.retry(world.caller, job_id)
    world.deliver_messages()
    assert world.library.status(world.caller, job_id).status == "failed"
    assert world.analyst.calls == []


def test_a_presigned_form_posted_after_its_job_was_cleaned_up_leaves_nothing(world: World) -> None:
    job_id = presigned(world).job_id
    world.library.clean_up(world.caller, job_id)
    assert world.used() == 0
    world.objects.put(world.key(job_id), PDF, "application/pdf")
    world.deliver_event(job_id)
    assert world.stored() == []


@pytest.mark.second_engine
def test_the_second_engine_holds_a_presigned_form_to_its_policy(second_world: World) -> None:
    import urllib3

    world = second_world
    checksum = base64.b64encode(hashlib.sha256(PDF).digest()).decode()
    answer = presigned(world, checksum_sha256=checksum)
    url, fields = answer.upload.url, answer.upload.fields

    def post(content: bytes, **changed: str) -> int:
        form: list[Any] = [*({**fields, **changed}).items(), ("file", ("a.pdf", content, "application/pdf"))]
        return urllib3.request("POST", url, fields=form).status

    assert post(PDF + b" ") == 400
    assert post(PDF, **{"Content-Type": "text/html"}) == 403
    assert post(PDF, key=f"uploads/{world.user_id}/other.pdf") == 403
    assert world.stored() == []
    assert post(PDF) in (200, 204)
    world.deliver_event(answer.job_id)
    assert world.library.status(world.caller, answer.job_id).status == "completed"


def test_a_form_without_a_file_or_a_boundary_is_refused(world: World) -> None:
    headers, body = a_form(PDF)
    for wrong_headers, wrong_body in (
        ({}, body),
        ({"content-type": "multipart/form-data"}, body),
        ({"content-type": "application/json"}, b"{}"),
        (headers, b""),
    ):
        with pytest.raises(errors.InvalidRequest) as refused:
            world.uploads.upload(world.caller, wrong_headers, wrong_body)
        assert refused.value.code == "NO_FILE_PROVIDED"
    assert world.used() == 0


def test_a_job_begins_with_a_ttl_and_stands_in_the_due_index(world: World) -> None:
    job = world.job(world.uploaded())
    assert job is not None
    assert job.data.state is JobState.UPLOADED
    assert job.ttl == int((world.clock.now() + timedelta(days=2)).timestamp())
    assert str(job.gsi3_pk).startswith("JOB_DUE#2026-03-14#")
