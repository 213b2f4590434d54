"""The audit trail: one JSON line for every act that matters to security, out of a closed vocabulary.

A line goes the way of the logs and is told from them by `kind: "audit"`. It names nobody: the person is a hash, the
address is cut to its network, and the correlation id leads to the ordinary log lines of the same request for as long as
those are kept.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from contextvars import ContextVar
from enum import StrEnum
from typing import Final, TypedDict, Unpack

from chalicelib.observe.log import log


class AuditEvent(StrEnum):
    """Everything that the trail can say. A test fails for an event that no code writes."""

    SIGNED_UP = "signed_up"
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SESSION_REPLACED = "session_replaced"
    SESSION_REFRESHED = "session_refreshed"
    REFRESH_REFUSED = "refresh_refused"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105  # an event, not a secret
    SIGNED_OUT = "signed_out"
    ACCOUNT_REFUSED = "account_refused"
    ACCESS_REFUSED = "access_refused"
    LIMIT_REACHED = "limit_reached"
    CONSENT_GIVEN = "consent_given"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    PROFILE_RENAMED = "profile_renamed"
    EMAIL_CHANGED = "email_changed"
    BIOMETRIC_ENROLLED = "biometric_enrolled"
    BIOMETRIC_VERIFIED = "biometric_verified"
    BIOMETRIC_FAILED = "biometric_failed"
    BIOMETRIC_LOCKED = "biometric_locked"
    DATA_EXPORTED = "data_exported"
    ERASURE_REQUESTED = "erasure_requested"
    ERASURE_COMPLETED = "erasure_completed"
    PURCHASE_CLAIMED = "purchase_claimed"
    PURCHASE_REFUSED = "purchase_refused"
    PURCHASE_WITHDRAWN = "purchase_withdrawn"
    PURCHASE_TRANSFERRED = "purchase_transferred"
    CHECKOUT_OPENED = "checkout_opened"
    SUBSCRIPTION_CANCELLED = "subscription_cancelled"
    PAYMENT_REFUNDED = "payment_refunded"
    PAYMENT_DISPUTED = "payment_disputed"
    TOKEN_KEYS_ROTATED = "token_keys_rotated"  # noqa: S105  # an event, not a secret
    MIGRATION_MOVED = "migration_moved"
    MIGRATION_CHANGED = "migration_changed"
    MIGRATION_REFUSED = "migration_refused"
    MIGRATION_KILLED = "migration_killed"


class Details(TypedDict, total=False):
    """What a line may say beside who, where and what: ids, codes and counts of ours, never a word of a person's."""

    cause: str
    route: str
    limit: str
    provider: str
    session_id: str
    replaced_session_id: str
    generation: int
    generations_behind: int
    is_everywhere: bool
    fields: list[str]
    registration_id: str
    operation: str
    failures: int
    consent_type: str
    sequence: int
    entry_hash: str
    erasure_id: str
    kid: str
    previous_kid: str
    phase: str
    target: str
    epoch: int
    operator: str


_NOTABLE: Final = frozenset(
    {
        AuditEvent.REFRESH_TOKEN_REUSED,
        AuditEvent.ACCOUNT_REFUSED,
        AuditEvent.BIOMETRIC_LOCKED,
        AuditEvent.MIGRATION_KILLED,
    }
)
"""Written as warnings: somebody should look."""

_address: ContextVar[str | None] = ContextVar("audit_address", default=None)
_person: ContextVar[str | None] = ContextVar("audit_person", default=None)


def begin(address: str | None = None) -> None:
    """Start the lines of a request from this address, or of an event that has none. Nobody is known yet."""
    _address.set(None if address is None else coarse(address))
    _person.set(None)


def concerns(user_id: str) -> None:
    """Name the person that this request's lines speak of, unless a line names another. Only for an identity that was
    proved: a verified token, an identity at a provider."""
    _person.set(user_id)


def record(event: AuditEvent, *, user_id: str | None = None, **details: Unpack[Details]) -> None:
    """Write one line. Without `user_id` it speaks of whom the request concerns, or of nobody if that is not known."""
    person = user_id or _person.get()
    level = logging.WARNING if event in _NOTABLE else logging.INFO
    user = None if person is None else hashed(person)
    log(str(event), level=level, kind="audit", user=user, address=_address.get(), **details)


def hashed(user_id: str) -> str:
    """Return the name under which the trail knows a person: the same in every line, for ever.

    Not keyed, on purpose. A user id is 122 random bits, so that nobody can guess one and try; whoever holds the id (the
    person who asks, the operator who answers) can find the lines, in any process and after any rotation of keys; and
    once an erasure has removed the id, the hash leads nowhere.
    """
    return hashlib.sha256(f"audit/1:{user_id}".encode()).hexdigest()[:32]


def coarse(address: str) -> str | None:
    """Return the network that an address belongs to (IPv4: /24, IPv6: /48), or None for what is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((parsed, 48), strict=False))
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network((parsed, 24), strict=False))
