"""The report on paper, read back with another library: text, pages, glyphs, marks, and hostile values."""

from __future__ import annotations

import re
import time
from io import BytesIO

import pypdfium2
import pytest
from pypdf import PdfReader

from chalicelib.reports.plots import short, ticks
from chalicelib.reports.printed import printed
from chalicelib.reports.shelf import wants_pdf
from tests.unit.reports.reading import composed, lab, report_of, wanted

HIGH = {"reference_range_high": 60}
YEARS = ("2023-01-01", "2024-01-01", "2025-01-01", "2026-01-01")


def _text(content: bytes) -> str:
    paper = pypdfium2.PdfDocument(content)
    return "\n".join(page.get_textpage().get_text_range() for page in paper).replace("\r\n", "\n")


def test_the_same_report_gives_the_same_bytes() -> None:
    answer = report_of(*(lab("LDL", 100 + n, "mg/dL", day) for n, day in enumerate(YEARS)))

    assert printed(answer) == printed(answer)


def test_a_page_is_a4_and_numbered_and_holds_every_section() -> None:
    content = printed(report_of(lab("GGT", 88, "U/L", "2026-01-01", **HIGH)))
    paper = PdfReader(BytesIO(content))
    text = _text(content)

    assert [round(float(side)) for side in paper.pages[0].mediabox[2:]] == [595, 842]
    assert f"Page 1 of {len(paper.pages)}" in text
    for title in ("Executive summary", "Laboratory analysis", "Trends", "Questions for the doctor", "Recommendations",
                  "Please note"):  # fmt: skip
        assert title in text
    assert paper.metadata is not None
    assert paper.metadata.title == "Report for your doctor"


def test_what_is_outside_is_marked_by_words_and_a_sign_too() -> None:
    text = _text(printed(report_of(lab("GGT", 88, "U/L", "2026-01-01", **HIGH))))

    assert "▲ high" in text


@pytest.mark.parametrize("text", ["µg", "m²", "β₂", "γ-GT", "Ω", "Ärzte", "Žižek", "Гемоглобин", "≥ 60", "10⁹"])
def test_the_font_shows_it(text: str) -> None:
    assert text in _text(printed(report_of(lab("GGT", 88, "U/L"), patient_name=text)))


def test_a_glyph_that_is_missing_becomes_a_box_and_no_error() -> None:
    assert "□□" in _text(printed(report_of(lab("GGT", 88, "U/L"), patient_name="血糖")))


@pytest.mark.parametrize(
    "name",
    ["<b>bold", "</para><para>", "&amp;&lt;x&gt;", "<font size=99>big</font>", '<img src="/etc/passwd"/>', "a < b & c",
     "<a href='http:x'>x</a>", "x" * 80],
)  # fmt: skip
def test_markup_in_what_was_sent_is_text_on_paper(name: str) -> None:
    request = wanted({"health_data": {"lab_results": [lab("GGT", 88, "U/L", "2026-01-01", **HIGH)]}})
    import msgspec

    hostile = msgspec.structs.replace(request.values[0], name=name, unit=name[:20], range_text=name)
    content = printed(composed(msgspec.structs.replace(request, values=(hostile,))))

    assert re.sub(r"\s", "", name)[:12] in re.sub(r"\s", "", _text(content))
    assert b"/URI" not in content
    assert b"/etc/passwd" not in content


def test_every_trend_has_a_plot_or_a_line() -> None:
    labs = [lab(f"Test {n}", value, "g/L", day, reference_range_high=5) for n in range(30)
            for value, day in zip((3, 6), YEARS, strict=False)]  # fmt: skip
    answer = report_of(*labs)
    text = _text(printed(answer))

    assert len(answer.report.trends) == 30
    assert all(f"Test {n} (g/L)" in text or f"Test {n}:" in text for n in range(30))


def test_extreme_values_are_plotted() -> None:
    pairs = [("0", "0"), ("0.00000001", "999999999999"), ("-5", "5"), ("7", "7"), ("-1000000", "-1")]
    labs = [
        lab(f"Test {n}", value, "g/L", day, reference_range_low=0, reference_range_high=1)
        for n, pair in enumerate(pairs)
        for value, day in zip(pair, YEARS, strict=False)
    ]

    assert printed(report_of(*labs)).startswith(b"%PDF-")


def test_a_thousand_values_are_printed_in_time_and_fit_an_answer() -> None:
    labs = [lab(f"Test {n}", n % 90, "g/L", day, **HIGH) for n in range(250) for day in YEARS]
    answer = report_of(*labs)

    start = time.perf_counter()
    content = printed(answer)

    assert time.perf_counter() - start < 15
    assert len(content) < 3_000_000, "Lambda carries 6 MB, and base64 adds a third"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (3.4, 5.2), (-3, 7), (1e-9, 2e-9), (0, 1e12), (99.9, 100.1)])
def test_ticks_are_few_and_within(low: float, high: float) -> None:
    found = ticks(low, high)

    assert 2 <= len(found) <= 6
    assert all(low - 1e-6 * (high - low) <= one <= high + 1e-6 * (high - low) for one in found)


def test_long_numbers_are_short_on_the_axis() -> None:
    assert [short(one) for one in (0.1 + 0.2, 1250.0, 123456789.0)] == ["0.3", "1250", "1.23e+08"]


@pytest.mark.parametrize(
    ("accept", "is_pdf"),
    [("application/pdf", True), ("application/pdf;q=0.9, */*", True), ("APPLICATION/PDF", True), (None, False),
     ("*/*", False), ("application/json, application/pdf", False), ("", False), ("application/pdfx", False)],
)  # fmt: skip
def test_a_pdf_is_for_whoever_asks_for_it_first(accept: str | None, is_pdf: bool) -> None:
    assert wants_pdf(accept) is is_pdf
