"""What passes between the analyst and its child process: a document to read, and a reading or a coded failure."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

from chalicelib.clock import SystemClock
from chalicelib.errors import AnalystUnavailable, NotMedical, Unreadable
from chalicelib.gateways.analyst.findings import Document
from chalicelib.gateways.analyst.local.reading import Reading, Row, VitalRow


class Order(msgspec.Struct, frozen=True):
    """What the child is asked to do, and how long it may take: seconds, because its clock need not be ours."""

    document: Document
    seconds: float


class SentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A `Row` on its way: its value is either `number` or `words`, as one field cannot be decoded as two types."""

    name: str
    number: Decimal | None
    words: str | None
    unit: str | None
    low: Decimal | None
    high: Decimal | None
    range_text: str | None
    flag: Literal["L", "H", "A"] | None
    is_abnormal: bool | None
    section: str | None
    confidence: Decimal
    page: int
    text: str


class SentReading(msgspec.Struct, frozen=True, kw_only=True):
    """A `Reading` on its way."""

    rows: tuple[SentRow, ...]
    vitals: tuple[VitalRow, ...]
    document_date: date | None
    test_date: date | None
    page_count: int
    text_source: Literal["text", "ocr"]
    reader_version: str


class Answer(msgspec.Struct, frozen=True):
    """A reading, or which of the analyst's errors stands for it."""

    reading: SentReading | None = None
    failure: Literal["not_medical", "unreadable", "unavailable"] | None = None
    reason: str = ""


def answer(order: Order) -> Answer:
    """Return what became of an order."""
    from chalicelib.gateways.analyst.local.reader import read

    try:
        deadline = SystemClock().now() + timedelta(seconds=order.seconds)
        return Answer(reading=sent(read(order.document, deadline)))
    except NotMedical:
        return Answer(failure="not_medical")
    except Unreadable:
        return Answer(failure="unreadable")
    except AnalystUnavailable as error:
        return Answer(failure="unavailable", reason=str(error))


def outcome(given: Answer) -> Reading:
    """Return the reading of an answer, or raise the error that it stands for.

    Raises:
        NotMedical, Unreadable, AnalystUnavailable: as `read` does.
    """
    if given.failure == "not_medical":
        raise NotMedical()
    if given.failure == "unreadable":
        raise Unreadable()
    if given.reading is None:
        raise AnalystUnavailable(given.reason or "the reader gave no answer")
    return received(given.reading)


def sent(reading: Reading) -> SentReading:
    """Return a reading as it travels."""
    fields = msgspec.structs.asdict(reading)
    return SentReading(**{**fields, "rows": tuple(_sent_row(row) for row in reading.rows)})


def _sent_row(row: Row) -> SentRow:
    fields = msgspec.structs.asdict(row)
    value = fields.pop("value")
    is_number = isinstance(value, Decimal)
    return SentRow(**fields, number=value if is_number else None, words=None if is_number else value)


def received(given: SentReading) -> Reading:
    """Return a reading that has travelled."""
    fields = msgspec.structs.asdict(given)
    return Reading(**{**fields, "rows": tuple(_received_row(row) for row in given.rows)})


def _received_row(given: SentRow) -> Row:
    fields = msgspec.structs.asdict(given)
    number, words = fields.pop("number"), fields.pop("words")
    return Row(**fields, value=words or "" if number is None else number)
