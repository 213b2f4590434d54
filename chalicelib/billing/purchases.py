"""Purchases that the app made in its store and hands in: verified by the store, and the caller's from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import errors
from chalicelib.billing.application import Application
from chalicelib.billing.billing_contract import PurchaseAnswer, PurchaseRequest
from chalicelib.billing.doors import FreshProof, Stores
from chalicelib.billing.known import Cause
from chalicelib.billing.notices import Notices
from chalicelib.billing.subscriptions import project
from chalicelib.billing.usage import SessionRule
from chalicelib.billing.words import PURCHASE, Word
from chalicelib.gateways.provider_facts import AmountRefusedError, Facts, Provider
from chalicelib.models.states import SubscriptionProvider
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.web.request import Caller


@dataclass(frozen=True, slots=True)
class Purchases:
    """Takes purchases."""

    stores: Callable[[], Stores]
    notices: Notices
    application: Application
    sessions: SessionRule
    fresh_proof: FreshProof

    def claim(self, caller: Caller, request: PurchaseRequest) -> PurchaseAnswer:
        """Verify a purchase and give it to the caller. Safe to repeat: what is theirs stays theirs.

        Raises:
            InvalidRequest: INVALID_PURCHASE.
            Conflict: PURCHASE_OWNED_BY_ANOTHER_ACCOUNT; nothing was changed.
            Unauthenticated, Forbidden: the session has ended; ACCOUNT_SUSPENDED; BIOMETRIC_REQUIRED.
            Unavailable: the store or the table does not answer.
        """
        application = self.application
        user = self.sessions.require_live(application.read_profile(caller.user_id), caller)
        self.fresh_proof.require(user, caller)
        provider, facts = self._verified(request)
        if not facts.subscriptions:
            raise _invalid()
        try:
            applied = application.apply(Word(facts, _cause(facts), claimant=caller.user_id))
        except AmountRefusedError as refusal:
            raise _invalid() from refusal
        except errors.Conflict:
            audit.record(AuditEvent.PURCHASE_REFUSED, user_id=caller.user_id, provider=provider.name.value)
            raise
        audit.record(AuditEvent.PURCHASE_CLAIMED, user_id=caller.user_id, provider=provider.name.value)
        self.notices.acknowledge(provider, facts, applied)
        now_theirs = self.sessions.require_live(application.read_profile(caller.user_id), caller)
        return PurchaseAnswer(subscription=project(now_theirs.data.current_subscription, application.clock.now()))

    def _verified(self, request: PurchaseRequest) -> tuple[Provider, Facts]:
        apple, google = self.stores().apple, self.stores().google
        if request.provider == SubscriptionProvider.APPLE and apple is not None and request.signed_transaction:
            return apple, apple.claim(request.signed_transaction)
        token, product_id = request.purchase_token, request.product_id
        if request.provider == SubscriptionProvider.GOOGLE and google is not None and token and product_id:
            return google, google.claim(token, product_id)
        raise _invalid()


def _cause(facts: Facts) -> Cause:
    """The purchase as an event: dated by the store's word, so that handing it in twice is the same event."""
    words = (one for seen in facts.subscriptions for one in (seen.term, seen.renewal) if one is not None)
    versions = [word.version for word in words]
    if not versions:
        raise _invalid()
    return Cause(max(version.seen_at for version in versions), "", PURCHASE)


def _invalid() -> errors.InvalidRequest:
    return errors.InvalidRequest("INVALID_PURCHASE", "This is no purchase that we know how to read.")
