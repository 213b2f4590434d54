"""Inspection: declared values are checked against each other and the bytes, and a good file is described exactly."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from chalicelib import errors
from chalicelib.documents import inspection
from chalicelib.documents.file_kinds import Kind, kind_of
from chalicelib.documents.inspection import Declared, Inspected, InspectionLimits, check_declared, inspect
from chalicelib.documents.inspection_sentences import OTHER_KINDS, REFUSALS
from chalicelib.documents.inspection_terms import Bounds, Refusal
from chalicelib.gateways import confined
from chalicelib.gateways.analyst.findings import FileType
from tests.hostile.pictures import jpg, png
from tests.hostile.plain import BLANK, plain_pdf

REPORTS = Path(__file__).parents[2] / "data" / "lab-reports"
UNKNOWN = Declared()


def refusal(content: bytes, declared: Declared, limits: InspectionLimits | None = None) -> errors.ServiceError:
    with pytest.raises(errors.ServiceError) as refused:
        inspect(content, declared, limits)
    return refused.value


def test_the_sample_report_passes_with_its_pages_and_its_hash() -> None:
    content = (REPORTS / "pathology-panel-10-pages.pdf").read_bytes()
    passed = inspect(content, Declared("report.pdf", "pdf", "application/pdf", len(content)))
    assert passed == Inspected(FileType.PDF, 10, None, None, hashlib.sha256(content).hexdigest(), len(content))


def test_the_sample_report_is_inspected_in_a_second() -> None:
    content = (REPORTS / "pathology-panel-10-pages.pdf").read_bytes()
    inspect(content, UNKNOWN)
    started = time.perf_counter()
    inspect(content, UNKNOWN)
    assert time.perf_counter() - started < 1


def test_the_sample_photo_passes_with_its_dimensions() -> None:
    content = (REPORTS / "complete-blood-count.jpg").read_bytes()
    passed = inspect(content, Declared("photo.JPEG", "jpg", "image/jpeg", len(content)))
    assert (passed.file_type, passed.page_count) == (FileType.JPG, 1)
    assert (passed.width, passed.height) == (1414, 2000)


def test_a_png_keeps_width_and_height_apart() -> None:
    passed = inspect(png(size=(320, 200)), UNKNOWN)
    assert (passed.file_type, passed.width, passed.height) == (FileType.PNG, 320, 200)


@pytest.mark.parametrize(
    "declared",
    [
        UNKNOWN,
        Declared("x.jpg", "jpg", "image/jpeg"),
        Declared("x.jpeg", "jpg", "image/jpg"),
        Declared("X.JPG", "JPEG", "Image/JPEG; name=x"),
        Declared("x.jpg", "image/jpeg", "application/octet-stream"),
        Declared("x.jpg", ".jpg", ""),
        Declared("IMG_2024", "jpg"),
        Declared("blood test 12.03.2024", "jpg"),
        Declared("letter of Dr. Smith"),
        Declared("report.exe.jpg"),
    ],
)
def test_names_of_one_type_agree_and_vague_ones_say_nothing(declared: Declared) -> None:
    assert inspect(jpg(), declared).file_type == FileType.JPG


@pytest.mark.parametrize(
    ("declared", "code", "reason"),
    [
        (Declared("x.pdf"), "FILE_VALIDATION_FAILED", "content_differs"),
        (Declared(None, "pdf"), "FILE_VALIDATION_FAILED", "content_differs"),
        (Declared(None, None, "application/pdf"), "FILE_VALIDATION_FAILED", "content_differs"),
        (Declared("x.jpg", "pdf"), "FILE_VALIDATION_FAILED", "types_differ"),
        (Declared("x.jpg", "jpg", "image/png"), "FILE_VALIDATION_FAILED", "types_differ"),
        (Declared("x.jpg", "jpg", "text/html"), "FILE_VALIDATION_FAILED", "types_differ"),
        (Declared("x.jpg", file_size=7), "FILE_VALIDATION_FAILED", "size_differs"),
        (Declared("x.exe", "jpg"), "UNSUPPORTED_FILE_TYPE", None),
        (Declared("x.jpg.exe"), "UNSUPPORTED_FILE_TYPE", None),
        (Declared("x.jpg\0.exe"), "UNSUPPORTED_FILE_TYPE", None),
        (Declared("x.jpg", "gif"), "UNSUPPORTED_FILE_TYPE", None),
        (Declared("x.jpg", "jpg; rm -rf"), "UNSUPPORTED_FILE_TYPE", None),
    ],
)
def test_a_picture_declared_as_something_else_is_refused(declared: Declared, code: str, reason: str | None) -> None:
    refused = refusal(jpg(), declared)
    assert (refused.code, refused.details.get("reason")) == (code, reason)


def test_a_heic_picture_gets_a_sentence_that_helps_whatever_it_is_called() -> None:
    heic = b"\0\0\0\x18ftypheic" + b"\0" * 200
    assert refusal(heic, Declared("IMG_1.HEIC", "heic", "image/heic")).code == "UNSUPPORTED_FILE_TYPE"
    disguised = refusal(heic, Declared("IMG_1.jpg", "jpg", "image/jpeg"))
    assert disguised.code == "FILE_VALIDATION_FAILED"
    assert "Most compatible" in disguised.user_message


def test_unknown_bytes_without_any_claim_are_an_unsupported_type() -> None:
    assert refusal(b"\x07\x01\x99" * 50, UNKNOWN).code == "UNSUPPORTED_FILE_TYPE"


def test_an_empty_file_is_no_file() -> None:
    assert refusal(b"", Declared("x.pdf", "pdf", "application/pdf", 0)).code == "NO_FILE_PROVIDED"


def test_one_byte_above_the_limit_is_too_large_and_the_limit_is_not() -> None:
    content = BLANK()
    assert inspect(content, UNKNOWN, InspectionLimits(max_bytes=len(content))).page_count == 1
    refused = refusal(content, UNKNOWN, InspectionLimits(max_bytes=len(content) - 1))
    assert (refused.code, refused.status) == ("FILE_TOO_LARGE", 413)
    assert refused.details == {"size_bytes": len(content), "limit_bytes": len(content) - 1}


def test_the_default_limit_is_five_mebibytes() -> None:
    assert refusal(b"%PDF-" + b"\0" * (5 * 1024 * 1024 - 4), UNKNOWN).code == "FILE_TOO_LARGE"
    assert refusal(b"%PDF-" + b"\0" * (5 * 1024 * 1024 - 5), UNKNOWN).code == "FILE_VALIDATION_FAILED"


def test_before_a_presigned_upload_the_declared_values_alone_are_checked() -> None:
    limits = InspectionLimits(max_bytes=10 * 1024 * 1024)
    assert check_declared(Declared(None, "jpeg", None, 10 * 1024 * 1024), limits) == FileType.JPG
    assert check_declared(Declared(None, None, None, 5), limits) is None
    with pytest.raises(errors.TooLarge):
        check_declared(Declared(None, "pdf", None, 10 * 1024 * 1024 + 1), limits)
    with pytest.raises(errors.InvalidRequest, match="UNSUPPORTED_FILE_TYPE"):
        check_declared(Declared(None, "text/plain"), limits)
    with pytest.raises(errors.InvalidRequest, match="FILE_VALIDATION_FAILED"):
        check_declared(Declared("x.png", "pdf"), limits)


def test_the_number_of_pages_is_told_with_its_limit() -> None:
    refused = refusal(plain_pdf(4), UNKNOWN, InspectionLimits(bounds=Bounds(max_pages=3)))
    assert refused.details == {"reason": "too_many_pages", "found": 4, "limit": 3}
    assert "4 pages" in refused.user_message
    assert "up to 3" in refused.user_message


def test_a_picture_of_exactly_the_most_pixels_passes() -> None:
    content = png(size=(100, 100))
    assert inspect(content, UNKNOWN, InspectionLimits(bounds=Bounds(max_pixels=10_000))).width == 100
    refused = refusal(content, UNKNOWN, InspectionLimits(bounds=Bounds(max_pixels=9_999)))
    assert refused.details["reason"] == "too_many_pixels"


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(confined.Limits(wall_seconds=0.005), id="time"),
        pytest.param(confined.Limits(output_bytes=3), id="output"),
    ],
)
def test_a_child_that_is_ended_early_is_the_files_fault(limits: confined.Limits) -> None:
    refused = refusal(BLANK(), UNKNOWN, InspectionLimits(confinement=limits))
    assert refused.code == "FILE_VALIDATION_FAILED"
    assert isinstance(refused.__cause__, confined.ConfinedError)


def test_a_child_that_cannot_be_started_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    refused = refusal(BLANK(), UNKNOWN)
    assert (refused.status, bool(refused.retry_after_seconds)) == (503, True)


def test_a_broken_examination_is_our_defect_and_not_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "_CHILD", "chalicelib.documents.there_is_no_such_module")
    assert refusal(BLANK(), UNKNOWN).status == 500


def test_a_child_that_was_taken_over_cannot_say_more_than_a_verdict(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "liar.py").write_text('import sys; sys.stdout.write(\'{"page_count": "<script>"}\')')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(inspection, "_CHILD", "liar")
    refused = refusal(BLANK(), UNKNOWN)
    assert refused.code == "FILE_VALIDATION_FAILED"
    assert isinstance(refused.__cause__, msgspec.MsgspecError)


def test_files_are_inspected_side_by_side() -> None:
    contents = [BLANK(), jpg(), png(), b"%PDF-1.7 broken"] * 2

    def look(content: bytes) -> str:
        try:
            return inspect(content, UNKNOWN).file_type.value
        except errors.InvalidRequest as refused:
            return refused.code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(look, contents)) == ["pdf", "jpg", "png", "FILE_VALIDATION_FAILED"] * 2


def test_no_parser_is_loaded_into_the_service_itself() -> None:
    source = "import sys; import chalicelib.documents.inspection; print([m for m in %r if m in sys.modules])"
    parsers = ["pypdf", "pypdfium2", "PIL", "cryptography"]
    shown = subprocess.run(
        [sys.executable, "-c", source % parsers], check=True, capture_output=True, cwd=Path(__file__).parents[3]
    )
    assert shown.stdout.strip() == b"[]"


def test_every_reason_and_every_known_kind_has_a_sentence() -> None:
    assert set(REFUSALS) == set(Refusal)
    assert set(OTHER_KINDS) == set(Kind) - {Kind.PDF, Kind.JPG, Kind.PNG, Kind.UNKNOWN}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.4", Kind.PDF),
        (b" \r\n%PDF-1.4", Kind.PDF),
        (b"x%PDF-1.4", Kind.TEXT),
        (b"\xff\xd8\xff\xdb", Kind.JPG),
        (b"\x89PNG\r\n\x1a\n", Kind.PNG),
        (b"\x89PNG\n", Kind.UNKNOWN),
        (b"\0\0\0\x20ftypmp42" + b"\0" * 20, Kind.UNKNOWN),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OFFICE),
        (b"<!-- x --><svg>", Kind.SVG),
        (b"", Kind.UNKNOWN),
        ("Hämoglobin".encode() * 200, Kind.TEXT),
    ],
)
def test_a_kind_is_told_by_first_bytes(content: bytes, kind: Kind) -> None:
    assert kind_of(content) == kind
