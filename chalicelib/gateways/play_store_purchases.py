"""Subscription purchases of Google Play (`SubscriptionPurchaseV2`) read as facts; pure.

Source: Google Play Developer API, `purchases.subscriptionsv2`; "Subscription lifecycle". Google has no family sharing
of subscriptions, and no way back from a refund.
"""

from __future__ import annotations

import logging
from calendar import monthrange
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from chalicelib.gateways.play_store_orders import ALWAYS, Answer, digest, inside, instant, objects, refund_of
from chalicelib.gateways.play_store_push import ORDER_ID, PURCHASE_TOKEN
from chalicelib.gateways.provider_facts import Phase, RenewalSeen, SubscriptionSeen, TermSeen, Version
from chalicelib.models.states import SubscriptionProvider
from chalicelib.observe.log import log

_PREFIX: Final = "SUBSCRIPTION_STATE_"
_PHASES: Final[Mapping[str, Phase]] = MappingProxyType(
    {
        "PENDING": Phase.PENDING,
        "ACTIVE": Phase.ACTIVE,
        "CANCELED": Phase.ACTIVE,
        "IN_GRACE_PERIOD": Phase.GRACE,
        "ON_HOLD": Phase.RETRY,
        "PAUSED": Phase.PAUSED,
        "EXPIRED": Phase.EXPIRED,
        "PENDING_PURCHASE_CANCELED": Phase.EXPIRED,
    }
)
_NEVER_PAID: Final = frozenset({"PENDING", "PENDING_PURCHASE_CANCELED"})
"""They replace nothing: the purchase that they are linked to goes on."""
_ENDING: Final = frozenset({"CANCELED", "EXPIRED", "PENDING_PURCHASE_CANCELED"})
_TO_ACKNOWLEDGE: Final = "ACKNOWLEDGEMENT_STATE_PENDING"
_NEARLY: Final = timedelta(days=1)


def subscription(
    purchase_token: str, answer: Answer, orders: Mapping[str, Answer], seen_at: datetime
) -> SubscriptionSeen:
    """Return what Google says of a purchase. A state that we do not know says nothing, and is logged as an error.

    The order of the term in force tells when it began, and whether its money went back, which ends it: a refund without
    revocation leaves Google's own state as it is.
    """
    state = str(answer.get("subscriptionState", "")).removeprefix(_PREFIX)
    phase = _PHASES.get(state)
    if phase is None:
        log("play_store_state_unknown", level=logging.ERROR, state=state[:40])
        return SubscriptionSeen(SubscriptionProvider.GOOGLE, purchase_token)
    item = item_in_force(answer)
    order_id = str(item.get("latestSuccessfulOrderId")) if item is not None else ""
    version = Version(ALWAYS, seen_at, digest(answer, orders.get(order_id)))
    linked = linked_token(answer)
    return SubscriptionSeen(
        provider=SubscriptionProvider.GOOGLE,
        external_id=purchase_token,
        term=_term(purchase_token, answer, item, orders, version) if item is not None else None,
        renewal=_renewal(answer, state, phase, item, version),
        account=_account(answer),
        superseded=(linked,) if linked is not None and state not in _NEVER_PAID else (),
        needs_acknowledgement=is_to_acknowledge(answer) and phase in (Phase.ACTIVE, Phase.GRACE),
        follows=token_before(answer),
    )


def item_in_force(answer: Answer) -> Answer | None:
    """Return the line that was paid for and lasts longest; None while nothing was. A line without an end is one that a
    deferred replacement will put in force."""
    owned = [item for item in objects(answer.get("lineItems")) if instant(item.get("expiryTime")) is not None]
    return max(owned, key=_weight, default=None)


def product_of(item: Answer) -> str:
    """Return what a line sells, `product id:base plan id`."""
    base_plan = inside(item, "offerDetails", "basePlanId")
    return f"{item.get('productId')}:{base_plan}" if base_plan else str(item.get("productId"))


def sells(answer: Answer, product_id: str) -> bool:
    """Whether one of the lines is this product, named with or without its base plan."""
    return any(product_id in (item.get("productId"), product_of(item)) for item in objects(answer.get("lineItems")))


def latest_order(answer: Answer) -> str | None:
    """Return the id of the order that paid for the term in force."""
    order_id = inside(item_in_force(answer), "latestSuccessfulOrderId")
    return order_id if isinstance(order_id, str) and ORDER_ID.fullmatch(order_id) else None


def linked_token(answer: Answer) -> str | None:
    """Return the token of the purchase before this one: an upgrade's, a downgrade's, a new sign-up's."""
    linked = answer.get("linkedPurchaseToken")
    return linked if isinstance(linked, str) and PURCHASE_TOKEN.fullmatch(linked) else None


def token_before(answer: Answer) -> str | None:
    """Return the token of the purchase that this one replaced, or, of a new sign-up in the Play Store itself, of the
    expired one that it follows."""
    expired = inside(answer, "outOfAppPurchaseContext", "expiredPurchaseToken")
    is_token = isinstance(expired, str) and PURCHASE_TOKEN.fullmatch(expired)
    return linked_token(answer) or (expired if is_token else None)


def is_to_acknowledge(answer: Answer) -> bool:
    """Whether Google waits for an acknowledgement."""
    return answer.get("acknowledgementState") == _TO_ACKNOWLEDGE


def is_made_in_the_store(answer: Answer) -> bool:
    """Whether this is a new sign-up that was made in the Play Store itself, without the app."""
    return "outOfAppPurchaseContext" in answer


def is_test(answer: Answer) -> bool:
    """Whether a licence tester bought this, for no money."""
    return "testPurchase" in answer


def _weight(item: Answer) -> tuple[bool, datetime, str]:
    ends_at = instant(item.get("expiryTime"))
    return bool(item.get("latestSuccessfulOrderId")), ends_at or ALWAYS, product_of(item)


def _term(
    purchase_token: str, answer: Answer, item: Answer, orders: Mapping[str, Answer], version: Version
) -> TermSeen:
    order = orders.get(str(item.get("latestSuccessfulOrderId")), {})
    first, last = _service_period(order, item)
    expires_at = instant(item.get("expiryTime")) or ALWAYS
    started_at = instant(answer.get("startTime"))
    began_at = first or instant(order.get("createTime")) or started_at or expires_at
    # Through a grace Google moves the expiry on; what was paid for ended when the order says.
    is_in_grace = answer.get("subscriptionState") == f"{_PREFIX}IN_GRACE_PERIOD"
    ends_at = min(last, expires_at) if is_in_grace and last is not None else expires_at
    refund = refund_of(order, version.seen_at)
    return TermSeen(
        transaction_id=str(item.get("latestSuccessfulOrderId") or purchase_token),
        product=product_of(item),
        began_at=began_at,
        ends_at=ends_at,
        anchor_at=started_at if started_at is not None and _fits(started_at, last or ends_at) else began_at,
        version=version,
        revoked_at=refund.refunded_at if refund is not None else None,
        revocation=refund.reason if refund is not None else None,
    )


def _renewal(answer: Answer, state: str, phase: Phase, item: Answer | None, version: Version) -> RenewalSeen:
    items = objects(answer.get("lineItems"))
    is_on = any(inside(one, "autoRenewingPlan", "autoRenewEnabled") is True for one in items)
    cancelled = instant(inside(answer, "canceledStateContext", "userInitiatedCancellation", "cancelTime"))
    return RenewalSeen(
        phase=phase,
        phase_given=state,
        will_renew=is_on and state not in _ENDING,
        version=version,
        next_product=_next_product(items, item),
        grace_ends_at=instant(inside(item, "expiryTime")) if phase is Phase.GRACE else None,
        cancelled_at=cancelled if state in _ENDING else None,
        resumes_at=instant(inside(answer, "pausedStateContext", "autoResumeTime")) if phase is Phase.PAUSED else None,
    )


def _next_product(items: list[Answer], item: Answer | None) -> str | None:
    """Return what a deferred replacement renews as. Google names the product; its base plan stands in a line of its
    own."""
    product_id = inside(item, "deferredItemReplacement", "productId")
    if not isinstance(product_id, str):
        return None
    waiting = [one for one in items if one is not item and one.get("productId") == product_id]
    return product_of(waiting[0]) if waiting else product_id


def _account(answer: Answer) -> str | None:
    """Return the user id that the app gave to Google. A purchase made in the Play Store itself names the one of the
    purchase that it follows, until it is acknowledged."""
    name = "obfuscatedExternalAccountId"
    given = inside(answer, "externalAccountIdentifiers", name)
    before = inside(answer, "outOfAppPurchaseContext", "expiredExternalAccountIdentifiers", name)
    return next((one for one in (given, before) if isinstance(one, str) and one), None)


def _service_period(order: Answer, item: Answer) -> tuple[datetime | None, datetime | None]:
    """Return what the order paid for, from when until when."""
    for line in objects(order.get("lineItems")):
        if line.get("productId") == item.get("productId"):
            details: Any = line.get("subscriptionDetails")
            return instant(inside(details, "servicePeriodStartTime")), instant(inside(details, "servicePeriodEndTime"))
    return None, None


def _fits(anchor: datetime, end: datetime) -> bool:
    """Whether a term ends on the anchor's day of the month, give or take a day. It does not after a recovery from hold
    or a pause, or a prorated change of plan: months are then counted from the term's own start."""
    months = (end.year * 12 + end.month - 1 + offset for offset in (-1, 0, 1))
    return any(abs(_in_month(anchor, *divmod(month, 12)) - end) <= _NEARLY for month in months)


def _in_month(anchor: datetime, year: int, month_index: int) -> datetime:
    last = monthrange(year, month_index + 1)[1]
    return anchor.replace(year=year, month=month_index + 1, day=min(anchor.day, last))
