"""What rows cannot say, kept beside them: whole items, and how items differ from what rows alone would give.

    items -> rows and extras -> items        gives back exactly the items, whatever they are

Each difference is kept with what the rows gave at the time. While they still give that, the item is exactly as it was
stored. Once somebody else has changed rows, what they changed is theirs, and everything else stays as it was stored:
nothing of a part whose row was replaced by another one (a session, a device, a registration, a subscription), and the
count of units in any case, which no row holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chalicelib.migration.ports import ItemKey, RawItem
from chalicelib.migration.serenya import ledger, raw
from chalicelib.migration.serenya.current import Choice, Part, current_of, name_of
from chalicelib.migration.serenya.ledger import Ledger
from chalicelib.migration.serenya.raw import Raw
from chalicelib.migration.serenya.rows import Instant, PersonRows
from chalicelib.migration.serenya.rulebook import Rulebook
from chalicelib.migration.serenya.to_items import Items, born_at, to_items
from chalicelib.models import keys

Document = Mapping[str, Any]
"""One difference: `item` as it is (None: there is none), `was` as the rows gave it then (None: they gave none)."""

_IDENTITIES: Final[Mapping[tuple[str, ...], str]] = {
    ("data", "current_session"): "session_id",
    ("data", "current_device"): "device_id",
    ("data", "current_biometric"): "registration_id",
    ("data", "current_subscription"): "subscription_id",
}
"""Of each part, what tells another one from the same one changed."""
_WHOLE: Final = ("data", "consents")
"""What stands below it is one thing: half of one consent and half of another were never given."""
_OURS: Final[frozenset[tuple[str, ...]]] = frozenset(
    {("data", "current_subscription", "usage_current_period"), ("GSI3PK",), ("GSI3SK",)}
)
"""What no column holds although rows give a first value: it does not change because rows do."""


@dataclass(frozen=True, slots=True)
class Extras:
    """Differences by the key of their item. `choices` and `has_ledger` stand with the profile's: what the service chose
    to be current where the rules say otherwise, and whether the ledger of consents has grown beyond the rows."""

    documents: Mapping[ItemKey, Document] = field(default_factory=dict)

    @property
    def _of_profile(self) -> Document:
        return next((one for (_, sort_key), one in self.documents.items() if sort_key == keys.PROFILE_SK), {})

    @property
    def choices(self) -> dict[Part, Choice]:
        """What the service chose."""
        told = self._of_profile.get("choices", {})
        return {Part(name): Choice(one["ruled"], one["chosen"]) for name, one in told.items()}

    @property
    def has_ledger(self) -> bool:
        """Whether the ledger stands here, whole."""
        return bool(self._of_profile.get("has_ledger"))

    @property
    def is_left_behind(self) -> bool:
        """Whether the profile was a row's."""
        return self._of_profile.get("was") is not None


def with_extras(rows: PersonRows, extras: Extras, as_of: Instant, rulebook: Rulebook) -> Items:
    """Return the items of rows and what stands beside them. Of somebody whose row is gone, nothing."""
    if rows.user is None and extras.is_left_behind:
        return {}
    given = to_items(rows, as_of, rulebook, extras.choices)
    found = {key: one for key, one in given.items() if not (extras.has_ledger and key[1].startswith(ledger.PREFIX))}
    for key, document in extras.documents.items():
        merged = _merged_item(found.get(key), document.get("was"), document.get("item"))
        if merged is None:
            found.pop(key, None)
        else:
            found[key] = merged
    return _with_grown_ledger(rows, extras, found, rulebook) if extras.has_ledger else found


def extras_of(items: Mapping[ItemKey, RawItem], rows: PersonRows, as_of: Instant, rulebook: Rulebook) -> Extras:
    """Return what must stand beside these rows so that they give these items."""
    choices = _choices(items, rows, as_of)
    given = to_items(rows, as_of, rulebook, choices)
    has_ledger = _ledger_differs(items, given)
    documents: dict[ItemKey, dict[str, Any]] = {}
    for key in {*items, *given}:
        item, was = items.get(key), given.get(key)
        if has_ledger and key[1].startswith(ledger.PREFIX):
            was = None
        if item != was:
            documents[key] = {"item": item, "was": was}
    profile = next((key for key in given if key[1] == keys.PROFILE_SK), None)
    if profile is not None and (choices or has_ledger):
        same = {"item": items.get(profile), "was": given[profile]}
        told = {part.value: {"ruled": one.ruled, "chosen": one.chosen} for part, one in choices.items()}
        documents[profile] = documents.get(profile, same) | {"choices": told, "has_ledger": has_ledger}
    return Extras(documents)


def _choices(items: Mapping[ItemKey, RawItem], rows: PersonRows, as_of: Instant) -> dict[Part, Choice]:
    """Return where the service chose otherwise, of what there are rows of."""
    profile = next((one for (_, sort_key), one in items.items() if sort_key == keys.PROFILE_SK), None)
    if profile is None or rows.user is None:
        return {}
    data = profile.get("data")
    plan = raw.inside(data, "current_subscription")
    external_id = raw.said(plan, "external_subscription_id")
    is_chosen: dict[Part, tuple[str | None, set[str]]] = {
        Part.SESSION: (raw.said(data, "current_session", "session_id"), {one.session_id for one in rows.sessions}),
        Part.DEVICE: (raw.said(data, "current_device", "device_id"), {one.device_id for one in rows.devices}),
        Part.BIOMETRIC: (
            raw.said(data, "current_biometric", "registration_id"),
            {one.registration_id for one in rows.biometrics},
        ),
        Part.SUBSCRIPTION: (
            None if external_id is None else f"{raw.said(plan, 'provider')}#{external_id}",
            {name_of(one) for one in rows.subscriptions},
        ),
    }
    choices: dict[Part, Choice] = {}
    for part, (chosen, there) in is_chosen.items():
        ruled = current_of(rows, as_of, choices).ruled[part]
        if chosen != ruled and (chosen is None or chosen in there):
            choices[part] = Choice(ruled, chosen)
    return choices


def _ledger_differs(items: Mapping[ItemKey, RawItem], given: Mapping[ItemKey, RawItem]) -> bool:
    def of(found: Mapping[ItemKey, RawItem]) -> dict[ItemKey, RawItem]:
        return {key: one for key, one in found.items() if key[1].startswith(ledger.PREFIX)}

    return bool(given) and of(items) != of(given)


def _merged_item(now: RawItem | None, was: RawItem | None, item: RawItem | None) -> RawItem | None:
    if now == was or was is None:
        return item if item is not None else now if was is None else None
    if now is None or item is None:
        return now
    merged: RawItem = _merged({"M": now}, {"M": was}, {"M": item}, path=())["M"]
    return merged


def _merged(now: Any, was: Any, item: Any, *, path: tuple[str, ...]) -> Any:
    """Return what stands at a path: what was stored, unless somebody else changed it since."""
    if now == was:
        return item
    if item == was:
        return now
    identity = _IDENTITIES.get(path)
    if identity is not None and raw.said(now, identity) != raw.said(was, identity):
        return now
    if path in _OURS:
        return item
    if path[:-1] == _WHOLE:
        return now
    if not all(isinstance(one, Mapping) and "M" in one for one in (now, was, item)):
        return now
    names = {*now["M"], *was["M"], *item["M"]}
    parts = {name: _merged(*(one["M"].get(name) for one in (now, was, item)), path=(*path, name)) for name in names}
    return raw.part(parts)


def _with_grown_ledger(rows: PersonRows, extras: Extras, items: Items, rulebook: Rulebook) -> Items:
    """Return items whose ledger says what rows of consents say that somebody else changed since."""
    key = next((one for one in items if one[1] == keys.PROFILE_SK), None)
    if key is None or rows.user is None:
        return items
    stored = extras.documents[key]
    end = raw.inside((stored.get("item") or {}).get("data"), "consent_chain")
    entries = {one: item for one, item in items.items() if one[1].startswith(ledger.PREFIX)}
    before = raw.inside((stored.get("was") or {}).get("data"), "consents") or {"M": {}}
    given = to_items(rows, raw.EPOCH, rulebook)[key]
    now = raw.inside(given["data"], "consents") or {"M": {}}
    said, born = ledger.latest(entries), born_at(rows.user)
    changed = [
        stated
        for stated in (ledger.stated(one, born) for one in rows.consents)
        if now["M"].get(stated.consent_type) != before["M"].get(stated.consent_type)
    ]
    news = [one for one in changed if said.get(one.consent_type) != one.words]
    grown = Ledger(entries, end)
    if news:
        grown = (
            ledger.grown(rows.user.id, grown, news, rulebook)
            if end is not None
            else ledger.begun(rows.user.id, rows.consents, born, rulebook)
        )
    # A consent stands since its entry says so: a row that was only touched says nothing new.
    at = {raw.said(one["data"], "consent_type") or "": one["updated_at"] for _, one in sorted(grown.items.items())}
    since = {one.consent_type: at[one.consent_type] for one in changed if one.consent_type in at}
    return _with_chain({**items, **grown.items}, key, grown.end, since)


def _with_chain(items: Items, key: ItemKey, end: Raw | None, at: Mapping[str, Raw]) -> Items:
    """Return items whose profile has this end of the ledger, and consents that stand since these instants."""
    profile = items[key]
    data = dict(profile["data"]["M"])
    data.pop("consent_chain", None)
    if end is not None:
        data["consent_chain"] = end
    for kind, instant in at.items():
        standing = data["consents"]["M"]
        data["consents"] = {"M": {**standing, kind: {"M": {**standing[kind]["M"], "updated_at": instant}}}}
    return items | {key: {**profile, "data": {"M": data}}}
