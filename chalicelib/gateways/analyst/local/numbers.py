"""Numbers and reference ranges as laboratories print them: pure functions from text to decimals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Sex = Literal["M", "F"]

NUMBER = r"(?:\d+(?:[.,'’]\d+)*|[.,]\d+)"
SIGNED = rf"[-+]?{NUMBER}"
_TO = r"(?:-|\bto\b|\bbis\b|\bà\b|\ba\b|\bal\b|\bet\b|\band\b|~|÷|\.\.\.?|…)"
_BELOW = (
    r"<\s*(?:or\s*)?=|<|≤|\b(?:up\s*to|upto|less\s+than(?:\s+or\s+equal\s+to)?|lower\s+than|smaller\s+than|below|"
    r"under|not\s+more\s+than|"
    r"maximum|max\.?|bis(?:\s+zu)?|kleiner(?:\s+als)?|unter|weniger\s+als|jusqu['’]?\s*[àa]|inf[ée]rieure?\s+[àa]|"
    r"inf\.?\s*[àa]|moins\s+de|hasta|menor\s+(?:de|que|a)|inferior\s+a|menos\s+de|fino\s+a|inferiore\s+a|"
    r"minore\s+(?:di|a)|até|menor\s+(?:do\s+)?que)\s*:?"
)
_ABOVE = (
    r">\s*(?:or\s*)?=|>|≥|\b(?:more\s+than|greater\s+than(?:\s+or\s+equal\s+to)?|higher\s+than|above|over|"
    r"at\s+least|minimum|min\.?|"
    r"größer(?:\s+als)?|über|mehr\s+als|ab|sup[ée]rieure?\s+[àa]|sup\.?\s*[àa]|plus\s+de|mayor\s+(?:de|que|a)|"
    r"superior\s+a|más\s+de|superiore\s+a|maggiore\s+(?:di|a)|oltre|acima\s+de)\s*:?"
)
_INNER_UNIT = r"(?:\s?(?:%|[µa-zA-Z]{1,5}/[a-zA-Zµ0-9.^/]+))?"  # "13.0 g/dL - 17.0 g/dL"
RANGE = re.compile(
    rf"[(\[]?\s*({SIGNED}){_INNER_UNIT}\s*{_TO}\s*([-+]?{NUMBER})(?![\d/:]|-\d)(?:\s*[)\]])?", re.IGNORECASE
)
LIMIT = re.compile(rf"[(\[]?\s*({_BELOW}|{_ABOVE})\s*({SIGNED})(?![\d:])(?:\s*[)\]])?", re.IGNORECASE)
_IS_BELOW = re.compile(_BELOW, re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:([,.'’])\d{2,3})*(?:[,.'’])\d{3}")
_COMMA_DECIMAL = re.compile(r"(?<![\d.,/])(?:\d+,\d{1,2}|0,\d+)(?![\d.,]*\d)")
_DOT_DECIMAL = re.compile(r"(?<![\d.,/])(?:\d+\.\d{1,2}|0\.\d+)(?![\d.,]*\d)")

_LETTERS = re.compile(r"[^\W\d_]{3,}")
_NORMAL_BAND = re.compile(
    r"(?<!near )(?<!above )(?<!high )\b(?:normals?|desirable|optimal|ideal|acceptable|sufficient|sufficiency|"
    r"negative|absent|"
    r"non[- ]?diabetics?|non[- ]?reactive|low risk|no risk|adequate|adults?|adultes?|adultos?|erwachsene|euthyroid|"
    r"non[- ]?smokers?|healthy|normwert|wünschenswert|fasting|nüchtern|good|satisfactory)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"follic|luteal|lutéal|lútea|ovul|mid[- ]?cycle|menopaus|ménopaus|trimest|pregnan|gravid|schwanger|child|"
    r"newborn|infant|neonat|kinder|"
    r"enfant|niño|years?|yrs?|months?|days?|weeks?|jahre|\bans\b|años|puberty|tanner|morning|evening|a\.?m\.?\b|"
    r"p\.?m\.?\b|smoker",
    re.IGNORECASE,
)
_SEX_BAND = {
    "M": re.compile(
        r"\b(?:m|male|males|men|man|boys?|männer|mann|männlich|hommes?|hombres?|varones|uomini|homens?)\b", re.I
    ),
    "F": re.compile(
        r"\b(?:f|w|female|females|women|woman|girls?|frauen?|weiblich|femmes?|mujeres|mujer|donne|mulheres)\b", re.I
    ),
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """A reference range, both bounds inclusive, None where it has none."""

    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def is_empty(self) -> bool:
        """Does it say nothing?"""
        return self.low is None and self.high is None


def tidy(text: str) -> str:
    """Return the text with one kind of dash, micro sign, space and inequality sign."""
    for variants, one in (
        ("–—−‑‐‒﹣－", "-"),
        ("μ", "µ"),
        ("\u00a0\u202f\u2009", " "),
        ("＜", "<"),
        ("＞", ">"),
        ("×", "x"),
    ):
        for variant in variants:
            text = text.replace(variant, one)
    text = re.sub(r"<\s*/?\s*=|=\s*<|<\s*or\s*=|⩽|≦", "≤", text)
    return re.sub(r">\s*/?\s*=|=\s*>|>\s*or\s*=|⩾|≧", "≥", text)


def uses_decimal_commas(text: str) -> bool:
    """Does this document write 5,4 where others write 5.4? Decided by the majority of its unambiguous numbers."""
    return len(_COMMA_DECIMAL.findall(text)) > len(_DOT_DECIMAL.findall(text))


def to_decimal(text: str, comma_decimal: bool = False) -> Decimal | None:
    """Return the number with exactly the digits printed, or None if it is none (a date, a version, a telephone).

    Groups of thousands may be written 9,000 or 1,50,000 or 250'000, and 4.500 where commas are decimal.
    """
    sign, digits = re.fullmatch(r"\s*([-+]?)\s*(.*?)\s*", text, re.DOTALL).groups()  # type: ignore[union-attr]  # it matches any text
    digits = digits.replace("’", "'")
    separators = [c for c in digits if c in ",.'"]
    if digits[:1] in (",", "."):
        digits = "0" + digits
    if len(set(separators)) >= 2:
        digits = _drop_groups(digits, separators[-1])
    elif "'" in separators:
        digits = digits.replace("'", "") if _GROUPED.fullmatch(digits) else ""
    elif separators:
        digits = _with_one_kind(digits, separators[0], len(separators), comma_decimal)
    if not re.fullmatch(r"\d+(?:\.\d+)?", digits) or len(digits) > 15:
        return None
    return Decimal(("-" if sign == "-" else "") + digits)


def _drop_groups(digits: str, decimal_mark: str) -> str:
    """Return 1.234,5 or 1,234.5 with a dot alone; nothing if it is no number."""
    whole, _, fraction = digits.rpartition(decimal_mark)
    if not _GROUPED.fullmatch(whole):
        return ""
    return re.sub(r"[,.']", "", whole) + "." + fraction


def _with_one_kind(digits: str, mark: str, count: int, comma_decimal: bool) -> str:
    """Return a number that has only commas or only dots, read as the document writes them."""
    groups = mark == "," if not comma_decimal else mark == "."
    looks_grouped = _GROUPED.fullmatch(digits) is not None and not digits.startswith("0")
    if looks_grouped and (groups or count > 1):
        return digits.replace(mark, "")
    return digits.replace(",", ".") if count == 1 else ""


def read_range(text: str, comma_decimal: bool = False, sex: Sex | None = None) -> Bounds:
    """Return the bounds of a printed range; of several bands the normal one, or the one for the patient's sex.

    Bands by a sex, an age or a phase that is not known give no bounds.
    """
    bands = _bands(tidy(text), comma_decimal)
    if not bands:
        return Bounds()
    if len(bands) == 1:
        label, bounds = bands[0]
        other = {"M": "F", "F": "M"}.get(sex or "", "")
        return (
            Bounds() if other and _SEX_BAND[other].search(label) and not _SEX_BAND[sex or "M"].search(label) else bounds
        )
    by_sex = {key: [b for label, b in bands if pattern.search(label)] for key, pattern in _SEX_BAND.items()}
    if by_sex["M"] and by_sex["F"]:
        return by_sex[sex][0] if sex else Bounds()
    normal = [bounds for label, bounds in bands if _NORMAL_BAND.search(label)]
    if not normal and _CONDITION.search(bands[0][0]):
        return Bounds()
    return (normal or [bands[0][1]])[0]


def plain_limit(text: str, comma_decimal: bool = False) -> str:
    """Return a value outside what can be measured in one way of writing: "< 9,0" becomes "<9.0"."""
    match = LIMIT.fullmatch(tidy(text))
    number = to_decimal(match.group(2), comma_decimal) if match else None
    if match is None or number is None:
        return text
    sign = match.group(1).strip()
    if sign not in "<>≤≥":
        sign = "<" if _IS_BELOW.match(sign) else ">"
    return f"{sign}{number}"


def _bands(text: str, comma_decimal: bool) -> list[tuple[str, Bounds]]:
    """Return each range or limit in the text with the words before it (or, failing those, after it)."""
    found: list[tuple[re.Match[str], Bounds]] = []
    for match in sorted([*RANGE.finditer(text), *LIMIT.finditer(text)], key=lambda m: (m.start(), -m.end())):
        bounds = _bounds(match, comma_decimal)
        if not bounds.is_empty and (not found or match.start() >= found[-1][0].end()):
            found.append((match, bounds))
    starts = [0, *(match.end() for match, _ in found)]
    ends = [*(match.start() for match, _ in found), len(text)]
    between = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    labels_stand_behind = len(found) > 1 and not _LETTERS.search(between[0]) and all(map(_LETTERS.search, between[1:]))
    labels = between[1:] if labels_stand_behind else between[:-1]
    return [(label, bounds) for label, (_, bounds) in zip(labels, found, strict=True)]


def _bounds(match: re.Match[str], comma_decimal: bool) -> Bounds:
    first, second = match.group(1), match.group(2)
    number = to_decimal(second, comma_decimal)
    if match.re is LIMIT:
        return Bounds(high=number) if _IS_BELOW.match(first) else Bounds(low=number)
    low = to_decimal(first, comma_decimal)
    if low is None or number is None or low > number:
        return Bounds()
    return Bounds(low, number)
