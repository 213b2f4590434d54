"""Reads a laboratory report by its layout: `read` gives what the document says, without an opinion."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from chalicelib.clock import SystemClock
from chalicelib.errors import AnalystUnavailable, NotMedical, Unreadable
from chalicelib.gateways.analyst.findings import Document, FileType
from chalicelib.gateways.analyst.local.atoms import Kind
from chalicelib.gateways.analyst.local.is_medical import is_medical
from chalicelib.gateways.analyst.local.numbers import (
    Sex,
    plain_limit,
    read_range,
    tidy,
    to_decimal,
    uses_decimal_commas,
)
from chalicelib.gateways.analyst.local.page import Line, Page, lines_of, with_joined_groups
from chalicelib.gateways.analyst.local.particulars import particulars_of
from chalicelib.gateways.analyst.local.pdf_text import pages_of_pdf, picture_of_page
from chalicelib.gateways.analyst.local.picture_text import LONGEST_SIDE, page_of_image, page_of_picture
from chalicelib.gateways.analyst.local.reading import Reading, Row
from chalicelib.gateways.analyst.local.tables import Found, results_in
from chalicelib.gateways.analyst.local.verdict import is_abnormal, read_flag
from chalicelib.gateways.analyst.local.vitals import vitals_of

READER_VERSION = "local-reader/1"
MAX_PAGES = 60
FEWEST_WORDS = 4  # a page of a PDF with fewer is a scan, or empty
PAGE_TAKES = timedelta(seconds=12)  # a picture, on one slow core

TextSource = Literal["text", "ocr"]


def read(document: Document, deadline: datetime) -> Reading:
    """Return the results, vital signs and dates in a report, before `deadline` (checked between pages).

    Raises:
        NotMedical: it can be read, and is neither a laboratory report nor another medical document.
        Unreadable: it is damaged, protected, or there is nothing to read in it.
        AnalystUnavailable: the deadline has passed, or it is a picture and no reader of pictures is installed.
    """
    _check(deadline)
    pages, page_count, source = pages_of(document, deadline)
    _check(deadline)
    return reading_of(pages, page_count, source, (SystemClock().now() + timedelta(days=1)).date())


def reading_of(pages: list[Page], page_count: int, source: TextSource, latest: date) -> Reading:
    """Return what pages of words say; dates after `latest` (today, or tomorrow further east) are misread.

    Raises:
        NotMedical, Unreadable: as `read` does.
    """
    pages = with_joined_groups(pages)
    lines = [line for page in pages for line in lines_of(page.words, page.number)]
    text = "\n".join(line.text for line in lines)
    if not any(character.isalnum() for character in text):
        raise Unreadable()
    particulars = particulars_of(lines, latest)
    comma_decimal = uses_decimal_commas(tidy(text))
    rows = tuple(_row(found, comma_decimal, particulars.sex) for found in results_in(pages))
    vitals = vitals_of(lines, comma_decimal)
    if not is_medical(text, rows, vitals):
        raise NotMedical()
    return Reading(
        rows=rows,
        vitals=vitals,
        document_date=particulars.reported_on or particulars.collected_on,
        test_date=particulars.collected_on or particulars.reported_on,
        page_count=page_count,
        text_source=source,
        reader_version=READER_VERSION,
    )


def _check(deadline: datetime, needed: timedelta = timedelta()) -> None:
    if SystemClock().now() + needed >= deadline:
        raise AnalystUnavailable("the deadline has passed before the document was read")


def pages_of(document: Document, deadline: datetime) -> tuple[list[Page], int, TextSource]:
    """Return the pages with their words, how many there are, and whether they were text or pictures.

    Raises:
        Unreadable, AnalystUnavailable: as `read` does.
    """
    if document.file_type is not FileType.PDF:
        return [page_of_picture(document.content)], 1, "ocr"
    pages, count = pages_of_pdf(document.content, MAX_PAGES)
    scans = [page for page in pages if len(page.words) < FEWEST_WORDS]
    if len(scans) < len(pages):
        return pages, count, "text"  # an empty or pictorial page among pages of text: a cover, a signature
    read_pages: list[Page] = []
    for page in pages:
        _check(deadline, PAGE_TAKES)
        read_pages.append(page_of_image(picture_of_page(document.content, page.number - 1, LONGEST_SIDE), page.number))
    return read_pages, count, "ocr"


def _row(found: Found, comma_decimal: bool, sex: Sex | None) -> Row:
    """Return a result as the rest of the service knows it, with its range read and judged."""
    candidate = found.candidate
    value: Decimal | str = candidate.value
    if candidate.value_kind is Kind.NUMBER:
        number = to_decimal(candidate.value, comma_decimal)
        value = candidate.value if number is None else number
    elif candidate.value_kind is Kind.LIMIT:
        value = plain_limit(candidate.value, comma_decimal)
    range_text = _range_text(candidate.ranges)
    bounds = read_range(range_text or "", comma_decimal, sex)
    flag = read_flag(candidate.flag)
    return Row(
        name=candidate.name,
        value=value,
        unit=candidate.unit,
        low=bounds.low,
        high=bounds.high,
        range_text=range_text,
        flag=flag,
        is_abnormal=is_abnormal(value, bounds, range_text, flag, comma_decimal),
        section=found.section,
        confidence=_confidence(found.weight, candidate.line),
        page=candidate.line.page,
        text=candidate.line.text,
    )


def _range_text(ranges: tuple[str, ...]) -> str | None:
    """Return the range as printed, on one line, without a bracket that was opened or closed elsewhere."""
    text = " ".join(tidy("; ".join(ranges)).split())
    if text.count(")") > text.count("("):
        text = text.rstrip(") ")
    return text or None


def _confidence(weight: Decimal, line: Line) -> Decimal:
    """Return 1 to 10: how much spoke for the row, times how well its line could be read."""
    certainty = min(Decimal(10), Decimal("4.5") + weight * Decimal("0.6"))
    return max(Decimal(1), round(certainty * Decimal(str(line.score)), 1))
