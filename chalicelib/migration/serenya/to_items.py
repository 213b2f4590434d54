"""From rows to items: everything of one person, exactly as the models read it; pure, and the same for the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from chalicelib.clock import iso, parse_iso
from chalicelib.ids import derived_id, email_hash
from chalicelib.migration.ports import ItemKey
from chalicelib.migration.serenya import ledger, parts, raw
from chalicelib.migration.serenya.current import Choice, Current, Part, current_of
from chalicelib.migration.serenya.job_items import job_item
from chalicelib.migration.serenya.payment_items import payment_item, purchased_at, sort_key_of
from chalicelib.migration.serenya.raw import Raw
from chalicelib.migration.serenya.rows import Instant, PaymentRow, PersonRows, UserRow
from chalicelib.migration.serenya.rulebook import Rulebook
from chalicelib.models import keys
from chalicelib.models.keys import GuardKind, HistoryKind, Key

Items = dict[ItemKey, Mapping[str, Raw]]

RELAY_DOMAIN: Final = "@privaterelay.appleid.com"
_LAST: Final = "9000-01-01T00:00:00.000000Z"
"""Later than any usage period; months after `infinity` there are none."""
_LONGEST_SORT_KEY: Final = 900
"""DynamoDB takes 1,024 bytes; instants and prefixes need some of them."""


def to_items(
    rows: PersonRows, as_of: Instant, rulebook: Rulebook, choices: Mapping[Part, Choice] | None = None
) -> Items:
    """Return the items of a person's rows; none for nobody. `as_of` is when the move was installed."""
    if rows.user is None:
        return {}
    return _Person(rows, rows.user, as_of, rulebook, current_of(rows, as_of, choices)).items()


def guarded_email(user: UserRow) -> str | None:
    """Return the hash of an address that may belong to one person only, as sign-up has it: verified, and no relay."""
    if not user.email_verified or user.email.strip().casefold().endswith(RELAY_DOMAIN):
        return None
    return email_hash(user.email)


def rank_of(created_at: Instant | None, row_id: str) -> tuple[str, str]:
    """Return who comes first where several want one guard: the oldest row, then the smallest id."""
    return created_at or "", row_id


def born_at(user: UserRow) -> Instant:
    """Return when somebody came, or the nearest that is known."""
    return user.created_at or user.updated_at or user.last_login_at or raw.EPOCH


@dataclass(slots=True)
class _Person:
    rows: PersonRows
    user: UserRow
    as_of: Instant
    rulebook: Rulebook
    current: Current
    born: Instant = field(init=False)
    devices: Mapping[str, str] = field(init=False)
    period: tuple[Instant, Instant] = field(init=False)
    usage: Raw = field(init=False)
    due: Key | None = field(init=False)

    def __post_init__(self) -> None:
        self.born = born_at(self.user)
        self.devices = {one.id: one.device_id for one in self.rows.devices}
        self.period, self.usage, self.due = self._usage()

    def items(self) -> Items:
        """Return all of it."""
        chain = ledger.begun(self.user.id, self.rows.consents, self.born, self.rulebook)
        found: Items = dict(chain.items)
        for one in (self._profile(chain.end), *self._guards(), *self._history(), *self._payments(), *self._jobs()):
            found[one["PK"]["S"], one["SK"]["S"]] = one
        return found

    def _profile(self, chain_end: Raw | None) -> Mapping[str, Raw]:
        user, hashed = self.user, email_hash(self.user.email)
        key = keys.user_key(user.id)
        due = self.due
        email_key = keys.email_index_key(hashed) if hashed is not None else None
        external_key = keys.external_index_key(user.auth_provider, user.external_id)
        return raw.item_at(
            key,
            "user",
            self.born,
            user.updated_at or self.born,
            self._data(hashed, chain_end),
            GSI1PK=raw.text(email_key.pk if email_key else None),
            GSI1SK=raw.text(email_key.sk if email_key else None),
            GSI2PK=raw.text(external_key.pk),
            GSI2SK=raw.text(external_key.sk),
            GSI3PK=raw.text(due.pk if due else None),
            GSI3SK=raw.text(due.sk if due else None),
        )

    def _data(self, hashed: str | None, chain_end: Raw | None) -> Raw:
        user, now, born = self.user, self.current, self.born
        session, biometric = now.session, now.biometric
        return raw.part(
            {
                "id": raw.text(user.id),
                "external_id": raw.text(user.external_id),
                "auth_provider": raw.text(user.auth_provider),
                "email": raw.text(user.email or None),
                "email_hash": raw.text(hashed),
                "email_verified": raw.flag(bool(user.email_verified)),
                "is_private_email": raw.flag(user.email.strip().casefold().endswith(RELAY_DOMAIN)),
                "name": raw.text(user.name or None),
                "given_name": raw.text(user.given_name),
                "family_name": raw.text(user.family_name),
                "account_status": raw.text(user.account_status or "active"),
                "last_login_at": raw.text(user.last_login_at),
                "deactivated_at": raw.text(user.deactivated_at),
                "consents": raw.part({one.consent_type: parts.consent_part(one, born) for one in self.rows.consents}),
                "consent_chain": chain_end,
                "current_device": None if now.device is None else parts.device_part(now.device, born),
                "current_session": parts.session_part(session, self._device(session.device_id), born)
                if session is not None
                else None,
                "current_biometric": parts.biometric_part(biometric, self._device(biometric.device_id), born)
                if biometric is not None
                else None,
                "current_subscription": self._plan(),
            }
        )

    def _plan(self) -> Raw:
        row = self.current.subscription
        if row is None:
            return parts.free_part(derived_id("free-plan", self.user.id), self.usage, self.born)
        return parts.subscription_part(row, self.usage, self.born)

    def _device(self, row_id: str) -> str:
        """Return the app's id of a device; of one that is gone the row's, which no app has."""
        return self.devices.get(row_id, row_id)

    def _usage(self) -> tuple[tuple[Instant, Instant], Raw, Key | None]:
        """Return the period that counts, the count, and where it is due: the documents still here that were uploaded in
        the period. The period is the one of the install, or of the newest document if that is later."""
        newest = min(_LAST, max([self.as_of, *(one.uploaded_at for one in self.rows.jobs)]))
        plan = self.current.subscription
        anchor = self.born if plan is None else plan.start_date
        period = self.rulebook.period_at(parse_iso(anchor), parse_iso(newest))
        start, end = iso(period.start), iso(period.end)
        used = sum(start <= one.uploaded_at < end for one in self.rows.jobs)
        counted = {"documents_processed": raw.whole(used), "last_updated": raw.text(self.as_of)}
        usage = raw.part(counted | {"period_start": raw.text(start), "period_end": raw.text(end)})
        if not used or plan is not None:
            return (start, end), usage, None
        shard = keys.shard_of(self.user.id, self.rulebook.rules.usage_due_shards)
        return (start, end), usage, keys.usage_due_key(period.due_on, shard, self.user.id)

    def _guards(self) -> Iterator[Mapping[str, Raw]]:
        user, hashed = self.user, guarded_email(self.user)
        yield self._guard(keys.guard_key(GuardKind.EXTERNAL_IDENTITY, user.auth_provider, user.external_id))
        rank = rank_of(user.created_at, user.id)
        rivals = [one for one in self.rows.rivals if one.guard == GuardKind.EMAIL and one.name == hashed]
        if hashed is not None and all(rank < one.rank for one in rivals):
            yield self._guard(keys.guard_key(GuardKind.EMAIL, hashed))

    def _guard(self, key: Key, sort_key: str | None = None, at: Instant | None = None) -> Mapping[str, Raw]:
        came = at or self.born
        data = raw.part({"user_id": raw.text(self.user.id), "sort_key": raw.text(sort_key)})
        return raw.item_at(key, "guard", came, came, data)

    def _history(self) -> Iterator[Mapping[str, Raw]]:
        """Yield what is not current; of what ended so long ago that its item would be gone, nothing."""
        now, born = self.current, self.born
        for session in self.rows.sessions:
            if session is not now.session:
                data = parts.session_part(session, self._device(session.device_id), born)
                unique = session.session_id
                unique = unique if len(unique.encode()) <= _LONGEST_SORT_KEY else derived_id(unique)
                yield from self._past(HistoryKind.SESSION, parts.updated_at(session, born), unique, data)
        for device in self.rows.devices:
            if device is not now.device:
                data = parts.device_part(device, born)
                unique = derived_id(device.device_id)
                yield from self._past(HistoryKind.DEVICE, parts.updated_at(device, born), unique, data)
        for plan in self.rows.subscriptions:
            guard = self._guard(keys.subscription_guard_key(plan.provider, plan.external_subscription_id))
            if plan is now.subscription:
                yield guard
                continue
            data = parts.subscription_part(plan, _unused(plan.start_date, parts.updated_at(plan, born)), born)
            past = list(self._past(HistoryKind.SUBSCRIPTION, parts.updated_at(plan, born), plan.id, data))
            yield from [*past, guard] if past else []

    def _past(self, kind: HistoryKind, at: Instant, unique: str, data: Raw) -> Iterator[Mapping[str, Raw]]:
        ttl = raw.seconds(raw.later(at, self.rulebook.rules.history_life))
        if ttl > raw.seconds(self.as_of):
            key = keys.history_key(self.user.id, kind, parse_iso(at), unique)
            yield raw.item_at(key, f"{kind.lower()}_history", at, at, data, ttl=raw.whole(ttl))

    def _payments(self) -> Iterator[Mapping[str, Raw]]:
        first: dict[tuple[str, str], PaymentRow] = {}
        for row in sorted(self.rows.payments, key=lambda one: rank_of(one.created_at, one.id)):
            yield payment_item(row, self.user.id, self.born)
            if row.provider is not None:
                first.setdefault((row.provider, row.provider_transaction_id), row)
        for (provider, transaction_id), row in first.items():
            rivals = (
                one
                for one in self.rows.rivals
                if (one.guard, one.name, one.provider) == (GuardKind.PROVIDER_TRANSACTION, transaction_id, provider)
            )
            if all(rank_of(row.created_at, row.id) < one.rank for one in rivals):
                guard = keys.transaction_guard_key(provider, transaction_id)
                yield self._guard(guard, sort_key_of(row, self.born), purchased_at(row, self.born))

    def _jobs(self) -> Iterator[Mapping[str, Raw]]:
        for row in self.rows.jobs:
            found = job_item(row, self.period, self.as_of, self.rulebook.rules)
            if found is not None:
                yield found


def _unused(start: Instant, at: Instant) -> Raw:
    """Nothing used: of a plan that is over, nobody counts."""
    since = raw.text(start)
    counted = {"documents_processed": raw.whole(0), "last_updated": raw.text(at)}
    return raw.part(counted | {"period_start": since, "period_end": since})
