"""Every kind of item and object: why, for how long, and what becomes of it when its person exports or leaves.

The one list that `docs/data.md`, the lifetime check of the test suite, the export and the erasure are made from; a kind
of item without an entry fails a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from chalicelib.models.base import Item
from chalicelib.models.consent import ConsentEntryItem, RetainedChainItem
from chalicelib.models.erasure import ErasureItem, TombstoneItem
from chalicelib.models.guard import GuardItem
from chalicelib.models.history import (
    DeviceHistoryItem,
    LimitItem,
    SessionHistoryItem,
    SpendingItem,
    SubscriptionHistoryItem,
    SweepItem,
    SwitchItem,
)
from chalicelib.models.holdings import guards_of_subscription, guards_of_user, no_guards
from chalicelib.models.job import JobItem
from chalicelib.models.keys import Key
from chalicelib.models.line import LineItem
from chalicelib.models.profile import UserItem


class Lifetime(StrEnum):
    """Whether items of a kind carry a `ttl`."""

    LASTING = "lasting"
    EPHEMERAL = "ephemeral"
    EITHER = "either"


class AfterErasure(StrEnum):
    """What an erasure does with items of a kind."""

    REMOVED = "removed"
    KEPT = "kept under a random key"
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True)
class ItemKind:
    """What is promised about one kind of item. `key` is its key as documented in the design, section 3.

    `description` tells the person whose items they are what they see in an export; `parts` does so for the larger parts
    of `data`. A kind that is not personal is in no export, and `description` says why. `guards` returns the guards that
    an item holds, out of its `data`.
    """

    model: type[Item]
    key: str
    purpose: str
    retention: str
    lifetime: Lifetime
    is_personal: bool
    description: str
    after_erasure: AfterErasure
    guards: Callable[[Mapping[str, Any]], list[Key]] = no_guards
    parts: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """What is promised about the objects of one prefix of the bucket, `<prefix><user id>/…`. All go with the person."""

    name: str
    description: str
    retention: str
    is_shown: bool


_PARTS_OF_USER: Final[Mapping[str, str]] = {
    "consents": "What you agreed to, as it stands now.",
    "consent_chain": "Where the record of your consents begins and ends, so that a change to it would be noticed.",
    "current_device": "The device that you use.",
    "current_session": "Your present sign-in.",
    "current_biometric": "Your registration for confirming with fingerprint, face or voice. The phone keeps those; we "
    "have a public key.",
    "current_subscription": "Your plan, and how many documents you used in the present period.",
}

KINDS: Final[Mapping[str, ItemKind]] = {
    "user": ItemKind(
        UserItem,
        "USER#<id> / PROFILE",
        "A person: profile, consents, and what is current of device, session, biometric and subscription.",
        "Until the person leaves.",
        Lifetime.LASTING,
        is_personal=True,
        description="Your account: who you are, how you sign in, what you agreed to, device and session in use, plan.",
        after_erasure=AfterErasure.REMOVED,
        guards=guards_of_user,
        parts=_PARTS_OF_USER,
    ),
    "guard": ItemKind(
        GuardItem,
        "GUARD#<kind>#<key> / GUARD",
        "Keeps an e-mail, an identity at a provider, a transaction or an event unique.",
        "As long as what it guards; those of events carry a ttl.",
        Lifetime.EITHER,
        is_personal=True,
        description="Keeps your identity and your verified e-mail address from being used by a second account.",
        after_erasure=AfterErasure.REMOVED,
    ),
    "job": ItemKind(
        JobItem,
        "USER#<id> / JOB#<job id>",
        "One run of an analysis: state, attempt, deadline, reserved unit. No medical content.",
        "Two days.",
        Lifetime.EPHEMERAL,
        is_personal=True,
        description="A document that you handed in, and what became of its analysis; not what it says.",
        after_erasure=AfterErasure.REMOVED,
    ),
    "line": ItemKind(
        LineItem,
        "USER#<id> / LINE",
        "Which of a person's documents is the first in line: the others wait behind those of everybody else.",
        "Two days after it was last taken.",
        Lifetime.EPHEMERAL,
        is_personal=True,
        description="Which of your documents is to be analysed next.",
        after_erasure=AfterErasure.REMOVED,
    ),
    "session_history": ItemKind(
        SessionHistoryItem,
        "USER#<id> / SESSION#<instant>#<session id>",
        "A session that was replaced, revoked or signed out.",
        "400 days.",
        Lifetime.EPHEMERAL,
        is_personal=True,
        description="A time that you were signed in, which has ended.",
        after_erasure=AfterErasure.REMOVED,
    ),
    "device_history": ItemKind(
        DeviceHistoryItem,
        "USER#<id> / DEVICE#<instant>#<device id>",
        "A device that another one replaced.",
        "400 days.",
        Lifetime.EPHEMERAL,
        is_personal=True,
        description="A device that you used before the present one.",
        after_erasure=AfterErasure.REMOVED,
    ),
    "subscription_history": ItemKind(
        SubscriptionHistoryItem,
        "USER#<id> / SUBSCRIPTION#<instant>#<subscription id>",
        "A subscription that another one replaced.",
        "400 days.",
        Lifetime.EPHEMERAL,
        is_personal=True,
        description="A plan that you had before the present one.",
        after_erasure=AfterErasure.REMOVED,
        guards=guards_of_subscription,
    ),
    "consent_entry": ItemKind(
        ConsentEntryItem,
        "USER#<id> / CONSENT#<instant>#<sequence>",
        "One change of a consent; a chain of hashes shows that none was altered, removed or slipped in.",
        "For ever: consent must be provable. Names nobody by itself.",
        Lifetime.LASTING,
        is_personal=True,
        description="A consent that you gave or withdrew, in the words of which version, and when.",
        after_erasure=AfterErasure.KEPT,
    ),
    "retained_chain": ItemKind(
        RetainedChainItem,
        "RETAINED#<random key> / CONSENT_CHAIN",
        "The end of the ledger of somebody erased: how many entries there are and the hash of the last.",
        "For ever, as the entries beside it. Names nobody.",
        Lifetime.LASTING,
        is_personal=False,
        description="Exists only after an account is erased, beside the proof of its consents; leads to nobody.",
        after_erasure=AfterErasure.UNTOUCHED,
    ),
    "limit": ItemKind(
        LimitItem,
        "LIMIT#<limit>#<subject> / WINDOW#<minute>",
        "Calls of one subject in one minute. A subject is a hash of a user id or of a client address.",
        "Ten minutes.",
        Lifetime.EPHEMERAL,
        is_personal=False,
        description="Counts calls for some minutes under a hash, which does not say whose they are.",
        after_erasure=AfterErasure.UNTOUCHED,
    ),
    "model_spending": ItemKind(
        SpendingItem,
        "SPENDING#<hash of the user id> / DAY#<date>",
        "What language models cost for one person on one day: the daily cap is held against it.",
        "Three days.",
        Lifetime.EPHEMERAL,
        is_personal=False,
        description="Adds up for some days what models cost, under a hash, which does not say whose it is.",
        after_erasure=AfterErasure.UNTOUCHED,
    ),
    "switch": ItemKind(
        SwitchItem,
        "SWITCH#<name> / SWITCH",
        "Something that operators turn off and on, such as the language models.",
        "For ever; one item per switch.",
        Lifetime.LASTING,
        is_personal=False,
        description="Says whether a part of the service is turned off, and nothing of anybody.",
        after_erasure=AfterErasure.UNTOUCHED,
    ),
    "erasure": ItemKind(
        ErasureItem,
        "ERASURE#<hash of the request id> / ERASURE",
        "How far an erasure has come, and afterwards its receipt.",
        "90 days.",
        Lifetime.EPHEMERAL,
        is_personal=False,
        description="Exists only while and after an account is erased; the receipt names nobody.",
        after_erasure=AfterErasure.UNTOUCHED,
    ),
    "tombstone": ItemKind(
        TombstoneItem,
        "ERASURE#<hash of the user id> / TOMBSTONE",
        "Keeps whoever was erased from being brought back by a repair, a migration or a late event.",
        "90 days.",
        Lifetime.EPHEMERAL,
        is_personal=False,
        description="Exists only after an account is erased, under a hash that leads to nobody.",
        after_erasure=AfterErasure.UNTOUCHED,
    ),
    "sweep": ItemKind(
        SweepItem,
        "SWEEP#<name> / PROGRESS",
        "How far a scheduled sweep has come.",
        "For ever; one item per sweep.",
        Lifetime.LASTING,
        is_personal=False,
        description="Says how far a nightly task has come, and nothing of anybody.",
        after_erasure=AfterErasure.UNTOUCHED,
    ),
}
"""Every kind of item by its `entity_type`."""

WITHHELD: Final[Mapping[str, str]] = {
    "refresh_token_hash": "Guards your session: a hash of the token that your app keeps.",
    "access_token_hash": "Guards your session: a hash of a token that your app was given.",
    "apple_refresh_token": "A sealed text with which we can tell Apple to forget us; it signs nobody in.",
    "challenge": "A question to your device that is open; whoever knows it could try to answer it.",
    "claim_token": "A random text by which two of our machines tell whose turn it is.",
}
"""Attributes that an export names and does not show, by their last name; wherever they stand."""

OBJECTS: Final[Mapping[str, ObjectKind]] = {
    "uploads/": ObjectKind("document", "A document that you uploaded, as it arrived.", "Two days.", is_shown=False),
    "prepared/": ObjectKind(
        "prepared",
        "A document that you uploaded, without what a camera wrote into it.",
        "Two days.",
        is_shown=False,
    ),
    "results/": ObjectKind(
        "result",
        "What a document of yours says, or an answer of the chat.",
        "Two days; an answer leaves a quarter of an hour after it was fetched.",
        is_shown=True,
    ),
    "requests/": ObjectKind(
        "request",
        "What you sent for a report that was not written yet, or asked in the chat and was not answered yet.",
        "Until it is done; two days.",
        is_shown=False,
    ),
    "failures/": ObjectKind("failure", "Why a document could not be analysed.", "Two days.", is_shown=True),
    "exports/": ObjectKind("export", "A large export that you asked for before.", "Two days.", is_shown=False),
}
"""Every prefix under which objects of people lie. `is_shown`: small and readable, so an export holds the content."""
