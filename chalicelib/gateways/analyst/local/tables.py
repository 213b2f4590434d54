"""From lines to results: headers, sections, names and ranges that take several lines, remarks that are no results."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from chalicelib.gateways.analyst.local import vocabulary
from chalicelib.gateways.analyst.local.atoms import AtomLine, Kind, atoms_of
from chalicelib.gateways.analyst.local.candidates import Candidate, candidates_of, clean_name
from chalicelib.gateways.analyst.local.evidence import ENOUGH, weigh
from chalicelib.gateways.analyst.local.headers import Heading, read_header, single_value_columns, tables_beside
from chalicelib.gateways.analyst.local.page import Line, Page, Word, lines_of
from chalicelib.gateways.analyst.local.wrapped import Surroundings, Whole, is_plain, whole_result

_ROWS_THAT_SHOW_A_WIDTH = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A result with everything that belongs to it, still as printed, and how much spoke for it."""

    candidate: Candidate
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
    maybe_heading: tuple[int, str] = (-9, "")  # plain words that are a heading if results follow
    values_x: list[tuple[float, float]] = field(default_factory=list)


def results_in(pages: list[Page]) -> list[Found]:
    """Return the results of a document in reading order. A table's header holds until the next one, across pages."""
    state = _State()
    for page in pages:
        for words in _side_by_side(page):
            lines = [line for line in lines_of(words, page.number) if re.search(r"\w", line.text)]
            _read_lines(lines, state)
    return _without_repeats(state.found)


def _side_by_side(page: Page) -> list[list[Word]]:
    """Return the words of each of the tables that stand beside each other, or all words."""
    for line in lines_of(page.words, page.number):
        tables = tables_beside(read_header(line))
        if len(tables) > 1:
            edges = [float("-inf"), *(table[0].x0 - line.height for table in tables[1:]), float("inf")]
            return [[w for w in page.words if a <= w.x0 < b] for a, b in pairwise(edges)]
    return [list(page.words)]


def _read_lines(lines: list[Line], state: _State) -> None:
    state.last_index, state.maybe_heading = -9, (-9, "")
    taken: set[int] = set()  # lines that are a part of a result or a heading already
    for i, line in enumerate(lines):
        if i in taken:
            continue
        header = read_header(line)
        if header:
            # Columns set off by bars are not aligned: they are told apart by what they hold.
            state.headings = () if "|" in line.text else single_value_columns(header)
            state.values_x = []
            continue
        atom_line = atoms_of(line, state.headings)
        if not _take_results(atom_line, lines, i, state, taken):
            _take_words(line, atom_line, i, state)


def _take_results(atom_line: AtomLine, lines: list[Line], i: int, state: _State, taken: set[int]) -> bool:
    """Add the line's results; the first may have parts on the lines around."""
    accepted = False
    for n, candidate in enumerate(candidates_of(atom_line, state.headings)):
        whole = Whole(candidate)
        if n == 0:
            whole = whole_result(
                candidate, i, Surroundings(lines, state.headings, state.last_index + 1, _names_end(state, atom_line))
            )
        value = whole.candidate
        is_in_column = any(abs(value.value_x0 - x0) < 3 or abs(value.value_x1 - x1) < 3 for x0, x1 in state.values_x)
        weight = weigh(value, value.name, state.in_remarks, is_in_column)
        if weight < ENOUGH:
            continue
        accepted = True
        heading_at, heading = state.maybe_heading
        if i - 2 <= heading_at < i and heading_at not in whole.used:
            state.section = heading
        taken |= whole.used
        state.found.append(Found(value, state.section, weight))
        state.values_x.append((value.value_x0, value.value_x1))
        state.in_remarks = False
        state.last_index = max([i, *whole.used])
    return accepted


def _names_end(state: _State, atom_line: AtomLine) -> float:
    here = [f.candidate for f in state.found[-30:] if f.candidate.line.page == atom_line.line.page]
    return max((candidate.name_x1 for candidate in here), default=0.0) if len(here) >= _ROWS_THAT_SHOW_A_WIDTH else 0.0


def _take_words(line: Line, atom_line: AtomLine, i: int, state: _State) -> None:
    """Note a heading or the beginning of remarks; other words are read past."""
    text = clean_name(line.text)
    cells = [a for a in atom_line.atoms if a.begins_cell and a.kind is not Kind.LABEL]
    if vocabulary.REMARKS.match(line.text):
        state.in_remarks = True
        return
    if vocabulary.METHOD.match(line.text) and i == state.last_index + 1:
        state.last_index = i
        return
    is_long = len(line.words) > 8 or len(cells) > 1 or line.text.rstrip().endswith((".", ","))
    if not is_plain(line, state.headings) or is_long or len(text) < 3 or _TITLE.search(text):
        return
    looks_like_heading = (
        line.text.isupper() or line.is_bold or vocabulary.ANALYTE.search(text) or vocabulary.HEADING.search(text)
    )
    if not looks_like_heading:
        state.maybe_heading = (i, text)
        return
    state.section = _section_under(state.section, text)
    state.in_remarks = state.in_remarks and not (line.text.isupper() or vocabulary.HEADING.search(text))


def _section_under(section: str | None, text: str) -> str:
    """Return the section's name, with the specimen where only the heading above says it ("URINE / MICROSCOPY")."""
    if section and _PART.match(text):
        return f"{section.split(' / ')[0]} / {text}"
    return text


_PART = re.compile(
    r"(?:physical|chemical|micros\w+|macros\w+|sediment\w*|physikalisch|chemisch|mikroskop\w*)\b", re.IGNORECASE
)
_TITLE = re.compile(
    r"\b(?:report|laborator(?:y|ies)|lab|labs|diagnostics?|befund|labor|laboratoire|informe|laboratorio)\b",
    re.IGNORECASE,
)


def _without_repeats(found: list[Found]) -> list[Found]:
    """Leave out a result that is printed twice (a summary, a repeated page), keeping the fuller of the two."""
    kept: dict[tuple[str, str, str], Found] = {}
    for result in found:
        key = (result.candidate.name.casefold(), result.candidate.value, (result.candidate.unit or "").casefold())
        if key not in kept or (result.candidate.ranges and not kept[key].candidate.ranges):
            kept[key] = result
    return list(kept.values())
