"""Ids of jobs: whose they are can be seen by looking at them."""

from __future__ import annotations

from chalicelib.ids import derived_id, is_job_id, is_job_id_of, job_id_of, new_id
from chalicelib.models.states import JobKind

ADA, EVE = "6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11", "0c3c5e2e-8d5b-4e0e-a7a2-2f4e5b1d9a10"


def test_an_id_tells_whose_job_it_is() -> None:
    for kind in (JobKind.RESULT, JobKind.REPORT):
        for unique in (new_id(), derived_id("upload", ADA, "bytes", "stamp")):
            job_id = job_id_of(ADA, kind, unique)
            assert is_job_id(job_id)
            assert is_job_id_of(ADA, job_id)
            assert not is_job_id_of(EVE, job_id)


def test_an_invented_id_is_nobodys() -> None:
    assert not any(is_job_id_of(ADA, f"result_{new_id()}") for _ in range(1000))
    assert not any(is_job_id_of(ADA, text) for text in ("", "result_", "x", "result_x", "_" * 50))


def test_the_same_upload_has_the_same_id_and_another_one_another() -> None:
    first, again, other = (job_id_of(ADA, "result", derived_id("upload", ADA, one)) for one in ("a", "a", "b"))
    assert first == again
    assert first != other
