"""Which column of a table a cell stands in, judged by the headings above it and by what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.gateways.analyst.local.atoms import Atom, Kind
from chalicelib.gateways.analyst.local.headers import Column, Heading

ALIGNED_WITHIN = 2.5  # of the type's height
_VALUES = {Column.VALUE, Column.OTHER, Column.LOW, Column.HIGH}
_RIVALS = {
    Kind.NUMBER: _VALUES,
    Kind.ANSWER: {Column.VALUE, Column.OTHER, Column.RANGE, Column.FLAG},
    Kind.UNIT: {Column.UNIT, Column.OTHER},
    Kind.FLAG: {Column.FLAG, Column.VALUE, Column.OTHER},
}
_SCALE_RIVALS = {Column.VALUE, Column.RANGE, Column.OTHER}


@dataclass(frozen=True, slots=True)
class Columns:
    """The headings above a line, none where the table has no header, and the height of the line's type."""

    headings: tuple[Heading, ...]
    height: float

    def heading_over(self, x0: float, x1: float, among: Iterable[Heading] | None = None) -> Heading | None:
        """Return the heading that a cell stands under, None if it stands under none."""
        best = min(self.headings if among is None else among, key=lambda h: h.distance(x0, x1), default=None)
        if best is None:
            return None
        overlaps = min(x1, best.x1) - max(x0, best.x0) > 0
        return best if overlaps or best.distance(x0, x1) <= ALIGNED_WITHIN * self.height else None

    def column_of(self, atom: Atom) -> Column | None:
        """Return the column of an atom among those that can hold its kind."""
        nearest = self.heading_over(atom.x0, atom.x1, self._rivals(atom.kind))
        return nearest.column if nearest else None

    def column_of_words(self, cell: Sequence[Atom]) -> Column | None:
        """Return the column of a cell of words."""
        nearest = self.heading_over(cell[0].x0, cell[-1].x1)
        return nearest.column if nearest else None

    def value_heading(self, value: Atom) -> Heading | None:
        """Return the heading of the values' column that a value stands under, if it does."""
        return self.heading_over(value.x0, value.x1, [h for h in self.headings if h.column in _VALUES])

    def _rivals(self, kind: Kind) -> list[Heading]:
        return [h for h in self.headings if h.column in _RIVALS.get(kind, _SCALE_RIVALS)]


def cells_of(atoms: Sequence[Atom]) -> list[list[Atom]]:
    """Return the atoms by cell."""
    cells: list[list[Atom]] = []
    for atom in atoms:
        if atom.begins_cell or not cells:
            cells.append([])
        cells[-1].append(atom)
    return cells
