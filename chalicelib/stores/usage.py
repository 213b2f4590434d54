"""Units of the usage period: reserved together with the job that they pay for, given back, and reset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, SessionStatus
from chalicelib.stores.failures import is_condition_failure, retried, translated
from chalicelib.stores.transactions import Cancelled, commit

_JOB: Final = 0
"""Position of the job among the reservation's actions: PynamoDB sends puts before updates."""
_DATA: Final[Any] = UserItem.data
_USAGE: Final[Any] = _DATA.current_subscription.usage_current_period
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


class ReserveOutcome(StrEnum):
    """What became of a reservation."""

    RESERVED = "reserved"
    REPEATED = "repeated"
    CHANGED = "changed"


class ResetOutcome(StrEnum):
    """What a reset found."""

    RESET = "reset"
    WITHDRAWN = "withdrawn"
    NOT_DUE = "not_due"


@dataclass(frozen=True, slots=True)
class Reservation:
    """One unit, wanted by a caller, on the strength of a profile as it was read.

    `subscription_id`, `subscription_updated_at` and `seen_period_start` say which profile that was. `period_start`
    and `period_end` are the right period now, which the stored one need not be any more. `limit` is None for
    unlimited tiers; `due` is where the user stands in the due index after this use, None for unlimited tiers.
    """

    user_id: str
    session_id: str
    subscription_id: str
    subscription_updated_at: datetime
    seen_period_start: datetime
    period_start: datetime
    period_end: datetime
    limit: int | None
    due: keys.Key | None
    at: datetime

    @property
    def is_first_of_period(self) -> bool:
        """Whether the stored period has ended, so that this use opens the next one."""
        return self.period_start != self.seen_period_start


@dataclass(frozen=True, slots=True)
class Reserved:
    """A unit that is counted: for this job now, or for the same job before (`is_repeat`: that job stands, nothing was
    written).

    `used` may be behind by what others reserved at the same moment; `limit` is None for unlimited tiers.
    """

    is_repeat: bool
    used: int
    limit: int | None
    resets_at: datetime


class UsageStore:
    """Counts units on the profile; every write is conditional on what it was decided on."""

    def reserve(self, reservation: Reservation, job: JobItem) -> ReserveOutcome:
        """Count one unit and put the job, both or neither, in one transaction.

        Marks the job as holding the unit of that period. CHANGED means that nothing was written and the profile is
        not as it was read (or its units are spent): read it again. Repeating it with the same job counts nothing:
        REPEATED.

        Raises:
            Unavailable: the profile is too contended, or the table does not answer.
        """
        job.data.has_unit = True
        job.data.unit_period_start = reservation.period_start
        # One unit per job, however often the same upload arrives.
        is_new_job = JobItem.pk.does_not_exist()

        def build(transaction: TransactWrite) -> None:
            transaction.save(job, condition=is_new_job)
            transaction.update(
                _profile(reservation.user_id), actions=_counting(reservation), condition=_may_count(reservation)
            )

        try:
            commit(build)
        except Cancelled as refusal:
            return ReserveOutcome.REPEATED if refusal.failed(_JOB) else ReserveOutcome.CHANGED
        return ReserveOutcome.RESERVED

    def has_job(self, job: JobItem) -> bool:
        """Whether the job is there already: one consistent read.

        Raises:
            Unavailable: the table does not answer.
        """
        with translated():
            try:
                JobItem.get(job.pk, job.sk, consistent_read=True)
            except JobItem.DoesNotExist:
                return False
        return True

    def add_release(self, transaction: TransactWrite, job: JobItem, at: datetime) -> None:
        """Add giving the job's unit back to a transaction that ends the job; the transaction must itself be
        conditional on `data.has_unit` and take it away, so that a unit is given back once.

        Where the transaction is cancelled for this action (the last of its kind added), there is nothing to give
        back: the unit's period is over, was reset, or the user is gone. End the job without it.
        """
        user_exists = UserItem.pk.exists()
        # A unit of an earlier period takes nothing from this one.
        is_period_of_unit = _USAGE.period_start == job.data.unit_period_start
        # After a reset the unit is gone already, and a count never falls below nothing.
        has_counted = _USAGE.documents_processed > 0
        transaction.update(
            _profile(job.data.user_id),
            actions=[
                _USAGE.documents_processed.set(_USAGE.documents_processed - 1),
                _USAGE.last_updated.set(at),
                UserItem.updated_at.set(at),
            ],
            condition=user_exists & is_period_of_unit & has_counted,
        )

    def reset(self, user_id: str, due_partition: str, now: datetime) -> ResetOutcome:
        """Take a user whose period has ended out of the due index, with nothing used. One write, no read; safe to
        run twice.

        The dates of the ended period stay: whoever reserves or reads next computes the right ones. A second write
        happens only where the user is still listed although the period runs on, because a new subscription began
        another one: WITHDRAWN leaves its count alone.

        Raises:
            Unavailable: the profile is too contended, or the table does not answer.
        """
        # No ghost profile for a user who was erased.
        user_exists = UserItem.pk.exists()
        # A use in the next period has moved the user to a later partition: that count is not ours to clear.
        is_still_listed = UserItem.gsi3_pk == due_partition
        # A subscription that began meanwhile opened a period of its own.
        has_ended = _USAGE.period_end <= now
        delist = [UserItem.gsi3_pk.remove(), UserItem.gsi3_sk.remove(), UserItem.updated_at.set(now)]
        clear = [_USAGE.documents_processed.set(0), _USAGE.last_updated.set(now)]
        if _update(user_id, [*clear, *delist], user_exists & is_still_listed & has_ended):
            return ResetOutcome.RESET
        if _update(user_id, delist, user_exists & is_still_listed):
            return ResetOutcome.WITHDRAWN
        return ResetOutcome.NOT_DUE


def _profile(user_id: str) -> UserItem:
    key = keys.user_key(user_id)
    return UserItem(key.pk, key.sk)


def _may_count(reservation: Reservation) -> Condition:
    # No ghost profile for an unknown user.
    user_exists = UserItem.pk.exists()
    # A token outlives a sign-out by minutes; what it pays for must not.
    is_session_live = (_DATA.current_session.session_id == reservation.session_id) & (
        _DATA.current_session.status == SessionStatus.ACTIVE
    )
    is_account_active = _DATA.account_status == AccountStatus.ACTIVE
    # Withdrawing the consent and uploading at the same moment: one of the two comes first.
    may_process = (_DATA.consents.healthcare_consultation.consent_given == True) & (  # noqa: E712  # an expression
        _DATA.consents.medical_disclaimers.consent_given == True  # noqa: E712
    )
    # Limit and period were computed from this subscription; an upgrade, a refund or an end decides anew.
    is_same_subscription = (_DATA.current_subscription.subscription_id == reservation.subscription_id) & (
        _DATA.current_subscription.updated_at == reservation.subscription_updated_at
    )
    # Whoever comes first after a period's end opens the next one; everybody else counts on from there.
    is_same_period = _USAGE.period_start == reservation.seen_period_start
    is_as_seen = is_same_subscription & is_same_period
    may: Condition = user_exists & is_session_live & is_account_active & may_process & is_as_seen
    if reservation.limit is not None and not reservation.is_first_of_period:
        # N uploads at once: the table counts, not the reader (design, trap 3).
        has_unit_left = _USAGE.documents_processed < reservation.limit
        may &= has_unit_left
    return may


def _counting(reservation: Reservation) -> list[Action]:
    actions: list[Action] = [_USAGE.last_updated.set(reservation.at), UserItem.updated_at.set(reservation.at)]
    if reservation.is_first_of_period:
        actions += [
            _USAGE.documents_processed.set(1),
            _USAGE.period_start.set(reservation.period_start),
            _USAGE.period_end.set(reservation.period_end),
        ]
    else:
        actions.append(_USAGE.documents_processed.set(_USAGE.documents_processed + 1))
    if reservation.due is not None:
        actions += [UserItem.gsi3_pk.set(reservation.due.pk), UserItem.gsi3_sk.set(reservation.due.sk)]
    return actions


def _update(user_id: str, actions: Sequence[Action], condition: Condition) -> bool:
    try:
        retried(lambda: _profile(user_id).update(actions=list(actions), condition=condition))
    except UpdateError as refusal:
        if is_condition_failure(refusal):
            return False
        raise
    return True
