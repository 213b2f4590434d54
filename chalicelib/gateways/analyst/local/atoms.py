"""A line of a report cut into atoms: numbers, ranges, units, flags, answers, and the words between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.gateways.analyst.local import vocabulary
from chalicelib.gateways.analyst.local.headers import Column, Heading
from chalicelib.gateways.analyst.local.numbers import LIMIT, RANGE, SIGNED, tidy, to_decimal
from chalicelib.gateways.analyst.local.page import Line, Word
from chalicelib.gateways.analyst.local.units import UNIT


class Kind(StrEnum):
    """What an atom is by its own look."""

    WORD = "word"
    NUMBER = "number"
    LIMIT = "limit"  # "<0.3": a range with one bound, or a value outside what can be measured
    RANGE = "range"
    BANDS = "bands"  # named ranges: "Normal: <200; Borderline: 200-239"
    UNIT = "unit"
    FLAG = "flag"
    ANSWER = "answer"  # a qualitative result
    LABEL = "label"  # a colon, a bar, "Ref. range:"


@dataclass(frozen=True, slots=True)
class Atom:
    """A part of a line with its place; `begins_cell` says that a wide gap or the line's start is before it."""

    kind: Kind
    text: str
    x0: float
    x1: float
    begins_cell: bool
    start: int  # where it stands in the line's text
    end: int


_NUMBER = re.compile(rf"(?P<n>{SIGNED})(?![\w/:.,^(]*[^\W\d_]|[\d/:(]|-\d)")
_GLUED = re.compile(rf"(?P<n>{SIGNED})(?=\s?(?:%|[µa-zA-Z]|\*|\())")
_BAND_LABEL = (
    rf"(?=\(?[^\W\d])(?:\(?{vocabulary.BAND.pattern}[\s,/&)(-]*){{1,6}}\(?\s*(?:\([^()\d]{{1,20}}\)\s*)?[:=]?\s*-?\s*"
)
_BAND = re.compile(rf"\(?{_BAND_LABEL}(?:{RANGE.pattern}|{LIMIT.pattern})", re.IGNORECASE)
_FLAG_THEN_RANGE = re.compile(rf"(?:low|high|l|h)\s+(?:{RANGE.pattern}|{LIMIT.pattern})\s*$", re.IGNORECASE)
_BAND_JOINT = re.compile(rf"[\s;,/|.]*(?:{UNIT.pattern}[\s;,/|.]*)?")
_POWER = re.compile(r"(?:[x*]\s?)?10")
_MARKED_POWER = re.compile(r"[x*]\s?10|10\s?(?:[\^*Ee³⁶⁹(]|x\d)")
_BEFORE_UNITS = {Kind.NUMBER, Kind.FLAG, Kind.RANGE, Kind.BANDS, Kind.LIMIT}
_GRADED = re.compile(
    r"[<>≤≥]?\s?1\s?:\s?\d{1,5}(?![\d:])|(?:[1-4]\s?\+{1,3}|\+\s?[1-4]|\+{2,4})(?![\w.+])"  # a titer; 1+, ++
)
_RATIO = re.compile(r"[^\W\d_]{1,8}\.?\s?/\s?[^\W\d_]{1,4}[³3]?")  # a unit in a language without a list: "tys/µl"
_RATIO_END = re.compile(r"(?:\s?/\s?[^\W\d_]{1,6}\b)?")
_NO_UNIT_OF_RESULT = re.compile(r"(?:d|h|s|day|min|E|U|hours?|hrs?|M|T|m)\b")
_WORD = re.compile(r"[^ \t]+")
_NO_LIMIT = re.compile(r"[-_]{1,3}|n\.?/?a\.?", re.IGNORECASE)
_DASH_ALONE = {"-", "to", "bis", "à", "~"}
_TYPED = {Kind.NUMBER, Kind.LIMIT, Kind.RANGE, Kind.BANDS, Kind.UNIT, Kind.FLAG, Kind.ANSWER}
SCALES = (Kind.RANGE, Kind.BANDS, Kind.LIMIT)
WIDE_GAP = 0.85  # of the type's height: more than any space between words, less than between columns


@dataclass(frozen=True, slots=True)
class AtomLine:
    """A line with its atoms from left to right; `text` has a tab before each cell but the first."""

    line: Line
    text: str
    atoms: tuple[Atom, ...]

    def between(self, first: Atom, last: Atom) -> str:
        """Return what is printed from one atom to another, in one line of text."""
        return " ".join(self.text[first.start : last.end].split())


def atoms_of(line: Line, headings: tuple[Heading, ...] = ()) -> AtomLine:
    """Cut a line into atoms. The columns' headings, where there are any, help to find its cells."""
    text, words_at = _spell(line, headings)
    atoms = _without_empty_limits(list(_scan(text, words_at)), headings)
    return AtomLine(line, text, tuple(_joined_ranges(_demoted(atoms))))


def _spell(line: Line, headings: tuple[Heading, ...]) -> tuple[str, list[tuple[int, Word]]]:
    """Return the line with a tab before each cell, and where in it each word begins."""
    parts: list[str] = []
    words_at: list[tuple[int, Word]] = []
    length = 0
    previous: Word | None = None
    for word in line.words:
        text = tidy(word.text)
        if previous is not None:
            gap = "\t" if _starts_cell(previous, word, line.height, headings) else " "
            parts.append(gap)
            length += 1
        words_at.append((length, word))
        parts.append(text)
        length += len(text)
        previous = word
    return "".join(parts), words_at


def _starts_cell(previous: Word, word: Word, height: float, headings: tuple[Heading, ...]) -> bool:
    gap = word.x0 - previous.x1
    if gap > WIDE_GAP * height or word.text.startswith("|") or previous.text == "|":
        return True
    return gap > 0.3 * height and any(
        abs(word.x0 - heading.x0) < 0.35 * height and heading.column is not Column.NAME for heading in headings
    )


def _scan(text: str, words_at: list[tuple[int, Word]]) -> Iterator[Atom]:
    position = 0
    previous: Kind | None = None
    while position < len(text):
        if text[position] in " \t":
            position += 1
            continue
        begins = position == 0 or text[position - 1] == "\t"
        kind, end = _next(text, position, begins, previous)
        x0, x1 = _x(words_at, position), _x(words_at, end - 1, True)
        yield Atom(kind, text[position:end].strip(), x0, x1, begins, position, end)
        previous, position = kind, end


def _x(words_at: list[tuple[int, Word]], position: int, right: bool = False) -> float:
    """Return the place of a character, by its share of its word."""
    start, word = [(s, w) for s, w in words_at if s <= position][-1]
    share = (position - start + right) / max(len(word.text), 1)
    return word.x0 + min(max(share, 0.0), 1.0) * (word.x1 - word.x0)


def _next(text: str, at: int, begins_cell: bool, previous: Kind | None) -> tuple[Kind, int]:
    """Return the kind and the end of the atom that starts here."""
    cell_end = text.find("\t", at)
    cell_end = len(text) if cell_end < 0 else cell_end
    after_typed = previous in _TYPED or previous is Kind.LABEL
    power = _match_whole(UNIT, text, at, cell_end) if _POWER.match(text, at) else None
    if power and (previous in _BEFORE_UNITS or _MARKED_POWER.match(text, at)):
        return Kind.UNIT, power.end()
    for kind, end in _numeric(text, at, cell_end):
        return kind, end
    label = vocabulary.LABEL.match(text, at, cell_end)
    if label and (after_typed or begins_cell or text[at] in ":=|._-–("):
        return Kind.LABEL, label.end()
    if after_typed or begins_cell:
        for kind, end in _worded(text, at, cell_end, previous):
            if at > 0 or (kind is Kind.ANSWER and end == cell_end):  # "A : G" and "INR" begin names, no flags or units
                return kind, end
    answer = _match_whole(vocabulary.QUALITATIVE, text, at, cell_end)
    if answer and (answer.end() == cell_end or _match_whole(vocabulary.QUALITATIVE, text, answer.end() + 1, cell_end)):
        return Kind.ANSWER, answer.end()
    word = _WORD.match(text, at)
    assert word is not None  # the caller skipped the spaces
    return Kind.WORD, min(word.end(), cell_end)


def _numeric(text: str, at: int, cell_end: int) -> Iterator[tuple[Kind, int]]:
    """Yield what begins with a figure here, the longest kind first."""
    band = _BAND.match(text, at, cell_end)
    if band and not _FLAG_THEN_RANGE.match(text[at:cell_end]):
        yield Kind.BANDS, _bands_end(text, band.end(), cell_end)
    if graded := _GRADED.match(text, at, cell_end):
        yield Kind.ANSWER, graded.end()
    for pattern, kind in ((RANGE, Kind.RANGE), (LIMIT, Kind.LIMIT)):
        match = pattern.match(text, at, cell_end)
        if match and not _is_dated(match.group()) and (kind is Kind.LIMIT or _rises(match)):
            yield kind, match.end()
    if number := _NUMBER.match(text, at, cell_end):
        yield Kind.NUMBER, number.end("n")
    if glued := _GLUED.match(text, at, cell_end):
        rest = glued.end("n")
        after = rest + (text[rest : rest + 1] == " ")
        unit = _match_whole(UNIT, text, after, cell_end)
        flag = vocabulary.FLAG.match(text, after, cell_end)
        if (unit or flag) and not _NO_UNIT_OF_RESULT.match(text, after, cell_end):
            yield Kind.NUMBER, rest


def _rises(match: re.Match[str]) -> bool:
    """Is the first number of a range the smaller one? It is not in CA 19-9 and 1-0-1."""
    low, high = to_decimal(match.group(1)), to_decimal(match.group(2))
    return low is not None and high is not None and low <= high


def _is_dated(text: str) -> bool:
    """Is it a part of a date or a telephone number rather than a range?"""
    return re.search(r"\d{5,}\s*-\s*\d{2,3}(?!\d)|(?<![\d.,])0\d{2,}\s?-|\b(?:19|20)\d\d-\d\d?-", text) is not None


def _bands_end(text: str, end: int, cell_end: int) -> int:
    """Return where the last of the neighbouring bands ends."""
    while True:
        joint = _BAND_JOINT.match(text, end, cell_end)
        band = _BAND.match(text, joint.end() if joint else end, cell_end)
        if band is None:
            return end
        end = band.end()


def _worded(text: str, at: int, cell_end: int, previous: Kind | None) -> Iterator[tuple[Kind, int]]:
    """Yield what is written in letters and has a meaning only beside a number or in its own cell."""
    if glued := vocabulary.GLUED_FLAG.match(text, at, cell_end):
        yield Kind.FLAG, glued.end()
    flag = vocabulary.FLAG.match(text, at, cell_end)
    if flag and flag.group("N") is None:
        yield Kind.FLAG, flag.end()
    if previous is Kind.NUMBER and (sign := vocabulary.SIGN_FLAG.match(text, at, cell_end)):
        yield Kind.FLAG, sign.end()
    unit = _match_whole(UNIT, text, at, cell_end)
    answer = vocabulary.BLOOD_GROUP.match(text, at, cell_end) or _match_whole(
        vocabulary.QUALITATIVE, text, at, cell_end
    )
    if flag and not answer:
        yield Kind.FLAG, flag.end()
    unit_end = _RATIO_END.match(text, unit.end(), cell_end).end() if unit else 0  # type: ignore[union-attr]  # it matches any text
    if unit is None and previous in _BEFORE_UNITS and (ratio := _match_whole(_RATIO, text, at, cell_end)):
        yield Kind.UNIT, ratio.end()
    if unit and previous is not Kind.LABEL and not (answer and answer.end() > unit.end()):
        yield Kind.UNIT, unit_end
    if answer:
        yield Kind.ANSWER, answer.end()
    if flag:
        yield Kind.FLAG, flag.end()


def _match_whole(pattern: re.Pattern[str], text: str, at: int, cell_end: int) -> re.Match[str] | None:
    """Match, but only up to the end of a word."""
    match = pattern.match(text, at, cell_end)
    if match is None or match.end() == at:
        return None
    follows = text[match.end() : match.end() + 1]
    return None if follows and (follows.isalnum() or follows in "-'’") else match


def _without_empty_limits(atoms: list[Atom], headings: tuple[Heading, ...]) -> list[Atom]:
    """Leave out the dashes that say "no limit" in a column of low or high limits: they are no words, signs or flags."""
    limits = [h for h in headings if h.column in (Column.LOW, Column.HIGH)]
    if not limits:
        return atoms
    over = [min(headings, key=lambda h: h.distance(a.x0, a.x1)) for a in atoms]
    filled = [h for a, h in zip(atoms, over, strict=True) if a.kind is Kind.NUMBER]
    return [
        a
        for a, h in zip(atoms, over, strict=True)
        if not (a.begins_cell and _NO_LIMIT.fullmatch(a.text) and h in limits and h not in filled)
    ]


def _demoted(atoms: list[Atom]) -> list[Atom]:
    """Turn figures and units that belong to a name ("25 OH Vitamin D", "2 hours after") back into words."""
    result = list(atoms)
    for i in range(len(result) - 2, -1, -1):
        atom, after = result[i], result[i + 1]
        follows_on = after.kind is Kind.WORD and not after.begins_cell and not after.text.startswith("(")
        bounds_follow = after.text in _DASH_ALONE and i + 2 < len(result) and result[i + 2].kind is not Kind.WORD
        if not follows_on or bounds_follow:
            continue
        is_named = atom.kind in (Kind.NUMBER, Kind.ANSWER, Kind.FLAG, Kind.RANGE)
        if is_named or (atom.kind is Kind.UNIT and (i == 0 or result[i - 1].kind is not Kind.NUMBER)):
            result[i] = replace(atom, kind=Kind.WORD)
    return result


def _joined_ranges(atoms: list[Atom]) -> list[Atom]:
    """Join a low bound, a dash and a high bound that stand in cells of their own."""
    result: list[Atom] = []
    for atom in atoms:
        is_bound = atom.kind is Kind.NUMBER and len(result) >= 2 and result[-2].kind is Kind.NUMBER
        if is_bound and result[-1].text in _DASH_ALONE:
            low = result[-2]
            text = f"{low.text} - {atom.text}"
            result[-2:] = [Atom(Kind.RANGE, text, low.x0, atom.x1, low.begins_cell, low.start, atom.end)]
        else:
            result.append(atom)
    return result
