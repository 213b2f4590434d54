"""The text of a document, line by line, beside what the reader made of it: what a model's answer is held against.

Run as `python -m chalicelib.gateways.analyst.local.page_text`: an Order on standard input, a PageText on
standard output, so that a hostile file can hurt nothing but this process.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Final, Literal

import msgspec

from chalicelib.clock import SystemClock
from chalicelib.errors import AnalystUnavailable, NotMedical, Unreadable
from chalicelib.gateways.analyst.findings import Document, FileType
from chalicelib.gateways.analyst.local.exchange import Order, SentReading, sent
from chalicelib.gateways.analyst.local.page import lines_of, with_joined_groups
from chalicelib.gateways.analyst.local.pdf_text import pages_of_pdf
from chalicelib.gateways.analyst.local.reader import pages_of, reading_of

MOST_LINES: Final = 6_000
MOST_OF_A_LINE: Final = 600


class TextLine(msgspec.Struct, frozen=True):
    """A line as read, and the page that it stands on, from 1."""

    page: int
    text: str


class PageText(msgspec.Struct, frozen=True, kw_only=True):
    """A document's lines in reading order, and what the reader found in them.

    `source` is "none" where there was nothing to read here: a picture without a reader of pictures, or no time.
    """

    lines: tuple[TextLine, ...] = ()
    page_count: int = 1
    source: Literal["text", "ocr", "none"] = "none"
    reading: SentReading | None = None


def page_text(order: Order) -> PageText:
    """Return a document's text, and the reading where code found anything medical in it."""
    deadline = SystemClock().now() + timedelta(seconds=order.seconds)
    try:
        pages, count, source = pages_of(order.document, deadline)
    except (Unreadable, AnalystUnavailable):
        return PageText(page_count=_page_count(order.document))
    found = [line for page in with_joined_groups(pages) for line in lines_of(page.words, page.number)]
    # Longer ones and more are no report's; outside this process they are searched with patterns.
    lines = [TextLine(line.page, line.text[:MOST_OF_A_LINE]) for line in found[:MOST_LINES]]
    if not lines:
        return PageText(page_count=count)
    try:
        reading = sent(reading_of(pages, count, source, (SystemClock().now() + timedelta(days=1)).date()))
    except (NotMedical, Unreadable):
        reading = None
    return PageText(lines=tuple(lines), page_count=count, source=source, reading=reading)


def _page_count(document: Document) -> int:
    if document.file_type is not FileType.PDF:
        return 1
    try:
        return pages_of_pdf(document.content, 0)[1]
    except Unreadable:
        return 1


def main() -> None:
    """Read one order, write one text."""
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.msgpack.encode(page_text(order)))


if __name__ == "__main__":
    main()
