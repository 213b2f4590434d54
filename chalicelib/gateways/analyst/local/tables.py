"""From lines to results: headers, sections, names and ranges that take several lines, remarks that are no results."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal

from chalicelib.gateways.analyst.local import vocabulary
from chalicelib.gateways.analyst.local.atoms import AtomLine, Kind, atoms_of
from chalicelib.gateways.analyst.local.candidates import Candidate, candidates_of, clean_name
from chalicelib.gateways.analyst.local.evidence import ENOUGH, weigh
from chalicelib.gateways.analyst.local.headers import Heading, read_header, single_value_columns, tables_beside
from chalicelib.gateways.analyst.local.page import Line, Page, Word, lines_of


@dataclass(frozen=True, slots=True)
class Found:
    """A result with everything that belongs to it, still as printed."""

    candidate: Candidate
    name: str
    ranges: tuple[str, ...]
    section: str | None
    weight: Decimal


@dataclass(slots=True)
class _State:
    """What is known on the way down a document."""

    headings: tuple[Heading, ...] = ()
    section: str | None = None
    in_remarks: bool = False
    found: list[Found] = field(default_factory=list)
    last_index: int = -9  # where on this page the last result's last line stood
    values_x: list[tuple[float, float]] = field(default_factory=list)


def results_in(pages: list[Page]) -> list[Found]:
    """Return the results of a document in reading order. A table's header holds until the next one, across pages."""
    state = _State()
    for page in pages:
        for words in _side_by_side(page, state.headings):
            lines = [line for line in lines_of(words, page.number) if re.search(r"\w", line.text)]
            _read_lines(lines, state)
    return _without_repeats(state.found)


def _side_by_side(page: Page, headings: tuple[Heading, ...]) -> list[list[Word]]:
    """Return the words of each of the tables that stand beside each other, or all words."""
    for line in lines_of(page.words, page.number):
        tables = tables_beside(read_header(line))
        if len(tables) > 1:
            edges = [float("-inf"), *(table[0].x0 - line.height for table in tables[1:]), float("inf")]
            return [[w for w in page.words if a <= w.x0 < b] for a, b in zip(edges, edges[1:], strict=False)]
    return [list(page.words)]


def _read_lines(lines: list[Line], state: _State) -> None:
    state.last_index = -9
    taken: set[int] = set()  # lines that are a part of a result or a heading already
    for i, line in enumerate(lines):
        if i in taken:
            continue
        header = _header_at(lines, i)
        if header:
            state.headings = single_value_columns(header)
            state.values_x = []
            continue
        atom_line = atoms_of(line, state.headings)
        if not _take_results(atom_line, lines, i, state, taken) and not _take_range(atom_line, lines, i, state):
            _take_words(line, atom_line, lines, i, state)


def _header_at(lines: list[Line], i: int) -> tuple[Heading, ...]:
    """Return the columns if this line is a header, by itself or together with the line below it."""
    header = read_header(lines[i])
    if header or i + 1 >= len(lines) or lines[i + 1].top - lines[i].top > 1.6 * lines[i].height:
        return header
    return ()


def _take_results(atom_line: AtomLine, lines: list[Line], i: int, state: _State, taken: set[int]) -> bool:
    """Add the line's results; the first may have its name, or a part of it, on the lines around."""
    accepted = False
    for n, candidate in enumerate(candidates_of(atom_line, state.headings)):
        name, used = (candidate.name, set()) if n else _full_name(candidate, lines, i, state, taken)
        is_in_column = any(abs(candidate.value_x0 - x0) < 3 or abs(candidate.value_x1 - x1) < 3 for x0, x1 in state.values_x)
        weight = weigh(candidate, name, state.in_remarks, is_in_column)
        if weight < ENOUGH:
            continue
        taken |= used
        accepted = True
        state.found.append(Found(candidate, name, candidate.ranges, state.section, weight))
        state.values_x.append((candidate.value_x0, candidate.value_x1))
        state.in_remarks = False
        state.last_index = max([i, *used])
    return accepted


def _full_name(candidate: Candidate, lines: list[Line], i: int, state: _State, taken: set[int]) -> tuple[str, set[int]]:
    """Return the name with the lines above and below that belong to it, and which lines those are."""
    parts = [candidate.name] if candidate.name and not _is_method(candidate.name) else []
    used: set[int] = set()
    first = parts[0] if parts else ""
    above = i - 1
    while above > state.last_index and above >= 0 and i - above <= 2 and _is_name_above(lines, above, i, first, state):
        parts.insert(0, clean_name(lines[above].text))
        used.add(above)
        first = parts[0]
        above -= 1
    below = i + 1
    while below < len(lines) and below - i <= 2 and parts and _is_name_below(lines, below, parts[-1], candidate, state):
        parts.append(clean_name(lines[below].text))
        used.add(below)
        below += 1
    return " ".join(parts), used


def _is_name_above(lines: list[Line], at: int, row: int, name: str, state: _State) -> bool:
    """Is the line above a result the beginning of its name, or all of it where the result's line has none?"""
    line, below = lines[at], lines[at + 1]
    pitch = below.top - line.top
    if pitch > 2.2 * line.height or not _is_plain(line, state):
        return False
    if not name:
        return pitch < 2.2 * line.height
    lone = not any(w.x0 - v.x1 > 2 * line.height for v, w in zip(line.words, line.words[1:], strict=False))
    return lone and _goes_on(line.text, name) and abs(line.x0 - lines[row].x0) < 3 * line.height


def _is_name_below(lines: list[Line], at: int, name: str, candidate: Candidate, state: _State) -> bool:
    """Is the line below a result the rest of its name?"""
    line, above = lines[at], lines[at - 1]
    pitch = line.top - above.top
    if pitch > 1.7 * above.height or not _is_plain(line, state) or abs(line.x0 - candidate.name_x0) > 2 * line.height:
        return False
    if line.height < 0.8 * candidate.line.height or line.x1 > candidate.value_x0:
        return False
    next_pitch = lines[at + 1].top - line.top if at + 1 < len(lines) else 9 * pitch
    if _goes_on(name, line.text):
        return pitch <= 1.2 * next_pitch
    limit = max((f.candidate.name_x1 for f in state.found[-30:] if f.candidate.line.page == line.page), default=0)
    fits = above.words[-1].x1 + 0.3 * line.height + (line.words[0].x1 - line.words[0].x0) < max(limit, candidate.name_x1)
    same_type = line.is_bold == candidate.line.words[0].is_bold and line.text.isupper() == name.isupper()
    return not fits and same_type and pitch < 0.85 * next_pitch and len(line.words) <= 5


def _goes_on(first: str, second: str) -> bool:
    """Does the second line finish what the first one began?"""
    if first.count("(") > first.count(")") or re.search(r"(?:[-,/&+]|\b(?:of|and|with|for|to|und|de|et|y|der))$", first.strip()):
        return True
    opening = second.strip()
    if re.match(r"\((\w{2,6})\)$", opening):
        letters = [c.casefold() for c in opening if c.isalpha()]
        initials = iter(first.casefold())
        return first[:1].casefold() == letters[0] and all(c in initials for c in letters)
    return opening[:1].islower() and not _is_method(opening)


def _is_plain(line: Line, state: _State) -> bool:
    """Are these only words, neither a remark nor the patient's particulars nor a method?"""
    if _is_method(line.text) or vocabulary.REMARKS.match(line.text) or vocabulary.PARTICULARS.match(line.text):
        return False
    atoms = atoms_of(line, state.headings).atoms
    if any(a.kind not in (Kind.WORD, Kind.LABEL) for a in atoms) or len(atoms) > 10:
        return False
    return not vocabulary.SENTENCE.search(line.text) and not read_header(line)


def _is_method(text: str) -> bool:
    return vocabulary.METHOD.match(text) is not None


def _take_range(atom_line: AtomLine, lines: list[Line], i: int, state: _State) -> bool:
    """Add a line that stands in the column of ranges to the result beside it."""
    last = state.found[-1] if state.found else None
    if last is None or last.candidate.line.page != atom_line.line.page or i != state.last_index + 1:
        return False
    line, left = atom_line.line, last.candidate.range_x0 if last.candidate.range_x0 is not None else last.candidate.value_x1
    has_scale = any(a.kind in (Kind.RANGE, Kind.BANDS, Kind.LIMIT) for a in atom_line.atoms)
    if not has_scale or line.x0 < left - line.height or line.top - lines[i - 1].top > 2 * line.height:
        return False
    state.found[-1] = replace(last, ranges=(*last.ranges, line.text))
    state.last_index = i
    return True


def _take_words(line: Line, atom_line: AtomLine, lines: list[Line], i: int, state: _State) -> None:
    """Note a heading or the beginning of remarks; other words are read past."""
    text = clean_name(line.text)
    cells = [a for a in atom_line.atoms if a.begins_cell and a.kind is not Kind.LABEL]
    if vocabulary.REMARKS.match(line.text):
        state.in_remarks = True
        return
    if _is_method(line.text) and i == state.last_index + 1:
        state.last_index = i
        return
    is_long = len(line.words) > 8 or len(cells) > 1 or line.text.rstrip().endswith((".", ","))
    if not _is_plain(line, state) or is_long or len(text) < 3 or _TITLE.search(text):
        return
    looks_like_heading = line.text.isupper() or line.is_bold or vocabulary.ANALYTE.search(text) or _HEADING.search(text)
    if looks_like_heading:
        state.section = text
        state.in_remarks = state.in_remarks and not (line.text.isupper() or _HEADING.search(text))


_TITLE = re.compile(r"\b(?:report|laborator(?:y|ies)|lab|labs|diagnostics?|befund|labor|laboratoire|informe|laboratorio)\b", re.IGNORECASE)
_HEADING = re.compile(
    r"\b(?:profile|panel|screen|count|function|tests?|examination|analysis|urine|urin|blood|blut|serum|plasma|chemistry|"
    r"ha?ematology|biochemistry|serology|immunology|hormones?|electrolytes|lipids?|coagulation|hämatologie|chemie|bilan|"
    r"biochimie|hématologie|hematología|bioquímica|orina|sangre|microscopy|physical|chemical)\b",
    re.IGNORECASE,
)


def _without_repeats(found: list[Found]) -> list[Found]:
    """Leave out a result that is printed twice (a summary, a repeated page), keeping the fuller of the two."""
    kept: dict[tuple[str, str, str], Found] = {}
    for result in found:
        key = (result.name.casefold(), result.candidate.value, (result.candidate.unit or "").casefold())
        if key not in kept or (result.ranges and not kept[key].ranges):
            kept[key] = result
    return list(kept.values())
