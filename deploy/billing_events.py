"""What happens to the subscriptions on the page about billing, and by which notifications each store tells it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chalicelib.gateways.provider_facts import Phase
from chalicelib.models.states import PaymentStatus
from deploy.billing_words import (
    APPLE,
    APRIL,
    GOOGLE,
    JUNE,
    MARCH,
    MAY,
    STRIPE,
    Event,
    Word,
    of_old_term,
    on,
)

_CREATED: Final = "customer.subscription.created"
_UPDATED: Final = "customer.subscription.updated"
_DELETED: Final = "customer.subscription.deleted"

_FIRST: Final = Word()
_SECOND: Final = Word(began=APRIL, ends=MAY)
_FAILED: Final = Word(paid=None)
"""A renewal that failed: the term before it is the last that was paid."""

BOUGHT: Final = Event(
    MARCH,
    {APPLE: "SUBSCRIBED/INITIAL_BUY", GOOGLE: "SUBSCRIPTION_PURCHASED", STRIPE: f"{_CREATED}, invoice.paid"},
    _FIRST,
)
RENEWED: Final = Event(
    APRIL, {APPLE: "DID_RENEW", GOOGLE: "SUBSCRIPTION_RENEWED", STRIPE: f"{_UPDATED}, invoice.paid"}, _SECOND
)
PENDING: Final = Event(
    MARCH,
    {GOOGLE: "SUBSCRIPTION_PURCHASED", STRIPE: _CREATED},
    Word(phase=Phase.PENDING, paid=PaymentStatus.PENDING),
)
NEVER_PAID: Final = Event(
    on(3, 3),
    {GOOGLE: "SUBSCRIPTION_PENDING_PURCHASE_CANCELED", STRIPE: f"{_UPDATED} (incomplete_expired)"},
    Word(phase=Phase.EXPIRED, will_renew=False, paid=PaymentStatus.FAILED),
)
TURNED_OFF: Final = Event(
    on(3, 20),
    {
        APPLE: "DID_CHANGE_RENEWAL_STATUS/AUTO_RENEW_DISABLED",
        GOOGLE: "SUBSCRIPTION_CANCELED",
        STRIPE: f"{_UPDATED} (cancel_at_period_end)",
    },
    replace(_FIRST, will_renew=False),
)
TURNED_ON: Final = Event(
    on(3, 25),
    {APPLE: "DID_CHANGE_RENEWAL_STATUS/AUTO_RENEW_ENABLED", GOOGLE: "SUBSCRIPTION_RESTARTED", STRIPE: _UPDATED},
    _FIRST,
)
OVER: Final = Event(
    APRIL,
    {APPLE: "EXPIRED/VOLUNTARY", GOOGLE: "SUBSCRIPTION_EXPIRED", STRIPE: _DELETED},
    replace(_FIRST, phase=Phase.EXPIRED, will_renew=False),
)
_ANEW: Final = Word(external_id="second", began=on(4, 20), ends=on(5, 20))
BOUGHT_AGAIN: Final = Event(
    on(4, 20),
    {APPLE: "SUBSCRIBED/RESUBSCRIBE", GOOGLE: "SUBSCRIPTION_PURCHASED", STRIPE: f"{_CREATED}, invoice.paid"},
    {APPLE: replace(_ANEW, external_id="first"), GOOGLE: _ANEW, STRIPE: _ANEW},
)
_FAMILY: Final = Word(product="family_monthly", began=on(3, 15), ends=on(4, 15), amount="19.99")
UPGRADED: Final = Event(
    on(3, 15),
    {
        APPLE: "DID_CHANGE_RENEWAL_PREF/UPGRADE",
        GOOGLE: "SUBSCRIPTION_PURCHASED (linkedPurchaseToken)",
        STRIPE: f"{_UPDATED}, invoice.paid",
    },
    {APPLE: _FAMILY, GOOGLE: replace(_FAMILY, external_id="second", replaces=("first",)), STRIPE: _FAMILY},
)
UPGRADED_BY_NOBODY: Final = Event(
    on(3, 15),
    {GOOGLE: "SUBSCRIPTION_PURCHASED (linkedPurchaseToken)"},
    replace(_FAMILY, external_id="second", replaces=("first",), account=None),
)
BOUGHT_FAMILY: Final = replace(BOUGHT, says=Word(product="family_monthly", amount="19.99"))
_WILL_BE_PREMIUM: Final = Word(product="family_monthly", next_product="premium_monthly", amount="19.99")
WILL_DOWNGRADE: Final = Event(
    on(3, 15),
    {
        APPLE: "DID_CHANGE_RENEWAL_PREF/DOWNGRADE",
        GOOGLE: "SUBSCRIPTION_PURCHASED (linkedPurchaseToken; deferred)",
        STRIPE: f"{_UPDATED} (schedule)",
    },
    {
        APPLE: _WILL_BE_PREMIUM,
        GOOGLE: replace(_WILL_BE_PREMIUM, external_id="second", replaces=("first",), paid=None),
        STRIPE: _WILL_BE_PREMIUM,
    },
)
DOWNGRADED: Final = replace(
    RENEWED, says={APPLE: _SECOND, GOOGLE: replace(_SECOND, external_id="second", replaces=("first",)), STRIPE: _SECOND}
)
FORGIVEN: Final = Event(
    APRIL,
    {
        APPLE: "DID_FAIL_TO_RENEW/GRACE_PERIOD",
        GOOGLE: "SUBSCRIPTION_IN_GRACE_PERIOD",
        STRIPE: f"invoice.payment_failed, {_UPDATED} (past_due)",
    },
    replace(_FAILED, phase=Phase.GRACE, grace_until=on(4, 8)),
)
GRACE_OVER: Final = Event(
    on(4, 8),
    {APPLE: "GRACE_PERIOD_EXPIRED", GOOGLE: "SUBSCRIPTION_ON_HOLD", STRIPE: f"{_UPDATED} (unpaid)"},
    replace(_FAILED, phase=Phase.RETRY),
)
RETRIED: Final = Event(
    APRIL,
    {APPLE: "DID_FAIL_TO_RENEW", GOOGLE: "SUBSCRIPTION_ON_HOLD", STRIPE: f"{_UPDATED} (unpaid)"},
    replace(_FAILED, phase=Phase.RETRY),
)
RECOVERED: Final = Event(
    on(4, 5),
    {
        APPLE: "DID_RENEW/BILLING_RECOVERY",
        GOOGLE: "SUBSCRIPTION_RECOVERED",
        STRIPE: f"invoice.paid, {_UPDATED} (active)",
    },
    _SECOND,
)
GIVEN_UP: Final = Event(
    JUNE,
    {APPLE: "EXPIRED/BILLING_RETRY", GOOGLE: "SUBSCRIPTION_EXPIRED", STRIPE: _DELETED},
    replace(_FAILED, phase=Phase.EXPIRED, will_renew=False),
)
PAUSED: Final = Event(
    APRIL,
    {GOOGLE: "SUBSCRIPTION_PAUSED", STRIPE: f"customer.subscription.paused, {_UPDATED} (pause_collection)"},
    replace(_FAILED, phase=Phase.PAUSED, resumes=MAY),
)
RESUMED: Final = Event(
    MAY,
    {GOOGLE: "SUBSCRIPTION_RECOVERED", STRIPE: "customer.subscription.resumed, invoice.paid"},
    Word(began=MAY, ends=JUNE),
)
SHARED: Final = Event(
    MARCH,
    {APPLE: "SUBSCRIBED/INITIAL_BUY (FAMILY_SHARED)"},
    Word(product="family_monthly", is_shared=True, account=None),
)
UNSHARED: Final = Event(
    on(3, 20),
    {APPLE: "REVOKE"},
    Word(
        product="family_monthly",
        is_shared=True,
        account=None,
        revoked=on(3, 20),
        phase=Phase.EXPIRED,
        will_renew=False,
    ),
)
_BACK: Final = replace(_FIRST, paid=PaymentStatus.REFUNDED, refunded="9.99", changed=on(3, 10))
REFUNDED: Final = Event(
    on(3, 10),
    {
        APPLE: "REFUND",
        GOOGLE: "SUBSCRIPTION_REVOKED, voidedPurchaseNotification",
        STRIPE: "charge.refunded",
    },
    {
        APPLE: replace(_BACK, revoked=on(3, 10)),
        GOOGLE: replace(_BACK, revoked=on(3, 10), phase=Phase.EXPIRED, will_renew=False),
        STRIPE: _BACK,
    },
)
REFUND_REVERSED: Final = Event(
    on(3, 12), {APPLE: "REFUND_REVERSED", STRIPE: "refund.failed, charge.refund.updated"}, _FIRST
)
REFUNDED_IN_PART: Final = Event(
    on(3, 10), {APPLE: "REFUND (REFUND_PRORATED)", STRIPE: "charge.refunded"}, replace(_FIRST, refunded="4.00")
)
_LATE_BACK: Final = replace(_BACK, changed=on(4, 10))
REFUNDED_LATE: Final = Event(
    on(4, 10),
    {APPLE: "REFUND", GOOGLE: "voidedPurchaseNotification", STRIPE: "charge.refunded"},
    {
        APPLE: of_old_term(replace(_LATE_BACK, revoked=on(4, 10))),
        GOOGLE: of_old_term(_LATE_BACK),
        STRIPE: of_old_term(_LATE_BACK),
    },
)
DISPUTED: Final = Event(
    on(3, 10),
    {STRIPE: "charge.dispute.created, charge.dispute.funds_withdrawn"},
    replace(_FIRST, paid=PaymentStatus.DISPUTED, changed=on(3, 10)),
)
DISPUTE_WON: Final = Event(on(3, 24), {STRIPE: "charge.dispute.closed (won), charge.dispute.funds_reinstated"}, _FIRST)
DISPUTE_LOST: Final = replace(DISPUTED, at=on(3, 24), tells={STRIPE: "charge.dispute.closed (lost)"})
MOVED: Final = Event(
    APRIL,
    {
        APPLE: "DID_RENEW (another appAccountToken)",
        GOOGLE: "SUBSCRIPTION_RENEWED (another obfuscatedExternalAccountId)",
        STRIPE: f"{_UPDATED} (another metadata.user_id)",
    },
    replace(_SECOND, account="bert"),
)
_OF_NOBODY: Final = replace(_FIRST, account=None)
BOUGHT_BY_NOBODY: Final = replace(BOUGHT, says=_OF_NOBODY)
DEARER: Final = Event(
    on(3, 20), {APPLE: "PRICE_INCREASE/PENDING", GOOGLE: "SUBSCRIPTION_PRICE_CHANGE_UPDATED", STRIPE: _UPDATED}, _FIRST
)
TOO_DEAR: Final = Event(
    APRIL,
    {APPLE: "EXPIRED/PRICE_INCREASE", GOOGLE: "SUBSCRIPTION_CANCELED, SUBSCRIPTION_EXPIRED", STRIPE: _DELETED},
    replace(_FIRST, phase=Phase.EXPIRED, will_renew=False),
)
LENGTHENED: Final = Event(
    on(3, 20),
    {APPLE: "RENEWAL_EXTENDED", GOOGLE: "SUBSCRIPTION_DEFERRED", STRIPE: f"{_UPDATED} (trial_end)"},
    replace(_FIRST, ends=on(4, 15)),
)
TRIED: Final = replace(BOUGHT, says=replace(_FIRST, amount="0.00"))
UNKNOWN: Final = replace(BOUGHT, says=replace(_FIRST, product="gold_weekly"))
BOUGHT_ELSEWHERE: Final = Event(
    on(3, 10),
    {STRIPE: f"{_CREATED}, invoice.paid"},
    Word(product="family_yearly", external_id="elsewhere", began=on(3, 10), ends=on(12, 31), amount="199.99"),
)
