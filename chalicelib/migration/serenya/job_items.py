"""Rows of jobs as items while their day lasts, and back; documents of jobs have no name here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.clock import parse_iso
from chalicelib.ids import derived_id
from chalicelib.migration.serenya import raw
from chalicelib.migration.serenya.raw import Raw
from chalicelib.migration.serenya.rows import Instant, JobRow
from chalicelib.models import keys
from chalicelib.rules import Rules

UNFINISHED: Final = frozenset({"uploaded", "processing", "retrying"})
_FAILED: Final = frozenset({"failed", "timeout"})
_STATES: Final = UNFINISHED | _FAILED | {"completed"}
_FILE_TYPES: Final = frozenset({"pdf", "jpg", "jpeg", "png"})
_MOST_RETRIES: Final = 3
_DAY_SECONDS: Final = 86_400


def ttl_of(row: JobRow) -> int:
    """Return when a job is forgotten: a day after its upload where the row does not say."""
    return raw.seconds(row.ttl_expires_at) if row.ttl_expires_at else raw.seconds(row.uploaded_at) + _DAY_SECONDS


def job_item(
    row: JobRow, counted_in: tuple[Instant, Instant], as_of: Instant, rules: Rules
) -> Mapping[str, Raw] | None:
    """Return the item of a job; None once its day is over. An unfinished one stands in the due index, so that the sweep
    looks at it: nothing is "processing" for ever. `counted_in` is the period in which its unit was counted."""
    ttl, state = ttl_of(row), row.status or "uploaded"
    if ttl <= raw.seconds(as_of):
        return None
    due = _due(row, rules) if state in UNFINISHED else None
    return raw.item_at(
        keys.job_key(row.user_id, row.job_id),
        "job",
        row.uploaded_at,
        finished_at(row) or row.processing_started_at or row.uploaded_at,
        _data(row, state, counted_in, rules),
        ttl=raw.whole(ttl),
        GSI3PK=raw.text(due.pk if due else None),
        GSI3SK=raw.text(due.sk if due else None),
    )


def _due(row: JobRow, rules: Rules) -> keys.Key:
    shard = keys.shard_of(row.job_id, rules.job_due_shards)
    return keys.job_due_key(parse_iso(raw.later(row.uploaded_at, rules.job_deadline)), shard, row.job_id)


def _data(row: JobRow, state: str, counted_in: tuple[Instant, Instant], rules: Rules) -> Raw:
    has_unit = counted_in[0] <= row.uploaded_at < counted_in[1]
    data = {
        "job_id": raw.text(row.job_id),
        "user_id": raw.text(row.user_id),
        "kind": raw.text("result"),
        "state": raw.text(state),
        "file_type": raw.text(row.file_type),
        "file_size": raw.whole(row.file_size),
        "file_checksum": raw.text(row.file_checksum),
        "object_key": raw.text(row.s3_key),
        "is_inspected": raw.flag(False),
        "is_priority": raw.flag(False),
        "attempt": raw.whole(0),
        "retry_count": raw.whole(row.retry_count or 0),
        "manual_retries": raw.whole(0),
        "has_unit": raw.flag(has_unit),
        "unit_period_start": raw.text(counted_in[0] if has_unit else None),
        "deadline_at": raw.text(raw.later(row.uploaded_at, rules.job_deadline)),
        "uploaded_at": raw.text(row.uploaded_at),
        "started_at": raw.text(row.processing_started_at),
        "finished_at": raw.text(finished_at(row)),
        "error_code": raw.text(row.error_code),
        "error_message": raw.text(row.error_message),
        "correlation_id": raw.text(row.correlation_id),
    }
    return raw.part(data)


def finished_at(row: JobRow) -> Instant | None:
    """Return when a job ended, as its state has it."""
    if row.status == "completed":
        return row.completed_at
    return row.failed_at if row.status in _FAILED else None


def job_row(found: Mapping[str, Raw], owner: str) -> JobRow | None:
    """Return the row of a job; None where no row can say it: a report, an answer of the chat, one that was
    cleaned."""
    data = found["data"]
    job_id, state, file_type = (raw.said(data, name) for name in ("job_id", "state", "file_type"))
    uploaded, retries = raw.said(data, "uploaded_at"), raw.counted(data, "retry_count")
    ttl, size = raw.counted(found.get("ttl")), raw.counted(data, "file_size")
    if raw.said(data, "kind") != "result" or state not in _STATES or file_type not in _FILE_TYPES:
        return None
    if job_id is None or uploaded is None or ttl is None or size is None or "\0" in job_id:
        return None
    ended = raw.said(data, "finished_at")
    return JobRow(
        id=derived_id("job-row", job_id),
        user_id=owner,
        job_id=job_id,
        file_type=file_type,
        file_checksum=raw.cut(raw.said(data, "file_checksum")),
        error_code=raw.cut(raw.said(data, "error_code")),
        error_message=raw.cut(raw.said(data, "error_message")),
        correlation_id=raw.cut(raw.said(data, "correlation_id")),
        file_size=size,
        s3_key=raw.cut(raw.said(data, "object_key")) or "",
        status=state,
        uploaded_at=uploaded,
        processing_started_at=raw.said(data, "started_at"),
        completed_at=ended if state == "completed" else None,
        failed_at=ended if state in _FAILED else None,
        retry_count=min(max(retries or 0, 0), _MOST_RETRIES),
        ttl_expires_at=raw.instant_of(ttl),
    )


def forgotten(row: JobRow, as_of: Instant) -> bool:
    """Whether a job's day was over when the move was installed: such rows are dropped, and counted."""
    return ttl_of(row) <= raw.seconds(as_of)
