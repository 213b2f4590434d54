"""The dates of a report and the patient's sex, from the lines around the results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain

from chalicelib.gateways.analyst.local.numbers import Sex
from chalicelib.gateways.analyst.local.page import Line

_MONTHS = (
    ("jan", "ene", "gen"), ("feb", "fév", "fev"), ("mar", "mär", "mrz"), ("apr", "avr", "abr"), ("may", "mai", "mag"),
    ("jun", "juin", "giu"), ("jul", "juil", "lug"), ("aug", "aoû", "aou", "ago"), ("sep", "set"), ("oct", "okt", "ott"),
    ("nov",), ("dec", "dez", "déc", "dic"),
)  # fmt: skip
_MONTH_NUMBER = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_NUMERIC = re.compile(r"(?<![\d./-])(\d{1,2})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})(?![\d./-]\d)(?!\d)")
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_DAY_MONTH = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|\.)?[\s\-./,]*(?:de\s+)?([^\W\d_]{3,10})\.?[\s\-./,]*(?:de\s+)?(\d{4}|"
    r"\d{2})(?![\d:])"
)
_MONTH_DAY = re.compile(r"([^\W\d_]{3,10})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)")
_COLLECTED = re.compile(
    r"collect(?:ed|ion)|sampl(?:ed|ing)|drawn|specimen\s+(?:date|taken)|sample\s+(?:date|taken|on)|"
    r"date\s+of\s+(?:sample|test|examination)|"
    r"entnahme\w*|abnahme\w*|entnommen|probennahme|pr[ée]l[èe]v\w*|toma(?:\s+de)?\s+(?:de\s+)?muestra|"
    r"extracci[óo]n|fecha\s+(?:de\s+)?toma|prelievo|coleta\w*|afname\w*|pobran\w*|numune\w*|provtagning\w*|"
    r"prøvetag\w*|odb[ěe]r\w*",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"rapport\w*|uitslag\s?datum|wyniku|wydania|onay\w*|rapor\b|svarsdatum|discharg\w*|dictated|entlass\w*|"
    r"liberad\w*|emiss[ãa]o|laudo|report(?:ed|ing)?|result(?:ed|s)?\s+(?:on|date)|"
    r"released|issued?|approved|authori[sz]ed|validated|final(?:i[sz]ed)?\s+(?:on|date)|"
    r"befund\w*|ausgang\w*|berichts?\w*|druckdatum|ausgedruckt|[ée]dit[ée]\w*|compte[- ]rendu|valid[ée]\w*|"
    r"r[ée]sultats?\s+du|"
    r"informe|emisi[óo]n|validaci[óo]n|fecha\s+(?:de\s+)?(?:informe|resultado)|referto",
    re.IGNORECASE,
)
_PLAIN_DATE = re.compile(
    r"(?:^|\s)(?:date|datum|fecha|data|le)\b\s*(?:of\s+(?:visit|"
    r"service))?\s*[:.]?",
    re.IGNORECASE,
)
_IN_HAND = re.compile(r"receiv\w*|regist\w*|print\w*|eingang\w*|reçu|recib\w*|recep\w*|accept\w*", re.IGNORECASE)
_NOT_OURS = re.compile(
    r"birth|d\.?o\.?b|born|geb(?:oren|\.|urts\w*)?\b|n[ée]e?\s+le|naissance|nacimiento|nascita|received|receiv|"
    r"regist|eingang\w*|eingegangen|"
    r"re[çc]u|recep\w*|recib\w*|print\w*|order\w*|admi\w*|expir\w*|valid\s+until|previous|prior|next",
    re.IGNORECASE,
)
_SEX = re.compile(
    r"\b(?:sex|gender|geschlecht|sexe|sexo|sesso)\b[^A-Za-zäöü\n]*(?:[\d.]+\s*(?:y\w*|years?|jahre?|ans|años)\W*)?"
    r"(male|female|m[äa]nnlich|weiblich|masculin|f[ée]minin|masculino|femenino|hombre|mujer|homme|femme|maschio|"
    r"femmina|man|woman|m|f|w|h)\b",
    re.IGNORECASE,
)
_SEX_AFTER_AGE = re.compile(
    r"\b(?:age|alter|âge|edad|years?|yrs?|y|jahre|ans|años)\b[^A-Za-z\n]{0,12}(?:years?|yrs?|y(?:\(s\))?|jahre|"
    r"ans|años)?\W{0,5}(male|female|m|f)\b",
    re.IGNORECASE,
)
_MARGIN = 8  # characters between a label and the label that the date may belong to instead


@dataclass(frozen=True, slots=True)
class Particulars:
    """When the sample was taken, when the report was written, and the patient's sex, as far as the document says."""

    collected_on: date | None
    reported_on: date | None
    sex: Sex | None


def particulars_of(lines: list[Line], today: date) -> Particulars:
    """Return what the lines say. Dates after `today` and before 1990 are none of a report."""
    texts = [line.text for line in lines]
    month_first = _writes_month_first(texts)
    collected = _labelled(texts, _COLLECTED, month_first, today)
    reported = _labelled(texts, _REPORTED, month_first, today)
    if collected is None and reported is None:
        for label in (_PLAIN_DATE, _IN_HAND):
            reported = reported or _labelled(texts, label, month_first, today)
    if collected is None and reported is None:
        reported = _only_date(texts, month_first, today)
    return Particulars(collected, reported, _sex(texts))


def _only_date(texts: list[str], month_first: bool, today: date) -> date | None:
    """Return the one date of the document that is not a birthday, if it has but one."""
    kept = [text for text in texts if not _NOT_OURS.search(text)]
    days = {day for text in kept for day, _ in _dates(text, month_first) if _is_plausible(day, today)}
    return days.pop() if len(days) == 1 else None


def _labelled(texts: list[str], label: re.Pattern[str], month_first: bool, today: date) -> date | None:
    """Return the first date that stands behind such a label, or below it at the same place."""
    for i, text in enumerate(texts):
        for match in label.finditer(text):
            for day, start in _dates(text[match.end() :], month_first):
                between = text[match.end() : match.end() + start]
                if not _another_label(between) and _is_plausible(day, today) and not _is_foreign(text[: match.start()]):
                    return day
            if len(text) - match.end() < _MARGIN and i + 1 < len(texts):
                below = [day for day, start in _dates(texts[i + 1], month_first) if start < _MARGIN + len(text)]
                alone = re.fullmatch(r"[\W\d]*(?:[^\W\d_]{3,9}[\W\d]*)?(?:[ap]m)?\W*", texts[i + 1], re.IGNORECASE)
                if below and alone and _is_plausible(below[0], today):
                    return below[0]
    return None


def _another_label(between: str) -> bool:
    """Do the words between a label and a date name another date?"""
    return len(between) > 60 or any(p.search(between) for p in (_COLLECTED, _REPORTED, _NOT_OURS))


def _is_foreign(before: str) -> bool:
    """Does the word just before the label make it another label ("received report")?"""
    return re.search(r"(?:referring|referred|print\w*|previous|prior)\W*$", before, re.IGNORECASE) is not None


def _is_plausible(day: date, today: date) -> bool:
    return date(1990, 1, 1) <= day <= today


def _dates(text: str, month_first: bool) -> Iterator[tuple[date, int]]:
    """Yield the dates in a text with their places, from left to right."""
    found = chain(_iso_dates(text), _numeric_dates(text, month_first), _named_dates(text))
    yield from sorted(found, key=lambda pair: pair[1])


def _iso_dates(text: str) -> Iterator[tuple[date, int]]:
    for match in _ISO.finditer(text):
        year, month, day = map(int, match.groups())
        yield from _made(year, month, day, match.start())


def _numeric_dates(text: str, month_first: bool) -> Iterator[tuple[date, int]]:
    for match in _NUMERIC.finditer(text):
        first, second, year = int(match[1]), int(match[3]), _full_year(match[4])
        day, month = (
            (second, first) if (month_first and match[2] != "." and second > 0) or second > 12 else (first, second)
        )
        yield from _made(year, month, day, match.start())


def _named_dates(text: str) -> Iterator[tuple[date, int]]:
    for match in _DAY_MONTH.finditer(text):
        yield from _made(_full_year(match[3]), _month(match[2]), int(match[1]), match.start())
    for match in _MONTH_DAY.finditer(text):
        yield from _made(int(match[3]), _month(match[1]), int(match[2]), match.start())


def _month(name: str) -> int:
    lowered = name.casefold()
    return next((_MONTH_NUMBER[lowered[:n]] for n in (4, 3) if lowered[:n] in _MONTH_NUMBER), 0)


def _full_year(digits: str) -> int:
    return int(digits) if len(digits) == 4 else 2000 + int(digits)


def _made(year: int, month: int, day: int, start: int) -> Iterator[tuple[date, int]]:
    try:
        yield date(year, month, day), start
    except ValueError:
        return  # 31/14/2023 is no date


def _writes_month_first(texts: list[str]) -> bool:
    """Does this document write 5/16/2023? Decided by its unambiguous dates, else by which reading puts them closer
    together, else by American addresses and telephones."""
    pairs = [(int(m[1]), int(m[3])) for text in texts for m in _NUMERIC.finditer(text) if m[2] != "."]
    month_first = sum(1 for a, b in pairs if b > 12 >= a)
    day_first = sum(1 for a, b in pairs if a > 12 >= b)
    if month_first != day_first:
        return month_first > day_first
    spans = {first: _span(texts, first) for first in (True, False)}
    if spans[True] != spans[False]:
        return spans[True] < spans[False]  # registered, collected and reported are days apart, not months
    everything = "\n".join(texts)
    american = r"\b[A-Z]{2},?\s+\d{5}(?:-\d{4})?\b|\(\d{3}\)\s?\d{3}-\d{4}|\b\d{3}-\d{3}-\d{4}\b|\bCLIA\s*(?:#|No|ID)"
    return re.search(american, everything) is not None


def _span(texts: list[str], month_first: bool) -> int:
    """Return how many days the dates of the latest year span."""
    days = [day for text in texts for day, _ in _numeric_dates(text, month_first)]
    latest = [day for day in days if day.year == max(d.year for d in days)]
    return (max(latest) - min(latest)).days if latest else 0


def _sex(texts: list[str]) -> Sex | None:
    for pattern in (_SEX, _SEX_AFTER_AGE):
        for text in texts:
            if match := pattern.search(text):
                word = match[1].casefold()
                return "F" if word[0] in "fw" or word in ("mujer", "donna") else "M"
    return None
