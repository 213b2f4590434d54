"""Is a result outside its range? Decided by code from value and range, by the printed flag where there is no range."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

from chalicelib.gateways.analyst.local.numbers import LIMIT, RANGE, Bounds, read_range, tidy, to_decimal
from chalicelib.gateways.analyst.local.vocabulary import FLAG, SIGN_FLAG

Flag = Literal["L", "H", "A"]

_ABSENT = re.compile(
    r"\b(?:neg(?:ative?|ativ|ativo|ativa|\.)?|négatif|négative|negatif|negatief|ujemny|nil|none|absent|absence|"
    r"ausente|absente?|undetected|"
    r"(?:not|none|no|non|nicht)[- ]?(?:\s?(?:detected|seen|present|reactive|reaktiv|reactivo|réactif|detectado|"
    r"détecté|nachweisbar|growth))|"
    r"nonreactive)\b",
    re.IGNORECASE,
)
_TITER = re.compile(r"1\s?:\s?(\d{1,5})")
_PRESENT = re.compile(
    r"\b(?:dodatni|pozitif|positief|pos(?:itive?|itiv|itivo|itiva|itif|\.)?|detected|present|presente|présente?|"
    r"reactive|reaktiv|reactivo|"
    r"réactif|traces?|"
    r"spuren?|trazas|few|many|moderate|numerous|plenty|occasional|rare|abundant|nachweisbar)\b|\+",
    re.IGNORECASE,
)


def read_flag(text: str | None) -> Flag | None:
    """Return which way the printed mark points: low, high, or abnormal without saying how. "N" is no mark."""
    if text is None:
        return None
    match = FLAG.match(text) or SIGN_FLAG.match(text)
    groups = match.groupdict() if match else {}
    for flag in ("L", "H", "A"):
        if groups.get(flag):
            return flag
    return None


def is_abnormal(
    value: Decimal | str, bounds: Bounds, range_text: str | None, flag: Flag | None, comma: bool
) -> bool | None:
    """Compare a result with its range (bounds count as inside); None where neither range nor flag decides."""
    if not bounds.is_empty:
        outside = _is_outside(value, bounds, comma)
        if outside is not None:
            return outside
    elif isinstance(value, str) and range_text is not None:
        differs = _differs(value, range_text)
        if differs is not None:
            return differs
    return True if flag is not None else None


def _is_outside(value: Decimal | str, bounds: Bounds, comma: bool) -> bool | None:
    least, most = _span(value, comma)
    if least is None and most is None:
        if isinstance(value, str) and _ABSENT.search(value) and not bounds.low:
            return False  # "Nil" where "0 - 5" or "<1.0" is normal
        return None
    if bounds.high is not None and least is not None and (least > bounds.high):
        return True
    if bounds.low is not None and most is not None and most < bounds.low:
        return True
    inside_high = bounds.high is None or (most is not None and most <= bounds.high)
    inside_low = bounds.low is None or (least is not None and least >= bounds.low)
    return False if inside_high and inside_low else None if isinstance(value, str) and LIMIT.match(value) else True


def _span(value: Decimal | str, comma: bool) -> tuple[Decimal | None, Decimal | None]:
    """Return the least and the most that a value can be: "<0.01" is between nothing and 0.01, "2-3" between 2 and 3."""
    if isinstance(value, Decimal):
        return value, value
    text = tidy(value)
    if LIMIT.fullmatch(text) or RANGE.fullmatch(text):
        bounds = read_range(text, comma)
        is_below = bounds.low is None and bounds.high is not None
        return (Decimal(0) if is_below else bounds.low), bounds.high
    number = to_decimal(text, comma)
    return number, number


def _differs(value: str, expected: str) -> bool | None:
    """Compare a worded result with a worded range; None where both are words that cannot be compared."""
    titer, limit = _TITER.search(value), _TITER.search(expected)
    if titer and limit:
        return int(titer[1]) >= int(limit[1]) if "<" in expected else int(titer[1]) > int(limit[1])
    mine, theirs = value.casefold().strip(" ()."), expected.casefold().strip(" ().")
    if mine == theirs or mine in re.split(r"\s*(?:[/,;|]|\bor\b|\bto\b|\s-\s)\s*", theirs):
        return False
    if _ABSENT.search(theirs):
        return False if _ABSENT.search(mine) else True if _PRESENT.search(mine) or mine[:1].isdigit() else None
    if _PRESENT.search(theirs) and _ABSENT.search(mine):
        return True
    return True if theirs in ("clear", "klar", "claro", "limpide", "límpido", "normal") else None
