"""Receives what stores tell: verified, known by its id, read, and applied once, in whatever order it comes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from chalicelib import errors
from chalicelib.billing.application import Application
from chalicelib.billing.billing_contract import WebhookAnswer
from chalicelib.billing.ground import Ground
from chalicelib.billing.known import Cause, ExternalKey, Known
from chalicelib.billing.owners import People
from chalicelib.billing.words import Applied, Outcome, Word
from chalicelib.gateways.provider_facts import AmountRefusedError, Facts, Notice, Provider
from chalicelib.models import keys
from chalicelib.models.billing_event import BillingEventData, BillingEventItem, EventOutcome
from chalicelib.models.states import SubscriptionProvider
from chalicelib.observe.log import log


@dataclass(frozen=True, slots=True)
class Notices:
    """Receives notices. `providers` makes the stores of the stage, which load heavy libraries; a store where the stage
    sells nothing is not among them."""

    providers: Callable[[], Mapping[SubscriptionProvider, Provider]]
    application: Application

    def receive_at(self, path: str, raw_body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """Apply what a store posts to its own path, which ends in its name. Raises as `receive` does."""
        return self.receive(SubscriptionProvider(path.rsplit("/", 1)[-1]), raw_body, headers)

    def receive(self, name: SubscriptionProvider, raw_body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """Apply what a store posts. It repeats what is not answered with 200, and a repetition changes nothing.

        Raises:
            Unauthenticated: INVALID_SIGNATURE, WRONG_ENVIRONMENT.
            NotFound: the stage sells nothing there.
            Unavailable: not now; the store will repeat it.
        """
        provider = self.providers().get(name)
        if provider is None:
            raise errors.NotFound()
        try:
            notice = provider.verify(raw_body, headers)
        except errors.Unauthenticated as refusal:
            log("billing_notice_refused", level=logging.WARNING, provider=name.value, code=refusal.code)
            raise
        self.apply(notice)
        return WebhookAnswer()

    def apply(self, notice: Notice) -> bool:
        """Apply a verified notice unless it has been before; return whether it was new. Safe to repeat.

        Raises:
            Unavailable: not now.
        """
        if self.application.events.find(notice.provider, notice.event_id) is not None:
            self._log(notice, Outcome.REPEATED.value)
            return False
        if not notice.is_known:
            return self._keep(notice, EventOutcome.UNKNOWN, logging.WARNING)
        provider = self.providers()[notice.provider]
        cause = Cause(notice.happened_at, notice.event_id, notice.event_type)
        try:
            facts = provider.read(notice)
            applied = self.application.apply(Word(facts, cause, notice))
        except AmountRefusedError as refusal:
            # A repetition would say the same: it is answered, kept, and somebody has to look.
            return self._keep(notice, EventOutcome.REFUSED, logging.ERROR, str(refusal))
        self._log(notice, applied.outcome.value)
        self.acknowledge(provider, facts, applied)
        return applied.outcome is not Outcome.REPEATED

    def known_about(self, facts: Facts) -> Known:
        """Return what is known of everything that facts speak of.

        Raises:
            PaymentMissingError: a payment is being moved at the moment; ask again.
            Unavailable: the table does not answer.
        """
        application = self.application
        people = People(application.read_profile)
        return Ground(application.subscriptions, application.payments, people).known_about(facts)

    def enter(self, provider: Provider, facts: Facts, cause: Cause) -> None:
        """Apply facts that no notice told, and acknowledge what needs it. Safe to repeat.

        Raises:
            AmountRefusedError: they tell of an amount that cannot be so; nothing was changed.
            Unavailable: not now.
        """
        applied = self.application.apply(Word(facts, cause))
        self.acknowledge(provider, facts, applied)

    def acknowledge(self, provider: Provider, facts: Facts, applied: Applied) -> None:
        """Tell the store that purchases were delivered, to whom they belong. What fails is done again by whatever reads
        the purchase next; Google gives three days."""
        for seen in facts.subscriptions:
            owner = applied.owners.get(ExternalKey(seen.provider, seen.external_id))
            # A purchase that nobody has here is not delivered: if nobody comes for it the store pays it back.
            if seen.needs_acknowledgement and owner is not None:
                try:
                    provider.acknowledge(replace(seen, account=owner))
                except errors.Unavailable as failure:
                    log(
                        "purchase_acknowledgement_failed",
                        level=logging.ERROR,
                        error=failure,
                        provider=seen.provider.value,
                        external_hash=keys.digest_of(seen.external_id),
                    )

    def _keep(self, notice: Notice, outcome: EventOutcome, level: int, reason: str | None = None) -> bool:
        """Keep a notice that changes nothing, with its text if nobody knows what it says."""
        now = self.application.clock.now()
        life = self.application.rules.billing_event_life
        event = BillingEventItem(
            *keys.billing_event_key(notice.provider, notice.event_id),
            created_at=now,
            updated_at=now,
            ttl=int((now + life).timestamp()),
            data=BillingEventData(
                provider=notice.provider,
                event_id=notice.event_id,
                event_type=notice.event_type,
                happened_at=notice.happened_at,
                outcome=outcome,
                raw=notice.raw,
            ),
        )
        is_new = self.application.events.keep(event)
        self._log(notice, outcome.value, level=level, reason=reason)
        return is_new

    @staticmethod
    def _log(notice: Notice, outcome: str, *, level: int = logging.INFO, reason: str | None = None) -> None:
        log(
            "billing_notice_received",
            level=level,
            provider=notice.provider.value,
            event_id=notice.event_id,
            event_type=notice.event_type,
            outcome=outcome,
            reason=reason,
        )
