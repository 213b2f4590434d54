"""Units of the usage period: reserved together with the item that holds them, given back, and reset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.models import keys
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, SessionStatus
from chalicelib.stores.failures import is_condition_failure, retried, translated
from chalicelib.stores.reservation import Holder, Reservation, Unit, unit_of
from chalicelib.stores.transactions import Cancelled, commit

_HOLDER: Final = 0
"""Position of the unit's holder among the reservation's actions: PynamoDB sends puts before updates."""
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


class UsageStore:
    """Counts units on the profile; every write is conditional on what it was decided on."""

    def reserve(self, reservation: Reservation, holder: Holder) -> ReserveOutcome:
        """Count one unit and put its holder (a job, or the unit of a message), both or neither, in one transaction.

        Marks the holder with the count that its unit is part of. CHANGED means that nothing was written and the profile
        is not as it was read (or its units are spent): read it again. Repeating it with the same holder counts nothing:
        REPEATED.

        Raises:
            Unavailable: the profile is too contended, or the table does not answer.
        """
        holder.data.has_unit = True
        holder.data.unit_period_start = reservation.counted_since
        # One unit per job or message, however often the same request arrives.
        is_new = type(holder).pk.does_not_exist()

        def build(transaction: TransactWrite) -> None:
            transaction.save(holder, condition=is_new)
            transaction.update(
                _profile(reservation.user_id), actions=_counting(reservation), condition=_may_count(reservation)
            )

        try:
            commit(build)
        except Cancelled as refusal:
            return ReserveOutcome.REPEATED if refusal.failed(_HOLDER) else ReserveOutcome.CHANGED
        return ReserveOutcome.RESERVED

    def has_job(self, job: Holder) -> bool:
        """Whether the job (or the unit of the message) is there already: one consistent read.

        Raises:
            Unavailable: the table does not answer.
        """
        kind = type(job)
        with translated():
            try:
                kind.get(job.pk, job.sk, consistent_read=True)
            except kind.DoesNotExist:
                return False
        return True

    def add_release(self, transaction: TransactWrite, job: Holder, at: datetime) -> None:
        """Add giving the holder's unit back to a transaction that ends the holder; the transaction must itself be
        conditional on `data.has_unit` and take it away, so that a unit is given back once.

        Where the transaction is cancelled for this action (the last of its kind added), there is nothing to give
        back: the unit's period is over, was reset, or the user is gone. End the holder without it.
        """
        counter = _counter(unit_of(job))
        counted_since = job.data.unit_period_start
        user_exists = UserItem.pk.exists()
        # A unit of an earlier period takes nothing from this one …
        is_count_of_period = _USAGE.carried_from.does_not_exist() & (_USAGE.period_start == counted_since)
        # … but one that another subscription took over with the count is still part of it.
        is_carried_count = _USAGE.carried_from == counted_since
        # After a reset the unit is gone already, and a count never falls below nothing.
        has_counted = counter > 0
        transaction.update(
            _profile(job.data.user_id),
            actions=[
                counter.set(counter - 1),
                _USAGE.last_updated.set(at),
                UserItem.updated_at.set(at),
            ],
            condition=user_exists & (is_count_of_period | is_carried_count) & has_counted,
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
        clear = [*(_counter(unit).set(0) for unit in Unit), _USAGE.last_updated.set(now)]
        if _update(user_id, [*clear, *delist], user_exists & is_still_listed & has_ended):
            return ResetOutcome.RESET
        if _update(user_id, delist, user_exists & is_still_listed):
            return ResetOutcome.WITHDRAWN
        return ResetOutcome.NOT_DUE


def _counter(unit: Unit) -> Any:
    return getattr(_USAGE, unit.value)


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
        _DATA.consents.medical_disclaimers.consent_given == True  # noqa: E712  # PynamoDB's == makes a condition
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
        counter = _counter(reservation.unit)
        # An older profile has no counter of messages: nothing is used.
        has_unit_left = counter.does_not_exist() | (counter < reservation.limit)
        may &= has_unit_left
    return may


def _counting(reservation: Reservation) -> list[Action]:
    actions: list[Action] = [_USAGE.last_updated.set(reservation.at), UserItem.updated_at.set(reservation.at)]
    counter = _counter(reservation.unit)
    if reservation.is_first_of_period:
        actions += [
            *(_counter(unit).set(1 if unit is reservation.unit else 0) for unit in Unit),
            _USAGE.period_start.set(reservation.period_start),
            _USAGE.period_end.set(reservation.period_end),
            _USAGE.carried_from.remove(),
        ]
    else:
        actions.append(counter.set((counter | 0) + 1))
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
