"""The ledger of consents of somebody who moves: one entry for each row there is, and none invented.

Entries say `carried_over`: the consent stood before there was a ledger. They form the chain that later changes are
appended to, so that it verifies from the first day; what the old service did not record, the ledger does not claim.
The chain is named by what only the legacy rows know, so that it leads to nobody once they are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.clock import parse_iso
from chalicelib.ids import derived_id
from chalicelib.migration.ports import ItemKey
from chalicelib.migration.serenya import raw
from chalicelib.migration.serenya.raw import Raw
from chalicelib.migration.serenya.rows import ConsentRow, Instant
from chalicelib.migration.serenya.rulebook import Rulebook
from chalicelib.models import keys
from chalicelib.models.states import ConsentSource, ConsentType

PREFIX: Final = f"{keys.HistoryKind.CONSENT}#"
DEFAULT_METHOD: Final = "bundled_consent"
_ORDER: Final = [str(kind) for kind in ConsentType]


@dataclass(frozen=True, slots=True)
class Stated:
    """A consent as it stands, in the words of the ledger."""

    consent_type: str
    consent_given: bool
    consent_version: str
    consent_method: str
    ui_checkbox_group: int | None
    at: Instant

    @property
    def words(self) -> tuple[object, ...]:
        """What an entry must say of it; not when."""
        return self.consent_given, self.consent_version, self.consent_method, self.ui_checkbox_group


@dataclass(frozen=True, slots=True)
class Ledger:
    """A chain: its entries as items, and its end as the profile holds it (None: there is no entry)."""

    items: Mapping[ItemKey, Mapping[str, Raw]]
    end: Raw | None


def stated(row: ConsentRow, born: Instant) -> Stated:
    """Return what a row states; `born` stands in for instants that it lacks."""
    return Stated(
        consent_type=row.consent_type,
        consent_given=row.consent_given and row.withdrawn_at is None,
        consent_version=row.consent_version,
        consent_method=DEFAULT_METHOD if row.consent_method is None else row.consent_method,
        ui_checkbox_group=row.ui_checkbox_group,
        at=row.updated_at or row.created_at or born,
    )


def begun(user_id: str, rows: Sequence[ConsentRow], born: Instant, rulebook: Rulebook) -> Ledger:
    """Return the ledger of these rows, oldest first."""
    if not rows:
        return Ledger({}, None)
    chain_id = derived_id("consent-chain", user_id, min(f"{_came(one, born)}#{one.consent_type}" for one in rows))
    empty = raw.part({"chain_id": raw.text(chain_id), "length": raw.whole(0), "changed_at": raw.text(raw.EPOCH)})
    seeded = {"M": {**empty["M"], "head_hash": {"S": rulebook.seed_of(chain_id)}}}
    return grown(user_id, Ledger({}, seeded), [stated(one, born) for one in rows], rulebook)


def grown(user_id: str, ledger: Ledger, wanted: Iterable[Stated], rulebook: Rulebook) -> Ledger:
    """Return a ledger with an entry more for each of these, oldest first. Time never runs backwards in a chain: one
    that is older than the end stands at the end's instant."""
    items, end = dict(ledger.items), ledger.end
    for one in sorted(wanted, key=lambda each: (each.at, _ORDER.index(each.consent_type))):
        assert end is not None  # a ledger that grows has a beginning
        said = _entry(one, end)
        key = keys.consent_entry_key(user_id, parse_iso(said["changed_at"]), said["sequence"])
        items[key.pk, key.sk] = _item(key, said)
        head = rulebook.hash_of(said)
        end = _end(said["chain_id"], said["sequence"], head, said["changed_at"])
    return Ledger(items, end)


def latest(items: Mapping[ItemKey, Raw | Mapping[str, Raw]]) -> dict[str, tuple[object, ...]]:
    """Return, by type, what the last entry of each says, in the words of `Stated`."""
    found: dict[str, tuple[object, ...]] = {}
    for (_, sort_key), one in sorted(items.items()):
        if sort_key.startswith(PREFIX):
            data = one["data"]
            words = (
                raw.claimed(data, "consent_given"),
                raw.said(data, "consent_version"),
                raw.said(data, "consent_method"),
                raw.counted(data, "ui_checkbox_group"),
            )
            found[raw.said(data, "consent_type") or ""] = words
    return found


def _came(row: ConsentRow, born: Instant) -> Instant:
    return row.created_at or row.updated_at or born


def _entry(one: Stated, end: Raw) -> dict[str, Any]:
    return {
        "chain_id": raw.said(end, "chain_id"),
        "sequence": (raw.counted(end, "length") or 0) + 1,
        "consent_type": one.consent_type,
        "consent_given": one.consent_given,
        "consent_version": one.consent_version,
        "consent_method": one.consent_method,
        "ui_checkbox_group": one.ui_checkbox_group,
        "source": str(ConsentSource.CARRIED_OVER),
        "changed_at": max(one.at, raw.said(end, "changed_at") or ""),
        "previous_hash": raw.said(end, "head_hash"),
    }


def _item(key: keys.Key, said: Mapping[str, Any]) -> dict[str, Raw]:
    at = raw.text(said["changed_at"])
    data = {name: raw.text(value) for name, value in said.items() if isinstance(value, str)}
    data |= {
        "sequence": raw.whole(said["sequence"]),
        "consent_given": raw.flag(said["consent_given"]),
        "ui_checkbox_group": raw.whole(said["ui_checkbox_group"]),
    }
    return raw.item(
        {
            "PK": raw.text(key.pk),
            "SK": raw.text(key.sk),
            "entity_type": raw.text("consent_entry"),
            "created_at": at,
            "updated_at": at,
            "data": raw.part(data),
        }
    )


def _end(chain_id: str, length: int, head: str, at: Instant) -> Raw:
    return raw.part(
        {
            "chain_id": raw.text(chain_id),
            "length": raw.whole(length),
            "head_hash": raw.text(head),
            "changed_at": raw.text(at),
        }
    )
