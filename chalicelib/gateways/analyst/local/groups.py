"""The atoms of a line by result: the words of a name, and the typed atoms that follow them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.gateways.analyst.local.atoms import SCALES, Atom, Kind
from chalicelib.gateways.analyst.local.columns import Columns, cells_of
from chalicelib.gateways.analyst.local.headers import Column

_LONGEST_UNIT = 12  # characters of a unit that is in no list


@dataclass(frozen=True, slots=True)
class Group:
    """Words, and the typed atoms (values, units, ranges, flags) up to the next words."""

    words: tuple[Atom, ...]
    typed: tuple[Atom, ...]


def groups_of(atoms: Sequence[Atom], columns: Columns) -> list[Group]:
    """Return the groups from left to right, without what stands in columns of methods and earlier results."""
    groups: list[Group] = []
    words: list[Atom] = []
    typed: list[Atom] = []
    for atom in atoms:
        if atom.kind is Kind.LABEL:
            continue
        if atom.kind is Kind.WORD and typed:
            groups.append(Group(tuple(words), tuple(typed)))
            words, typed = [], []
        (words if atom.kind is Kind.WORD else typed).append(atom)
    if words or typed:
        groups.append(Group(tuple(words), tuple(typed)))
    return [_without_other_columns(group, columns) for group in _merged(groups, columns)]


def _merged(groups: list[Group], columns: Columns) -> list[Group]:
    """Take a word between a value and a range for the unit that it must be, and join what it separated."""
    merged: list[Group] = []
    for group in groups:
        before = merged[-1] if merged else None
        if before is None or not before.typed:
            merged.append(group)
        elif _is_unknown_unit(before, group, columns):
            first, last = group.words[0], group.words[-1]
            text = " ".join(word.text for word in group.words)
            unit = Atom(Kind.UNIT, text, first.x0, last.x1, True, first.start, last.end)
            merged[-1] = Group(before.words, (*before.typed, unit, *group.typed))
        elif group.typed and _is_remark(before, group):
            merged[-1] = Group(before.words, (*before.typed, *group.typed))
        else:
            merged.append(group)
    return merged


def _is_unknown_unit(before: Group, group: Group, columns: Columns) -> bool:
    words = group.words
    if not words or not words[0].begins_cell or len(words) > 3 or any(a.kind is Kind.UNIT for a in before.typed):
        return False
    if any(a.kind in (Kind.NUMBER, Kind.ANSWER) for a in group.typed) or any(w.begins_cell for w in words[1:]):
        return False
    if columns.headings:
        return columns.column_of_words(words) is Column.UNIT
    has_value = any(a.kind is Kind.NUMBER for a in before.typed) and not any(a.kind in SCALES for a in before.typed)
    is_short = len(words) == 1 and len(words[0].text) <= _LONGEST_UNIT
    return has_value and is_short and any(a.kind in SCALES for a in group.typed)


def _is_remark(before: Group, group: Group) -> bool:
    """Is it a short remark between a value and its range ("95 fasting 70-100") rather than the next result?"""
    has_value = any(a.kind in (Kind.NUMBER, Kind.ANSWER) for a in before.typed)
    return has_value and len(group.words) <= 3 and all(a.kind in (*SCALES, Kind.UNIT) for a in group.typed)


def _without_other_columns(group: Group, columns: Columns) -> Group:
    if not any(h.column is Column.OTHER for h in columns.headings):
        return group
    kept = [cell for cell in cells_of(group.words) if columns.column_of_words(cell) is not Column.OTHER]
    words = tuple(word for cell in kept for word in cell)
    typed = tuple(a for a in group.typed if columns.column_of(a) is not Column.OTHER)
    return Group(words or group.words, typed)
