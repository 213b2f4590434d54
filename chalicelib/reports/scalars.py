"""Single fields as apps send them: numbers, texts, ranges and days; what is none of these is None."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from chalicelib.gateways.analyst.local.markdown_text import spoken
from chalicelib.gateways.analyst.local.numbers import SIGNED, Bounds, read_range, tidy, to_decimal
from chalicelib.gateways.analyst.local.units import UNIT
from chalicelib.gateways.analyst.text_guard import is_harmless_line
from chalicelib.reports import field_names

LONGEST_TEXT: Final = 80
_MOST_DIGITS: Final = 15
_MOST_DECIMALS: Final = 8
_NOTHING: Final = frozenset(
    {"", "-", "--", "n/a", "na", "nan", "null", "none", "undefined", "inf", "infinity", "-inf", "-infinity", "unknown"}
)
_WITH_UNIT: Final = re.compile(rf"([<>≤≥]?\s*{SIGNED})\s*({UNIT.pattern})")
_ISO_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?![\d])")
_DOTTED_DAY: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_EARLIEST: Final = date(1900, 1, 1)
_MILLISECONDS: Final = 10**11
"""An epoch above this (the year 5138 in seconds) is in milliseconds."""


def read_text(value: Any) -> str | None:
    """Return a short text that may be shown; None for anything else, and for texts that hold links, tags or orders."""
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 4 * LONGEST_TEXT:
        return None
    text = tidy(value)
    shown = spoken(text, LONGEST_TEXT)
    return shown if shown and is_harmless_line(text) and is_harmless_line(shown) else None


def read_number(value: Any) -> Decimal | None:
    """Return a number with its digits; None where it is none or no laboratory prints such a one."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return to_decimal(tidy(value)) if len(value) <= LONGEST_TEXT else None
    if not isinstance(value, int | Decimal):
        return None
    if isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:
        return None
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS or len(number.as_tuple().digits) > _MOST_DIGITS:
        return None
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return number if exponent >= -_MOST_DECIMALS else number.quantize(Decimal(1).scaleb(-_MOST_DECIMALS))


def read_value(value: Any) -> tuple[str, Decimal | None, str | None] | None:
    """Return a value as text, as a number if it is one, and the unit if that stands in the same text; None for
    nothing."""
    number = read_number(value)
    if number is not None:
        return f"{number:f}", number, None
    text = read_text(value)
    if text is None or text.casefold() in _NOTHING:
        return None
    printed = _WITH_UNIT.fullmatch(tidy(str(value)).strip())
    if printed is None:
        return text, None, None
    shown, unit = printed[1].replace(" ", ""), printed[2]
    return shown, to_decimal(shown), read_text(unit)


def read_bounds(fields: Mapping[str, Any]) -> tuple[Bounds, str | None]:
    """Return the bounds that a value was sent with, and the range as printed."""
    low, high = (_bound(field_names.first(fields, names)) for names in (field_names.LOW, field_names.HIGH))
    sent = field_names.first(fields, field_names.RANGE)
    sent = sent[0] if isinstance(sent, list) else sent
    if isinstance(sent, Mapping):
        inner = {field_names.plain_name(str(name)): value for name, value in list(sent.items())[:20]}
        low = _bound(field_names.first(inner, field_names.LOW)) if low is None else low
        high = _bound(field_names.first(inner, field_names.HIGH)) if high is None else high
        sent = inner.get("text")
    text = sent.strip() if isinstance(sent, str) and len(sent) <= LONGEST_TEXT else None
    if low is None and high is None and text:
        bounds = read_range(text)
        low, high = bounds.low, bounds.high
    if low is not None and high is not None and low > high:
        low = high = None
    return Bounds(low, high), read_text(text)


def read_day(value: Any, today: date) -> date | None:
    """Return the day of a date, an instant or an epoch; None for what is none, and for days that are yet to come."""
    day: date | None = None
    try:
        if isinstance(value, str):
            day = _printed_day(value.strip()[:40])
        elif isinstance(value, int | Decimal) and not isinstance(value, bool) and 0 < value < 10**15:
            seconds = int(value) // 1000 if value > _MILLISECONDS else int(value)
            day = datetime.fromtimestamp(seconds, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
    # Somebody east of us is a day ahead.
    return day if day is not None and _EARLIEST <= day <= today + timedelta(days=1) else None


def _printed_day(text: str) -> date | None:
    if found := _ISO_DAY.match(text):
        return date(int(found[1]), int(found[2]), int(found[3]))
    if found := _DOTTED_DAY.fullmatch(text):
        return date(int(found[3]), int(found[2]), int(found[1]))
    return None


def _bound(value: Any) -> Decimal | None:
    return read_number(value.get("value")) if isinstance(value, Mapping) else read_number(value)
