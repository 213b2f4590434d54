"""Looks at subscriptions where they were bought, and sets right what drifted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from chalicelib.billing.drift import Drift, drift_between
from chalicelib.billing.known import Cause, Known
from chalicelib.billing.merge import learn
from chalicelib.billing.reconciliation import LookBatch
from chalicelib.clock import Clock
from chalicelib.gateways.provider_facts import Facts, Provider
from chalicelib.models import keys
from chalicelib.models.states import SubscriptionProvider
from chalicelib.observe.log import log
from chalicelib.stores.live_subscriptions import LiveSubscriptions

EVENT_TYPE: Final = "reconciliation"
"""What stands as the cause of what a look brought. It has no event id: no notification told it."""


class Books(Protocol):
    """What is known of subscriptions and payments, and the one way to add to it."""

    def known_about(self, facts: Facts) -> Known:
        """Return what is known of everything that these facts speak of.

        Raises:
            Unavailable: the table does not answer.
        """
        ...

    def enter(self, provider: Provider, facts: Facts, cause: Cause) -> None:
        """Merge facts into what is known, decide, and write it. Safe to repeat.

        Raises:
            Unavailable: not now.
        """
        ...


class NotALookBatchError(Exception):
    """A message that nobody here wrote. Raised each time it comes, it ends in the dead-letter queue."""


class LooksIncompleteError(Exception):
    """Some of a batch could not be looked at. The queue delivers the message again, and in the end keeps it aside."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Compares subscriptions with what their stores say now."""

    providers: Callable[[], Mapping[SubscriptionProvider, Provider]]
    live: LiveSubscriptions
    books: Books
    clock: Clock

    def look_at_batch(self, message: str) -> None:
        """Look at the subscriptions of one message, and enter what their store says. Safe to run twice.

        One that cannot be looked at does not hold up the others of the batch.

        Raises:
            NotALookBatchError: the message is none of ours.
            LooksIncompleteError: some are left; the message has to come again.
        """
        batch = _read(message)
        provider = self.providers()[batch.provider]
        failed = drifted = 0
        for place in batch.places:
            try:
                drifted += self._look_at(provider, keys.Key(*place))
            except Exception as error:  # noqa: BLE001  # whatever is wrong with one of them, it is raised below
                failed += 1
                log("billing_look_failed", level=logging.ERROR, error=error, provider=batch.provider.value)
        log(
            "billing_looked",
            provider=batch.provider.value,
            subscriptions=len(batch.places),
            drifted=drifted,
            failed=failed,
        )
        if failed:
            raise LooksIncompleteError(f"{failed} of {len(batch.places)} subscriptions are left")

    def _look_at(self, provider: Provider, key: keys.Key) -> int:
        """Look at one; return how many things had drifted."""
        external_id = self.live.external_id_at(key)
        if external_id is None:
            return 0  # Moved to its owner, or erased, since it was found.
        facts = provider.look(external_id)
        if facts is None:
            subscription = keys.digest_of(external_id)
            log("billing_subscription_unknown_at_store", level=logging.WARNING, subscription=subscription)
            return 0
        cause = Cause(self.clock.now(), "", EVENT_TYPE)
        known = self.books.known_about(facts)
        drifts = list(drift_between(known, learn(known, facts, cause)))
        for drift in drifts:
            _report(drift)
        if drifts or any(seen.needs_acknowledgement for seen in facts.subscriptions):
            # A word that says nothing new is not entered: it would cost a write for every subscription and day.
            self.books.enter(provider, facts, cause)
        return len(drifts)


def _report(drift: Drift) -> None:
    log(
        "billing_drift_found",
        level=logging.WARNING,
        provider=drift.key.provider.value,
        subject=drift.subject.value,
        external_hash=keys.digest_of(drift.key.external_id),
        fields=",".join(drift.fields),
    )


def _read(message: str) -> LookBatch:
    try:
        return msgspec.json.decode(message, type=LookBatch)
    except (msgspec.DecodeError, UnicodeError) as wrong:
        log("billing_look_message_refused", level=logging.ERROR, error=wrong, length=len(message))
        # The reason may quote the message; the log does not.
        raise NotALookBatchError("the message is no batch of subscriptions to look at") from None
