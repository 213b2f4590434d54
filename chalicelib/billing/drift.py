"""What differs between what we knew and what a store says now. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from chalicelib.billing.known import ExternalKey, Known, KnownPayment, KnownSubscription, Told

MISSING: Final = "missing"
"""Instead of fields, where we did not know of the thing at all."""


class Subject(StrEnum):
    """What drifted."""

    SUBSCRIPTION = "subscription"
    PAYMENT = "payment"


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that a store says otherwise than we knew it, and in which fields."""

    subject: Subject
    key: ExternalKey
    fields: tuple[str, ...]


def drift_between(before: Known, after: Known) -> Iterator[Drift]:
    """Return what is otherwise in what is known afterwards. Who told it, and when, is no difference; nor is which one a
    purchase follows, which is told with it: Google says it of a new sign-up only until that is acknowledged, and names
    the account from then on."""
    for key, subscription in after.subscriptions.items():
        known = before.subscriptions.get(key)
        changed = (MISSING,) if known is None else tuple(_changed_subscription(known, subscription))
        if changed:
            yield Drift(Subject.SUBSCRIPTION, key, changed)
    for key, payment in after.payments.items():
        recorded = before.payments.get(key)
        changed = (MISSING,) if recorded is None else tuple(_changed_payment(recorded, payment))
        if changed:
            yield Drift(Subject.PAYMENT, key, changed)


def _changed_subscription(before: KnownSubscription, after: KnownSubscription) -> Iterator[str]:
    yield from _changed("term", _content(before.term), _content(after.term))
    yield from _changed("renewal", _content(before.renewal), _content(after.renewal))
    if _content(before.account) != _content(after.account):
        yield "account"
    if _content(before.replaced_by) != _content(after.replaced_by):
        yield "replaced_by"


def _changed_payment(before: KnownPayment, after: KnownPayment) -> Iterator[str]:
    yield from _changed("payment", before.seen, after.seen)


def _changed(name: str, before: Any, after: Any) -> Iterator[str]:
    """Name the fields in which two words differ. The App Store does not say when renewal was turned off, so that its
    every word gives another instant: that there is one counts, not which."""
    if before is None or after is None:
        if before is not after:
            yield name
        return
    for field in fields(before):
        one, other = getattr(before, field.name), getattr(after, field.name)
        is_same = (one is None) == (other is None) if field.name == "cancelled_at" else one == other
        if field.name != "version" and not is_same:
            yield f"{name}.{field.name}"


def _content(told: Told[Any] | None) -> Any:
    return None if told is None else told.content
