"""Words of stores, drawn by hypothesis out of few enough values that they meet, contradict and tie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from chalicelib.billing.known import Cause, Claim, Known
from chalicelib.billing.merge import learn
from chalicelib.gateways.provider_facts import (
    Facts,
    PaymentSeen,
    Phase,
    RenewalSeen,
    SubscriptionSeen,
    TermSeen,
    Version,
)
from chalicelib.models.states import PaymentStatus, SubscriptionProvider
from chalicelib.money import usd

START = datetime(2026, 3, 1, tzinfo=UTC)
PROVIDERS = (SubscriptionProvider.APPLE, SubscriptionProvider.GOOGLE)

instants = st.integers(0, 3).map(lambda days: START + timedelta(days=days))
ids = st.sampled_from(("one", "two"))
versions = st.builds(Version, instants, instants, st.sampled_from(("a", "b")))
causes = st.builds(Cause, instants, st.sampled_from(("event 1", "event 2")), st.sampled_from(("BOUGHT", "RENEWED")))
claims = st.builds(Claim, instants, st.sampled_from(("anna", "bert")))
terms = st.builds(
    TermSeen,
    transaction_id=ids,
    product=st.sampled_from(("premium_monthly", "family_yearly", "gold")),
    began_at=instants,
    ends_at=instants,
    anchor_at=instants,
    version=versions,
    revoked_at=st.none() | instants,
    is_family_shared=st.booleans(),
)
renewals = st.builds(
    RenewalSeen,
    phase=st.sampled_from(Phase),
    phase_given=st.just("given"),
    will_renew=st.booleans(),
    version=versions,
    grace_ends_at=st.none() | instants,
    cancelled_at=st.none() | instants,
    resumes_at=st.none() | instants,
)
subscriptions = st.builds(
    SubscriptionSeen,
    provider=st.sampled_from(PROVIDERS),
    external_id=ids,
    term=st.none() | terms,
    renewal=st.none() | renewals,
    account=st.sampled_from((None, "anna", "bert")),
    superseded=st.sampled_from(((), ("one",), ("two",), ("one", "two"))),
    follows=st.sampled_from((None, "one", "two")),
)
payments = st.builds(
    PaymentSeen,
    provider=st.sampled_from(PROVIDERS),
    transaction_id=ids,
    subscription_external_id=st.none() | ids,
    money=st.sampled_from((usd("9.99"), usd("0.00"))),
    status=st.sampled_from(PaymentStatus),
    purchased_at=instants,
    processed_at=st.none() | instants,
    version=versions,
    changed_at=st.none() | instants,
)


@dataclass(frozen=True, slots=True)
class Told:
    """One event, and what it brought to light."""

    facts: Facts
    cause: Cause


told = st.builds(
    Told,
    st.builds(Facts, st.lists(subscriptions, max_size=2).map(tuple), st.lists(payments, max_size=2).map(tuple)),
    causes,
)


def known_after(events: list[Told]) -> Known:
    known = Known()
    for event in events:
        known = learn(known, event.facts, event.cause)
    return known
