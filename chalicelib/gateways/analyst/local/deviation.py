"""In which direction a result is outside its range, and by how much, in words."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum

from chalicelib.gateways.analyst.local.markdown_text import plain
from chalicelib.gateways.analyst.local.reading import Row


class Direction(StrEnum):
    """Where an abnormal result lies: below its range, above it, or outside in a way that has no direction."""

    LOW = "low"
    HIGH = "high"
    UNCLEAR = "unclear"


def direction_of(row: Row) -> Direction | None:
    """Return the direction of an abnormal row, from value and range, else from the flag; None if not abnormal."""
    if not row.is_abnormal:
        return None
    number = number_of(row)
    if number is not None:
        if row.low is not None and number < row.low:
            return Direction.LOW
        if row.high is not None and number > row.high:
            return Direction.HIGH
    if _is_beyond(row, "<"):
        return Direction.LOW
    if _is_beyond(row, ">") or _spans_above(row):
        return Direction.HIGH
    return {"L": Direction.LOW, "H": Direction.HIGH}.get(row.flag or "", Direction.UNCLEAR)


def number_of(row: Row) -> Decimal | None:
    """Return the value as a number, or None for words and for limits such as "<0.01"."""
    return row.value if isinstance(row.value, Decimal) else None


def result_text(row: Row) -> str:
    """Return value and unit as printed, on one line, not escaped."""
    value = format(row.value, "f") if isinstance(row.value, Decimal) else plain(row.value)
    return f"{value} {plain(row.unit)}" if row.unit else value


def range_text(row: Row) -> str:
    """Return the range in short, on one line, not escaped; empty where the report gives none."""
    if row.low is not None and row.high is not None:
        return f"{row.low:f}–{row.high:f}"
    if row.low is not None:
        return f"from {row.low:f}"
    if row.high is not None:
        return f"up to {row.high:f}"
    return plain(row.range_text) if row.range_text else ""


def how_far(row: Row, direction: Direction) -> str:
    """Return how far the row is outside its range, as a phrase: "about 6 % below the lower limit of 8.7"."""
    number = number_of(row)
    if direction is Direction.LOW and row.low is not None:
        return _below(number, row.low)
    if direction is Direction.HIGH and row.high is not None:
        return _above(number, row.high)
    if direction is Direction.UNCLEAR:
        return "marked by the laboratory as out of the ordinary"
    return f"marked by the laboratory as {direction.value}"


def _below(number: Decimal | None, limit: Decimal) -> str:
    if number is None or limit <= 0 or number < 0:
        return f"below the lower limit of {limit:f}"
    share = (limit - number) / limit * 100
    return f"{_share(share)} below the lower limit of {limit:f}"


def _above(number: Decimal | None, limit: Decimal) -> str:
    if number is None or limit <= 0:
        return f"above the upper limit of {limit:f}"
    if number >= 2 * limit:
        return f"about {number / limit:.1f} times the upper limit of {limit:f}"
    return f"{_share((number - limit) / limit * 100)} above the upper limit of {limit:f}"


def _share(share: Decimal) -> str:
    return "just" if share < 1 else f"about {share:.0f} %"


def _spans_above(row: Row) -> bool:
    """Whether a count printed as a span, such as "15-20" cells, reaches above the range."""
    match = re.match(r"\s*\d+\s*[-–]\s*(\d+)\s*$", row.value) if isinstance(row.value, str) else None
    return match is not None and row.high is not None and int(match[1]) > row.high


def _is_beyond(row: Row, sign: str) -> bool:
    """Whether a value printed as "<x" lies wholly below the range, or one printed as ">x" wholly above it."""
    match = re.match(rf"\s*{sign}=?\s*(\d+(?:[.,]\d+)?)\s*$", row.value) if isinstance(row.value, str) else None
    limit = row.low if sign == "<" else row.high
    if match is None or limit is None:
        return False
    number = Decimal(match[1].replace(",", "."))
    return number <= limit if sign == "<" else number >= limit
