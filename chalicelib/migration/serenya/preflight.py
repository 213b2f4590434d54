"""The preflight: what is wrong with legacy data, and what its move will take, before anything is written.

It reads in one read-only snapshot; the rows that it names are named by id, never by what they say.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from chalicelib.clock import iso
from chalicelib.ids import normalised_email
from chalicelib.migration import postgres
from chalicelib.migration.serenya import preflight_checks as checks
from chalicelib.migration.serenya.columns import OF_PEOPLE
from chalicelib.migration.serenya.preflight_estimate import Estimate, Holdings, estimate_of, too_large
from chalicelib.migration.serenya.preflight_kinds import WEIGHTS, DefectKind, Weight

PAGE: Final = 20_000
CLEAN, DEFECTS, STOPPED = 0, 1, 2
"""Exit codes: nothing to report; defects that a rule or a decision settles; defects with which no move must begin."""
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, order=True)
class Defect:
    """A defect: its kind and table, the ids of the rows that it concerns (together: two users with one e-mail), and the
    column, where it is a matter of one. `detail` says more, and nothing personal."""

    kind: DefectKind
    table: str
    row_ids: tuple[str, ...]
    column: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """What a preflight found at an instant."""

    checked_at: datetime
    server: str
    tables: dict[str, int]
    """Rows that could be read."""
    defects: tuple[Defect, ...]
    estimate: Estimate | None

    @property
    def exit_code(self) -> int:
        """0 clean, 1 with defects, 2 where the move must not begin."""
        weights = {WEIGHTS[defect.kind][0] for defect in self.defects}
        return STOPPED if Weight.STOPS in weights else DEFECTS if weights else CLEAN

    def as_json(self) -> dict[str, Any]:
        """Return everything, for machines; every row id is in it."""
        return {
            "checked_at": iso(self.checked_at),
            "server": self.server,
            "exit_code": self.exit_code,
            "rows": self.tables,
            "counts": dict(Counter(defect.kind.value for defect in self.defects)),
            "defects": [asdict(defect) for defect in self.defects],
            "estimate": self.estimate.as_json() if self.estimate else None,
        }

    def as_text(self) -> str:
        """Return what an operator reads: counts, what becomes of each kind, and the first row ids."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"Preflight of {self.server}, {iso(self.checked_at)}: {sum(self.tables.values()):,} rows."
        by_kind: dict[DefectKind, list[Defect]] = defaultdict(list)
        for defect in self.defects:
            by_kind[defect.kind].append(defect)
        for kind, (weight, meaning) in WEIGHTS.items():
            if found := by_kind.get(kind):
                yield f"\n{len(found):7,d}  {kind}: {weight}. {meaning}"
                yield from (f"         {_told(defect)}" for defect in found[:_SHOWN])
                if len(found) > _SHOWN:
                    yield f"         … and {len(found) - _SHOWN:,} more (all in the JSON)"
        if not self.defects:
            yield "No defects."
        if self.estimate:
            yield from ("", *self.estimate.lines())


def preflight(connection: postgres.Connection, now: datetime, holdings: Holdings | None = None) -> PreflightReport:
    """Report every defect that the legacy data has, and what the move will take.

    `holdings` gives the items that rows of some people become: sizes are measured on them. Without it nothing is said
    of sizes, and nothing is estimated.

    Raises:
        Exception: the database cannot be read, see `postgres.connect`.
    """
    with postgres.transaction(connection, postgres.Isolation.REPEATABLE_READ, is_read_only=True) as cursor:
        cursor.execute(checks.NOBODY)
        hidden, readable = _hidden(cursor)
        tables = {table: _count(cursor, table) for table in sorted(readable)}
        defects = [*hidden, *_of_rows(cursor, readable), *_of_emails(cursor, readable)]
        server = str(postgres.rows(cursor, "SELECT split_part(current_setting('server_version'), ' ', 1)")[0][0])
        sizes = _sizes(cursor) if holdings and readable.issuperset(OF_PEOPLE) else None
    estimate = None
    if holdings is not None and sizes is not None:
        defects += [
            Defect(DefectKind.TOO_LARGE, "users", (key,), detail=f"{size:,} bytes in one item")
            for key, size in too_large(holdings, sizes)
        ]
        estimate = estimate_of(holdings, sizes, tables)
    return PreflightReport(now, f"PostgreSQL {server.split(maxsplit=1)[0]}", tables, tuple(sorted(defects)), estimate)


def _hidden(cursor: postgres.Cursor) -> tuple[list[Defect], set[str]]:
    """Return a defect for each table of which rows are hidden from us, and the tables that can be read at all."""
    found, readable = [], set()
    for table, is_filtered, may_read, about in postgres.rows(cursor, checks.HIDING_SQL):
        if not may_read:
            found.append(Defect(DefectKind.HIDDEN_ROWS, table, (), detail="we may not read this table"))
            continue
        readable.add(table)
        if is_filtered:
            seen = _count(cursor, table)
            told = f"row-level security applies to us: {seen} rows seen, about {max(about, seen)} there"
            found.append(Defect(DefectKind.HIDDEN_ROWS, table, (), detail=told))
    return found, readable


def _of_rows(cursor: postgres.Cursor, readable: set[str]) -> Iterator[Defect]:
    columns: Sequence[Any] = postgres.rows(cursor, checks.COLUMNS_SQL)
    for check in (*checks.CHECKS, *checks.of_schema(columns)):
        if readable.issuperset(check.reads):
            for ids, column in postgres.rows(cursor, check.sql):
                yield Defect(check.kind, check.table, tuple(ids), column)


def _of_emails(cursor: postgres.Cursor, readable: set[str]) -> Iterator[Defect]:
    """Addresses are compared as the service does: PostgreSQL's `lower` is not Unicode's case folding."""
    if "users" not in readable:
        return
    owners: dict[str, list[str]] = defaultdict(list)
    for user_id, email in _emails(cursor):
        normalised = normalised_email(email)
        if not _is_address(normalised):
            yield Defect(DefectKind.EMAIL_UNUSABLE, "users", (user_id,), "email")
        if normalised:
            owners[normalised].append(user_id)
    for ids in owners.values():
        if len(ids) > 1:
            yield Defect(DefectKind.EMAIL_COLLISION, "users", tuple(sorted(ids)), "email")


def _emails(cursor: postgres.Cursor) -> Iterator[tuple[str, str]]:
    after = "00000000-0000-0000-0000-000000000000"
    while True:
        page = postgres.rows(
            cursor, "SELECT id::text, email FROM users WHERE id > %s::uuid ORDER BY id LIMIT %s", (after, PAGE)
        )
        yield from ((str(user_id), str(email)) for user_id, email in page)
        if len(page) < PAGE:
            return
        after = page[-1][0]


def _is_address(normalised: str) -> bool:
    local, at, domain = normalised.rpartition("@")
    has_both = bool(at and local and "@" not in local)
    return has_both and all(domain.split(".")) and "." in domain and not any(c.isspace() for c in normalised)


def _sizes(cursor: postgres.Cursor) -> dict[str, int]:
    """Return how many bytes the rows of everybody are, as text."""
    sql = f"SELECT owner::text, sum(size)::bigint FROM ({checks.LARGE_SQL}) AS sized GROUP BY owner"  # noqa: S608
    return {str(owner): int(size) for owner, size in postgres.rows(cursor, sql)}


def _count(cursor: postgres.Cursor, table: str) -> int:
    return int(postgres.rows(cursor, f'SELECT count(*) FROM "{table}"')[0][0])  # noqa: S608  # a name of the schema


def _told(defect: Defect) -> str:
    where = f"{defect.table}.{defect.column}" if defect.column else defect.table
    return " ".join(part for part in (where, ", ".join(defect.row_ids), defect.detail) if part)


def write_json(report: PreflightReport) -> str:
    """Return the report as JSON text."""
    return json.dumps(report.as_json(), indent=2, ensure_ascii=False)
