"""The erasure itself: steps in their order, each safe to run twice, carried on by the queue from wherever it stopped.

sessions           done by the request itself, in the transaction that closes the account
(inventory)        what there is, counted before anything is removed
jobs               first, so that no worker may finish what it began, and late events find nothing
documents          every version of every object; again once no worker and no upload form can bring more
payments and proof moved under a random key
provider tokens    given back, or asked to be for days and then reported as unconfirmed
history            everything else in the partition, with the guards that it holds
profile            whatever came late, then the profile with the guards of its identity, in one transaction
(receipt)          the erasure forgets whom it was about, and becomes the receipt
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from chalicelib import errors
from chalicelib.clock import Clock, iso
from chalicelib.models.erasure import ErasureData, ErasureItem, ErasureStatus, ErasureStep
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log
from chalicelib.privacy.doors import Grants, Profiles, Queue
from chalicelib.privacy.erasure_steps import Belongings
from chalicelib.rules import Rules
from chalicelib.stores.erasures import Erasures, Receipt

_LONGEST_DELAY: Final = timedelta(minutes=15)
"""SQS's own limit."""
RECEIPT_FORMAT: Final = "serenya-erasure/1"


class ErasureMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the erasures queue. It names the erasure, and nobody."""

    erasure: str


class NotDoneYet(Exception):
    """Something has to pass before the erasure can go on."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(until.isoformat())


def written_message(name: str) -> str:
    """Write the message that carries an erasure on."""
    return msgspec.json.encode(ErasureMessage(erasure=name)).decode()


@dataclass(frozen=True, slots=True)
class ErasureSaga:
    """Carries erasures on. Of several workers at the same one each may do any step; together they do it once."""

    erasures: Erasures
    belongings: Belongings
    profiles: Profiles
    grants: Grants
    queue: Queue
    queue_name: str
    clock: Clock
    rules: Rules

    def carry_on(self, message: str) -> None:
        """Do what is left of the erasure that a message names. Safe to run twice, also at once.

        Raises:
            msgspec.MsgspecError: not one of our messages; it ends among the dead letters.
            Unavailable: deliver again; what was done stays done.
        """
        name = msgspec.json.decode(message, type=ErasureMessage).erasure
        erasure = self.erasures.find(name)
        if erasure is None or erasure.data.status is ErasureStatus.COMPLETED:
            log("erasure_not_running", erasure_id=name)
            return
        try:
            self._complete(name, self._through_steps(name, self._counted(name, erasure).data))
        except NotDoneYet as wait:
            self._come_again(name, wait.until)

    def sweep(self) -> None:
        """Send the message of every overdue erasure again: the queue has lost it, or gave it up.

        Raises:
            Unavailable: table or queue do not answer; the next run tries again.
        """
        for name in self.erasures.due(self.clock.now()):
            log("overdue_erasure_found", level=logging.WARNING, erasure_id=name)
            self.queue.send(self.queue_name, written_message(name))

    def _counted(self, name: str, erasure: ErasureItem) -> ErasureItem:
        """Take the inventory, once: after a crash there may be less to count."""
        if erasure.data.inventory is not None:
            return erasure
        now = self.clock.now()
        inventory, quiet_at = self.belongings.inventory(str(erasure.data.user_id), now)
        counted = self.erasures.record_inventory(name, inventory, quiet_at, now) or self.erasures.find(name)
        assert counted is not None, "an erasure lives for days after it was begun"
        return counted

    def _through_steps(self, name: str, data: ErasureData) -> ErasureData:
        if data.user_id is None:
            return data  # Another worker has completed it.
        steps: Mapping[ErasureStep, Callable[[ErasureData], bool]] = {
            ErasureStep.JOBS: self._jobs,
            ErasureStep.DOCUMENTS: self._documents,
            ErasureStep.RETAINED: self._retained,
            ErasureStep.PROVIDER_TOKENS: self._provider_tokens,
            ErasureStep.HISTORY: self._history,
            ErasureStep.PROFILE: self._profile,
        }
        for step, act in steps.items():
            if getattr(data.progress, step) is not None:
                continue
            is_confirmed = act(data)
            data.is_revocation_unconfirmed = data.is_revocation_unconfirmed or not is_confirmed
            if step is not ErasureStep.PROFILE:  # That one and the receipt are one write.
                self.erasures.record_step(name, step, self.clock.now(), is_unconfirmed=not is_confirmed)
                log("erasure_step_done", erasure_id=name, step=str(step))
        return data

    def _jobs(self, data: ErasureData) -> bool:
        self.belongings.remove_jobs(str(data.user_id))
        return True

    def _documents(self, data: ErasureData) -> bool:
        self.belongings.remove_objects(str(data.user_id))
        if data.quiet_at is not None and self.clock.now() < data.quiet_at:
            raise NotDoneYet(data.quiet_at)
        return True

    def _retained(self, data: ErasureData) -> bool:
        self.belongings.move_retained(str(data.user_id), str(data.retained_id))
        return True

    def _provider_tokens(self, data: ErasureData) -> bool:
        """Return whether the grant is known to be gone. A provider that is down for days must not keep a person's data
        with us."""
        user = self.profiles.by_id(str(data.user_id))
        if user is None:
            return True
        try:
            self.grants.revoke(user)
        except errors.Unavailable as trouble:
            if self.clock.now() < data.requested_at + self.rules.erasure_grant_patience:
                raise
            log("provider_grant_not_revoked", level=logging.ERROR, error=trouble)
            return False
        return True

    def _history(self, data: ErasureData) -> bool:
        self.belongings.remove_history(str(data.user_id), str(data.retained_id))
        return True

    def _profile(self, data: ErasureData) -> bool:
        self.belongings.remove_latecomers(str(data.user_id), str(data.retained_id))
        self.belongings.remove_profile(str(data.user_id))
        return True

    def _complete(self, name: str, data: ErasureData) -> None:
        if data.user_id is None:
            return
        now = self.clock.now()
        receipt = Receipt(verification_hash=verification_hash(name, data, now), at=now)
        if self.erasures.complete(name, receipt):
            audit.record(AuditEvent.ERASURE_COMPLETED, user_id=data.user_id, erasure_id=name)
            log("erasure_completed", erasure_id=name, verification_hash=receipt.verification_hash)

    def _come_again(self, name: str, until: datetime) -> None:
        """Ask for a later message, and tell the sweep not to look before it is overdue as well."""
        now = self.clock.now()
        self.erasures.postpone(name, until + self.rules.erasure_overdue_after, now)
        delay = min(_LONGEST_DELAY, until - now)
        self.queue.send(self.queue_name, written_message(name), max(1, int(delay.total_seconds()) + 1))
        log("erasure_postponed", erasure_id=name, until=until.isoformat())


def verification_hash(name: str, data: ErasureData, completed_at: datetime) -> str:
    """Return the hash of a receipt: SHA-256 (hex) of a JSON object with sorted keys and no spaces.

    Everything in it is in the receipt; `erasure` is the SHA-256 of `erasure/1:<erasure_request_id>`.
    """
    inventory = data.inventory or {}
    content = {
        "format": RECEIPT_FORMAT,
        "erasure": name,
        "requested_at": iso(data.requested_at),
        "completed_at": iso(completed_at),
        "removed": inventory.get("removed", {}),
        "kept": inventory.get("kept", {}),
        "unconfirmed": [str(ErasureStep.PROVIDER_TOKENS)] if data.is_revocation_unconfirmed else [],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
