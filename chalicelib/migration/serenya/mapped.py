"""The mapping inside one open transaction: items read from rows and what stands beside them, and written back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chalicelib.clock import Clock, SystemClock, iso
from chalicelib.ids import email_hash
from chalicelib.migration.ports import ItemKey, Key, RawItem
from chalicelib.migration.postgres import Cursor, rows
from chalicelib.migration.serenya import additions, places, raw, writing
from chalicelib.migration.serenya.extras import Document, Extras, extras_of, with_extras
from chalicelib.migration.serenya.reading import UNUSUAL, Found, Reader, encoded, is_hidden
from chalicelib.migration.serenya.rows import Instant
from chalicelib.migration.serenya.rulebook import Rulebook
from chalicelib.migration.serenya.to_items import to_items
from chalicelib.migration.serenya.to_rows import to_rows
from chalicelib.models import keys
from chalicelib.models.keys import GuardKind

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_UUID: Final = "00000000-0000-0000-0000-000000000000"
_LAST_UUID: Final = _FIRST_UUID.replace("0", "f")
_PUT: Final = """
INSERT INTO migration.extras (pk, sk, key, item, gsi3pk, gsi3sk) VALUES (%s, %s, %s, %s::jsonb, %s, %s)
ON CONFLICT (pk, sk) DO UPDATE SET key = excluded.key, item = excluded.item, gsi3pk = excluded.gsi3pk,
    gsi3sk = excluded.gsi3sk
"""
_HOLDERS: Final = {
    GuardKind.EXTERNAL_IDENTITY: "SELECT id::text FROM users WHERE auth_provider::text = %s AND external_id = %s",
    GuardKind.EMAIL: "SELECT id::text FROM users WHERE migration.email_hash(email) = %s AND email_verified",
    GuardKind.PROVIDER_TRANSACTION: "SELECT one.user_id::text FROM payments AS one JOIN subscriptions AS plan "
    "ON plan.id = one.subscription_id WHERE plan.provider::text = %s "
    "AND migration.digest(one.provider_transaction_id) = %s",
    GuardKind.PROVIDER_SUBSCRIPTION: "SELECT user_id::text FROM subscriptions WHERE provider::text = %s "
    "AND migration.digest(external_subscription_id) = %s",
}
"""Who may hold a guard, by the parts of its name. Whether they do, their items say."""
_UNUSUAL: Final = f"SELECT id::text, email FROM users WHERE {UNUSUAL} AND email_verified"  # noqa: S608  # ours
"""Whose address PostgreSQL does not hash as the service does: `ß`, a final sigma, a tab around it."""


@dataclass(slots=True)
class SerenyaRows:
    """The mapping, for whoever has a transaction. Nothing here begins, commits or locks."""

    rulebook: Rulebook
    clock: Clock = field(default_factory=SystemClock)
    is_installed: bool = True
    _as_of: Instant | None = None
    _reader: Reader | None = None

    def items(self, cursor: Cursor, wanted: Sequence[Key]) -> dict[Key, Mapping[ItemKey, RawItem]]:
        """Return what is held under each of the keys; with one query where row-level security hides nothing."""
        as_of = self.as_of(cursor)
        return {key: self._given(found, as_of) for key, found in self.found(cursor, wanted).items()}

    def found(self, cursor: Cursor, wanted: Sequence[Key]) -> dict[Key, Found]:
        """Return rows, what stands beside them, and revisions."""
        if self._reader is None:
            self._reader = Reader(self.is_installed, is_hidden(cursor))
        return self._reader.read(cursor, wanted)

    def given(self, cursor: Cursor, found: Found) -> Mapping[ItemKey, RawItem]:
        """Return the items of what was found."""
        return self._given(found, self.as_of(cursor))

    def as_of(self, cursor: Cursor) -> Instant:
        """Return when the move was installed: what is current is chosen as of then. Before that it is now."""
        if self._as_of is None:
            if not self.is_installed:
                return iso(self.clock.now())
            [(base,)] = rows(cursor, "SELECT base FROM migration.control")
            self._as_of = iso(_EPOCH + timedelta(microseconds=base))
        return self._as_of

    def save(
        self, cursor: Cursor, key: Key, before: Mapping[ItemKey, RawItem], after: Mapping[ItemKey, RawItem]
    ) -> None:
        """Make rows and extras say `after`, where they say `before` now."""
        is_person = raw.uuid(key) is not None
        if is_person:
            rows(cursor, additions.KEEPING)
            rows(cursor, "SELECT set_config('app.current_user_id', %s, true)", (key,))
        found = self.found(cursor, [key])[key]
        there = found.rows
        if not after:
            if there.user is not None:
                writing.empty(cursor, key)
            rows(cursor, "DELETE FROM migration.extras WHERE key = %s", (key,))
            return
        as_of = self.as_of(cursor)
        if is_person and writing.write(cursor, self._change(found, before, after, as_of)):
            there = self.found(cursor, [key])[key].rows
        _keep_beside(cursor, key, found.extras, extras_of(after, there, as_of, self.rulebook))

    def holders(self, cursor: Cursor, partitions: Sequence[str]) -> dict[str, Key]:
        """Return who holds these guards now; those that nobody holds are left out."""
        wanted = [one for one in partitions if places.key_in(one) is None]
        candidates: dict[str, set[Key]] = {one: set() for one in wanted}
        beside = "SELECT pk, key FROM migration.extras WHERE pk = ANY(%s::text[])"
        for partition, key in rows(cursor, beside, (wanted,)) if wanted else []:
            candidates[partition].add(key)
        for partition in wanted:
            candidates[partition] |= _named_by_rows(cursor, partition)
        held = self.items(cursor, sorted(set().union(*candidates.values()))) if candidates else {}
        return {
            partition: key
            for partition, several in candidates.items()
            for key in several
            if (partition, keys.GUARD_SK) in held[key]
        }

    def indexed(self, cursor: Cursor, index: str, partition: str) -> list[RawItem]:
        """Return what stands in a partition of an index. Of the due index, what the service itself put there: of what
        only rows say, nothing is due (a period's end is found by whoever reads, a job's by whoever asks)."""
        number = {keys.EMAIL_INDEX: 1, keys.EXTERNAL_INDEX: 2, keys.DUE_INDEX: 3}[index]
        candidates = {key for (key,) in rows(cursor, *_beside(number, partition))}
        if number < 3:
            guard = partition.replace("USER_EMAIL#", "GUARD#EMAIL#").replace("USER_EXTERNAL#", "GUARD#EXTERNAL#")
            candidates |= _named_by_rows(cursor, guard, is_any=True)
        wanted = ("PK", "SK", f"GSI{number}PK", f"GSI{number}SK")
        return [
            {name: one[name] for name in wanted}
            for held in self.items(cursor, sorted(candidates)).values()
            for one in held.values()
            if one.get(wanted[2], {}).get("S") == partition
        ]

    def keys(self, cursor: Cursor, after: Key | None, limit: int, until: Key | None = None) -> list[Key]:
        """Return keys in their order, those of nobody's items included; fewer than `limit` only at the end."""
        more = ">" if after is not None and raw.uuid(after) is not None else ">="
        ends = "" if until is None else f" AND id {'<=' if raw.uuid(until) is not None else '<'} %s::uuid"
        last = () if until is None else (least_uuid(until),)
        sql = f"SELECT id::text FROM users WHERE id {more} %s::uuid{ends} ORDER BY id LIMIT %s"  # noqa: S608  # ours
        people = rows(cursor, sql, (least_uuid(after or ""), *last, limit))
        others: list[tuple[Any, ...]] = []
        if self.is_installed:
            ends, last = ("", ()) if until is None else (' AND key COLLATE "C" <= %s', (until,))
            sql = 'SELECT DISTINCT key COLLATE "C" FROM migration.extras WHERE key COLLATE "C" > %s'
            others = rows(cursor, f"{sql}{ends} ORDER BY 1 LIMIT %s", (after or "", *last, limit))
        return sorted({key for (key,) in (*people, *others) if key > (after or "")})[:limit]

    def _given(self, found: Found, as_of: Instant) -> Mapping[ItemKey, RawItem]:
        return with_extras(found.rows, found.extras, as_of, self.rulebook)

    def _change(
        self, found: Found, before: Mapping[ItemKey, RawItem], after: Mapping[ItemKey, RawItem], as_of: Instant
    ) -> writing.Change:
        now = int(self.clock.now().timestamp())
        # What the table forgot by itself, because its time was over, is no reason to remove a row.
        going = {key: one for key, one in before.items() if key in after or not 0 < _ttl(one) <= now}
        wanted = to_rows(after)
        names, still = writing.names_in(to_rows(going)), writing.names_in(wanted)
        said = to_rows(to_items(found.rows, as_of, self.rulebook, found.extras.choices))
        return writing.Change(
            there=found.rows,
            said=said,
            wanted=wanted,
            gone={table: names[table] - still[table] for table in names},
            in_force=_in_force(after),
        )


def _ttl(item: RawItem) -> int:
    return raw.counted(item.get("ttl")) or 0


def _in_force(items: Mapping[ItemKey, RawItem]) -> tuple[str, ...] | None:
    profile = next((one for (_, sort_key), one in items.items() if sort_key == keys.PROFILE_SK), None)
    plan = None if profile is None else raw.inside(profile["data"], "current_subscription")
    provider, external_id = raw.said(plan, "provider"), raw.said(plan, "external_subscription_id")
    return None if provider is None or external_id is None else (provider, external_id)


def _keep_beside(cursor: Cursor, key: Key, before: Extras, after: Extras) -> None:
    for at in before.documents:
        if at not in after.documents or _place(key, at, before.documents[at]) != _place(key, at, after.documents[at]):
            place = _place(key, at, before.documents[at])
            rows(cursor, "DELETE FROM migration.extras WHERE pk = %s AND sk = %s AND key = %s", (*place, key))
    for at, document in after.documents.items():
        if before.documents.get(at) != document:
            item = document["item"] or {}
            due = (raw.said(item.get("GSI3PK")), raw.said(item.get("GSI3SK")))
            told = {**document, "at": list(at)} if document["item"] is None else document
            rows(cursor, _PUT, (*_place(key, at, document), key, encoded(told), *due))


def _place(key: Key, at: ItemKey, document: Document) -> tuple[str, str]:
    """Return where a document lies. That something is *not* held lies apart: somebody else may hold it."""
    return at if document["item"] is not None else (f"-{key}", "|".join(at))


def _named_by_rows(cursor: Cursor, partition: str, *, is_any: bool = False) -> set[Key]:
    """Return whose rows speak of what a guard is named by. With `is_any` of an address also those who have not shown
    that it is theirs."""
    _, kind, name = partition.split("#", 2)
    sql = _HOLDERS.get(GuardKind(kind))
    if sql is None:
        return set()
    parts = [name] if kind == GuardKind.EMAIL else name.split("#", 1)
    asked, unusual = (one.removesuffix(" AND email_verified") if is_any else one for one in (sql, _UNUSUAL))
    found = {key for (key,) in rows(cursor, asked, parts)}
    if kind == GuardKind.EMAIL:
        found |= {key for key, email in rows(cursor, unusual) if email_hash(email) == name}
    return found


def _beside(number: int, partition: str) -> tuple[str, tuple[str]]:
    place = "gsi3pk" if number == 3 else f"item -> 'item' -> 'GSI{number}PK' ->> 'S'"
    return f"SELECT DISTINCT key FROM migration.extras WHERE {place} = %s", (partition,)  # noqa: S608  # ours


def least_uuid(text: str) -> str:
    """Return the first uuid that is not before a text, in the order of texts: there capital letters, with which names
    of partitions begin, stand between digits and small letters. The last uuid for what is after all of them."""
    for at, there in enumerate(_FIRST_UUID):
        given = text[at : at + 1]
        if given == there or (there != "-" and given != "" and given in "0123456789abcdef"):
            continue
        if given < there:
            return text[:at] + _FIRST_UUID[at:]
        if there != "-" and given < "a":
            return text[:at] + "a" + _FIRST_UUID[at + 1 :]
        return text[:at] + _LAST_UUID[at:]
    return text[: len(_FIRST_UUID)]
