"""Every kind of item and object: why, for how long, and what becomes of it when its person exports or leaves.

`docs/data.md`, the tests' check of lifetimes, export and erasure are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.models.billing_event import BillingEventItem
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
from chalicelib.models.holdings import (
    guards_of_payment,
    guards_of_provider_subscription,
    guards_of_subscription,
    guards_of_user,
)
from chalicelib.models.job import JobItem
from chalicelib.models.kinds import PARTS_OF_USER, AfterErasure, ItemKind, Lifetime, ObjectKind
from chalicelib.models.line import LineItem
from chalicelib.models.message_unit import MessageUnitItem
from chalicelib.models.migration import MigrationItem
from chalicelib.models.payment import PaymentItem, UnclaimedPaymentItem
from chalicelib.models.profile import UserItem
from chalicelib.models.provider_subscription import ProviderSubscriptionItem, UnclaimedSubscriptionItem

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
        parts=PARTS_OF_USER,
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
    "message_unit": ItemKind(
        MessageUnitItem,
        "USER#<id> / MESSAGE#<hash of the request>",
        "One counted chat message: that it counts, and whether it was answered. No word of it.",
        "Two days.",
        Lifetime.EPHEMERAL,
        is_personal=True,
        description="A question that you asked in the chat, as one of those that your plan counts; not what it says.",
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
    "provider_subscription": ItemKind(
        ProviderSubscriptionItem,
        "USER#<id> / STORE#<provider>#<hash of its id there>",
        "A subscription at a store, as the store tells of it; what the plan in force is decided from.",
        "Until the person leaves, or the store hands the subscription to another account.",
        Lifetime.LASTING,
        is_personal=True,
        description="A subscription of yours in the App Store, on Google Play or at Stripe: until when it is paid, and "
        "whether it renews.",
        after_erasure=AfterErasure.REMOVED,
        guards=guards_of_provider_subscription,
    ),
    "payment": ItemKind(
        PaymentItem,
        "USER#<id> / PAYMENT#<date>#<time-ordered id>",
        "A payment, once per transaction of its store: amount, refunds, how it stands.",
        "For ever: accounts must be kept. Once the account is erased it names nobody.",
        Lifetime.LASTING,
        is_personal=True,
        description="A payment of yours: what, when, by which store, and what was paid back.",
        after_erasure=AfterErasure.KEPT,
        guards=guards_of_payment,
    ),
    "unclaimed_subscription": ItemKind(
        UnclaimedSubscriptionItem,
        "UNCLAIMED#<provider>#<hash of its id there> / STORE#<provider>#<hash of its id there>",
        "A subscription that a store tells of and that nobody here has claimed: it waits for its person.",
        "400 days after the last news of it, or until it is claimed.",
        Lifetime.EPHEMERAL,
        is_personal=False,
        description="Exists only for purchases that no account has claimed; once you claim one it is yours.",
        after_erasure=AfterErasure.UNTOUCHED,
    ),
    "unclaimed_payment": ItemKind(
        UnclaimedPaymentItem,
        "UNCLAIMED#<provider>#<hash of the subscription's id> / PAYMENT#<date>#<time-ordered id>",
        "A payment for a subscription that nobody here has claimed.",
        "400 days after the last news of it, or until the subscription is claimed.",
        Lifetime.EPHEMERAL,
        is_personal=False,
        description="Exists only for purchases that no account has claimed; once you claim one it is yours.",
        after_erasure=AfterErasure.UNTOUCHED,
    ),
    "billing_event": ItemKind(
        BillingEventItem,
        "GUARD#EVENT#<provider>#<hash of the event's id> / GUARD",
        "A notice of a store that was received, so that its repetition changes nothing; unknown ones with their text.",
        "120 days.",
        Lifetime.EPHEMERAL,
        is_personal=False,
        description="Says that a store told us something and what became of it; names nobody.",
        after_erasure=AfterErasure.UNTOUCHED,
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
    "migration": ItemKind(
        MigrationItem,
        "MIGRATION#… / …",
        "The move from the former database: its phase, how far each copy has come, and whom it must not bring back.",
        "Until the move is over; counts of minutes for a day.",
        Lifetime.EITHER,
        is_personal=False,
        description="Says how far the move to this table has come, under hashes that lead to nobody.",
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
