"""Every key of the one table, written in one place (design, section 3)."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from chalicelib.clock import iso

EMAIL_INDEX: Final = "GSI1-EmailLookup"
EXTERNAL_INDEX: Final = "GSI2-ExternalAuth"
DUE_INDEX: Final = "GSI3-UsageDue"

PROFILE_SK: Final = "PROFILE"
GUARD_SK: Final = "GUARD"
MESSAGE_UNIT_PREFIX: Final = "MESSAGE#"
PAYMENT_PREFIX: Final = "PAYMENT#"
PROVIDER_SUBSCRIPTION_PREFIX: Final = "STORE#"


class Key(NamedTuple):
    """Partition key and sort key of one item."""

    pk: str
    sk: str


class GuardKind(StrEnum):
    """What a guard keeps unique."""

    EMAIL = "EMAIL"
    EXTERNAL_IDENTITY = "EXTERNAL"
    PROVIDER_TRANSACTION = "TRANSACTION"
    PROVIDER_SUBSCRIPTION = "SUBSCRIPTION"
    WEBHOOK_EVENT = "EVENT"
    OBJECT_VERSION = "OBJECT"


class HistoryKind(StrEnum):
    """What a `current_*` replaced leaves behind."""

    CONSENT = "CONSENT"
    SESSION = "SESSION"
    DEVICE = "DEVICE"
    SUBSCRIPTION = "SUBSCRIPTION"


def user_partition(user_id: str) -> str:
    """The partition of everything that belongs to one person."""
    return f"USER#{user_id}"


def user_key(user_id: str) -> Key:
    """The profile."""
    return Key(user_partition(user_id), PROFILE_SK)


def job_key(user_id: str, job_id: str) -> Key:
    """A job; the owner is in the key, so a foreign id finds nothing."""
    return Key(user_partition(user_id), f"JOB#{job_id}")


def message_unit_key(user_id: str, name: str) -> Key:
    """The unit of one chat message, by the name of its request."""
    return Key(user_partition(user_id), f"{MESSAGE_UNIT_PREFIX}{name}")


def line_key(user_id: str) -> Key:
    """Which of a person's documents is the first in line."""
    return Key(user_partition(user_id), "LINE")


def payment_key(user_id: str, paid_on: date, payment_id: str) -> Key:
    """A payment; ids are ordered by time, so that payments of one day stand in order."""
    return Key(user_partition(user_id), payment_sort_key(paid_on, payment_id))


def payment_sort_key(paid_on: date, payment_id: str) -> str:
    """Where a payment stands in whichever partition it is kept: its person's, one of nobody, or a retained one."""
    return f"{PAYMENT_PREFIX}{paid_on.isoformat()}#{payment_id}"


def digest_of(text: str) -> str:
    """SHA-256 (hex): in keys instead of what a store calls a purchase, which may be long or hold any character."""
    return hashlib.sha256(text.encode()).hexdigest()


def provider_subscription_sort_key(provider: str, external_id: str) -> str:
    """Where a subscription at a store stands in its person's partition, or in one of nobody."""
    return f"{PROVIDER_SUBSCRIPTION_PREFIX}{provider}#{digest_of(external_id)}"


def provider_subscription_key(user_id: str, provider: str, external_id: str) -> Key:
    """A subscription at a store, as its store tells of it."""
    return Key(user_partition(user_id), provider_subscription_sort_key(provider, external_id))


def unclaimed_partition(provider: str, external_id: str) -> str:
    """What a store tells of a purchase that is nobody's yet."""
    return f"UNCLAIMED#{provider}#{digest_of(external_id)}"


def history_key(user_id: str, kind: HistoryKind, at: datetime, unique: str) -> Key:
    """What was current until `at`."""
    return Key(user_partition(user_id), f"{kind}#{iso(at)}#{unique}")


def consent_entry_key(user_id: str, at: datetime, sequence: int) -> Key:
    """An entry of the ledger of consents; key order is the order of the chain."""
    return history_key(user_id, HistoryKind.CONSENT, at, f"{sequence:08d}")


def guard_key(kind: GuardKind, *parts: str) -> Key:
    """An item that can be put once."""
    return Key(f"GUARD#{kind}#{'#'.join(parts)}", GUARD_SK)


def subscription_guard_key(provider: str, external_id: str) -> Key:
    """Says whose a subscription at a store is."""
    return guard_key(GuardKind.PROVIDER_SUBSCRIPTION, provider, digest_of(external_id))


def transaction_guard_key(provider: str, transaction_id: str) -> Key:
    """Says whose a transaction of a store is, and where its one payment stands."""
    return guard_key(GuardKind.PROVIDER_TRANSACTION, provider, digest_of(transaction_id))


def billing_event_key(provider: str, event_id: str) -> Key:
    """A notice of a store that was received: put once, so that a repetition is known."""
    return guard_key(GuardKind.WEBHOOK_EVENT, provider, digest_of(event_id))


def limit_key(limit: str, subject: str, window: int) -> Key:
    """A counter of calls by one subject (a user id, or a keyed hash of an address) in one window."""
    return Key(f"LIMIT#{limit}#{subject}", f"WINDOW#{window}")


def spending_key(user_id: str, day: date) -> Key:
    """What models cost for one person on one day (UTC). It outlives an erasure by days, so it does not say whose it
    is."""
    return Key(f"SPENDING#{hashlib.sha256(f'spending/1:{user_id}'.encode()).hexdigest()}", f"DAY#{day.isoformat()}")


def switch_key(name: str) -> Key:
    """Something that operators turn off and on."""
    return Key(f"SWITCH#{name}", "SWITCH")


def sweep_key(name: str) -> Key:
    """How far a scheduled sweep has come."""
    return Key(f"SWEEP#{name}", "PROGRESS")


def erasure_name(request_id: str) -> str:
    """The name of an erasure in the table, in queues and in logs. The id is the person's secret, and is stored
    nowhere."""
    return hashlib.sha256(f"erasure/1:{request_id}".encode()).hexdigest()


def erasure_key(name: str) -> Key:
    """An erasure, and later its receipt. It outlives the person."""
    return Key(f"ERASURE#{name}", "ERASURE")


def tombstone_key(user_id: str) -> Key:
    """What says that somebody was erased. An id is 122 random bits: whoever holds it finds this, and nobody finds the
    id from here."""
    return Key(f"ERASURE#{hashlib.sha256(f'tombstone/1:{user_id}'.encode()).hexdigest()}", "TOMBSTONE")


def retained_partition(retained_id: str) -> str:
    """What the law wants kept of somebody erased, under a random id that leads nowhere."""
    return f"RETAINED#{retained_id}"


def retained_chain_key(retained_id: str) -> Key:
    """The end of the ledger of consents of somebody erased, beside its entries."""
    return Key(retained_partition(retained_id), "CONSENT_CHAIN")


def erasure_due_key(due_at: datetime, name: str) -> Key:
    """GSI3: an unfinished erasure that is looked at from `due_at` on. They are few: one partition holds them all."""
    return Key("ERASURE_DUE", f"{iso(due_at)}#{name}")


def email_index_key(email_hash: str) -> Key:
    """GSI1: a profile by the hash of its e-mail."""
    return Key(f"USER_EMAIL#{email_hash}", PROFILE_SK)


def external_index_key(provider: str, external_id: str) -> Key:
    """GSI2: a profile by its identity at the provider."""
    return Key(f"USER_EXTERNAL#{provider}#{external_id}", PROFILE_SK)


def usage_due_key(due_on: date, shard: int, user_id: str) -> Key:
    """GSI3: a user whose counted uses end on that date."""
    return Key(f"USAGE_DUE#{due_on.isoformat()}#{shard}", user_id)


def job_due_key(deadline: datetime, shard: int, job_id: str) -> Key:
    """GSI3: an unfinished job whose deadline falls on that date, ordered by deadline."""
    return Key(f"JOB_DUE#{deadline.date().isoformat()}#{shard}", f"{iso(deadline)}#{job_id}")


def billing_live_key(provider: str, shard: int, ends_at: datetime, external_hash: str) -> Key:
    """GSI3: a subscription at a store that may still change, in the order in which their paid time ends.

    There is a shard for each hour of the day (`billing/liveness.py` writes these keys): the reconciliation of that hour
    looks at all of it, so everybody is looked at once a day; and each hour at those whose paid time ran out unheard.
    """
    return Key(billing_live_partition(provider, shard), f"{iso(ends_at)}#{external_hash}")


def billing_live_partition(provider: str, shard: int) -> str:
    """GSI3: the partition of one shard of the subscriptions at a store that may still change."""
    return f"BILLING_LIVE#{provider}#{shard}"


def shard_of(identifier: str, shards: int) -> int:
    """Spread identifiers evenly and for ever in the same way over `shards` partitions."""
    return int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:4], "big") % shards
