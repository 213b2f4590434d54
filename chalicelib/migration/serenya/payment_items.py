"""Rows of payments as items, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from chalicelib.clock import parse_iso
from chalicelib.ids import derived_id
from chalicelib.migration.serenya import raw
from chalicelib.migration.serenya.raw import Raw
from chalicelib.migration.serenya.rows import Instant, PaymentRow
from chalicelib.models import keys

CARRIED_OVER: Final = "carried_over"
"""The event behind what no store told us: it stood in the legacy database."""
_NOT_COME: Final = frozenset({"pending", "failed"})
_WITH_ROW_ID: Final = re.compile(r"[0-9a-f]{12}-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_MOST: Final = Decimal("99999999.99")
_CENT: Final = Decimal("0.01")


def purchased_at(row: PaymentRow, born: Instant) -> Instant:
    """Return when somebody paid: when the row came, or the nearest that is known."""
    return row.created_at or row.processed_at or row.updated_at or born


def payment_id_of(row: PaymentRow, born: Instant) -> str:
    """Return the id of a payment: in the order of time, with the row's own id in it."""
    milliseconds = (parse_iso(purchased_at(row, born)) - parse_iso(raw.EPOCH)) // timedelta(milliseconds=1)
    return f"{max(0, milliseconds):012x}-{row.id}"


def row_id_of(payment_id: str) -> str:
    """Return the id of the row of a payment: the one that its id holds, or one that follows from it."""
    held = _WITH_ROW_ID.fullmatch(payment_id)
    return held.group(1) if held is not None else derived_id("payment-row", payment_id)


def sort_key_of(row: PaymentRow, born: Instant) -> str:
    """Return where a payment stands in its person's partition."""
    return keys.payment_sort_key(parse_iso(purchased_at(row, born)).date(), payment_id_of(row, born))


def payment_item(row: PaymentRow, owner: str, born: Instant) -> Mapping[str, Raw]:
    """Return the item of a payment. Any word of a store is newer than what the legacy row says."""
    at, status = purchased_at(row, born), row.payment_status or "pending"
    came_at = None if status in _NOT_COME else row.processed_at
    version = {"about": at, "seen_at": at, "digest": CARRIED_OVER}
    cause = {"happened_at": at, "event_id": row.id, "event_type": CARRIED_OVER}
    data = {
        "payment_id": raw.text(payment_id_of(row, born)),
        "user_id": raw.text(owner),
        "subscription_id": raw.text(row.subscription_id),
        "external_subscription_id": raw.text(row.external_subscription_id),
        "amount": raw.text(format(row.amount, "f")),
        "currency": raw.text(row.currency.rstrip(" ")),
        "payment_status": raw.text(status),
        # Its subscription says which store it was; a payment whose subscription is gone was at none that we know.
        "provider": raw.text(row.provider or "internal"),
        "provider_transaction_id": raw.text(row.provider_transaction_id),
        "provider_transaction_id_hash": raw.text(keys.digest_of(row.provider_transaction_id)),
        "payment_method": raw.text(row.payment_method),
        "purchased_at": raw.text(at),
        # Old rows have an instant although no money came; nobody is shown it (design, trap 9).
        "processed_at": raw.text(came_at),
        "came_at": raw.text(came_at),
        "told_at": raw.text(row.processed_at),
        "version": raw.part({name: raw.text(value) for name, value in version.items()}),
        "cause": raw.part({name: raw.text(value) for name, value in cause.items()}),
        "revision": raw.whole(1),
    }
    key = keys.Key(keys.user_partition(owner), sort_key_of(row, born))
    return raw.item_at(key, "payment", at, row.updated_at or at, raw.part(data))


def payment_row(
    found: Mapping[str, Raw], owner: str, subscriptions: Mapping[tuple[str, str], str]
) -> PaymentRow | None:
    """Return the row of a payment; None where no row can say it: an amount with more digits than a row has, a store
    that the legacy database does not know, no subscription. `subscriptions` gives row ids by store and id there."""
    data = found["data"]
    provider, external = raw.said(data, "provider"), raw.said(data, "external_subscription_id")
    amount, currency = _money(raw.said(data, "amount")), raw.said(data, "currency") or ""
    transaction_id, payment_id = raw.said(data, "provider_transaction_id"), raw.said(data, "payment_id")
    subscription_id = subscriptions.get((provider or "", external or "")) or raw.uuid(raw.said(data, "subscription_id"))
    texts = (transaction_id, payment_id, subscription_id, provider)
    if amount is None or None in texts or provider == "internal" or not raw.fits(transaction_id, 255):
        return None
    if not raw.fits(currency, 3):
        return None
    return PaymentRow(
        id=row_id_of(payment_id or ""),
        subscription_id=subscription_id or "",
        user_id=owner,
        amount=amount,
        currency=currency.ljust(3),
        payment_status=raw.said(data, "payment_status"),
        provider_transaction_id=transaction_id or "",
        provider_transaction_id_hash=raw.said(data, "provider_transaction_id_hash"),
        payment_method=raw.cut(raw.said(data, "payment_method"), 100) or "",
        processed_at=raw.said(data, "told_at"),
        created_at=raw.said(data, "purchased_at"),
        updated_at=raw.said(found.get("updated_at")),
        provider=provider,
        external_subscription_id=external,
    )


def _money(written: str | None) -> Decimal | None:
    if written is None:
        return None
    amount = Decimal(written)
    is_sayable = amount.is_finite() and abs(amount) <= _MOST and amount == amount.quantize(_CENT)
    return amount.quantize(_CENT) if is_sayable else None
