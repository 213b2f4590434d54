"""From the atoms of one line to what could be results: a name, a value, and what stands around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.gateways.analyst.local.atoms import SCALES, Atom, AtomLine, Kind
from chalicelib.gateways.analyst.local.columns import Columns, cells_of
from chalicelib.gateways.analyst.local.groups import Group, groups_of
from chalicelib.gateways.analyst.local.headers import Column, Heading
from chalicelib.gateways.analyst.local.page import Line
from chalicelib.gateways.analyst.local.units import UNIT, read_unit

_CODE = re.compile(r"\d{3,6}-\d\s*:?\s+(?=\S*[^\W\d_])")  # LOINC before a name; "25-Hydroxy" and "17-OH" are names


@dataclass(frozen=True, slots=True)
class Candidate:
    """What could be a result, as printed. `name` is empty where the line has only values."""

    line: Line
    name: str
    name_x0: float
    name_x1: float
    value: str
    value_kind: Kind
    value_x0: float
    value_x1: float
    unit: str | None
    unit_x0: float | None
    ranges: tuple[str, ...]
    range_x0: float | None
    flag: str | None
    is_under_heading: bool  # the value stands in the column that the header names
    has_own_cell: bool  # the value is set off from the name
    trailing_words: int  # words after the values in their cell: a sentence rather than a row


def candidates_of(atom_line: AtomLine, headings: tuple[Heading, ...] = ()) -> list[Candidate]:
    """Return what could be results in this line, from left to right; two where two results stand beside each other."""
    columns = Columns(headings, atom_line.line.height)
    groups = groups_of(atom_line.atoms, columns)
    found = [_candidate(atom_line, group, columns, _trailing(groups[i + 1 :])) for i, group in enumerate(groups)]
    return [candidate for candidate in found if candidate is not None]


def _trailing(following: list[Group]) -> int:
    """Return how many words go on in the cell of the values, as in a sentence."""
    if not following or following[0].typed or not following[0].words:
        return 0
    words = following[0].words
    return 0 if words[0].begins_cell or words[0].text.startswith("(") else len(words)


def _candidate(atom_line: AtomLine, group: Group, columns: Columns, trailing: int) -> Candidate | None:
    words, typed = group.words, group.typed
    value = _value(typed, columns)
    if value is None and columns.headings and words:
        words, value = _worded_value(words, typed, columns)
    if value is None:
        return None
    words, typed = _with_numbers_of_name(words, typed, value)
    name, name_x0, name_x1 = _name(atom_line, words, columns)
    name, flag = _flag(name, typed, columns.value_heading(value))
    unit = _unit(typed, value, columns)
    name, unit_in_name = (name, None) if unit else _unit_in_name(name)
    ranges = _ranges(typed, value, columns)
    heading = columns.value_heading(value)
    return Candidate(
        line=atom_line.line,
        name=name,
        name_x0=name_x0,
        name_x1=name_x1,
        value=value.text,
        value_kind=value.kind,
        value_x0=value.x0,
        value_x1=value.x1,
        unit=read_unit(_whole_unit(atom_line, unit, columns)) if unit else unit_in_name,
        unit_x0=unit.x0 if unit else None,
        ranges=tuple(a.text for a in ranges),
        range_x0=min((a.x0 for a in ranges), default=None),
        flag=flag,
        is_under_heading=heading is not None and heading.column is Column.VALUE,
        has_own_cell=value.begins_cell,
        trailing_words=trailing,
    )


def _value(typed: Sequence[Atom], columns: Columns) -> Atom | None:
    """Return the result: a number before a limit, a limit before an answer, an answer before a range."""
    scales = [a for a in typed if a.kind in SCALES]
    for kind in (Kind.NUMBER, Kind.LIMIT, Kind.ANSWER, Kind.RANGE):
        found = [a for a in typed if a.kind is kind]
        placed = [a for a in found if columns.column_of(a) is Column.VALUE]
        is_misplaced = bool(columns.headings) and all(columns.column_of(a) is not None for a in found)
        is_plain = kind in (Kind.NUMBER, Kind.ANSWER) or (kind is Kind.LIMIT and not columns.headings)
        chosen = placed or (found if not is_misplaced and (is_plain or len(scales) >= 2) else [])
        if chosen:
            return _past_the_name(chosen, typed) if kind is Kind.NUMBER else chosen[0]
    return None


def _past_the_name(numbers: list[Atom], typed: Sequence[Atom]) -> Atom:
    """Return the first number that does not belong to the name: 280 in "Vitamin B 12 280 pg/mL"."""
    chosen = numbers[0]
    for following in numbers[1:]:
        is_beside = typed.index(following) == typed.index(chosen) + 1 and not following.begins_cell
        if not is_beside or chosen.begins_cell:
            break
        chosen = following
    return chosen


def _worded_value(
    words: tuple[Atom, ...], typed: Sequence[Atom], columns: Columns
) -> tuple[tuple[Atom, ...], Atom | None]:
    """Return a worded result that is in no vocabulary: it stands in the column of values, and the line has a range."""
    cells = cells_of(words)
    last = cells[-1]
    has_range = any(a.kind in (*SCALES, Kind.ANSWER) for a in typed)
    if len(cells) < 2 or not has_range or columns.column_of_words(last) is not Column.VALUE or len(last) > 4:
        return words, None
    text = " ".join(word.text for word in last)
    value = Atom(Kind.ANSWER, text, last[0].x0, last[-1].x1, True, last[0].start, last[-1].end)
    return tuple(w for cell in cells[:-1] for w in cell), value


def _with_numbers_of_name(
    words: tuple[Atom, ...], typed: tuple[Atom, ...], value: Atom
) -> tuple[tuple[Atom, ...], tuple[Atom, ...]]:
    """Give numbers that stand before the value without a gap back to the name."""
    at = typed.index(value) if value in typed else 0
    given = 0
    while given < at and typed[given].kind is Kind.NUMBER and not typed[given].begins_cell:
        given += 1
    return (*words, *typed[:given]), typed[given:]


def _name(atom_line: AtomLine, words: Sequence[Atom], columns: Columns) -> tuple[str, float, float]:
    """Return the name and where it stands: the cell under the heading of names, or the first that has letters."""
    cells = [cell for cell in cells_of(words) if re.search(r"[^\W\d_]", "".join(a.text for a in cell))]
    if not cells:
        return "", 0.0, 0.0
    named = [cell for cell in cells if columns.column_of_words(cell) is Column.NAME]
    chosen = (named or cells)[0]
    return clean_name(atom_line.between(chosen[0], chosen[-1])), chosen[0].x0, chosen[-1].x1


def clean_name(text: str) -> str:
    """Return the name without numbering, catalogue code, marks of accreditation, leaders and a final colon."""
    text = re.sub(r"^(?:\d{1,2}\s?[.)]\s+|[*#•·▪‣>|\-–^~†‡§\s]+)", "", text)
    text = text[code.end() :] if (code := _CODE.match(text)) else text
    text = re.sub(r"[\s:;=|_*^†‡§-]+$", "", re.sub(r"\s*\.{3,}[\s:]*", " ", text))
    if not re.search(r"\b\w\.\w\.$", text):  # E.S.R.
        text = text.rstrip(". ")
    return " ".join(text.split())


def _flag(name: str, typed: Sequence[Atom], heading: Heading | None) -> tuple[str, str | None]:
    """Return the name and the mark: beside the value, before it ("Glucose H 5.9"), or by its column."""
    marks = [a.text for a in typed if a.kind is Kind.FLAG]
    if heading is not None and heading.marks_abnormal:
        marks.append("A")
    match = re.fullmatch(r"(.{2,}?)\s+(\*+|[HL]|HH|LL|HIGH|LOW|High|Low|↑|↓|\(H\)|\(L\))", name)
    if match and not marks:
        return match.group(1), match.group(2)
    return name, marks[0] if marks else None


def _ranges(typed: Sequence[Atom], value: Atom, columns: Columns) -> list[Atom]:
    scales = [a for a in typed if a.kind in SCALES and a is not value]
    if scales:
        return scales
    limits = _limits([a for a in typed if a.kind is Kind.NUMBER and a is not value], columns)
    if limits or value.kind is Kind.NUMBER:
        return limits
    answers = [a for a in typed if a.kind is Kind.ANSWER and a is not value]
    return [a for a in answers if a.start > value.start or columns.column_of(a) is Column.RANGE]


def _limits(numbers: Sequence[Atom], columns: Columns) -> list[Atom]:
    """Return the range that columns of their own for the low and the high limit give, one of which may be empty."""
    lows = [a for a in numbers if columns.column_of(a) is Column.LOW]
    highs = [a for a in numbers if columns.column_of(a) is Column.HIGH]
    if len(lows) > 1 or len(highs) > 1:
        return []  # two numbers in one column: one of them is no limit, and nothing says which
    if lows and highs:
        low, high = lows[0], highs[0]
        first, last = sorted((low, high), key=lambda a: a.start)
        return [Atom(Kind.RANGE, f"{low.text} - {high.text}", first.x0, last.x1, True, first.start, last.end)]
    return [replace(a, kind=Kind.LIMIT, text=f"{'≥' if lows else '≤'} {a.text}") for a in (*lows, *highs)]


def _unit(typed: Sequence[Atom], value: Atom, columns: Columns) -> Atom | None:
    units = [a for a in typed if a.kind is Kind.UNIT]
    under = [a for a in units if columns.column_of(a) is Column.UNIT]
    after = [a for a in units if a.start > value.start]
    return next(iter([*under, *after, *units]), None)


def _unit_in_name(name: str) -> tuple[str, str | None]:
    """Return the name and the unit that stands behind it in brackets: "Glucose (mg/dL)", "Quick [%]"."""
    match = re.fullmatch(r"(.*\S)\s*([(\[])([^()\[\]]{1,20})[)\]]|(.*\w),\s+(\S+/\S+)", name)
    if match is None:
        return name, None
    text = match.group(3) or match.group(5)
    is_clear = match.group(2) != "(" or re.search(r"[/%]|^(?:f[lL]|pg|sec|s|mm)$", text) is not None
    if UNIT.fullmatch(text) is None or not is_clear:
        return name, None
    return match.group(1) or match.group(4), read_unit(text)


def _whole_unit(atom_line: AtomLine, unit: Atom, columns: Columns) -> str:
    """Return the unit with the words behind it in the column of units: "mm at the end of 1 hour"."""
    if columns.column_of(unit) is not Column.UNIT:
        return unit.text
    last = unit
    for atom in atom_line.atoms:
        if atom.start > last.start and not atom.begins_cell and atom.kind is Kind.WORD:
            last = atom
        elif atom.start > last.start:
            break
    return atom_line.between(unit, last)
