"""The App Store as a provider: its notifications, the purchases that the app posts, and questions to its server.

What Apple signs is a full account of the state, dated by Apple: nothing has to be asked to read it, and of two accounts
the later signed one stands. Hence the age of a notification is no reason to refuse it. A replay changes nothing,
because what it says was signed before what we know; a late one that we never had still says what is missing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from chalicelib import config, errors
from chalicelib.clock import Clock
from chalicelib.gateways import app_store_reading as reading
from chalicelib.gateways.app_store_answers import Answers
from chalicelib.gateways.app_store_api import AppStoreApi, SecretReader
from chalicelib.gateways.app_store_roots import apple_roots
from chalicelib.gateways.app_store_signatures import PRODUCTION, MalformedWordError, Signatures
from chalicelib.gateways.app_store_words import is_known_subtype, is_known_type
from chalicelib.gateways.provider_facts import Facts, Notice, SubscriptionSeen
from chalicelib.models.states import SubscriptionProvider
from chalicelib.observe.log import log
from chalicelib.rules import Rules

if TYPE_CHECKING:
    from appstoreserverlibrary.models.ResponseBodyV2DecodedPayload import ResponseBodyV2DecodedPayload

_UNREADABLE: Final = "unreadable"
_HISTORY: Final[Mapping[bool, timedelta]] = {True: timedelta(days=180), False: timedelta(days=30)}
"""For how long Apple keeps what it sent, in production and in the sandbox ("Get Notification History")."""
_MARGIN: Final = timedelta(minutes=5)
"""Apple's clock may be ahead of ours: asked for 180 days and a second it would answer nothing."""


class AppStore:
    """Implements `provider_facts.Provider` for the App Store, and `claim` for purchases posted by the app."""

    def __init__(
        self, stage: config.AppStore, secrets: SecretReader, secret_id: str, clock: Clock, rules: Rules
    ) -> None:
        self._signatures = Signatures(
            [base64.b64decode(root) for root in stage.roots] or apple_roots(),
            stage.environment,
            stage.bundle_id,
            stage.app_apple_id,
            has_online_checks=stage.has_online_checks,
        )
        api = AppStoreApi(secrets, secret_id, stage.api_url, stage.bundle_id, clock)
        self._answers = Answers(api, self._signatures)
        self._history_life = _HISTORY[stage.environment == PRODUCTION]
        self._clock = clock
        self._rules = rules

    @property
    def name(self) -> SubscriptionProvider:
        """Which provider it is."""
        return SubscriptionProvider.APPLE

    def verify(self, raw_body: bytes, headers: Mapping[str, str]) -> Notice:  # noqa: ARG002  # Apple signs the body
        """Check who signed a notification, for which app and environment, and decode it with all that it carries.

        Raises:
            Unauthenticated: INVALID_SIGNATURE, or WRONG_ENVIRONMENT for another app or environment.
            Unavailable: whether Apple's certificates still hold could not be found out.
        """
        try:
            body = json.loads(raw_body)
            signed = body["signedPayload"]
        except (ValueError, TypeError, KeyError, RecursionError) as wrong:
            raise errors.Unauthenticated("INVALID_SIGNATURE", "This carries no signed payload.") from wrong
        if not isinstance(signed, str):
            raise errors.Unauthenticated("INVALID_SIGNATURE", "This carries no signed payload.")
        return self._notice(signed)

    def read(self, notice: Notice) -> Facts:
        """Return what a notice says. Nobody is asked: it was all signed with the notice."""
        facts = notice.payload.get("facts")
        return facts if isinstance(facts, Facts) else Facts()

    def claim(self, signed_transaction: str) -> Facts:
        """Return what is so of a purchase that the app posted. The signed transaction proves the purchase; Apple is
        asked for what came after it, such as a refund. While it does not answer, a transaction that was signed a
        moment ago is taken on its own word: a purchase must not fail because of that.

        Raises:
            InvalidRequest: INVALID_PURCHASE; the App Store did not sign it, not for us, or for no subscription.
            Unavailable: PROVIDER_UNAVAILABLE; Apple does not answer, and the transaction was signed long ago.
        """
        told, signed_at = self._posted(signed_transaction)
        try:
            found = self.look(told.subscriptions[0].external_id)
        except errors.Unavailable as silence:
            if self._clock.now() - signed_at > self._rules.app_store_word_life:
                raise
            log("purchase_taken_on_its_own_word", level=logging.WARNING, error=silence)
            return told
        return told if found is None else _joined(told, found)

    def missed(self, since: datetime, until: datetime) -> Iterator[Notice]:
        """Return every notification that Apple sent or tried to send in that time, in Apple's order, which it does not
        promise. Apple keeps 180 days of them (30 in the sandbox).

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Apple does not answer. What was returned until then holds.
        """
        now = self._clock.now()
        since, until = max(since, now - self._history_life + _MARGIN), min(until, now)
        for signed in self._answers.sent(since, until):
            try:
                yield self._notice(signed)
            except errors.Unauthenticated as refused:
                # One that is not for us must not keep the others from being replayed.
                log("app_store_history_not_accepted", level=logging.ERROR, error=refused, code=refused.code)

    def look(self, external_id: str) -> Facts | None:
        """Return what Apple says of a subscription now: its term, its renewal information, and its last payments.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Apple does not answer, or what it answers is not signed for us.
        """
        return self._answers.present(external_id)

    def acknowledge(self, seen: SubscriptionSeen) -> None:
        """Do nothing: the app finishes its transactions with StoreKit, and Apple wants no word from us."""

    def _notice(self, signed: str) -> Notice:
        try:
            told = self._signatures.notification(signed)
        except MalformedWordError as wrong:
            log("app_store_word_unreadable", level=logging.ERROR, error=wrong)
            return self._unknown(signed, _digest(signed), _UNREADABLE, self._clock.now())
        kind, subtype = told.rawNotificationType or _UNREADABLE, told.rawSubtype
        event_type = f"{kind}/{subtype}" if subtype else kind
        event_id = told.notificationUUID or _digest(signed)
        try:
            happened_at = reading.instant(told.signedDate)
            if not is_known_type(kind):
                return self._unknown(signed, event_id, event_type, happened_at)
            facts = self._facts(told)
        except MalformedWordError as wrong:
            log("app_store_word_unreadable", level=logging.ERROR, error=wrong, event_id=event_id)
            return self._unknown(signed, event_id, event_type, self._clock.now())
        # An unknown subtype says nothing that the transaction does not: it is read, and kept for a developer to see.
        raw = None if is_known_subtype(kind, subtype) else signed
        return Notice(self.name, event_id, event_type, happened_at, True, {"facts": facts}, raw)

    def _unknown(self, signed: str, event_id: str, event_type: str, happened_at: datetime) -> Notice:
        return Notice(self.name, event_id, event_type, happened_at, False, {}, signed)

    def _facts(self, told: ResponseBodyV2DecodedPayload) -> Facts:
        data = told.data
        if data is None or data.signedTransactionInfo is None:
            return Facts()
        return reading.read_signed(self._signatures, data.signedTransactionInfo, data.signedRenewalInfo, data.rawStatus)

    def _posted(self, signed: str) -> tuple[Facts, datetime]:
        try:
            transaction = self._signatures.transaction(signed)
            facts = reading.read(transaction)
            if facts.subscriptions:
                return facts, reading.instant(transaction.signedDate)
        except (errors.Unauthenticated, MalformedWordError) as wrong:
            raise errors.InvalidRequest("INVALID_PURCHASE", "This is no purchase in our app.") from wrong
        raise errors.InvalidRequest("INVALID_PURCHASE", "This is no purchase of a subscription.")


def _joined(told: Facts, found: Facts) -> Facts:
    """Join a posted transaction with what Apple says of the same subscription now; each thing once, by its version."""
    own, present = told.subscriptions[0], found.subscriptions[0]
    is_newer = own.term is not None and (present.term is None or own.term.version > present.term.version)
    # The account goes with the term that names it.
    subscription = replace(own, renewal=present.renewal) if is_newer else present
    return Facts((subscription,), reading.newest((*told.payments, *found.payments)))


def _digest(signed: str) -> str:
    return hashlib.sha256(signed.encode()).hexdigest()
