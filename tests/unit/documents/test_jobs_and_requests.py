"""A job as it begins and as it is shown, and what a request for an upload has to say."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib import errors
from chalicelib.documents import jobs, places
from chalicelib.documents.contract import ShownState, UploadUrlRequest
from chalicelib.documents.jobs import NewJob, new_job
from chalicelib.documents.requested import Part, describe, parts_of, read_described
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.observe.log import correlate
from chalicelib.rules import Rules

NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
DEADLINE = NOW + timedelta(minutes=5)
RULES = Rules()
DIGEST = hashlib.sha256(b"report").digest()


def begun(**changes: Any) -> JobItem:
    item = new_job(
        NewJob("ada", "result_1", FileType.PDF, 7, "sum", True, "pdf/7/"), keys.Key("DUE", "SK"), DEADLINE, NOW, RULES
    )
    for name, value in changes.items():
        setattr(item.data, name, value)
    return item


def test_a_job_begins_with_every_word_that_was_told() -> None:
    correlate("call-1")
    item = begun()
    data = item.data
    assert (item.pk, item.sk) == tuple(keys.job_key("ada", "result_1"))
    assert (item.gsi3_pk, item.gsi3_sk) == ("DUE", "SK")
    assert item.created_at == item.updated_at == data.uploaded_at == NOW
    assert item.ttl == int((NOW + RULES.job_life).timestamp())
    assert (data.job_id, data.user_id, data.kind, data.state) == ("result_1", "ada", JobKind.RESULT, JobState.UPLOADED)
    assert (data.file_type, data.file_size, data.file_checksum) == ("pdf", 7, "sum")
    assert data.object_key == places.upload_key("ada", "result_1", FileType.PDF)
    assert (data.is_inspected, data.pages, data.deadline_at, data.correlation_id) == (
        True,
        "pdf/7/",
        DEADLINE,
        "call-1",
    )


@pytest.mark.parametrize(
    ("changes", "percent"),
    [
        ({}, 10),
        ({"state": JobState.COMPLETED}, 100),
        ({"state": JobState.PROCESSING, "started_at": None}, 10),
        ({"state": JobState.RETRYING, "started_at": NOW - timedelta(hours=1)}, 10),
        ({"state": JobState.PROCESSING, "started_at": NOW}, 10),
        (
            {"state": JobState.PROCESSING, "started_at": NOW - timedelta(seconds=RULES.estimated_analysis_seconds / 2)},
            55,
        ),
        ({"state": JobState.PROCESSING, "started_at": NOW - timedelta(hours=1)}, 95),
    ],
)
def test_progress_is_guessed_from_the_time_that_an_analysis_takes(changes: dict[str, Any], percent: int) -> None:
    assert jobs.progress(begun(**changes), NOW, RULES) == percent


@pytest.mark.parametrize("state", [state for state in JobState if state in {*ShownState, *jobs.UNFINISHED}])
def test_what_is_not_finished_is_processing_until_it_is_overdue(state: JobState) -> None:
    item, overdue = begun(state=state), DEADLINE + RULES.job_overdue_grace
    is_open = state in {JobState.UPLOADED, JobState.PROCESSING, JobState.RETRYING}
    assert jobs.shown_state(item, overdue, RULES) is (ShownState.PROCESSING if is_open else ShownState(state.value))
    late = jobs.shown_state(item, overdue + timedelta(microseconds=1), RULES)
    assert late is (ShownState.TIMEOUT if is_open else ShownState(state.value))


def test_a_job_is_gone_when_its_time_has_passed() -> None:
    item = begun()
    assert jobs.is_gone(None, NOW)
    assert not jobs.is_gone(item, NOW)
    assert item.ttl is not None
    assert jobs.is_gone(item, datetime.fromtimestamp(item.ttl, UTC))
    assert not jobs.is_gone(item, datetime.fromtimestamp(item.ttl - 1, UTC))
    assert jobs.automatic_retries(begun(retry_count=5, manual_retries=2)) == 3
    assert jobs.not_found().code == "JOB_NOT_FOUND"
    assert jobs.not_found().user_message == "We could not find this document."
    assert str(jobs.not_found())


def asked(**said: Any) -> UploadUrlRequest:
    return msgspec.convert({"file_type": "pdf", "file_size": 7, **said}, UploadUrlRequest)


@pytest.mark.parametrize("checksum", [DIGEST.hex(), base64.b64encode(DIGEST).decode()])
def test_a_digest_may_come_as_hex_or_base64(checksum: str) -> None:
    (part,) = parts_of(asked(checksum_sha256=checksum), RULES)
    assert part == Part(FileType.PDF, 7, DIGEST)
    assert part.checksum_base64 == base64.b64encode(DIGEST).decode()


@pytest.mark.parametrize("checksum", ["", "abc", DIGEST.hex()[:-2], base64.b64encode(DIGEST).decode() + "!", "é"])
def test_any_other_digest_is_refused(checksum: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        parts_of(asked(checksum_sha256=checksum), RULES)
    assert (refused.value.code, refused.value.details) == ("FILE_VALIDATION_FAILED", {"field": "checksum_sha256"})
    assert refused.value.user_message == "The file could not be prepared. Please try again."


def pages(*said: dict[str, Any]) -> UploadUrlRequest:
    return msgspec.convert({"pages": said}, UploadUrlRequest)


def test_pages_are_pictures_in_their_order_and_not_too_many() -> None:
    found = parts_of(pages({"file_type": "jpg", "file_size": 1}, {"file_type": "png", "file_size": 2}), RULES)
    assert found == (Part(FileType.JPG, 1, None), Part(FileType.PNG, 2, None))
    most = [{"file_type": "jpg", "file_size": 1}] * RULES.upload_most_pages
    assert len(parts_of(pages(*most), RULES)) == RULES.upload_most_pages <= places.MOST_PAGES
    for wrong in ([*most, most[0]], [], [{"file_type": "pdf", "file_size": 1}]):
        with pytest.raises(errors.InvalidRequest) as refused:
            parts_of(pages(*wrong), RULES)
        assert refused.value.details == {"field": "pages"}


def test_all_pages_together_may_be_as_large_as_one_document() -> None:
    most = RULES.presigned_limit_bytes
    half = {"file_type": "jpg", "file_size": most // 2}
    assert sum(one.size for one in parts_of(pages(half, half), RULES)) <= most
    with pytest.raises(errors.TooLarge) as refused:
        parts_of(pages(half, {"file_type": "jpg", "file_size": most - most // 2 + 1}), RULES)
    assert refused.value.details == {"size_bytes": most + 1, "limit_bytes": most}


def test_what_is_written_down_of_pages_is_read_again() -> None:
    parts = (Part(FileType.JPG, 1, DIGEST), Part(FileType.PNG, 2, None))
    assert describe(parts) == f"jpg/1/{DIGEST.hex()},png/2/"
    assert read_described(describe(parts)) == parts
    assert parts[1].checksum_base64 is None


@pytest.mark.parametrize("size", [None, 0, -1])
def test_an_empty_file_is_refused(size: int | None) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        parts_of(UploadUrlRequest(file_type="pdf", file_size=size), RULES)
    assert refused.value.details == {"field": "file_size"}


def test_a_type_has_to_be_said() -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        parts_of(UploadUrlRequest(file_type=None, file_size=1), RULES)
    assert (refused.value.code, refused.value.details) == ("UNSUPPORTED_FILE_TYPE", {"field": "file_type"})
