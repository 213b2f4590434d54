"""Object keys: written and read back, and nothing else passes."""

from __future__ import annotations

import pytest

from chalicelib.documents import places
from chalicelib.gateways.analyst.findings import FileType

USER = "5b1f0f58-9f1e-4f0e-a9a7-3d8d6a4f5e11"
JOB = "result_00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("file_type", list(FileType))
def test_an_upload_key_can_be_read_back(file_type: FileType) -> None:
    key = places.upload_key(USER, JOB, file_type)
    assert key == f"uploads/{USER}/{JOB}.{file_type.value}"
    assert places.read_upload_key(key) == (USER, JOB, file_type, None)
    assert key.startswith(places.upload_prefix(USER, JOB))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "uploads/",
        f"uploads/{JOB}.pdf",
        f"uploads/{USER}/{JOB}",
        f"uploads/{USER}/{JOB}.exe",
        f"uploads/{USER}/{JOB}.pdf.pdf",
        f"uploads/{USER}/{JOB}.pdf\n",
        f"uploads/{USER}/report.pdf",
        f"uploads/../{JOB}.pdf",
        f"uploads/{USER}/x/{JOB}.pdf",
        f"results/{USER}/{JOB}.json",
        f"Uploads/{USER}/{JOB}.pdf",
        f"uploads/{USER}/{JOB.upper()}.pdf",
    ],
)
def test_no_other_key_is_an_upload(key: str) -> None:
    assert places.read_upload_key(key) is None


def test_only_uploads_lie_under_the_prefix_that_fires_events() -> None:
    keys = places.all_keys(USER, JOB)
    assert len(set(keys)) == len(keys) == 3 + 2 * places.MOST_PAGES + 3 + 3
    uploads = places.upload_keys(USER, JOB)
    assert [key for key in keys if key.startswith(places.UPLOADS)] == uploads
    assert all(places.read_upload_key(key) for key in uploads)


def test_a_page_key_can_be_read_back() -> None:
    key = places.page_key(USER, JOB, 12, FileType.PNG)
    assert places.read_upload_key(key) == (USER, JOB, FileType.PNG, 12)
    assert key.startswith(places.upload_prefix(USER, JOB))


@pytest.mark.parametrize("page", ["0", "01", "100", "-1", "x"])
def test_a_page_is_a_number_from_1_to_99(page: str) -> None:
    assert places.read_upload_key(f"uploads/{USER}/{JOB}.{page}.png") is None
