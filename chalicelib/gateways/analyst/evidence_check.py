"""What a model copied from a document, held against the document: found there, not there, or not to be looked up.

A value counts as read where its line stands in the text and holds name, number and unit. Where code has read the same
line, code's numbers, ranges and flags stand, whatever the model made of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from chalicelib.gateways.analyst.document_text import DocumentText
from chalicelib.gateways.analyst.local.numbers import (
    LIMIT,
    NUMBER,
    RANGE,
    Bounds,
    plain_limit,
    read_range,
    tidy,
    to_decimal,
    uses_decimal_commas,
)
from chalicelib.gateways.analyst.local.page import Line, Word
from chalicelib.gateways.analyst.local.page_text import TextLine
from chalicelib.gateways.analyst.local.reading import Row, VitalRow
from chalicelib.gateways.analyst.local.verdict import is_abnormal, read_flag
from chalicelib.gateways.analyst.local.vitals import vitals_of
from chalicelib.gateways.analyst.model_answer import SaidLab, SaidVital, confidence

_FEWEST_SIGNS: Final = 4
_LEAST_DISPUTED: Final = Decimal(5)


class Evidence(StrEnum):
    """What the document says about a value that a model copied."""

    FOUND = "found"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CheckedLab:
    """A laboratory value after the check. `said` is what the model said of it; None where code alone saw it."""

    row: Row
    evidence: Evidence
    said: SaidLab | None


@dataclass(frozen=True, slots=True)
class CheckedVital:
    """A vital sign after the check."""

    row: VitalRow
    evidence: Evidence
    said: SaidVital | None


class EvidenceCheck:
    """Holds answers against one document."""

    def __init__(self, text: DocumentText) -> None:
        self._text = text
        self._squeezed = [(line, squeezed(line.text)) for line in text.lines]
        self._pages = {line.page: squeezed(" ".join(one.text for one in text.lines if one.page == line.page))
                       for line in {line.page: line for line in text.lines}.values()}  # fmt: skip
        self._has_commas = uses_decimal_commas(tidy(text.whole))

    def labs(self, said: Sequence[SaidLab]) -> list[CheckedLab]:
        """Return each value with its evidence, and after them those that code read and the model left out.

        Of several values that come down to the same line and number, the first one stays.
        """
        checked: dict[tuple[int, str, str, str], CheckedLab] = {}
        used: set[int] = set()
        for one in said:
            found = self._lab(one, used)
            checked.setdefault(_identity(found.row), found)
        rows = self._text.reading.rows if self._text.reading is not None else ()
        left_out = [CheckedLab(row, Evidence.FOUND, None) for number, row in enumerate(rows) if number not in used]
        return [*checked.values(), *(one for one in left_out if _identity(one.row) not in checked)]

    def vitals(self, said: Sequence[SaidVital]) -> list[CheckedVital]:
        """Return each kind of vital sign once, with its evidence, as labs are."""
        rows = {row.vital_type: row for row in self._text.reading.vitals} if self._text.reading is not None else {}
        checked: dict[str, CheckedVital] = {}
        for one in said:
            if one.type in rows:
                checked.setdefault(one.type, CheckedVital(rows[one.type], Evidence.FOUND, one))
                continue
            read = next((row for row in vitals_of([_line(one)], self._has_commas) if row.vital_type is one.type), None)
            if read is None:
                continue  # its own quote does not hold such a sign: nothing is left to show
            line, evidence = self._line_of(one.page, one.quote)
            score = min(confidence(one.confidence), Decimal(9))
            row = msgspec.structs.replace(read, page=line.page if line else one.page, confidence=score)
            checked.setdefault(one.type, CheckedVital(row, evidence, one))
        left_out = (CheckedVital(row, Evidence.FOUND, None) for kind, row in rows.items() if kind not in checked)
        return [*checked.values(), *left_out]

    def _lab(self, said: SaidLab, used: set[int]) -> CheckedLab:
        line, evidence = self._line_of(said.page, said.quote)
        claimed = self._claimed(said, line)
        if evidence is Evidence.FOUND:
            known = self._read_by_code(said, line, claimed.value, used)
            if known is not None:
                number, row = known
                used.add(number)
                return CheckedLab(_agreed(row, claimed, said), Evidence.FOUND, said)
            if not self._holds(said, line):
                evidence = Evidence.MISSING
        if evidence is Evidence.MISSING:
            same = self._same_by_code(claimed, used)
            if same is not None:
                number, row = same
                used.add(number)
                return CheckedLab(row, Evidence.FOUND, said)
        return CheckedLab(claimed, evidence, said)

    def _same_by_code(self, claimed: Row, used: set[int]) -> tuple[int, Row] | None:
        """Return code's row of the same name, number and unit: then it is there, wherever the quote came from."""
        rows = self._text.reading.rows if self._text.reading is not None else ()
        same = ((number, row) for number, row in enumerate(rows) if number not in used)
        return next((one for one in same if _identity(one[1])[1:] == _identity(claimed)[1:]), None)

    def _line_of(self, page: int, quote: str) -> tuple[TextLine | None, Evidence]:
        """Find the line that a quote comes from: on the page that was said, else on any."""
        if not self._text.is_known:
            return None, Evidence.UNKNOWN
        wanted = squeezed(quote)
        if len(wanted) < _FEWEST_SIGNS:
            return None, Evidence.MISSING
        ordered = sorted(self._squeezed, key=lambda one: one[0].page != page)
        for line, text in ordered:
            if wanted in text:
                return line, Evidence.FOUND
        for number in sorted(self._pages, key=lambda one: one != page):
            if wanted in self._pages[number]:  # it runs over two lines
                return TextLine(number, quote), Evidence.FOUND
        words = quote.split()
        for line, text in ordered:
            is_most_of_it = len(text) >= _FEWEST_SIGNS and text in wanted and len(text) * 2 > len(wanted)
            if is_most_of_it or (len(words) > 2 and _is_subsequence(words, line.text.split())):
                return line, Evidence.FOUND
        return None, Evidence.MISSING

    def _read_by_code(
        self, said: SaidLab, line: TextLine | None, value: Decimal | str, used: set[int]
    ) -> tuple[int, Row] | None:
        """Return code's row of the same line: the one that agrees best in name, number and unit, not taken before."""
        if line is None or self._text.reading is None:
            return None
        own, unit, text = squeezed(said.name), squeezed(said.unit or ""), squeezed(line.text)

        def likeness(row: Row) -> tuple[bool, int]:
            theirs = squeezed(row.name)
            has_name = bool(own and theirs and (own in theirs or theirs in own))
            exact = (own == theirs, row.value == value, unit == squeezed(row.unit or ""))
            return has_name or row.value == value, sum(exact)

        beside = [
            (number, row)
            for number, row in enumerate(self._text.reading.rows)
            if row.page == line.page and (squeezed(row.text) in text or text in squeezed(row.text))
        ]
        alike = [(number, row) for number, row in beside if likeness(row)[0]]
        return max(alike, key=lambda one: (one[0] not in used, likeness(one[1])[1]), default=None)

    def _holds(self, said: SaidLab, line: TextLine | None) -> bool:
        """Whether name, number and unit stand in the line, or at least on its page: a unit may head its column."""
        if line is None:
            return False
        text = squeezed(line.text)
        value = self._value(said)
        has_value = value in set(self._values_in(line.text)) or (isinstance(value, str) and squeezed(value) in text)
        has_name = all(squeezed(word) in text for word in said.name.split())
        unit = squeezed(said.unit or "")
        return has_value and has_name and (not unit or unit in text or unit in self._pages.get(line.page, ""))

    def _claimed(self, said: SaidLab, line: TextLine | None) -> Row:
        """Return what the model said as a row; range and flag as code reads them, and only as far as they are there."""
        text = squeezed(line.text) if line is not None else None
        has_range = said.range is not None and (text is None or squeezed(said.range) in text)
        range_text = " ".join(tidy(said.range).split()) if has_range and said.range else None
        has_flag = said.flag is not None and (line is None or said.flag in line.text.split())
        flag = read_flag(said.flag) if has_flag else None
        value = self._value(said)
        bounds = read_range(range_text, self._has_commas) if range_text else Bounds()
        return Row(
            name=" ".join(said.name.split()),
            value=value,
            unit=said.unit,
            low=bounds.low,
            high=bounds.high,
            range_text=range_text,
            flag=flag,
            is_abnormal=is_abnormal(value, bounds, range_text, flag, self._has_commas),
            section=self._section(said, line),
            confidence=confidence(said.confidence),
            page=line.page if line is not None else said.page,
            text=" ".join((line.text if line is not None else said.quote).split()),
        )

    def _section(self, said: SaidLab, line: TextLine | None) -> str | None:
        """Return the sample that the model names; "urine" only where the page speaks of it, because blood alone has
        critical values."""
        is_credible = line is None or re.search(r"urin|harn|orina", self._pages.get(line.page, "")) is not None
        return {"urine": "Urine" if is_credible else None, "imaging": "Imaging", "blood": "Blood"}.get(said.category)

    def _value(self, said: SaidLab) -> Decimal | str:
        text = str(said.value).strip()
        number = to_decimal(text, self._has_commas)
        if number is not None:
            return number
        return plain_limit(text, self._has_commas) if LIMIT.fullmatch(tidy(text)) else text

    def _values_in(self, text: str) -> Iterator[Decimal | str]:
        for match in re.finditer(rf"(?<![\w.,]){NUMBER}(?![\w]*\d)", RANGE.sub(" ", tidy(text))):
            number = to_decimal(match.group(), self._has_commas)
            if number is not None:
                yield number
        for match in LIMIT.finditer(tidy(text)):
            yield plain_limit(match.group(), self._has_commas)


def squeezed(text: str) -> str:
    """Return a text as it is compared: without spaces, case, and different ways to write the same sign."""
    return re.sub(r"\s+", "", tidy(unicodedata.normalize("NFKC", text)).casefold())


def _identity(row: Row) -> tuple[int, str, str, str]:
    return row.page, squeezed(row.name), str(row.value), squeezed(row.unit or "")


def _agreed(row: Row, claimed: Row, said: SaidLab) -> Row:
    """Return code's row; where the model read another number or unit in the same line, neither is sure of it."""
    is_same = row.value == claimed.value and (not claimed.unit or squeezed(claimed.unit) == squeezed(row.unit or ""))
    score = min(row.confidence, confidence(said.confidence))
    return msgspec.structs.replace(row, confidence=score if is_same else min(score, _LEAST_DISPUTED))


def _is_subsequence(wanted: Sequence[str], text: Sequence[str]) -> bool:
    left = iter(squeezed(word) for word in text)
    return all(any(squeezed(word) == other for other in left) for word in wanted)


def _line(said: SaidVital) -> Line:
    """Return a quote as a line of words, for code that reads lines."""
    words = [Word(text, 10.0 * at, 0.0, 10.0 * at + 9, 10.0) for at, text in enumerate(said.quote.split() or [""])]
    return Line(tuple(replace(word) for word in words), said.page)
