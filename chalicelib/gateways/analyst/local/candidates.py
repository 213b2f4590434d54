"""From the atoms of one line to what could be results: a name, a value, and what stands around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.gateways.analyst.local.atoms import Atom, AtomLine, Kind
from chalicelib.gateways.analyst.local.headers import Column, Heading
from chalicelib.gateways.analyst.local.page import Line
from chalicelib.gateways.analyst.local.units import read_unit

ALIGNED_WITHIN = 2.5  # of the type's height
_SCALES = {Kind.RANGE, Kind.BANDS, Kind.LIMIT}


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


@dataclass(frozen=True, slots=True)
class _Group:
    """Words, and the typed atoms that follow them."""

    words: tuple[Atom, ...]
    typed: tuple[Atom, ...]


def candidates_of(atom_line: AtomLine, headings: Sequence[Heading] = ()) -> list[Candidate]:
    """Return what could be results in this line, from left to right; two where two results stand beside each other."""
    height = atom_line.line.height
    atoms = [a for a in atom_line.atoms if a.kind is not Kind.LABEL]
    groups = _merge_units(_groups(atoms, headings, height), headings, height)
    found: list[Candidate] = []
    for i, group in enumerate(groups):
        following = groups[i + 1].words if i + 1 < len(groups) else ()
        trailing = 0 if not following or following[0].begins_cell or following[0].text.startswith("(") else len(following)
        candidate = _candidate(atom_line, group, headings, 0 if groups[i + 1 :] and groups[i + 1].typed else trailing)
        if candidate is not None:
            found.append(candidate)
    return found


def _groups(atoms: list[Atom], headings: Sequence[Heading], height: float) -> list[_Group]:
    groups: list[_Group] = []
    words: list[Atom] = []
    typed: list[Atom] = []
    for atom in atoms:
        if atom.kind is Kind.WORD and typed:
            groups.append(_Group(tuple(words), tuple(typed)))
            words, typed = [], []
        (words if atom.kind is Kind.WORD else typed).append(atom)
    return [*groups, _Group(tuple(words), tuple(typed))] if words or typed else groups


def _merge_units(groups: list[_Group], headings: Sequence[Heading], height: float) -> list[_Group]:
    """Take a word between a value and a range for the unit that it must be, and join what it separated."""
    merged: list[_Group] = []
    for group in groups:
        before = merged[-1] if merged else None
        if before and before.typed and _is_unknown_unit(before, group, headings, height):
            first, last = group.words[0], group.words[-1]
            text = " ".join(word.text for word in group.words)
            unit = Atom(Kind.UNIT, text, first.x0, last.x1, True, first.start, last.end)
            merged[-1] = _Group(before.words, (*before.typed, unit, *group.typed))
        elif before and before.typed and group.typed and _is_remark(before, group):
            merged[-1] = _Group(before.words, (*before.typed, *group.typed))
        else:
            merged.append(group)
    return merged


def _is_unknown_unit(before: _Group, group: _Group, headings: Sequence[Heading], height: float) -> bool:
    words = group.words
    if not words or not words[0].begins_cell or len(words) > 3 or any(a.kind is Kind.UNIT for a in before.typed):
        return False
    if any(a.kind in (Kind.NUMBER, Kind.ANSWER) for a in group.typed) or any(w.begins_cell for w in words[1:]):
        return False
    if headings:
        nearest = _nearest(words[0].x0, words[-1].x1, headings, height)
        return nearest is not None and nearest.column is Column.UNIT
    has_value = any(a.kind is Kind.NUMBER for a in before.typed) and not any(a.kind in _SCALES for a in before.typed)
    return has_value and len(words) == 1 and any(a.kind in _SCALES for a in group.typed) and len(words[0].text) <= 12


def _is_remark(before: _Group, group: _Group) -> bool:
    """Is it a short remark between a value and its range ("95 fasting 70-100") rather than the next result?"""
    has_value = any(a.kind in (Kind.NUMBER, Kind.ANSWER) for a in before.typed)
    return has_value and all(a.kind in (*_SCALES, Kind.UNIT) for a in group.typed) and len(group.words) <= 3


def _candidate(atom_line: AtomLine, group: _Group, headings: Sequence[Heading], trailing: int) -> Candidate | None:
    height = atom_line.line.height
    words, typed = _without_other_columns(group, headings, height)
    value = _value(typed, headings, height)
    if value is None and headings and words:
        words, value = _text_value(words, typed, headings, height)
    if value is None:
        return None
    name_words, typed = _name_words(words, typed, value)
    name, x0, x1 = _name(atom_line, name_words, headings, height)
    ranges = _ranges(typed, value, headings, height)
    unit = _unit(typed, value, headings, height)
    under = _nearest(value.x0, value.x1, [h for h in headings if h.column in _VALUE_RIVALS], height)
    flags = [a.text for a in typed if a.kind is Kind.FLAG]
    if under is not None and under.marks_abnormal:
        flags.append("A")
    name, flags = _flag_before_value(name, flags)
    return Candidate(
        line=atom_line.line,
        name=name,
        name_x0=x0,
        name_x1=x1,
        value=value.text,
        value_kind=value.kind,
        value_x0=value.x0,
        value_x1=value.x1,
        unit=read_unit(_whole_unit(atom_line, unit, headings, height)) if unit else None,
        unit_x0=unit.x0 if unit else None,
        ranges=tuple(a.text for a in ranges),
        range_x0=min((a.x0 for a in ranges), default=None),
        flag=flags[0] if flags else None,
        is_under_heading=under is not None and under.column is Column.VALUE,
        has_own_cell=value.begins_cell,
        trailing_words=trailing,
    )


_VALUE_RIVALS = (Column.VALUE, Column.OTHER, Column.LOW, Column.HIGH)


def _nearest(x0: float, x1: float, headings: Iterable[Heading], height: float, within: float = ALIGNED_WITHIN) -> Heading | None:
    """Return the heading that a cell stands under, None if it stands under none."""
    best = min(headings, key=lambda h: h.distance(x0, x1), default=None)
    if best is None:
        return None
    overlaps = min(x1, best.x1) - max(x0, best.x0) > 0
    return best if overlaps or best.distance(x0, x1) <= within * height else None


def _without_other_columns(
    group: _Group, headings: Sequence[Heading], height: float
) -> tuple[tuple[Atom, ...], tuple[Atom, ...]]:
    """Leave out what stands in columns of methods, sites and earlier results."""
    if not any(h.column is Column.OTHER for h in headings):
        return group.words, group.typed

    def is_other(x0: float, x1: float, rivals: Iterable[Heading]) -> bool:
        nearest = _nearest(x0, x1, rivals, height)
        return nearest is not None and nearest.column is Column.OTHER

    words = tuple(w for cell in _cells(group.words) if not is_other(cell[0].x0, cell[-1].x1, headings) for w in cell)
    typed = tuple(a for a in group.typed if not is_other(a.x0, a.x1, _rivals(a.kind, headings)))
    return words or group.words, typed


def _rivals(kind: Kind, headings: Sequence[Heading]) -> list[Heading]:
    """Return the columns that an atom of this kind can stand in."""
    columns = {
        Kind.NUMBER: {*_VALUE_RIVALS},
        Kind.ANSWER: {Column.VALUE, Column.OTHER, Column.RANGE, Column.FLAG},
        Kind.UNIT: {Column.UNIT, Column.OTHER},
        Kind.FLAG: {Column.FLAG, Column.VALUE, Column.OTHER},
    }.get(kind, {Column.VALUE, Column.RANGE, Column.OTHER})
    return [h for h in headings if h.column in columns]


def _cells(atoms: Sequence[Atom]) -> list[list[Atom]]:
    cells: list[list[Atom]] = []
    for atom in atoms:
        if atom.begins_cell or not cells:
            cells.append([])
        cells[-1].append(atom)
    return cells


def _value(typed: Sequence[Atom], headings: Sequence[Heading], height: float) -> Atom | None:
    """Return the atom that is the result: a number before a limit, a limit before an answer, an answer before a range."""
    for kinds in ((Kind.NUMBER,), (Kind.LIMIT,), (Kind.ANSWER,), (Kind.RANGE,)):
        found = [a for a in typed if a.kind in kinds]
        placed = [a for a in found if _column(a, headings, height) is Column.VALUE]
        if placed:
            return _last_before_unit(placed, typed) if kinds == (Kind.NUMBER,) else placed[0]
        misplaced = bool(headings) and all(_column(a, headings, height) is not None for a in found)
        scales = [a for a in typed if a.kind in _SCALES]
        is_value = kinds[0] in (Kind.NUMBER, Kind.ANSWER) or (len(scales) >= 2) or (kinds[0] is Kind.LIMIT and not headings)
        if found and not misplaced and is_value:
            return _last_before_unit(found, typed) if kinds == (Kind.NUMBER,) else found[0]
    return None


def _column(atom: Atom, headings: Sequence[Heading], height: float) -> Column | None:
    nearest = _nearest(atom.x0, atom.x1, _rivals(atom.kind, headings), height)
    return nearest.column if nearest else None


def _last_before_unit(numbers: list[Atom], typed: Sequence[Atom]) -> Atom:
    """Return the first number, past those that belong to the name: "Vitamin B 12 280 pg/mL"."""
    chosen = numbers[0]
    for following in numbers[1:]:
        beside = typed.index(following) == typed.index(chosen) + 1 and not following.begins_cell
        if not beside or chosen.begins_cell:
            break
        chosen = following
    return chosen


def _text_value(
    words: Sequence[Atom], typed: Sequence[Atom], headings: Sequence[Heading], height: float
) -> tuple[tuple[Atom, ...], Atom | None]:
    """Return a worded result that is in no vocabulary: it stands in the column of values, and the line has a range."""
    cells = _cells(words)
    if len(cells) < 2 or not any(a.kind in (*_SCALES, Kind.ANSWER) for a in typed):
        return tuple(words), None
    last = cells[-1]
    nearest = _nearest(last[0].x0, last[-1].x1, headings, height)
    if nearest is None or nearest.column is not Column.VALUE or len(last) > 4:
        return tuple(words), None
    text = " ".join(word.text for word in last)
    value = Atom(Kind.ANSWER, text, last[0].x0, last[-1].x1, True, last[0].start, last[-1].end)
    return tuple(w for cell in cells[:-1] for w in cell), value


def _name_words(
    words: Sequence[Atom], typed: Sequence[Atom], value: Atom
) -> tuple[tuple[Atom, ...], tuple[Atom, ...]]:
    """Give numbers that stand before the value without a gap back to the name."""
    at = typed.index(value) if value in typed else 0
    given = 0
    while given < at and typed[given].kind is Kind.NUMBER and not typed[given].begins_cell:
        given += 1
    return (*words, *typed[:given]), tuple(typed[given:])


def _name(
    atom_line: AtomLine, words: Sequence[Atom], headings: Sequence[Heading], height: float
) -> tuple[str, float, float]:
    """Return the name and where it stands: the cells under the heading of names, or the first that has letters."""
    cells = [cell for cell in _cells(words) if re.search(r"[^\W\d_]", "".join(a.text for a in cell))]
    if not cells:
        return "", 0.0, 0.0
    named = [c for c in cells if headings and (_nearest(c[0].x0, c[-1].x1, headings, height) or headings[0]).column is Column.NAME]
    chosen = (named or cells)[0]
    text = atom_line.between(chosen[0], chosen[-1])
    return clean_name(text), chosen[0].x0, chosen[-1].x1


def clean_name(text: str) -> str:
    """Return the name without numbering, marks of accreditation, leaders and a final colon."""
    text = re.sub(r"^(?:\d{1,2}\s?[.)]\s+|[*#•·▪‣>|\-–^~†‡§\s]+)", "", text)
    text = re.sub(r"[\s.:;=|_*#^†‡§-]+$", "", re.sub(r"\s*\.{3,}\s*", " ", text))
    return " ".join(text.split())


def _flag_before_value(name: str, flags: list[str]) -> tuple[str, list[str]]:
    """Take a mark between name and value ("Glucose H 5.9") from the name."""
    match = re.fullmatch(r"(.{2,}?)\s+(\*+|[HL]|HH|LL|HIGH|LOW|High|Low|↑|↓|\(H\)|\(L\))", name)
    return (match.group(1), [*flags, match.group(2)]) if match and not flags else (name, flags)


def _ranges(typed: Sequence[Atom], value: Atom, headings: Sequence[Heading], height: float) -> list[Atom]:
    scales = [a for a in typed if a.kind in _SCALES and a is not value]
    if scales:
        return scales
    limits = [a for a in typed if a.kind is Kind.NUMBER and _column(a, headings, height) in (Column.LOW, Column.HIGH)]
    if len(limits) == 2:
        low, high = limits
        return [Atom(Kind.RANGE, f"{low.text} - {high.text}", low.x0, high.x1, True, low.start, high.end)]
    answers = [
        a
        for a in typed
        if a.kind is Kind.ANSWER
        and a is not value
        and (a.start > value.start or _column(a, headings, height) is Column.RANGE)
    ]
    return answers if value.kind is not Kind.NUMBER else []


def _unit(typed: Sequence[Atom], value: Atom, headings: Sequence[Heading], height: float) -> Atom | None:
    units = [a for a in typed if a.kind is Kind.UNIT]
    under = [a for a in units if _column(a, headings, height) is Column.UNIT]
    after = [a for a in units if a.start > value.start]
    return next(iter([*under, *after, *units]), None)


def _whole_unit(atom_line: AtomLine, unit: Atom, headings: Sequence[Heading], height: float) -> str:
    """Return the unit with the words behind it in the column of units: "mm at the end of 1 hour"."""
    if _column(unit, headings, height) is not Column.UNIT:
        return unit.text
    last = unit
    for atom in atom_line.atoms:
        if atom.start > last.start and not atom.begins_cell and atom.kind is Kind.WORD:
            last = atom
        elif atom.start > last.start:
            break
    return atom_line.between(unit, last)
