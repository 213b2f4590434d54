"""The rules by which a provider subscription is judged, in order: the first that applies decides.

`docs/billing.md` prints them from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.billing.evidence import Evidence, Outcome
from chalicelib.billing.known import Cause
from chalicelib.billing.rule_names import RuleName
from chalicelib.gateways.provider_facts import Phase
from chalicelib.models.states import PaymentStatus, SubscriptionStatus

Source = Callable[[Evidence], Cause | None]
"""Finds the event behind one of the words that a rule looks at."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the decision table. `sentence` says it to a person, `sources` where to look for the event behind."""

    name: RuleName
    condition: str
    applies: Callable[[Evidence], bool]
    decides: Callable[[Evidence], Outcome]
    sentence: str
    sources: tuple[Source, ...]


def _of_term(evidence: Evidence) -> Cause | None:
    return evidence.known.term.cause if evidence.known.term is not None else None


def _of_renewal(evidence: Evidence) -> Cause | None:
    told = evidence.known.renewal
    return told.cause if told is not None and evidence.renewal is not None else None


def _of_replacement(evidence: Evidence) -> Cause | None:
    return evidence.known.replaced_by.cause if evidence.known.replaced_by is not None else None


def _of_payment(evidence: Evidence) -> Cause | None:
    return evidence.payment.told.cause if evidence.payment is not None else None


def _is_revoked(evidence: Evidence) -> bool:
    return evidence.term is not None and evidence.term.revoked_at is not None


def _is_shared(evidence: Evidence) -> bool:
    return evidence.term is not None and evidence.term.is_family_shared


def _charged_at(evidence: Evidence) -> datetime | None:
    """When this person is charged next: not one with whom somebody else shares."""
    return evidence.ends_at if evidence.will_renew and not _is_shared(evidence) else None


def _revoked(evidence: Evidence) -> Outcome:
    """The next term may still come: a refund does not always turn the renewal off."""
    revoked_at = evidence.term.revoked_at if evidence.term is not None else None
    end = evidence.ended_at(revoked_at)
    return Outcome(SubscriptionStatus.EXPIRED, end, _charged_at(evidence), auto_renew=evidence.will_renew)


def _money_gone(evidence: Evidence) -> Outcome:
    changed_at = evidence.payment.seen.changed_at if evidence.payment is not None else None
    end = evidence.ended_at(changed_at)
    return Outcome(SubscriptionStatus.EXPIRED, end, _charged_at(evidence), auto_renew=evidence.will_renew)


def _over(evidence: Evidence) -> Outcome:
    return Outcome(SubscriptionStatus.EXPIRED, evidence.ends_at)


def _not_yet(evidence: Evidence) -> Outcome:
    return Outcome(SubscriptionStatus.PENDING, evidence.ends_at)


def _not_known(evidence: Evidence) -> Outcome:
    """It opens nothing, and is charged all the same: whoever leaves, or buys again, has to be told."""
    return Outcome(SubscriptionStatus.PENDING, evidence.ends_at, _charged_at(evidence), auto_renew=evidence.will_renew)


def _paused(evidence: Evidence) -> Outcome:
    resumes_at = evidence.renewal.resumes_at if evidence.renewal is not None and evidence.will_renew else None
    return Outcome(SubscriptionStatus.EXPIRED, evidence.ends_at, resumes_at, auto_renew=evidence.will_renew)


def _in_retry(evidence: Evidence) -> Outcome:
    """When the store tries next it does not say."""
    return Outcome(SubscriptionStatus.EXPIRED, evidence.ends_at, auto_renew=evidence.will_renew)


def _in_grace(evidence: Evidence) -> Outcome:
    """Some stores date the term that could not be charged as if it were paid (Stripe) or lengthen the one before
    (Google): the end of the grace is the end either way."""
    grace_ends_at = (evidence.renewal.grace_ends_at if evidence.renewal is not None else None) or evidence.ends_at
    return Outcome(
        SubscriptionStatus.ACTIVE,
        evidence.ended_at(grace_ends_at),
        _charged_at(evidence),
        grace_end_date=grace_ends_at,
        auto_renew=evidence.will_renew,
    )


def _paid_up(evidence: Evidence) -> Outcome:
    return Outcome(SubscriptionStatus.CANCELLED, evidence.ends_at)


def _running(evidence: Evidence) -> Outcome:
    return Outcome(SubscriptionStatus.ACTIVE, evidence.ends_at, _charged_at(evidence), auto_renew=True)


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        RuleName.SHARING_STOPPED,
        "the term was shared by a family, and taken back",
        lambda evidence: _is_revoked(evidence) and _is_shared(evidence),
        _revoked,
        "It was shared by a family member, and is shared no more.",
        (_of_term,),
    ),
    Rule(
        RuleName.REVOKED,
        "the store took the term back",
        _is_revoked,
        _revoked,
        "The store refunded it and took it back.",
        (_of_term,),
    ),
    Rule(
        RuleName.REFUNDED,
        "the payment of the term was refunded in full",
        lambda evidence: evidence.is_paid_by_payment_that_is(PaymentStatus.REFUNDED),
        _money_gone,
        "What was paid for this term was refunded in full.",
        (_of_payment,),
    ),
    Rule(
        RuleName.DISPUTED,
        "the payment of the term is disputed, or the dispute was lost",
        lambda evidence: evidence.is_paid_by_payment_that_is(PaymentStatus.DISPUTED),
        _money_gone,
        "The payment for this term is disputed at the bank; the tier comes back if the dispute is won.",
        (_of_payment,),
    ),
    Rule(
        RuleName.REPLACED,
        "another subscription took its place",
        lambda evidence: evidence.known.replaced_by is not None,
        _over,
        "Another subscription took its place.",
        (_of_replacement,),
    ),
    Rule(
        RuleName.PENDING,
        "the first payment is still to come",
        lambda evidence: evidence.is_in(Phase.PENDING),
        _not_yet,
        "The store still waits for the first payment.",
        (_of_renewal,),
    ),
    Rule(
        RuleName.EXPIRED,
        "the store says that it is over",
        lambda evidence: evidence.is_in(Phase.EXPIRED),
        _over,
        "It ended and was not renewed.",
        (_of_renewal,),
    ),
    Rule(
        RuleName.NOTHING_PAID,
        "no term is known",
        lambda evidence: evidence.term is None,
        _not_yet,
        "The store named the subscription, and no paid term of it yet.",
        (_of_renewal,),
    ),
    Rule(
        RuleName.UNKNOWN_PRODUCT,
        "no plan is known for the product",
        lambda evidence: evidence.plan is None,
        _not_known,
        "The product that was bought is not one that we sell here; support has been told.",
        (_of_term,),
    ),
    Rule(
        RuleName.PAUSED,
        "the buyer paused it",
        lambda evidence: evidence.is_in(Phase.PAUSED),
        _paused,
        "It is paused, and counts again when it resumes.",
        (_of_renewal,),
    ),
    Rule(
        RuleName.BILLING_RETRY,
        "the renewal could not be charged, and nothing is forgiven",
        lambda evidence: evidence.is_in(Phase.RETRY),
        _in_retry,
        "The renewal could not be charged; the store keeps trying, and the tier comes back when it succeeds.",
        (_of_renewal,),
    ),
    Rule(
        RuleName.GRACE,
        "the renewal could not be charged, and that is forgiven for a while",
        lambda evidence: evidence.is_in(Phase.GRACE),
        _in_grace,
        "The renewal could not be charged; the tier counts until the end of the grace period.",
        (_of_renewal,),
    ),
    Rule(
        RuleName.RENEWAL_OFF,
        "renewal was turned off",
        lambda evidence: not evidence.will_renew,
        _paid_up,
        "Renewal was turned off; the tier counts until the end of what is paid.",
        (_of_renewal,),
    ),
    Rule(
        RuleName.SHARED,
        "a family member shares it",
        _is_shared,
        _running,
        "A family member shares it and pays for it.",
        (_of_term, _of_renewal),
    ),
    Rule(
        RuleName.RENEWING,
        "none of the above",
        lambda _: True,
        _running,
        "It is paid and renews.",
        (_of_term, _of_renewal),
    ),
)
"""The decision table."""
