"""Every kind of item that the table holds: why, for how long, and what becomes of it when its person exports or leaves.

The one list that `docs/data.md`, the lifetime check of the test suite, the export and the erasure are made from; a kind
of item without an entry fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chalicelib.models.base import Item
from chalicelib.models.guard import GuardItem
from chalicelib.models.history import (
    DeviceHistoryItem,
    LimitItem,
    SessionHistoryItem,
    SubscriptionHistoryItem,
    SweepItem,
)
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem


class Lifetime(StrEnum):
    """Whether items of a kind carry a `ttl`."""

    LASTING = "lasting"
    EPHEMERAL = "ephemeral"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class ItemKind:
    """What is promised about one kind of item. `key` is its key as documented in the design, section 3."""

    model: type[Item]
    key: str
    purpose: str
    retention: str
    lifetime: Lifetime
    is_personal: bool


KINDS: Final[Mapping[str, ItemKind]] = {
    "user": ItemKind(
        UserItem,
        "USER#<id> / PROFILE",
        "A person: profile, consents, and what is current of device, session, biometric and subscription.",
        "Until the person leaves.",
        Lifetime.LASTING,
        is_personal=True,
    ),
    "guard": ItemKind(
        GuardItem,
        "GUARD#<kind>#<key> / GUARD",
        "Keeps an e-mail, an identity at a provider, a transaction or an event unique.",
        "As long as what it guards; those of events carry a ttl.",
        Lifetime.EITHER,
        is_personal=True,
    ),
    "job": ItemKind(
        JobItem,
        "USER#<id> / JOB#<job id>",
        "One run of an analysis: state, attempt, deadline, reserved unit. No medical content.",
        "Two days.",
        Lifetime.EPHEMERAL,
        is_personal=True,
    ),
    "session_history": ItemKind(
        SessionHistoryItem,
        "USER#<id> / SESSION#<instant>#<session id>",
        "A session that was replaced, revoked or signed out.",
        "400 days.",
        Lifetime.EPHEMERAL,
        is_personal=True,
    ),
    "device_history": ItemKind(
        DeviceHistoryItem,
        "USER#<id> / DEVICE#<instant>#<device id>",
        "A device that another one replaced.",
        "400 days.",
        Lifetime.EPHEMERAL,
        is_personal=True,
    ),
    "subscription_history": ItemKind(
        SubscriptionHistoryItem,
        "USER#<id> / SUBSCRIPTION#<instant>#<subscription id>",
        "A subscription that another one replaced.",
        "400 days.",
        Lifetime.EPHEMERAL,
        is_personal=True,
    ),
    "limit": ItemKind(
        LimitItem,
        "LIMIT#<limit>#<subject> / WINDOW#<minute>",
        "Calls of one subject in one minute. A subject is a user id or a keyed hash of a client address.",
        "Ten minutes.",
        Lifetime.EPHEMERAL,
        is_personal=False,
    ),
    "sweep": ItemKind(
        SweepItem,
        "SWEEP#<name> / PROGRESS",
        "How far a scheduled sweep has come.",
        "For ever; one item per sweep.",
        Lifetime.LASTING,
        is_personal=False,
    ),
}
"""Every kind of item by its `entity_type`."""
