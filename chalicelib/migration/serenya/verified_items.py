"""Reads items as the entries that rows say, each attribute once: as a column's, as what a rule demands, or as one thing
too many. Shares nothing with the mapping that made the items."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from chalicelib.migration.ports import ItemKey, Key, RawItem
from chalicelib.migration.serenya import verified
from chalicelib.migration.serenya.places import key_in, stays
from chalicelib.migration.serenya.rulebook import Rulebook
from chalicelib.migration.serenya.verified_fields import Table
from chalicelib.migration.serenya.verified_rules import FREE, RULES, Subject, of_free_plan, text_in
from chalicelib.migration.serenya.verified_values import value_of
from chalicelib.migration.verify.digests import NOTHING, Tally, tally_of
from chalicelib.migration.verify.sides import Entry, Lane

Raw = Mapping[str, Any]

CHOSEN: Final = Lane(
    "chosen", ("session_id", "device_id", "registration_id", "subscription"), is_of_rows=False, unique=0
)
USAGE: Final = Lane(
    "usage",
    ("documents_processed", "last_updated", "period_start", "period_end", "GSI3PK", "GSI3SK"),
    is_of_rows=False,
    unique=0,
)
UNITS: Final = Lane("units", ("job_id", "has_unit", "unit_period_start"), is_of_rows=False)
GUARDS: Final = Lane("guards", ("partition", "sort_key", "created_at"), is_of_rows=False, is_outside=True)
LEDGER: Final = Lane("ledger", ("place", "hash"), is_of_rows=False)
BEYOND: Final = Lane("beyond", ("item", "attribute", "value"), {"value"}, is_of_rows=False, unique=2)
WHOLE: Final = Lane("whole", ("item", "content"), {"content"}, is_of_rows=False)
LANES: Final[Mapping[str, Lane]] = {
    lane.name: lane
    for lane in (*(one.described() for one in verified.TABLES), CHOSEN, USAGE, UNITS, GUARDS, LEDGER, BEYOND, WHOLE)
}
"""Rows; which of several is in use; units of the period; guards; links of the ledger of consents; what no column says
and no rule demands; and items that are no row's at all."""

_USAGE_NAMES: Final = frozenset({"documents_processed", "last_updated", "period_start", "period_end"})
_HISTORIES: Final = {
    "session_history": verified.SESSIONS,
    "device_history": verified.DEVICES,
    "subscription_history": verified.SUBSCRIPTIONS,
}
_PARTS: Final = {
    "current_session": verified.SESSIONS,
    "current_device": verified.DEVICES,
    "current_biometric": verified.BIOMETRICS,
}
_ENTRY_FIELDS: Final = (
    "chain_id", "sequence", "consent_type", "consent_given", "consent_version", "consent_method", "ui_checkbox_group",
    "source", "changed_at", "previous_hash",
)  # fmt: skip
_BESIDE: Final = frozenset({"PK", "entity_type", "data"})
_PLANS: Final = {
    table.lane: [(one, one.at.lstrip("."), one.at.startswith(".")) for one in table.fields] for table in verified.TABLES
}
"""Of each table: its fields, the names of their attributes, and whether they stand beside `data`."""


@dataclass(slots=True)
class _Read:
    """What was read of one item, and what is left of it."""

    key: Key
    item: RawItem
    place: ItemKey
    beside: dict[str, Any]
    data: dict[str, Any]
    entries: list[Entry] = field(default_factory=list)
    links: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, lane: str, name: str, *values: str | None) -> None:
        """Add an entry that the item says."""
        self.entries.append(Entry(self.key, lane, name, values, self.place))

    def take(self, table: Table, part: dict[str, Any], given: str | None = None) -> None:
        """Add the entry of a row that a part says, taking its attributes away."""
        beside = self.beside
        values = []
        for one, name, is_beside in _PLANS[table.lane]:
            found = (beside if is_beside else part).pop(name, None)
            values.append(given if name == "<key>" else None if found is None else value_of(one.form, found))
        self.add(table.lane, values[0] or "", *values)

    def demand(self, where: str, part: dict[str, Any], expected: Mapping[str, Raw | None]) -> None:
        """Take what a rule demands; whatever is something else is beyond."""
        for name, value in expected.items():
            found = part.pop(name, None)
            if found != value:
                self.beyond(f"{where}{name}", found)

    def beyond(self, attribute: str, value: Any) -> None:
        """Add what no column says, or what a rule would have otherwise."""
        written = json.dumps(value, sort_keys=True, default=str)
        self.add(BEYOND.name, f"{self.place[0]} {self.place[1]} {attribute}", "|".join(self.place), attribute, written)


@dataclass(frozen=True, slots=True)
class SerenyaItems:
    """How items of the table are read. `at` is the instant of the verification: what is forgotten by then counts on
    neither side."""

    rulebook: Rulebook
    at: datetime

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """Every lane by its name."""
        return LANES

    def key_of(self, item: RawItem) -> Key | None:
        """Return the key that an item belongs to; None where it is no part of the move."""
        partition = item["PK"]["S"]
        if stays(partition):
            return None
        found = key_in(partition)
        if found is not None:
            return found
        # A guard that names nobody is at least reported, under its own name.
        return text_in(item.get("data", {}).get("M", {}), "user_id") or str(partition)

    def entries(self, item: RawItem) -> list[Entry]:
        """Return the entries that an item says."""
        read = self._read(item)
        return [] if read is None else read.entries

    def tallies(self, item: RawItem) -> Iterator[tuple[Key, str, Tally]]:
        """Return key, lane and tally of everything that an item says. Links of the ledger count for and against: they
        come to nothing if every entry holds the hash of the one before, and the profile that of the last."""
        read = self._read(item)
        if read is None:
            return
        for entry in read.entries:
            yield entry.key, entry.lane, tally_of(entry.lane, entry.key, entry.values)
        for sign, place, digest in read.links:
            link = tally_of(LEDGER.name, read.key, (place, digest))
            yield read.key, LEDGER.name, link if sign > 0 else NOTHING.minus(link)

    def _read(self, item: RawItem) -> _Read | None:
        key = self.key_of(item)
        if key is None or self.is_forgotten(item):
            return None
        kind = item.get("entity_type", {}).get("S")
        place = (item["PK"]["S"], item["SK"]["S"])
        data = item.get("data", {}).get("M")
        is_known = kind in RULES and data is not None and (kind == "guard" or place[0].startswith("USER#"))
        if not is_known:
            return self._whole(key, item, place)
        beside = {name: value for name, value in item.items() if name not in _BESIDE}
        read = _Read(key, item, place, beside, dict(data))
        try:
            self._taken(kind, read)
        except (KeyError, ValueError, TypeError, AttributeError):  # Something is missing that rules build upon.
            return self._whole(key, item, place)
        return read

    def _whole(self, key: Key, item: RawItem, place: ItemKey) -> _Read:
        read = _Read(key, item, place, {}, {})
        read.add(WHOLE.name, "|".join(place), "|".join(place), json.dumps(item, sort_keys=True, default=str))
        return read

    def is_forgotten(self, item: RawItem) -> bool:
        """Whether an item counts no more: the table forgets it at any moment."""
        return "ttl" in item and float(item["ttl"].get("N", "inf")) <= self.at.timestamp()

    def _taken(self, kind: str, read: _Read) -> None:
        beside, inside = RULES[kind](Subject(read.key, read.item, self.rulebook.rules))
        if kind == "user":
            self._user(read)
        elif kind in _HISTORIES:
            read.take(_HISTORIES[kind], read.data)
        elif kind == "payment":
            read.take(verified.PAYMENTS, read.data)
        elif kind == "job":
            read.take(verified.JOBS, read.data)
            unit = read.data.pop("has_unit", {}).get("BOOL")
            since = read.data.pop("unit_period_start", {}).get("S")
            name = read.entries[0].name
            read.add(UNITS.name, name, name, str(unit).lower(), since)
        elif kind == "guard":
            sort_key = read.data.pop("sort_key", {}).get("S")
            created = read.beside.pop("created_at", {}).get("S")
            read.add(GUARDS.name, read.place[0], read.place[0], sort_key, created)
        else:
            self._consent_entry(read)
        read.demand(".", read.beside, beside)
        read.demand("data.", read.data, inside)
        for name, value in read.beside.items():
            read.beyond(f".{name}", value)
        for name, value in read.data.items():
            read.beyond(f"data.{name}", value)

    def _user(self, read: _Read) -> None:
        data = read.data
        born = read.beside.get("created_at") or {}
        chain = data.get("consent_chain", {}).get("M")
        read.take(verified.USERS, data)
        for kind, consent in data.pop("consents", {"M": {}})["M"].items():
            self._part(read, verified.CONSENTS, f"consents.{kind}", consent, {}, kind)
        chosen: list[str | None] = []
        for name, table in _PARTS.items():
            part = data.pop(name, None)
            chosen.append(text_in(part["M"], table.fields[0].at) if part else None)
            if part:
                fresh = {"refresh_generation": {"N": "0"}} if name == "current_session" else {}
                self._part(read, table, name, part, fresh)
        read.add(CHOSEN.name, "", *chosen, self._plan(read, data.pop("current_subscription"), born))
        if chain:
            head = str(chain["length"]["N"])
            name = chain["chain_id"]["S"]
            read.links.append((-1, f"{name} {head}", chain["head_hash"]["S"]))
            read.links.append((1, f"{name} 0", self.rulebook.seed_of(name)))

    def _part(
        self,
        read: _Read,
        table: Table,
        name: str,
        part: Raw,
        expected: Mapping[str, Raw | None],
        given: str | None = None,
    ) -> None:
        left = dict(part["M"])
        read.take(table, left, given)
        read.demand(f"data.{name}.", left, expected)
        for attribute, value in left.items():
            read.beyond(f"data.{name}.{attribute}", value)

    def _plan(self, read: _Read, plan: Raw, born: Raw) -> str | None:
        left = dict(plan["M"])
        usage = dict(left.pop("usage_current_period")["M"])
        counted = (_number(usage, "documents_processed"), *(text_in(usage, n) for n in USAGE.values[1:4]))
        due = (read.beside.pop(name, {}).get("S") for name in ("GSI3PK", "GSI3SK"))
        read.add(USAGE.name, "", *counted, *due)
        for name in usage.keys() - _USAGE_NAMES:
            read.beyond(f"data.current_subscription.usage_current_period.{name}", usage[name])
        where = "data.current_subscription."
        if text_in(left, "provider") == FREE:
            named = None
            read.demand(where, left, of_free_plan(read.key, born))
        else:
            named = f"{text_in(left, 'provider')}#{text_in(left, 'external_subscription_id')}"
            read.take(verified.SUBSCRIPTIONS, left)
            read.demand(where, left, {"tier": {"S": "premium"}})
        for name, value in left.items():
            read.beyond(f"{where}{name}", value)
        return named

    def _consent_entry(self, read: _Read) -> None:
        said = {name: _said(read.data.pop(name, None)) for name in _ENTRY_FIELDS}
        chain, sequence = said["chain_id"], int(said["sequence"])
        read.links.append((1, f"{chain} {sequence}", self.rulebook.hash_of(said)))
        read.links.append((-1, f"{chain} {sequence - 1}", said["previous_hash"]))


def _number(part: Mapping[str, Any], name: str) -> str | None:
    found: str | None = part.get(name, {}).get("N")
    return found


def _said(found: Raw | None) -> Any:
    if found is None:
        return None
    ((kind, held),) = found.items()
    return int(held) if kind == "N" else held
