"""Orders of reports: the job and, where it is free, the mark on the profile that there was one, written together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import JobKind, SessionStatus
from chalicelib.stores.transactions import Cancelled, commit
from chalicelib.stores.users import account_is_active, user_exists

_JOB: Final = 0
"""Position of the job among an order's actions: PynamoDB sends puts before updates."""
_DATA: Final[Any] = UserItem.data
_JOB_DATA: Final[Any] = JobItem.data
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


class OrderOutcome(StrEnum):
    """What became of an order."""

    ORDERED = "ordered"
    REPEATED = "repeated"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Order:
    """A report, wanted by a caller, on the strength of a subscription as it was read. `is_free`: it takes the one free
    report."""

    user_id: str
    session_id: str
    subscription_id: str
    subscription_updated_at: datetime
    is_free: bool
    at: datetime


class Releases(Protocol):
    """Gives back what a job was paid with."""

    def add_release(self, transaction: TransactWrite, job: JobItem, at: datetime) -> None:
        """Add giving it back, as the last action."""
        ...


class ReportOrders:
    """Takes orders and gives the free report back; every write is conditional on what it was decided on."""

    def order(self, order: Order, job: JobItem) -> OrderOutcome:
        """Put the job and, where it is free, mark the free report as taken by it: both or neither.

        CHANGED means that nothing was written and the profile is not as it was read: read it again. An order that is
        there already writes nothing: REPEATED.

        Raises:
            Unavailable: the profile is too contended, or the table does not answer.
        """
        job.data.has_unit = order.is_free
        # One job per order, however often it arrives.
        is_new_job = JobItem.pk.does_not_exist()
        actions: list[Action] = [UserItem.updated_at.set(order.at)]
        may_order = _may_order(order)
        if order.is_free:
            actions.append(_DATA.free_report_job_id.set(job.data.job_id))
            # Two orders at once: one of them takes it.
            has_free_report = _DATA.free_report_job_id.does_not_exist()
            may_order &= has_free_report

        def build(transaction: TransactWrite) -> None:
            transaction.save(job, condition=is_new_job)
            transaction.update(_profile(order.user_id), actions=actions, condition=may_order)

        try:
            commit(build)
        except Cancelled as refusal:
            return OrderOutcome.REPEATED if refusal.failed(_JOB) else OrderOutcome.CHANGED
        return OrderOutcome.ORDERED

    def take_again(self, job: JobItem, at: datetime) -> bool:
        """Take the free report once more, for a job that gave it back and is tried again by its owner. False where
        another job has it by now, or this worker lost its claim.

        Raises:
            Unavailable: the profile is too contended, or the table does not answer.
        """
        # A job that was overtaken takes nothing.
        is_still_ours = _JOB_DATA.claim_token == job.data.claim_token
        # Another order may have taken it since it was given back.
        has_free_report = _DATA.free_report_job_id.does_not_exist()

        def build(transaction: TransactWrite) -> None:
            bare = JobItem(*keys.job_key(job.data.user_id, job.data.job_id))
            transaction.update(bare, actions=[_JOB_DATA.has_unit.set(True)], condition=is_still_ours)
            transaction.update(
                _profile(job.data.user_id),
                actions=[_DATA.free_report_job_id.set(job.data.job_id), UserItem.updated_at.set(at)],
                condition=user_exists() & has_free_report,
            )

        try:
            commit(build)
        except Cancelled:
            return False
        job.data.has_unit = True
        return True

    def add_release(self, transaction: TransactWrite, job: JobItem, at: datetime) -> None:
        """Add giving the free report back to a transaction that ends its job; see `UsageStore.add_release`."""
        # Only the job that took it gives it back.
        is_taken_by_it = _DATA.free_report_job_id == job.data.job_id
        actions: list[Action] = [_DATA.free_report_job_id.remove(), UserItem.updated_at.set(at)]
        transaction.update(_profile(job.data.user_id), actions=actions, condition=user_exists() & is_taken_by_it)


@dataclass(frozen=True, slots=True)
class ReleasesByKind:
    """Documents give back a unit of the period, reports the free report."""

    units: Releases
    reports: Releases

    def add_release(self, transaction: TransactWrite, job: JobItem, at: datetime) -> None:
        """Add giving back what the job was paid with, as the last action."""
        paid_with = self.reports if job.data.kind is JobKind.REPORT else self.units
        paid_with.add_release(transaction, job, at)


def _profile(user_id: str) -> UserItem:
    key = keys.user_key(user_id)
    return UserItem(key.pk, key.sk)


def _may_order(order: Order) -> Condition:
    # A token outlives a sign-out by minutes; what it orders must not.
    is_session_live = (_DATA.current_session.session_id == order.session_id) & (
        _DATA.current_session.status == SessionStatus.ACTIVE
    )
    # Withdrawing the consent and ordering at the same moment: one of the two comes first.
    may_process = (_DATA.consents.healthcare_consultation.consent_given == True) & (  # noqa: E712  # an expression
        _DATA.consents.medical_disclaimers.consent_given == True  # noqa: E712  # PynamoDB's == makes a condition
    )
    # Whether it is free was decided on this subscription; an upgrade, a refund or an end decides anew.
    is_same_subscription = (_DATA.current_subscription.subscription_id == order.subscription_id) & (
        _DATA.current_subscription.updated_at == order.subscription_updated_at
    )
    may: Condition = user_exists() & account_is_active() & is_session_live & may_process & is_same_subscription
    return may
