"""Which guards an item holds: an erasure finds them from the items, because guards are not in a person's partition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.models import keys
from chalicelib.models.keys import GuardKind, Key


def guards_of_user(data: Mapping[str, Any]) -> list[Key]:
    """Return the guards of a profile's `data`: the identity at the provider, the e-mail, the subscription in force.

    An e-mail that was never verified has a hash and no guard; whether a guard is the person's own is for the reader to
    check.
    """
    held = [keys.guard_key(GuardKind.EXTERNAL_IDENTITY, data["auth_provider"], data["external_id"])]
    if data.get("email_hash"):
        held.append(keys.guard_key(GuardKind.EMAIL, data["email_hash"]))
    return [*held, *guards_of_subscription(data.get("current_subscription") or {})]


def guards_of_subscription(data: Mapping[str, Any]) -> list[Key]:
    """Return the guard of a subscription's `data`: a paid one is known by its id at the provider."""
    if not data.get("external_subscription_id"):
        return []
    return [keys.subscription_guard_key(data["provider"], data["external_subscription_id"])]


def guards_of_provider_subscription(data: Mapping[str, Any]) -> list[Key]:
    """Return the guard of a subscription at a store: the one that says whose it is."""
    return [keys.subscription_guard_key(data["provider"], data["external_id"])]


def guards_of_payment(data: Mapping[str, Any]) -> list[Key]:
    """Return the guard of a payment: the one that keeps its transaction from being recorded twice."""
    return [keys.transaction_guard_key(data["provider"], data["provider_transaction_id"])]


def no_guards(_: Mapping[str, Any]) -> list[Key]:
    """Most items hold none."""
    return []
