"""The ledger of consents: a chain of entries in which nothing can be altered, removed or slipped in unnoticed.

Each entry holds the SHA-256 of the one before it, and the profile holds that of the last one:

    entry 1            entry 2            entry 3            profile
    previous = seed <- previous = h(1) <- previous = h(2) <- head = h(3), length = 3

The seed is made from a random chain id, so that an entry of one person fits into nobody else's chain. The hash of each
new entry is also written to the audit trail, beyond the reach of whoever can write the table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib.clock import iso
from chalicelib.ids import new_id
from chalicelib.models import keys
from chalicelib.models.consent import ConsentEntry, ConsentEntryItem
from chalicelib.models.profile import Consent, ConsentChain, Consents
from chalicelib.models.states import ConsentSource, ConsentType
from chalicelib.stores.consent_changes import ConsentChange

_FORMAT: Final = "consent-entry/1"
"""Part of what is hashed. Entries with further fields would be another format; the hashes of these must not change."""


class Fault(StrEnum):
    """What is wrong with a ledger."""

    MISPLACED = "misplaced"
    FOREIGN = "foreign"
    OUT_OF_SEQUENCE = "out_of_sequence"
    BROKEN_LINK = "broken_link"
    TIME_REVERSED = "time_reversed"
    NO_HEAD = "no_head"
    WRONG_LENGTH = "wrong_length"
    WRONG_HEAD = "wrong_head"
    STATE_DIFFERS = "state_differs"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, and where: at which entry, or at which consent of the profile."""

    fault: Fault
    sequence: int | None = None
    consent_type: ConsentType | None = None


def seed_of(chain_id: str) -> str:
    """Return what the first entry of a chain holds for the hash of the one before."""
    return hashlib.sha256(f"{_FORMAT}:{chain_id}".encode()).hexdigest()


def hash_of(entry: ConsentEntry) -> str:
    """Return the SHA-256 (hex) of an entry as canonical JSON: keys sorted, no spaces, UTF-8, instants as in the
    table."""
    group = entry.ui_checkbox_group
    content = {
        "format": _FORMAT,
        "chain_id": entry.chain_id,
        "sequence": int(entry.sequence),
        "consent_type": str(entry.consent_type),
        "consent_given": bool(entry.consent_given),
        "consent_version": entry.consent_version,
        "consent_method": entry.consent_method,
        "ui_checkbox_group": None if group is None else int(group),
        "source": str(entry.source),
        "changed_at": iso(entry.changed_at),
        "previous_hash": entry.previous_hash,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def appended(
    user_id: str,
    chain: ConsentChain | None,
    standing: Consents,
    changed: Mapping[ConsentType, Consent],
    source: ConsentSource,
    at: datetime,
) -> ConsentChange:
    """Return what to write so that `changed` stands, with an entry for each; nothing is asked of the table.

    Consents that stood before there was a ledger come first, at their own instants. The new ones get `at`, or the
    instant of the last entry if a clock was ahead there: time never runs backwards in a chain.
    """
    older = [] if chain is not None else _oldest_first(standing)
    ends = [consent.updated_at for _, consent in older] if chain is None else [chain.changed_at]
    at = max([at, *ends])
    stamped = {kind: _stamped(consent, at) for kind, consent in changed.items()}
    wanted = [(kind, consent, ConsentSource.CARRIED_OVER) for kind, consent in older]
    wanted += [(kind, consent, source) for kind, consent in stamped.items()]
    chain_id = chain.chain_id if chain is not None else new_id()
    length = int(chain.length) if chain is not None else 0
    head = chain.head_hash if chain is not None else seed_of(chain_id)
    items: list[ConsentEntryItem] = []
    for kind, consent, origin in wanted:
        length += 1
        entry = _entry(kind, consent, origin, chain_id=chain_id, sequence=length, previous_hash=head)
        items.append(_item(user_id, entry, at))
        head = hash_of(entry)
    after = ConsentChain(chain_id=chain_id, length=length, head_hash=head, changed_at=at)
    return ConsentChange(consents=stamped, before=chain, after=after, entries=tuple(items))


def state_at(entries: Iterable[ConsentEntry], instant: datetime) -> dict[ConsentType, ConsentEntry]:
    """Return, per type, the entry that was in force at an instant. A type that is absent had never been spoken of."""
    state: dict[ConsentType, ConsentEntry] = {}
    for entry in sorted(entries, key=lambda one: int(one.sequence)):
        if entry.changed_at <= instant:
            state[entry.consent_type] = entry
    return state


def faults(items: Sequence[ConsentEntryItem], chain: ConsentChain | None, standing: Consents | None) -> list[Finding]:
    """Return everything that is wrong with a ledger: `items` in the order of their keys, against the profile's head and
    the consents that stand there (None: of somebody erased nothing stands). Empty if nothing is."""
    found: list[Finding] = []
    chain_id = chain.chain_id if chain is not None else (items[0].data.chain_id if items else "")
    expected, latest = seed_of(chain_id), None
    for number, item in enumerate(items, start=1):
        entry = item.data
        found += [Finding(fault, number) for fault in _faults_of(item, number, chain_id, expected, latest)]
        expected, latest = hash_of(entry), entry.changed_at
    found += _faults_of_head(len(items), expected, chain)
    if standing is not None:
        found += _faults_of_state([item.data for item in items], standing)
    return found


def _faults_of(
    item: ConsentEntryItem, number: int, chain_id: str, expected: str, latest: datetime | None
) -> Iterable[Fault]:
    entry = item.data
    if item.sk != keys.consent_entry_key("", entry.changed_at, int(entry.sequence)).sk:
        yield Fault.MISPLACED
    if entry.chain_id != chain_id:
        yield Fault.FOREIGN
    if entry.sequence != number:
        yield Fault.OUT_OF_SEQUENCE
    if entry.previous_hash != expected:
        yield Fault.BROKEN_LINK
    if latest is not None and entry.changed_at < latest:
        yield Fault.TIME_REVERSED


def _faults_of_head(length: int, last_hash: str, chain: ConsentChain | None) -> Iterable[Finding]:
    if chain is None:
        if length:
            yield Finding(Fault.NO_HEAD)
        return
    if chain.length != length:
        yield Finding(Fault.WRONG_LENGTH)
    if chain.head_hash != last_hash:
        yield Finding(Fault.WRONG_HEAD)


def _faults_of_state(entries: Sequence[ConsentEntry], standing: Consents) -> Iterable[Finding]:
    """Hold the profile against its ledger: a consent that stands without an entry was never proved."""
    last = {entry.consent_type: entry for entry in entries}
    for kind in ConsentType:
        consent: Consent | None = getattr(standing, kind)
        entry = last.get(kind)
        if (None if consent is None else _said(consent)) != (None if entry is None else _said(entry)):
            yield Finding(Fault.STATE_DIFFERS, consent_type=kind)


def _said(stated: Consent | ConsentEntry) -> tuple[object, ...]:
    is_given = bool(stated.consent_given)
    if isinstance(stated, Consent):
        is_given = is_given and stated.withdrawn_at is None
    at = stated.updated_at if isinstance(stated, Consent) else stated.changed_at
    return is_given, stated.consent_version, stated.consent_method, stated.ui_checkbox_group, at


def _oldest_first(standing: Consents) -> list[tuple[ConsentType, Consent]]:
    present = [(kind, getattr(standing, kind)) for kind in ConsentType]
    return sorted(((kind, one) for kind, one in present if one is not None), key=lambda pair: pair[1].updated_at)


def _stamped(consent: Consent, at: datetime) -> Consent:
    withdrawn_at = None if consent.withdrawn_at is None else at
    return Consent(**{**consent.attribute_values, "updated_at": at, "withdrawn_at": withdrawn_at})


def _entry(
    kind: ConsentType, consent: Consent, source: ConsentSource, *, chain_id: str, sequence: int, previous_hash: str
) -> ConsentEntry:
    return ConsentEntry(
        chain_id=chain_id,
        sequence=sequence,
        consent_type=kind,
        consent_given=bool(consent.consent_given) and consent.withdrawn_at is None,
        consent_version=consent.consent_version,
        consent_method=consent.consent_method,
        ui_checkbox_group=consent.ui_checkbox_group,
        source=source,
        changed_at=consent.updated_at,
        previous_hash=previous_hash,
    )


def _item(user_id: str, entry: ConsentEntry, at: datetime) -> ConsentEntryItem:
    key = keys.consent_entry_key(user_id, entry.changed_at, int(entry.sequence))
    return ConsentEntryItem(key.pk, key.sk, data=entry, created_at=at, updated_at=at)
