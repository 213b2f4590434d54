"""Jobs go to items and back with every word, and are forgotten when their day is over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.ids import derived_id
from chalicelib.migration.serenya import raw
from chalicelib.migration.serenya.job_items import finished_at, forgotten, job_item, job_row, ttl_of
from chalicelib.models import keys
from chalicelib.rules import Rules
from tests.unit.migration.rows import AS_OF, BEFORE, LATER, job

RULES = Rules()
PERIOD = (BEFORE, LATER)
SOON = "2026-03-01T00:10:00.000000Z"
WORDS: dict[str, Any] = {
    "file_checksum": "sum",
    "error_code": "NO",
    "error_message": "not this time",
    "correlation_id": "call-1",
    "processing_started_at": "2026-03-01T00:01:00.000000Z",
    "ttl_expires_at": LATER,
}


def item(row: Any, period: tuple[str, str] = PERIOD) -> Any:
    return job_item(row, period, BEFORE, RULES)


@pytest.mark.parametrize(
    "row",
    [
        job(completed_at=SOON, **WORDS),
        job(status="failed", failed_at=SOON, **WORDS),
        job(status="timeout", failed_at=SOON, **WORDS),
        job(status="processing", **WORDS),
        job(status="uploaded", **{**WORDS, "processing_started_at": None}),
    ],
)
def test_a_job_comes_back_as_it_went(row: Any) -> None:
    assert job_row(item(row), "ada") == replace(row, id=derived_id("job-row", "result_1"))


def test_an_item_is_where_jobs_are_and_says_what_a_row_cannot() -> None:
    found = item(job(completed_at=SOON, **WORDS))
    key = keys.job_key("ada", "result_1")
    assert (found["PK"]["S"], found["SK"]["S"]) == (key.pk, key.sk)
    assert (found["created_at"]["S"], found["updated_at"]["S"]) == (AS_OF, SOON)
    assert found["ttl"] == raw.whole(raw.seconds(LATER))
    said = found["data"]["M"]
    assert {name: said[name]["N"] for name in ("attempt", "retry_count", "manual_retries", "file_size")} == {
        "attempt": "0",
        "retry_count": "1",
        "manual_retries": "0",
        "file_size": "5",
    }
    assert (said["is_inspected"], said["is_priority"]) == ({"BOOL": False}, {"BOOL": False})
    assert said["deadline_at"]["S"] == raw.later(AS_OF, RULES.job_deadline)
    assert said["kind"] == {"S": "result"}
    assert "GSI3PK" not in found or "S" not in found["GSI3PK"]


@pytest.mark.parametrize("state", ["uploaded", "processing", "retrying"])
def test_an_unfinished_job_stands_where_the_sweep_looks(state: str) -> None:
    found = item(job(status=state))
    assert found["GSI3PK"]["S"].startswith("JOB_DUE#")
    assert "result_1" in found["GSI3SK"]["S"]


@pytest.mark.parametrize(
    ("period", "has_unit"),
    [((BEFORE, LATER), True), ((AS_OF, LATER), True), ((BEFORE, AS_OF), False), ((SOON, LATER), False)],
)
def test_a_unit_is_counted_in_the_period_of_the_upload(period: tuple[str, str], has_unit: bool) -> None:
    said = item(job(), period)["data"]["M"]
    assert said["has_unit"] == {"BOOL": has_unit}
    assert said.get("unit_period_start", {}).get("S") == (period[0] if has_unit else None)


def test_a_job_is_forgotten_a_day_after_its_upload_where_its_row_does_not_say() -> None:
    row = job(ttl_expires_at=None)
    assert ttl_of(row) == raw.seconds(AS_OF) + 86_400
    assert ttl_of(replace(row, ttl_expires_at=LATER)) == raw.seconds(LATER)
    assert not forgotten(row, AS_OF)
    assert forgotten(row, "2026-03-02T00:00:00.000000Z")
    assert not forgotten(row, "2026-03-01T23:59:59.000000Z")
    assert job_item(row, PERIOD, "2026-03-02T00:00:00.000000Z", RULES) is None


def test_a_job_ended_when_its_state_says_so() -> None:
    row = job(completed_at=SOON, failed_at=LATER)
    assert finished_at(row) == SOON
    assert finished_at(replace(row, status="failed")) == LATER
    assert finished_at(replace(row, status="processing")) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "report"),
        ("state", "paused"),
        ("file_type", "gif"),
        ("job_id", None),
        ("uploaded_at", None),
        ("file_size", None),
    ],
)
def test_what_no_row_can_say_has_none(name: str, value: str | None) -> None:
    found = item(job(**WORDS))
    if value is None:
        del found["data"]["M"][name]
    else:
        found["data"]["M"][name] = {"S": value}
    assert job_row(found, "ada") is None


@pytest.mark.parametrize(("told", "kept"), [("-1", 0), ("0", 0), ("3", 3), ("4", 3)])
def test_so_many_retries_fit_into_a_row(told: str, kept: int) -> None:
    found = item(job(**WORDS))
    found["data"]["M"]["retry_count"] = {"N": told}
    row = job_row(found, "ada")
    assert row is not None
    assert row.retry_count == kept
