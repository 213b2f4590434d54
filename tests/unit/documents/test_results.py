"""Results: ids that stay, digits that stay, and a shape that reads back as it was written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from chalicelib.documents.results import Failure, compose, document_id, read_failure, read_result, write
from tests.rooms.documents_world import an_analysis

JOB = "result_00000000-0000-4000-8000-000000000001"
AT = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


def composed(seconds: float = 1.23456, job_id: str = JOB) -> object:
    return compose(an_analysis(), job_id=job_id, analyst="local", at=AT, seconds=seconds)


def test_the_same_findings_of_the_same_job_get_the_same_ids() -> None:
    assert composed() == composed()
    other = composed(job_id=JOB.replace("1", "2"))
    assert {one.id for one in composed().lab_results}.isdisjoint(one.id for one in other.lab_results)  # type: ignore[attr-defined]  # known at run time only


def test_the_content_id_is_the_jobs_uuid() -> None:
    assert document_id(JOB) == "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("digits", ["5.10", "0.10", "140", "1234567.890", "0.1000000000000000000001"])
def test_digits_survive_writing_and_reading(digits: str) -> None:
    analysis = an_analysis()
    finding = msgspec.structs.replace(
        analysis.lab_results[0], test_value=Decimal(digits), reference_range_low=Decimal(digits)
    )
    analysis = msgspec.structs.replace(analysis, lab_results=(finding,))
    written = write(compose(analysis, job_id=JOB, analyst="local", at=AT, seconds=1))
    assert f'"test_value":{digits},'.encode() in written
    assert f'"reference_range_low":{digits},'.encode() in written
    assert write(read_result(written)) == written


def test_the_time_that_it_took_is_a_number_to_the_millisecond() -> None:
    assert b'"processing_time_seconds":1.235,' in write(composed())  # type: ignore[arg-type]  # narrower than its declared type


def test_a_failure_reads_back_as_it_was_written() -> None:
    failure = Failure(job_id=JOB, error_code="CODE", error_message="Why.", failed_at=AT)
    assert read_failure(write(failure)) == failure
