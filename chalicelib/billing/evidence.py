"""What a provider subscription is judged by, and what the judgement says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.billing.known import KnownPayment, KnownSubscription
from chalicelib.billing.tiers import Plan
from chalicelib.gateways.provider_facts import Phase, RenewalSeen, TermSeen
from chalicelib.models.states import PaymentStatus, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules look at: the words that stand, the payment of the term in force, and the plan that its product is
    (None for a product that nobody here knows)."""

    known: KnownSubscription
    payment: KnownPayment | None
    plan: Plan | None

    @property
    def term(self) -> TermSeen | None:
        """The term in force."""
        return self.known.term.content if self.known.term is not None else None

    @property
    def renewal(self) -> RenewalSeen | None:
        """What is to become of it; None where nobody has spoken of this term yet.

        Somebody who buys again posts the new term before the store's notification arrives: that the old one ended, or
        could not be charged, says nothing of a term that began afterwards. That a payment is pending is another matter,
        and so is a term that had not begun when it was told: nothing says that either was paid.
        """
        renewal = self.known.renewal.content if self.known.renewal is not None else None
        if renewal is None or self.term is None or renewal.phase in (Phase.ACTIVE, Phase.PENDING):
            return renewal
        is_of_old_term = renewal.version.seen_at < self.term.began_at <= self.term.version.seen_at
        return None if is_of_old_term else renewal

    @property
    def ends_at(self) -> datetime | None:
        """Until when the term in force is paid."""
        return self.term.ends_at if self.term is not None else None

    @property
    def will_renew(self) -> bool:
        """Whether the term is followed by another. Of a purchase whose renewal nobody spoke of yet: yes, because every
        subscription renews until somebody turns that off."""
        return self.renewal.will_renew if self.renewal is not None else True

    def is_in(self, phase: Phase) -> bool:
        """Whether the provider says that it is in this phase."""
        return self.renewal is not None and self.renewal.phase is phase

    def is_paid_by_payment_that_is(self, status: PaymentStatus) -> bool:
        """Whether the payment of the term in force stands so."""
        return self.payment is not None and self.payment.status is status

    def ended_at(self, instant: datetime | None) -> datetime | None:
        """Return the end of a term that was cut short: never later than it was paid for. Where nobody told when that
        was, it is as if the term had never begun; the instant of the event would depend on which event told us."""
        if self.term is None:
            return instant
        return min(self.term.ends_at, instant or self.term.began_at)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule makes of a subscription."""

    status: SubscriptionStatus
    end_date: datetime | None
    next_billing_date: datetime | None = None
    grace_end_date: datetime | None = None
    auto_renew: bool = False
