"""What a made-up report contains and how its laboratory writes it: lines, vital signs, number styles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, slots=True)
class Line:
    """A row that a reader should find, and the ways in which its print differs from the style of its report.

    `value` is a number as text, with exactly the digits expected, or words. `\\n` in the name is a printed line break.
    `is_optional` rows are printed, and neither finding nor missing them counts.
    """

    name: str
    value: str
    unit: str | None = None
    low: str | None = None
    high: str | None = None
    abnormal: bool | None = None
    shown: str | None = None
    unit_shown: str | None = None
    span: str | None = None
    flag: str = ""
    under: str = ""
    earlier: tuple[str, ...] = ()
    is_optional: bool = False

    @property
    def is_abnormal(self) -> bool | None:
        """What the report says: stated for words, computed from the bounds for numbers, None without either."""
        number = as_number(self.value)
        if self.abnormal is not None or number is None or (self.low is None and self.high is None):
            return self.abnormal
        too_low = self.low is not None and number < Decimal(self.low)
        return too_low or (self.high is not None and number > Decimal(self.high))


@dataclass(frozen=True, slots=True)
class Vital:
    """A vital sign that a reader should find; `value` is "148/92" for blood pressure."""

    vital_type: str
    value: str


@dataclass(frozen=True, slots=True)
class Report:
    """A made document with what a reader should say about it."""

    name: str
    content: bytes
    file_type: str
    lines: tuple[Line, ...] = ()
    vitals: tuple[Vital, ...] = ()
    document_date: date | None = None
    is_medical: bool = True


@dataclass(frozen=True, slots=True)
class Style:
    """How a laboratory prints numbers and ranges."""

    number: Callable[[str], str] = str
    span: str = "{low} - {high}"
    below: str = "<{high}"
    above: str = ">{low}"

    def range_of(self, line: Line) -> str:
        """Return the range of `line` as this laboratory prints it."""
        if line.span is not None:
            return line.span
        low = self.number(line.low) if line.low is not None else None
        high = self.number(line.high) if line.high is not None else None
        if low is None and high is None:
            return ""
        form = self.above if high is None else self.below if low is None else self.span
        return form.format(low=low, high=high)

    def value_of(self, line: Line) -> str:
        """Return the result of `line` as this laboratory prints it."""
        if line.shown is not None:
            return line.shown
        return self.number(line.value) if as_number(line.value) is not None else line.value


def as_number(text: str) -> Decimal | None:
    """Return `text` as a number, or None where it is words."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def with_comma(text: str) -> str:
    """Return a number as continental Europe writes it: 1.234,5."""
    whole, _, part = text.partition(".")
    grouped = f"{int(whole):,}".replace(",", ".")
    return f"{grouped},{part}" if part else grouped


def with_thousands(text: str) -> str:
    """Return a number with commas between thousands: 250,000."""
    whole, dot, part = text.partition(".")
    return f"{int(whole):,}{dot}{part}"


def with_lakhs(text: str) -> str:
    """Return a number grouped as in India: 2,50,000."""
    whole, dot, part = text.partition(".")
    if len(whole) <= 3:
        return text
    head, groups = whole[:-3], [whole[-3:]]
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return ",".join(groups) + dot + part


def as_lines(text: str) -> list[Line]:
    """Read lines written one per row: `name | value | unit | low .. high | key: value | …`.

    `//` is a printed line break; either bound may be absent. Keys: `flag`, `shown`, `span`, `under`, `earlier` (results
    separated by `;`), `abnormal` (yes, no), `optional` (yes).
    """
    return [_row(line) for line in text.strip().splitlines()]


def _row(text: str) -> Line:
    name, value, unit, bounds, *extras = (" ".join(part.split()).replace(" // ", "\n") for part in text.split("|"))
    low, _, high = (part.strip() for part in bounds.partition(".."))
    more = {key.strip(): content.strip() for key, _, content in (extra.partition(":") for extra in extras)}
    return Line(
        name,
        value,
        unit or None,
        low or None,
        high or None,
        abnormal={"yes": True, "no": False, "": None}[more.get("abnormal", "")],
        shown=more.get("shown"),
        span=more.get("span"),
        flag=more.get("flag", ""),
        under=more.get("under", ""),
        earlier=tuple(part.strip() for part in more["earlier"].split(";")) if "earlier" in more else (),
        is_optional=more.get("optional") == "yes",
    )
