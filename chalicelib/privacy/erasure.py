"""Erasure as people see it: asked for, and its receipt. What happens in between is `erasure_saga.py`."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import Any, Final

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.ids import new_id
from chalicelib.models import keys
from chalicelib.models.erasure import ErasureData, ErasureStatus, ErasureStep
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log
from chalicelib.privacy.doors import ChargedBy, FreshProof, Profiles, Queue, SessionRule
from chalicelib.privacy.erasure_saga import written_message
from chalicelib.privacy.gdpr_contract import (
    DeletionSummary,
    ErasureRequest,
    ErasureStartedAnswer,
    ErasureStatusAnswer,
)
from chalicelib.rules import Rules
from chalicelib.stores.erasures import Beginning, Erasures
from chalicelib.web.request import Caller

CONFIRMATION: Final = "DELETE"
_ID_BYTES: Final = 32
_MOST_READS: Final = 5


@dataclass(frozen=True, slots=True)
class ErasureRequests:
    """Takes requests for erasure and answers how they went."""

    erasures: Erasures
    profiles: Profiles
    sessions: SessionRule
    fresh_proof: FreshProof
    charged_by: ChargedBy
    queue: Queue
    queue_name: str
    clock: Clock
    rules: Rules

    def request(self, caller: Caller, wish: ErasureRequest) -> ErasureStartedAnswer:
        """Close the caller's account at once and begin to erase it. One read, one query, one transaction, one message.

        A message that is lost is sent again by the sweep.

        Raises:
            InvalidRequest: INVALID_CONFIRMATION.
            Unauthenticated, Forbidden: the session has ended; ACCOUNT_SUSPENDED, also for who asks twice;
                BIOMETRIC_REQUIRED.
            Conflict: ACTIVE_SUBSCRIPTION.
            Unavailable: the table does not answer, or the profile changes all the time.
        """
        if wish.confirmation_text != CONFIRMATION:
            raise errors.InvalidRequest(
                "INVALID_CONFIRMATION", f"The field confirmation_text must be the word {CONFIRMATION}."
            )
        request_id = secrets.token_urlsafe(_ID_BYTES)
        name = keys.erasure_name(request_id)
        for _ in range(_MOST_READS):
            user = self._allowed(caller)
            if self._begun(name, user, is_by_caller=True):
                return ErasureStartedAnswer(
                    erasure_request_id=request_id,
                    estimated_completion_hours=self.rules.erasure_estimated_hours,
                    deletion_categories=[str(step) for step in ErasureStep],
                )
        raise errors.Unavailable(message="This account is being changed at the moment.")

    def begin(self, user_id: str, reason: str) -> None:
        """Begin the erasure of somebody who asked for it elsewhere, such as at their provider. Safe to repeat: one that
        has begun goes on. Nothing is begun while a paid subscription renews; an operator is told.

        Raises:
            Unavailable: the table does not answer, or the profile changes all the time.
        """
        for _ in range(_MOST_READS):
            user = self.profiles.by_id(user_id)
            if user is None or user.data.account_status is AccountStatus.DELETED:
                return
            if self.charged_by(user) is not None:
                log("erasure_waits_for_subscription", level=logging.ERROR, user_id=user_id, reason=reason)
                return
            if self._begun(keys.erasure_name(secrets.token_urlsafe(_ID_BYTES)), user, is_by_caller=False):
                return
        raise errors.Unavailable(message="This account is being changed at the moment.")

    def status(self, request_id: str) -> ErasureStatusAnswer:
        """Return how far an erasure has come. One read, whatever the id looks like.

        Raises:
            NotFound: ERASURE_REQUEST_NOT_FOUND.
        """
        erasure = self.erasures.find(keys.erasure_name(request_id))
        # DynamoDB removes what is past its ttl within days, not at once.
        if erasure is None or int(erasure.ttl or 0) <= self.clock.now().timestamp():
            raise errors.NotFound("ERASURE_REQUEST_NOT_FOUND")
        data = erasure.data
        is_completed = data.status is ErasureStatus.COMPLETED
        return ErasureStatusAnswer(
            status=data.status,
            requested_at=data.requested_at,
            progress=_progress(data),
            completion_date=data.completed_at,
            verification_hash=data.verification_hash,
            deletion_summary=summary_of(data) if is_completed else None,
        )

    def _allowed(self, caller: Caller) -> UserItem:
        user = self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
        provider = self.charged_by(user)
        if provider is not None:
            raise errors.Conflict(
                "ACTIVE_SUBSCRIPTION",
                "A paid subscription renews; it has to be cancelled first.",
                user_message="Please cancel your subscription first: otherwise you would be charged again.",
                details={"provider": provider.value},
            )
        self.fresh_proof.require(user, caller)
        return user

    def _begun(self, name: str, user: UserItem, *, is_by_caller: bool) -> bool:
        session, at = user.data.current_session, self.clock.now()
        beginning = Beginning(
            name=name,
            user_id=user.data.id,
            session_id=session.session_id if session is not None else None,
            is_by_caller=is_by_caller,
            subscription=user.data.current_subscription,
            billing_revision=user.data.billing_revision,
            retained_id=new_id(),
            at=at,
            due_at=at + self.rules.erasure_overdue_after,
            ttl=int((at + self.rules.erasure_record_life).timestamp()),
        )
        if not self.erasures.begin(beginning):
            return False
        self._announce(name, user.data.id)
        return True

    def _announce(self, name: str, user_id: str) -> None:
        audit.record(AuditEvent.ERASURE_REQUESTED, user_id=user_id, erasure_id=name)
        try:
            self.queue.send(self.queue_name, written_message(name))
        except errors.Unavailable as trouble:
            # Not raised: the account is closed, the erasure stands in the due index, and the sweep sends its message.
            log("erasure_message_not_sent", level=logging.WARNING, error=trouble, erasure_id=name)


def summary_of(data: ErasureData) -> DeletionSummary:
    """Return what an erasure found and did."""
    inventory: dict[str, Any] = data.inventory or {}
    return DeletionSummary(
        removed=inventory.get("removed", {}),
        kept=inventory.get("kept", {}),
        unconfirmed=[str(ErasureStep.PROVIDER_TOKENS)] if data.is_revocation_unconfirmed else [],
    )


def _progress(data: ErasureData) -> dict[str, str]:
    states: dict[str, str] = {}
    is_next = data.status is ErasureStatus.PROCESSING
    for step in ErasureStep:
        is_done = getattr(data.progress, step) is not None
        states[str(step)] = "completed" if is_done else "processing" if is_next else "pending"
        is_next = is_next and is_done
    return states
