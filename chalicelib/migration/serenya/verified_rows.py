"""The legacy rows as entries, summed up by PostgreSQL itself wherever SQL can say what an item must say."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.clock import iso, parse_iso
from chalicelib.ids import normalised_email
from chalicelib.migration import postgres
from chalicelib.migration.ports import ItemKey, Key
from chalicelib.migration.serenya import verified, verified_choice, verified_items
from chalicelib.migration.serenya.rulebook import Rulebook
from chalicelib.migration.serenya.verified_fields import Table
from chalicelib.migration.serenya.verified_rules import RELAY
from chalicelib.migration.verify.digests import NOTHING, Tally, sql_tallies, tally_of
from chalicelib.migration.verify.sides import Entry, Range
from chalicelib.models import keys

_EVERYBODY: Final = "true"
_HIDDEN: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relrowsecurity AND row_security_active(oid)
"""


class RowsHidden(Exception):
    """We do not see every row: connect as the tables' owner, or as a role with BYPASSRLS."""


@dataclass(slots=True)
class SerenyaRows:
    """The rows of people. `as_of` is when the move was installed, which decides what was current and not forgotten;
    `at` the instant of the verification, in whole seconds. `connection` belongs to it alone, and to one thread."""

    connection: postgres.Connection
    rulebook: Rulebook
    as_of: datetime
    at: datetime

    def counts(self) -> Mapping[str, int]:
        """Return how many rows each table of the schema has."""
        with self._asking() as cursor:
            names = postgres.rows(cursor, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            asked = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM \"{name}\"" for (name,) in names)  # noqa: S608
            return {str(name): int(count) for name, count in postgres.rows(cursor, asked)}

    def by_range(self, digits: int) -> Mapping[tuple[Range, str], Tally]:
        """Return the tally of every lane in every range, keys divided by so many of their first hex digits."""
        with self._asking() as cursor:
            found = self._tallies(cursor, f"left(key, {digits})", _EVERYBODY)
            for key, lane, tally in self._concluded(cursor, _EVERYBODY):
                place = (key[:digits], lane)
                found[place] = found.get(place, NOTHING).plus(tally)
            return found

    def statement(self, digits: int) -> str:
        """Return what anyone can ask PostgreSQL: lane, range, number, high, low. Guards of addresses, units and periods
        are not in it: SQL cannot fold cases and count months as the service does."""
        return self._summing(f"left(key, {digits})", _EVERYBODY)

    def by_key(self, ranges: Collection[Range]) -> Mapping[tuple[Key, str], Tally]:
        """Return the tally of every lane of every key in some ranges."""
        if not ranges:
            return {}
        within = f"(:key)::text ~ '^({'|'.join(sorted(ranges))})'"
        with self._asking() as cursor:
            found = self._tallies(cursor, "key", within)
            chosen = tuple(ranges)
            for key, lane, tally in self._concluded(cursor, within):
                if not key.startswith(chosen):
                    continue
                found[key, lane] = found.get((key, lane), NOTHING).plus(tally)
            return found

    def keys_beside(self) -> Collection[Key]:
        """Return the keys of which something is kept beside the rows."""
        with self._asking() as cursor:
            if not _is_installed(cursor):
                return frozenset()
            return frozenset(str(key) for (key,) in postgres.rows(cursor, "SELECT DISTINCT key FROM migration.extras"))

    def items_beside(self, keys: Sequence[Key]) -> Mapping[Key, Collection[ItemKey]]:
        """Return which of the items of some keys something is kept of beside the rows."""
        found: dict[Key, set[ItemKey]] = {key: set() for key in keys}
        with self._asking() as cursor:
            if _is_installed(cursor):
                asked = "SELECT key, pk, sk FROM migration.extras WHERE key = ANY(%s::text[])"
                for key, pk, sk in postgres.rows(cursor, asked, (list(keys),)):
                    found[str(key)].add((str(pk), str(sk)))
        return found

    def entries(self, keys: Sequence[Key]) -> Mapping[Key, Sequence[Entry]]:
        """Return every entry of some keys, as the rows have them now, of one snapshot."""
        found: dict[Key, list[Entry]] = {key: [] for key in keys}
        people = sorted(key for key in keys if _is_uuid(key))
        if not people:
            return found
        within = f"(:key) = ANY('{{{','.join(people)}}}'::uuid[])"
        with self._asking() as cursor:
            for lane, asked, size in self._queries():
                listed = ", ".join(f"v{place}" for place in range(size))
                sql = self._sql(f"SELECT key, {listed} FROM ({asked}) AS told", within)  # noqa: S608  # declared names
                for key, *values in postgres.rows(cursor, sql):
                    unique = verified_items.LANES[lane].unique
                    found[key].append(Entry(key, lane, str(values[0] or "") if unique else "", tuple(values)))
            for one in self._concluded_entries(cursor, within):
                if one.key in found:
                    found[one.key].append(one)
        return found

    @contextmanager
    def _asking(self) -> Iterator[postgres.Cursor]:
        """Give a cursor of one snapshot, which sees every row.

        Raises:
            RowsHidden: row-level security hides some from us; what is not seen cannot be verified.
        """
        isolation = postgres.Isolation.REPEATABLE_READ
        with postgres.transaction(self.connection, isolation, is_read_only=True) as cursor:
            hidden = [str(name) for (name,) in postgres.rows(cursor, _HIDDEN)]
            if hidden:
                raise RowsHidden(f"row-level security hides rows of {', '.join(hidden)} from us")
            yield cursor

    def _tallies(self, cursor: postgres.Cursor, group: str, within: str) -> dict[tuple[str, str], Tally]:
        found = postgres.rows(cursor, self._summing(group, within))
        return {(str(part), str(lane)): Tally(int(n), int(high), int(low)) for lane, part, n, high, low in found}

    def _summing(self, group: str, within: str) -> str:
        parts = (
            f"SELECT '{lane}', summed.* FROM ({sql_tallies(lane, asked, size, group)}) AS summed"  # noqa: S608  # declared
            for lane, asked, size in self._queries()
        )
        return self._sql(" UNION ALL ".join(parts), within)

    def _queries(self) -> Iterator[tuple[str, str, int]]:
        """Yield lane, query of its entries (key, v0, v1, …), and how many values they have."""
        for table in verified.TABLES:
            yield table.lane, _entries_of(table), len(table.fields)
        yield verified_items.CHOSEN.name, verified_choice.CHOSEN_ENTRIES, len(verified_items.CHOSEN.values)
        yield verified_items.GUARDS.name, verified_choice.GUARD_ENTRIES, len(verified_items.GUARDS.values)

    def _sql(self, asked: str, within: str) -> str:
        """Return a whole statement: what is chosen first, then the question, about whom it is."""
        life = f"interval '{self.rulebook.rules.history_life.total_seconds():.0f} seconds'"
        whole = f"WITH {verified_choice.CHOSEN_CTES}\n{asked}"
        whole = whole.replace(":as_of", _literal(self.as_of)).replace(":at", _literal(self.at)).replace(":life", life)
        return _about(whole, within)

    def _concluded(self, cursor: postgres.Cursor, within: str) -> Iterator[tuple[Key, str, Tally]]:
        for one in self._concluded_entries(cursor, within):
            yield one.key, one.lane, tally_of(one.lane, one.key, one.values)

    def _concluded_entries(self, cursor: postgres.Cursor, within: str) -> Iterator[Entry]:
        """Yield what SQL cannot say as the service does: who holds an address, and units of a period."""
        yield from self._email_guards(cursor)
        for key, born, plan, told in postgres.rows(cursor, self._sql(verified_choice.USAGE, within)):
            yield from self._usage(str(key), str(born), plan, json.loads(told))

    def _email_guards(self, cursor: postgres.Cursor) -> Iterator[Entry]:
        """The oldest of those who verified an address holds its guard; relays have none."""
        holders: dict[str, tuple[tuple[str, str], str]] = {}
        for key, email, created, born in postgres.rows(cursor, verified_choice.EMAILS):
            normalised = normalised_email(email)
            if normalised and not normalised.endswith(RELAY):
                rank = (str(created), str(key))
                held = holders.get(normalised)
                if held is None or rank < held[0]:
                    holders[normalised] = rank, str(born)
        for normalised, ((_, key), born) in holders.items():
            name = f"GUARD#EMAIL#{hashlib.sha256(normalised.encode()).hexdigest()}"
            yield Entry(key, verified_items.GUARDS.name, name, (name, None, born))

    def _usage(self, key: Key, born: str, plan: str | None, jobs: Sequence[tuple[str, str, int]]) -> Iterator[Entry]:
        as_of = iso(self.as_of)
        newest = max([as_of, *(uploaded for _, uploaded, _ in jobs)])
        period = self.rulebook.period_at(parse_iso(plan or born), parse_iso(newest))
        start, end = iso(period.start), iso(period.end)
        used = sum(start <= uploaded < end for _, uploaded, _ in jobs)
        due = None
        if used and plan is None:
            shard = keys.shard_of(key, self.rulebook.rules.usage_due_shards)
            due = keys.usage_due_key(period.due_on, shard, key)
        counted = (str(used), as_of, start, end, due and due.pk, due and due.sk)
        yield Entry(key, verified_items.USAGE.name, "", counted)
        for name, uploaded, forgotten in jobs:
            if forgotten > self.at.timestamp():
                has_unit = start <= uploaded < end
                values = (name, str(has_unit).lower(), start if has_unit else None)
                yield Entry(key, verified_items.UNITS.name, name, values)


def _entries_of(table: Table) -> str:
    """Return the query of a table's entries."""
    values = ", ".join(f"({one.sql})::text AS v{place}" for place, one in enumerate(table.fields))
    return (
        f"SELECT ({table.key})::text AS key, {values} FROM {table.source} "  # noqa: S608  # declared
        f"WHERE {table.lasts} AND :within({table.key})"
    )


def _about(sql: str, within: str) -> str:
    return re.sub(r":within\(([^)]*)\)", lambda found: within.replace(":key", found.group(1)), sql)


def _literal(instant: datetime) -> str:
    return f"'{iso(instant)}'::timestamptz"


def _is_installed(cursor: postgres.Cursor) -> bool:
    return bool(postgres.rows(cursor, "SELECT to_regclass('migration.extras') IS NOT NULL")[0][0])


def _is_uuid(key: Key) -> bool:
    try:
        return str(uuid.UUID(key)) == key
    except ValueError:
        return False
