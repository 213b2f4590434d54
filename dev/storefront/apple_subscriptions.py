"""What the simulated App Store remembers of a subscription, and how it writes that down when it signs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from chalicelib.billing.periods import months_after
from chalicelib.billing.tiers import Plan, plans
from chalicelib.gateways.provider_facts import Phase
from chalicelib.models.states import SubscriptionType, Tier

PLANS: Final = {plan.plan_id: plan for plan in plans() if plan.subscription_type is not None}
PRODUCTS: Final = {plan_id: f"app.serenya.{plan_id.replace('_', '.')}" for plan_id in PLANS}
"""What each plan is called in the App Store."""
GRACE: Final = timedelta(days=16)
RETRY: Final = timedelta(days=60)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GROUP: Final = "21400001"
_STATUS: Final = {Phase.ACTIVE: 1, Phase.EXPIRED: 2, Phase.RETRY: 3, Phase.GRACE: 4}
_REVOKED: Final = 5


@dataclass(slots=True)
class Transaction:
    """One term of a subscription, as it was charged."""

    transaction_id: str
    plan: Plan
    began_at: datetime
    ends_at: datetime
    account: str | None
    is_renewal: bool = False
    is_upgraded: bool = False
    is_trial: bool = False
    revoked_at: datetime | None = None
    revocation: str | None = None
    percentage: int | None = None


@dataclass(slots=True)
class Subscription:
    """One subscription of one customer. `run_at` is when the terms began that follow each other without a lapse, and
    `run_terms` how many there were: ends are counted from there, so that they do not drift."""

    original_id: str
    account: str | None
    is_shared: bool
    next_plan: Plan
    run_at: datetime
    run_terms: int = 0
    phase: Phase = Phase.ACTIVE
    will_renew: bool = True
    grace_ends_at: datetime | None = None
    intent: int | None = None
    transactions: list[Transaction] = field(default_factory=list)

    @property
    def last(self) -> Transaction:
        """The term that counts."""
        return self.transactions[-1]

    @property
    def is_revoked(self) -> bool:
        """Whether the term that counts was taken back."""
        return self.last.revoked_at is not None

    @property
    def paid_until(self) -> datetime | None:
        """Until when there is access; None where there is none whatever the time."""
        if self.is_revoked:
            return None
        return self.grace_ends_at if self.phase is Phase.GRACE else self.last.ends_at

    @property
    def status(self) -> int:
        """Apple's number for how it stands."""
        return _REVOKED if self.is_revoked else _STATUS[self.phase]

    def begin_run(self, now: datetime) -> None:
        """Let a new row of terms begin: bought, bought again, upgraded, or recovered after access had ended."""
        self.run_at, self.run_terms = now, 0
        self.phase, self.will_renew = Phase.ACTIVE, True
        self.grace_ends_at = self.intent = None

    def add_term(self, transaction_id: str, *, is_renewal: bool = False, is_trial: bool = False) -> None:
        """Charge the next term of the run. From 31 January terms end on 28 February and on 31 March, as Apple's do."""
        months = 12 if self.next_plan.subscription_type is SubscriptionType.YEARLY else 1
        began_at = self.last.ends_at if self.run_terms else self.run_at
        # A run may change between plans of other lengths: each goes on from where the one before ended.
        ends_at = months_after(self.run_at, _months_between(self.run_at, began_at) + months)
        self.run_terms += 1
        self.transactions.append(
            Transaction(transaction_id, self.next_plan, began_at, ends_at, self.account, is_renewal, is_trial=is_trial)
        )

    def transaction_payload(self, transaction: Transaction, signed_at: datetime) -> dict[str, Any]:
        """Write a transaction as Apple does. The price of a shared one is nobody's business but the payer's."""
        first, plan = self.transactions[0], transaction.plan
        revoked_at = transaction.revoked_at
        price = {} if self.is_shared else {"price": _milliunits(transaction), "currency": plan.price.currency}
        refund = {"revocationPercentage": transaction.percentage}
        payload = {
            "transactionId": transaction.transaction_id,
            "originalTransactionId": self.original_id,
            "webOrderLineItemId": f"9{transaction.transaction_id}",
            "productId": PRODUCTS[plan.plan_id],
            "subscriptionGroupIdentifier": _GROUP,
            "purchaseDate": milliseconds(transaction.began_at),
            "originalPurchaseDate": milliseconds(first.began_at),
            "expiresDate": milliseconds(transaction.ends_at),
            "quantity": 1,
            "type": "Auto-Renewable Subscription",
            "inAppOwnershipType": "FAMILY_SHARED" if self.is_shared else "PURCHASED",
            "signedDate": milliseconds(signed_at),
            "transactionReason": "RENEWAL" if transaction.is_renewal else "PURCHASE",
            "storefront": "USA",
            "storefrontId": "143441",
            "appAccountToken": transaction.account,
            "isUpgraded": transaction.is_upgraded or None,
            "offerType": 1 if transaction.is_trial else None,
            "offerDiscountType": "FREE_TRIAL" if transaction.is_trial else None,
            "revocationDate": None if revoked_at is None else milliseconds(revoked_at),
            "revocationReason": None if revoked_at is None else 0,
            "revocationType": transaction.revocation,
            **price,
            **refund,
        }
        return {name: value for name, value in payload.items() if value is not None}

    def renewal_payload(self, signed_at: datetime) -> dict[str, Any]:
        """Write what is to become of the subscription as Apple does."""
        grace = self.grace_ends_at
        payload = {
            "originalTransactionId": self.original_id,
            "productId": PRODUCTS[self.last.plan.plan_id],
            "autoRenewProductId": PRODUCTS[self.next_plan.plan_id],
            "autoRenewStatus": int(self.will_renew),
            "isInBillingRetryPeriod": True if self.phase in (Phase.RETRY, Phase.GRACE) else None,
            "gracePeriodExpiresDate": None if grace is None else milliseconds(grace),
            "expirationIntent": self.intent,
            "signedDate": milliseconds(signed_at),
            "recentSubscriptionStartDate": milliseconds(self.run_at),
            "renewalDate": milliseconds(self.last.ends_at),
            "currency": self.next_plan.price.currency,
            "renewalPrice": int(self.next_plan.price.amount * 1000),
        }
        return {name: value for name, value in payload.items() if value is not None}


def plan_beside(plan: Plan, tier: Tier) -> Plan | None:
    """Return the plan of another tier that is paid as often; None for the same one."""
    return None if plan.tier is tier else PLANS[f"{tier}_{plan.subscription_type}"]


def milliseconds(instant: datetime) -> int:
    """Write an instant as Apple does."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def whole(instant: datetime) -> datetime:
    """Cut an instant to the milliseconds that Apple writes."""
    return _EPOCH + timedelta(milliseconds=milliseconds(instant))


def _milliunits(transaction: Transaction) -> int:
    return 0 if transaction.is_trial else int(transaction.plan.price.amount * Decimal(1000))


def _months_between(run_at: datetime, began_at: datetime) -> int:
    """How many whole months of the run have passed: terms begin on its days alone, extended ones apart."""
    return (began_at.year - run_at.year) * 12 + began_at.month - run_at.month
