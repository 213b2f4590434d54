"""Applies the words of stores: reads what is known, learns, decides, and writes all of it or nothing, until nobody else
was faster."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from chalicelib import errors
from chalicelib.billing.amounts import require_fitting
from chalicelib.billing.ground import Ground
from chalicelib.billing.owners import People
from chalicelib.billing.products import Products
from chalicelib.billing.proposal import Proposal, propose
from chalicelib.billing.words import Applied, Outcome, Word
from chalicelib.clock import Clock
from chalicelib.models import keys
from chalicelib.models.billing_event import BillingEventData, BillingEventItem, EventOutcome
from chalicelib.models.profile import UserItem
from chalicelib.models.states import PaymentStatus
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.billing_changes import BillingChange, BillingChanges
from chalicelib.stores.billing_events import BillingEvents
from chalicelib.stores.payments import PaymentMissingError, Payments
from chalicelib.stores.provider_subscriptions import ProviderSubscriptions

_MOST_ROUNDS: Final = 5
_MOST_MOVES: Final = 100
"""How many transactions one word may take to bring home what waited for its person; each moves several payments."""


@dataclass(frozen=True, slots=True)
class Application:
    """Applies words. Whoever tells of something first, and however often: the table ends in the same state."""

    events: BillingEvents
    subscriptions: ProviderSubscriptions
    payments: Payments
    changes: BillingChanges
    read_profile: Callable[[str], UserItem | None]
    products: Callable[[], Products]
    clock: Clock
    rules: Rules

    def apply(self, word: Word) -> Applied:
        """Apply a word. Safe to repeat, and to run at once with any other.

        Raises:
            AmountRefusedError: it tells of an amount that cannot be so; nothing was changed.
            Conflict: PURCHASE_OWNED_BY_ANOTHER_ACCOUNT, for a word with a claimant; nothing was changed.
            Unavailable: others were faster every time, or the table does not answer.
        """
        require_fitting(word.facts)
        applied = Applied(Outcome.NOTHING_NEW)
        for part in word.parts:
            applied = self._apply(part, applied.outcome)
        return applied

    def _apply(self, word: Word, earlier: Outcome) -> Applied:
        """Apply one part; `earlier` is what became of those before it."""
        rounds_left, moves_left = _MOST_ROUNDS, _MOST_MOVES
        while rounds_left and moves_left:
            if word.notice is not None and self.events.find(word.notice.provider, word.notice.event_id) is not None:
                return Applied(Outcome.REPEATED)
            try:
                proposal = self._proposal(word)
            except PaymentMissingError:
                break
            if earlier is Outcome.APPLIED:
                proposal = replace(proposal, applied=replace(proposal.applied, outcome=earlier))
            if proposal.is_empty and word.notice is None:
                return proposal.applied
            if not self.changes.apply(self._change(word, proposal)):
                rounds_left -= 1
                continue
            _announce(proposal)
            if proposal.is_whole:
                return proposal.applied
            moves_left -= 1
        raise errors.Unavailable(message="These purchases are being changed at the moment.")

    def _proposal(self, word: Word) -> Proposal:
        ground = Ground(self.subscriptions, self.payments, People(self.read_profile))
        return propose(word, ground, self.products(), self.clock.now(), self.rules)

    def _change(self, word: Word, proposal: Proposal) -> BillingChange:
        return BillingChange(
            at=proposal.at,
            # A notice is claimed with the last of what it brings: a repetition has to go on where we broke off.
            event=self._event(word, proposal) if proposal.is_whole else None,
            puts=proposal.puts,
            removals=proposal.removals,
            guards=proposal.guards,
            profiles=proposal.profiles,
            history=proposal.history,
            living=sorted(proposal.living),
        )

    def _event(self, word: Word, proposal: Proposal) -> BillingEventItem | None:
        if word.notice is None:
            return None
        applied = proposal.applied
        outcome = EventOutcome.APPLIED if applied.outcome is Outcome.APPLIED else EventOutcome.NOTHING_NEW
        data = BillingEventData(
            provider=word.notice.provider,
            event_id=word.notice.event_id,
            event_type=word.notice.event_type,
            happened_at=word.notice.happened_at,
            outcome=outcome,
            rule=applied.rule.value if applied.rule is not None else None,
            # A known type with a word in it that nobody knows: applied, and kept for somebody to read.
            raw=word.notice.raw,
        )
        return BillingEventItem(
            *keys.billing_event_key(word.notice.provider, word.notice.event_id),
            created_at=proposal.at,
            updated_at=proposal.at,
            ttl=int((proposal.at + self.rules.billing_event_life).timestamp()),
            data=data,
        )


def _announce(proposal: Proposal) -> None:
    """Write down what was changed, now that it is."""
    for user_id, decision in proposal.decisions.items():
        if decision is not None and decision.unknown_product is not None:
            log(
                "unknown_product_bought",
                level=logging.ERROR,
                provider=decision.provider.value,
                product=decision.unknown_product,
                user_id=user_id,
            )
    for change in proposal.profiles:
        if change.plan is not None:
            plan = change.plan
            log(
                "subscription_decided",
                user_id=change.user_id,
                subscription_id=plan.subscription_id,
                provider=plan.provider.value,
                tier=plan.tier.value,
                status=plan.subscription_status.value,
                rule=plan.decided_by.rule if plan.decided_by is not None else None,
            )
    for left, joined, provider in proposal.transfers:
        audit.record(AuditEvent.PURCHASE_WITHDRAWN, user_id=left, provider=provider)
        if joined is not None:
            audit.record(AuditEvent.PURCHASE_TRANSFERRED, user_id=joined, provider=provider)
    for payment, payer in proposal.paid_back:
        is_disputed = payment.status is PaymentStatus.DISPUTED
        audit.record(
            AuditEvent.PAYMENT_DISPUTED if is_disputed else AuditEvent.PAYMENT_REFUNDED,
            user_id=payer,
            provider=payment.provider.value,
        )
