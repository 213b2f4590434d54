"""Pages of words at places, written as text: two spaces or more stand between cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from chalicelib.gateways.analyst.local.page import Page, Word
from chalicelib.gateways.analyst.local.reader import reading_of
from chalicelib.gateways.analyst.local.reading import Reading, Row

CHARACTER, HEIGHT, PITCH = 5.0, 10.0, 14.0
TODAY = date(2025, 1, 31)


def page(text: str, number: int = 1) -> Page:
    """Return a page as a typewriter would set it; a leading `~` puts a line close under the one before."""
    words: list[Word] = []
    y = 0.0
    for line in text.strip("\n").split("\n"):
        is_close, shown = line.startswith("~"), line.removeprefix("~")
        y += 0.8 * PITCH if is_close else PITCH
        for match in re.finditer(r"\S+", shown):
            x = match.start() * CHARACTER
            words.append(Word(match.group(), x, y, x + len(match.group()) * CHARACTER - 1, y + HEIGHT))
    return Page(number, tuple(words))


def read_text(*texts: str) -> Reading:
    """Read pages of text."""
    return reading_of([page(text, n) for n, text in enumerate(texts, 1)], len(texts), "text", TODAY)


def rows(*texts: str) -> list[tuple[str, str, str | None, str | None, str | None, bool | None]]:
    """Read pages of text; return name, value, unit, low, high and whether it is abnormal, numbers as text."""
    return [brief(row) for row in read_text(*texts).rows]


def brief(row: Row) -> tuple[str, str, str | None, str | None, str | None, bool | None]:
    """Return the parts of a row that layouts decide."""
    bounds: Sequence[str | None] = [None if bound is None else str(bound) for bound in (row.low, row.high)]
    return row.name, str(row.value), row.unit, bounds[0], bounds[1], row.is_abnormal
