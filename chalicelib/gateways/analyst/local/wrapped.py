"""What the lines around a result add to it: the rest of a name, a unit or a range that takes several lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chalicelib.gateways.analyst.local import vocabulary
from chalicelib.gateways.analyst.local.atoms import SCALES, Atom, AtomLine, Kind, atoms_of
from chalicelib.gateways.analyst.local.candidates import Candidate, clean_name
from chalicelib.gateways.analyst.local.columns import cells_of
from chalicelib.gateways.analyst.local.headers import Heading, read_header
from chalicelib.gateways.analyst.local.page import Line

_FARTHEST = 4  # lines


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The lines of a page, and what is known about them when a result is read."""

    lines: Sequence[Line]
    headings: tuple[Heading, ...]
    first_free: int  # lines above belong to something already
    names_end: float  # how far to the right the table's names go


@dataclass(slots=True)
class Whole:
    """A result with all its lines."""

    candidate: Candidate
    used: set[int] = field(default_factory=set)


def whole_result(candidate: Candidate, at: int, around: Surroundings) -> Whole:
    """Return the result of line `at` with its name, unit and ranges complete, and which other lines they took."""
    whole = Whole(replace(candidate, name="" if _has_no_name(candidate.name) else candidate.name))
    _look_up(whole, at, around)
    _look_down(whole, at, around)
    return whole


def _has_no_name(name: str) -> bool:
    return vocabulary.METHOD.match(name) is not None or vocabulary.RESULT_LABEL.fullmatch(name) is not None


def _look_up(whole: Whole, at: int, around: Surroundings) -> None:
    skipped: set[int] = set()
    for above in range(at - 1, max(around.first_free, at - _FARTHEST) - 1, -1):
        line, below = around.lines[above], around.lines[above + 1]
        if below.top - line.top > 2.4 * max(line.height, below.height):
            return
        atom_line = atoms_of(line, around.headings)
        is_named = bool(whole.candidate.name)
        if not is_named and (_take_card_range(whole, atom_line) or vocabulary.METHOD.match(line.text)):
            skipped.add(above)
        elif not is_named and is_plain(line, around.headings):
            whole.candidate = replace(whole.candidate, name=clean_name(line.text), name_x0=line.x0, name_x1=line.x1)
            whole.used |= {above, *skipped}
            return
        elif is_named and _begins_name(line, whole.candidate, around):
            name = f"{clean_name(line.text)} {whole.candidate.name}"
            whole.candidate = replace(whole.candidate, name=name, name_x0=line.x0)
            whole.used.add(above)
        else:
            return


def _take_card_range(whole: Whole, atom_line: AtomLine) -> bool:
    """Take the range above a value that stands alone: patient portals print name, range and value below each other."""
    scales = [a.text for a in atom_line.atoms if a.kind in SCALES]
    words = [a.text for a in atom_line.atoms if a.kind is Kind.WORD]
    if not scales or any(a.kind is Kind.NUMBER for a in atom_line.atoms) or whole.candidate.ranges:
        return False
    if not all(vocabulary.RESULT_LABEL.fullmatch(word) for word in words):
        return False
    units = [a.text for a in atom_line.atoms if a.kind is Kind.UNIT]
    unit = whole.candidate.unit or (units[0] if units else None)
    whole.candidate = replace(whole.candidate, ranges=tuple(scales), unit=unit)
    return True


def _begins_name(line: Line, candidate: Candidate, around: Surroundings) -> bool:
    """Is this the first line of the name that ends on the result's line?"""
    if not is_plain(line, around.headings) or abs(line.x0 - candidate.name_x0) > 2 * line.height:
        return False
    is_alike = (
        line.is_bold == candidate.line.words[0].is_bold
        and abs(line.height - candidate.line.height) < 0.15 * line.height
    )
    if line.x1 > candidate.value_x0 + line.height or not is_alike or line.text.isupper() != candidate.name.isupper():
        return False
    return _goes_on(line.text, candidate.name)


def _look_down(whole: Whole, at: int, around: Surroundings) -> None:
    for below in range(at + 1, min(len(around.lines), at + 1 + 2 * _FARTHEST)):
        line, above = around.lines[below], around.lines[below - 1]
        pitch = line.top - above.top
        next_pitch = around.lines[below + 1].top - line.top if below + 1 < len(around.lines) else 9 * pitch
        if pitch > 1.9 * max(line.height, above.height) or pitch > 1.25 * next_pitch or read_header(line):
            return
        if not _take_line(whole, atoms_of(line, around.headings), (pitch, next_pitch), around):
            return
        whole.used.add(below)


def _take_line(whole: Whole, atom_line: AtomLine, pitches: tuple[float, float], around: Surroundings) -> bool:
    """Add a line to the result above it if each of its cells continues one of the result's cells."""
    candidate, height = whole.candidate, atom_line.line.height
    name, unit, ranges = candidate.name, candidate.unit, list(candidate.ranges)
    for cell in cells_of(atom_line.atoms):
        text, x0, x1 = atom_line.between(cell[0], cell[-1]), cell[0].x0, cell[-1].x1
        if _continues_range(cell, x0, x1, candidate, height):
            ranges.append(text)
        elif (
            candidate.unit_x0 is not None and abs(x0 - candidate.unit_x0) < 0.7 * height and re.match(r"[a-z/(]", text)
        ):
            unit = f"{unit} {text}"
        elif x1 >= candidate.value_x0 or abs(x0 - candidate.name_x0) > 2.5 * height:
            return False
        elif _continues_name(text, cell, candidate, atom_line.line, pitches, around):
            name = f"{name} {clean_name(text)}"
        elif not _is_method(text) and height >= 0.8 * candidate.line.height:
            return False
    whole.candidate = replace(candidate, name=name, unit=unit, ranges=tuple(ranges))
    return True


def _continues_range(cell: list[Atom], x0: float, x1: float, candidate: Candidate, height: float) -> bool:
    """Does this cell go on with the range above it, or give the range that the result's own line lacks?"""
    has_scale = any(a.kind in SCALES for a in cell)
    if has_scale and cell[0].kind is Kind.LABEL and not candidate.ranges:
        return True
    if min(x1, candidate.value_x1) - max(x0, candidate.value_x0) > 0 or cell[0].kind is Kind.NUMBER:
        return False
    if candidate.range_x0 is None:
        return has_scale and x0 > candidate.value_x1 + height
    is_last_column = candidate.range_x0 > candidate.value_x0
    is_under_range = abs(x0 - candidate.range_x0) < 2 * height or (is_last_column and x0 > candidate.range_x0)
    return is_under_range and (has_scale or cell[0].kind is not Kind.ANSWER)


def _continues_name(
    text: str, cell: list[Atom], candidate: Candidate, line: Line, pitches: tuple[float, float], around: Surroundings
) -> bool:
    """Does this cell finish the name above it? `pitches` are the steps from the line before and to the line after."""
    if any(a.kind not in (Kind.WORD, Kind.LABEL) for a in cell) or vocabulary.REMARKS.match(text) or len(cell) > 6:
        return False
    if (
        line.height < 0.85 * candidate.line.height
        or vocabulary.PARTICULARS.match(text)
        or vocabulary.SENTENCE.search(text)
    ):
        return False
    if _goes_on(candidate.name, text):
        return True
    is_alike = line.words[0].is_bold == candidate.line.words[0].is_bold and text.isupper() == candidate.name.isupper()
    if not is_alike or _is_method(text) or vocabulary.HEADING.search(text):
        return False
    needed = (
        candidate.name_x1 + 0.3 * line.height + cell[0].x1 - cell[0].x0
    )  # had its first word stood on the line above
    before, after = pitches
    next_column = min(x for x in (candidate.value_x0, candidate.unit_x0, candidate.range_x0) if x is not None)
    is_close = before < 0.85 * after
    share = 0.7 if is_close else 1.0  # of the way to the next column, where the other names do not tell the width
    limit = around.names_end or candidate.name_x0 + share * (next_column - line.height - candidate.name_x0)
    return (is_close or before <= 1.2 * after) and needed >= limit


def _is_method(text: str) -> bool:
    return vocabulary.METHOD.match(text) is not None or vocabulary.METHOD_WORD.search(text) is not None


def _goes_on(first: str, second: str) -> bool:
    """Does the second line finish what the first one began?"""
    if first.count("(") > first.count(")"):
        return True
    if re.search(r"(?:(?<=\w)-|[,/&+]|\b(?:of|and|with|for|to|und|der|de|du|la|et|y|di|per|do|da))$", first.strip()):
        return True
    opening = second.strip()
    if match := re.match(r"\(([\w/+-]{2,10})\)", opening):
        return _abbreviates(match.group(1), first)
    return opening[:2].islower() and not vocabulary.METHOD.match(opening)


def _abbreviates(short: str, name: str) -> bool:
    """Is what stands in brackets an abbreviation of a test ("(RDW)", "(AST/GOT)") rather than a method ("(IFCC)")?"""
    capitals = sum(c.isupper() or c.isdigit() for c in short)
    if capitals < 2 or any(vocabulary.METHOD_ABBREVIATION.fullmatch(part) for part in [short, *short.split("/")]):
        return False
    remaining = iter(name.casefold())
    is_spelt = short[0].casefold() == name[:1].casefold() and all(
        c in remaining for c in short.casefold() if c.isalpha()
    )
    return is_spelt or vocabulary.ANALYTE.match(short) is not None


def is_plain(line: Line, headings: tuple[Heading, ...]) -> bool:
    """Are these only words, neither a remark nor a method, a sentence, a header or the patient's particulars?"""
    patterns = (vocabulary.METHOD, vocabulary.REMARKS, vocabulary.PARTICULARS)
    if any(pattern.match(line.text) for pattern in patterns) or vocabulary.RESULT_LABEL.fullmatch(line.text):
        return False
    atoms = atoms_of(line, headings).atoms
    if any(a.kind not in (Kind.WORD, Kind.LABEL) for a in atoms) or not 1 <= len(atoms) <= 10:
        return False
    return not vocabulary.SENTENCE.search(line.text) and not read_header(line)
