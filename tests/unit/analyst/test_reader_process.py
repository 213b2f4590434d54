"""The reader as the analyst runs it: confined, within a deadline, on hostile bytes, with and without OCR."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chalicelib.errors import AnalystUnavailable, NotMedical, Unreadable
from chalicelib.gateways.analyst.findings import Document, FileType
from chalicelib.gateways.analyst.local import picture_text
from chalicelib.gateways.analyst.local.analyst import LocalAnalyst
from chalicelib.gateways.analyst.local.exchange import Answer, Order, answer, outcome
from chalicelib.gateways.analyst.local.reader import read

SAMPLES = Path(__file__).parents[2] / "data" / "lab-reports"
PANEL = Document((SAMPLES / "pathology-panel-10-pages.pdf").read_bytes(), FileType.PDF)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=60)


def pdf_of(draw: Any, page_size: tuple[int, int] = (595, 842)) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=page_size, invariant=True)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


def _table(canvas: Any) -> None:
    canvas.setFont("Helvetica", 9)
    canvas.drawString(40, 740, "Department of clinical chemistry, examination of serum, final laboratory report")
    cells = [("Test", "Result", "Unit", "Range"), ("Glucose", "126", "mg/dL", "70 - 100")]
    for y, row in zip((700, 680), cells, strict=True):
        for x, text in zip((40, 200, 300, 400), row, strict=True):
            canvas.drawString(x, y, text)


def test_the_analyst_reads_in_a_child_process_what_the_reader_reads() -> None:
    analysis = LocalAnalyst().analyse(PANEL, soon())
    assert len(analysis.lab_results) == 56
    assert sum(finding.is_abnormal is True for finding in analysis.lab_results) == 7
    assert analysis.document_date == date(2023, 5, 16)


def test_a_reading_survives_the_way_through_the_pipe() -> None:
    order = msgspec.msgpack.decode(msgspec.msgpack.encode(Order(PANEL, 60.0)), type=Order)
    sent = msgspec.msgpack.encode(answer(order))
    received = outcome(msgspec.msgpack.decode(sent, type=Answer))
    assert received == read(PANEL, soon())
    assert isinstance(received.rows[0].value, Decimal)


@pytest.mark.parametrize("content", [b"", b"junk", b"%PDF-1.4 junk", PANEL.content[:2000]], ids=str)
def test_broken_bytes_are_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        LocalAnalyst().analyse(Document(content, FileType.PDF), soon())


def test_a_passed_deadline_is_no_answer() -> None:
    with pytest.raises(AnalystUnavailable, match="deadline"):
        LocalAnalyst().analyse(PANEL, datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(AnalystUnavailable, match="deadline"):
        read(PANEL, datetime.now(UTC) - timedelta(seconds=1))


def test_failures_cross_the_pipe_as_themselves() -> None:
    for failure, error in (
        ("not_medical", NotMedical),
        ("unreadable", Unreadable),
        ("unavailable", AnalystUnavailable),
    ):
        with pytest.raises(error):
            outcome(msgspec.convert({"failure": failure}, Answer))


def test_a_page_turned_on_its_side_is_read_upright() -> None:
    def turned(canvas: Any) -> None:
        canvas.translate(595, 0)
        canvas.rotate(90)
        _table(canvas)

    def turned_by_the_page(canvas: Any) -> None:
        canvas.setPageRotation(90)
        turned(canvas)

    for draw in (_table, turned, turned_by_the_page):
        row = read(Document(pdf_of(draw), FileType.PDF), soon()).rows[0]
        assert (row.name, row.value, row.unit, row.low, row.high) == (
            "Glucose",
            Decimal(126),
            "mg/dL",
            Decimal(70),
            Decimal(100),
        )


def test_a_watermark_across_the_page_is_read_past() -> None:
    def marked(canvas: Any) -> None:
        _table(canvas)
        canvas.saveState()
        canvas.translate(150, 640)
        canvas.rotate(30)
        canvas.setFont("Helvetica", 40)
        canvas.drawString(0, 0, "SAMPLE 12.5 mg/dL")
        canvas.restoreState()

    assert [row.name for row in read(Document(pdf_of(marked), FileType.PDF), soon()).rows] == ["Glucose"]


def test_a_raised_exponent_is_written_with_a_caret() -> None:
    def powered(canvas: Any) -> None:
        _table(canvas)
        for x, text in ((40, "WBC"), (200, "11.9"), (400, "4.0 - 11.0")):
            canvas.drawString(x, 660, text)
        text = canvas.beginText(300, 660)
        text.textOut("10")
        text.setFont("Helvetica", 6)
        text.setRise(3.5)
        text.textOut("9")
        text.setFont("Helvetica", 9)
        text.setRise(0)
        text.textOut("/L")
        canvas.drawText(text)

    assert [row.unit for row in read(Document(pdf_of(powered), FileType.PDF), soon()).rows] == ["mg/dL", "10^9/L"]


@pytest.fixture
def without_ocr(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    picture_text._engine.cache_clear()
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    yield
    picture_text._engine.cache_clear()


@pytest.mark.usefixtures("without_ocr")
def test_a_picture_without_a_reader_of_pictures_is_no_answer() -> None:
    picture = Document((SAMPLES / "complete-blood-count.jpg").read_bytes(), FileType.JPG)
    with pytest.raises(AnalystUnavailable, match="rapidocr"):
        read(picture, soon())
    blank = Document(pdf_of(lambda canvas: canvas.rect(10, 10, 50, 50)), FileType.PDF)
    with pytest.raises(AnalystUnavailable, match="rapidocr"):
        read(blank, soon())


def test_a_scanned_pdf_is_read_as_a_picture() -> None:
    pytest.importorskip("rapidocr")
    import pypdfium2

    image = pypdfium2.PdfDocument(pdf_of(_table))[0].render(scale=2).to_pil().convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PDF")
    reading = read(Document(buffer.getvalue(), FileType.PDF), soon())
    assert reading.text_source == "ocr"
    assert [(row.name, row.value, row.unit) for row in reading.rows] == [("Glucose", Decimal(126), "mg/dL")]


def test_a_tilted_photograph_keeps_its_rows() -> None:
    pytest.importorskip("rapidocr")
    import pypdfium2

    image = pypdfium2.PdfDocument(pdf_of(_table))[0].render(scale=2).to_pil().convert("RGB")
    buffer = io.BytesIO()
    image.rotate(2, expand=True, fillcolor="white").save(buffer, "JPEG", quality=80)
    row = read(Document(buffer.getvalue(), FileType.JPG), soon()).rows[0]
    assert (row.name, row.value, row.unit, row.low, row.high) == (
        "Glucose",
        Decimal(126),
        "mg/dL",
        Decimal(70),
        Decimal(100),
    )
