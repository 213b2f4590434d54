"""The verdict on a file, without the process around it: the same hostile and genuine files, and every bound exactly."""

from __future__ import annotations

import io
import sys
from typing import Any

import msgspec
import pytest

from chalicelib.documents import binding_child, inspection_child
from chalicelib.documents.binding import Pages
from chalicelib.documents.inspection_child import judge
from chalicelib.documents.inspection_terms import Bounds, Refusal, Task, Verdict
from chalicelib.gateways.analyst.findings import FileType
from tests.hostile import raw_pdf
from tests.hostile.make_files import Sample, genuine_files, hostile
from tests.hostile.pictures import jpg, png
from tests.hostile.plain import plain_pdf

ELSEWHERE = {
    "pdf: ten to the twelve forms",
    "pdf: two million values",
    "pdf: many small bombs",
    "pdf: a bomb as reference stream",
    "pdf: a small picture with a bomb",
    "pdf: a bomb as object stream",
    "pdf: a bomb in a bomb",
    "pdf: a bomb as contents",
    "pdf: a bomb in text",
    "pdf: a bomb behind an owner's password",
    "pdf: a bomb with a wrong length",
    "pdf: 30,000 pages",
    "pdf: 100,000 objects",
    "png: a bomb as text",
    "jpg: 24 megapixels",
    "pdf: a grey scan at 600 dots",
}
"""What needs a process of its own, or more than an instant: `test_hostile_files.py` has them all."""
HOSTILE = [one for one in hostile() if one.name.split(": ")[0] in {"pdf", "jpg", "png"} and one.name not in ELSEWHERE]
GENUINE = [one for one in genuine_files() if one.name not in ELSEWHERE]


def verdict(kind: Any, content: bytes, **bounds: Any) -> Verdict:
    return judge(Task(kind, Bounds(**bounds)), content)


def kind_of(sample: Sample) -> str:
    return sample.name.split(": ")[0]


@pytest.mark.parametrize("sample", HOSTILE, ids=lambda sample: sample.name)
def test_a_hostile_file_gets_one_of_its_reasons(sample: Sample) -> None:
    found = verdict(kind_of(sample), sample.make())
    assert found.refusal is not None
    assert found.refusal.value in sample.reasons


@pytest.mark.parametrize("sample", GENUINE, ids=lambda sample: sample.name)
def test_a_genuine_file_passes_with_its_pages(sample: Sample) -> None:
    found = verdict(kind_of(sample), sample.make())
    assert found.refusal is None
    assert found.page_count >= 1


def three_pages() -> bytes:
    return plain_pdf(3)


@pytest.mark.parametrize(
    ("kind", "content", "bound", "passes_at", "refusal", "told"),
    [
        ("pdf", three_pages(), "max_pages", 3, Refusal.TOO_MANY_PAGES, (3, 2)),
        ("png", png(size=(32, 20)), "max_pixels", 640, Refusal.TOO_MANY_PIXELS, (640, 639)),
        ("jpg", jpg(size=(32, 20)), "max_pixels", 640, Refusal.TOO_MANY_PIXELS, (640, 639)),
        ("jpg", jpg(size=(32, 20)), "max_scans", 1, Refusal.TOO_COMPLEX, (1, 0)),
        ("pdf", raw_pdf.one_page(), "max_page_points", 842, Refusal.TOO_MANY_PIXELS, (842, 841)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bound_is_passed_at_its_number_and_not_above(
    kind: str, content: bytes, bound: str, passes_at: int, refusal: Refusal, told: tuple[int, int]
) -> None:
    assert verdict(kind, content, **{bound: passes_at}).refusal is None
    found = verdict(kind, content, **{bound: passes_at - 1})
    assert (found.refusal, found.found, found.limit) == (refusal, *told)


@pytest.mark.parametrize(
    ("bound", "refusal"),
    [
        ("max_objects", Refusal.TOO_COMPLEX),
        ("max_values", Refusal.TOO_COMPLEX),
        ("max_drawn_per_page", Refusal.TOO_COMPLEX),
        ("max_stream_bytes", Refusal.EXPANDS_TOO_MUCH),
        ("max_unpacked_bytes", Refusal.EXPANDS_TOO_MUCH),
    ],
)
def test_every_bound_of_a_pdf_has_a_least_number_at_which_it_passes(bound: str, refusal: Refusal) -> None:
    content = raw_pdf.one_page(contents=raw_pdf.packed(b"0 0 m 9 9 l S " * 5))
    low, high = 0, 100_000
    assert verdict("pdf", content, **{bound: high}).refusal is None
    while high - low > 1:
        middle = (low + high) // 2
        if verdict("pdf", content, **{bound: middle}).refusal is None:
            high = middle
        else:
            low = middle
    assert high > 1
    assert verdict("pdf", content, **{bound: low}).refusal is refusal


def test_a_picture_is_told_with_its_sides() -> None:
    assert verdict("png", png(size=(32, 20))) == Verdict(page_count=1, width=32, height=20)
    assert verdict("jpg", jpg(size=(20, 32))) == Verdict(page_count=1, width=20, height=32)
    assert verdict("pdf", three_pages()) == Verdict(page_count=3)


def test_a_picture_of_the_other_format_is_damaged() -> None:
    assert verdict("png", jpg()).refusal is Refusal.DAMAGED
    assert verdict("jpg", png()).refusal is Refusal.DAMAGED


class Stream:
    """Standard input or output, of bytes."""

    def __init__(self, content: bytes = b"") -> None:
        self.buffer = io.BytesIO(content)


def answered(main: Any, question: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    output = Stream()
    monkeypatch.setattr(sys, "stdin", Stream(question))
    monkeypatch.setattr(sys, "stdout", output)
    main()
    return output.buffer.getvalue()


def test_the_child_reads_a_task_and_a_file_and_writes_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    question = msgspec.json.encode(Task("png", Bounds())) + b"\n" + png(size=(32, 20))
    written = answered(inspection_child.main, question, monkeypatch)
    assert msgspec.json.decode(written, type=Verdict) == Verdict(page_count=1, width=32, height=20)


def test_the_child_that_binds_reads_pictures_and_writes_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    question = msgspec.msgpack.encode(Pages([(FileType.JPG, jpg(size=(32, 20))), (FileType.PNG, png(size=(20, 32)))]))
    written = answered(binding_child.main, question, monkeypatch)
    assert verdict("pdf", written).page_count == 2
