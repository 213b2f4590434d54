"""Questions about erasures: begun together with the end of the session, carried on, found when overdue, completed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.erasure import (
    ErasureData,
    ErasureItem,
    ErasureProgress,
    ErasureStatus,
    ErasureStep,
    TombstoneData,
    TombstoneItem,
)
from chalicelib.models.guard import GuardItem
from chalicelib.models.keys import Key
from chalicelib.models.profile import Subscription, UserItem
from chalicelib.models.states import AccountStatus, SessionStatus
from chalicelib.stores.due import pages
from chalicelib.stores.failures import is_condition_failure, retried, translated
from chalicelib.stores.transactions import Cancelled, commit
from chalicelib.stores.users import caller_may_write, user_exists

_DATA: Final[Any] = ErasureItem.data
_USER: Final[Any] = UserItem.data
_GUARD: Final[Any] = GuardItem.data
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """A wish to be erased, on the strength of a profile as it was read: `subscription` is what did not renew then, nor
    anything else that they had at `billing_revision`.

    `session_id` is the session that asks, or, where it is not the person who asks (`is_by_caller`), the current one if
    there is any.
    """

    name: str
    user_id: str
    session_id: str | None
    is_by_caller: bool
    subscription: Subscription
    billing_revision: float | None
    retained_id: str
    at: datetime
    due_at: datetime
    ttl: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """How an erasure ended."""

    verification_hash: str
    at: datetime


class Erasures:
    """Erasures by name, which is the hash of the id that the person was given."""

    def begin(self, beginning: Beginning) -> bool:
        """Mark the account as deleted, end its session, put the erasure and the tombstone: all or nothing. False if the
        caller may not write, or the subscription is not as it was read.

        Raises:
            Unavailable: the table does not answer.
        """
        # Protects from a purchase between reading and writing: it would be paid on for nobody.
        is_same_plan = (_USER.current_subscription.subscription_id == beginning.subscription.subscription_id) & (
            _USER.current_subscription.updated_at == beginning.subscription.updated_at
        )
        # Protects from a purchase behind the plan in force, which changes no plan.
        revision, seen = _USER.billing_revision, beginning.billing_revision
        has_no_other: Condition = revision.does_not_exist() if seen is None else revision == seen
        is_new = ErasureItem.pk.does_not_exist()
        condition = _may_begin(beginning) & is_same_plan & has_no_other

        def build(transaction: TransactWrite) -> None:
            transaction.save(_begun(beginning), condition=is_new)
            transaction.save(_tombstone(beginning))
            transaction.update(_profile(beginning.user_id), actions=_ending(beginning), condition=condition)

        try:
            commit(build)
        except Cancelled:
            # The answer to a write that worked may be lost, and its repetition is refused.
            return self.find(beginning.name) is not None
        return True

    def find(self, name: str) -> ErasureItem | None:
        """Return an erasure by a consistent read, or None.

        Raises:
            Unavailable: the table does not answer.
        """
        with translated():
            try:
                return ErasureItem.get(*keys.erasure_key(name), consistent_read=True)
            except ErasureItem.DoesNotExist:
                return None

    def record_inventory(
        self, name: str, inventory: Mapping[str, Any], quiet_at: datetime, at: datetime
    ) -> ErasureItem | None:
        """Keep what there was before anything is removed, and return the erasure; None where it is counted already.

        Raises:
            Unavailable: the table does not answer.
        """
        is_uncounted = _DATA.inventory.does_not_exist()  # protects the first count: a later one finds less
        actions = [
            _DATA.inventory.set(dict(inventory)),
            _DATA.quiet_at.set(quiet_at),
            _DATA.status.set(ErasureStatus.PROCESSING),
            ErasureItem.updated_at.set(at),
        ]
        return _updated(name, actions, _is_running() & is_uncounted)

    def record_step(self, name: str, step: ErasureStep, at: datetime, *, is_unconfirmed: bool = False) -> None:
        """Keep that a step is done. Twice is fine.

        Raises:
            Unavailable: the table does not answer.
        """
        actions: list[Action] = [getattr(_DATA.progress, step).set(at), ErasureItem.updated_at.set(at)]
        if is_unconfirmed:
            actions.append(_DATA.is_revocation_unconfirmed.set(True))
        _updated(name, actions, _is_running())

    def postpone(self, name: str, due_at: datetime, at: datetime) -> None:
        """Let the sweep leave an erasure alone until `due_at`.

        Raises:
            Unavailable: the table does not answer.
        """
        key = keys.erasure_due_key(due_at, name)
        actions = [ErasureItem.gsi3_pk.set(key.pk), ErasureItem.gsi3_sk.set(key.sk), ErasureItem.updated_at.set(at)]
        _updated(name, actions, _is_running())

    def remove_profile(self, user_id: str, identity_guards: Sequence[Key]) -> bool:
        """Remove a profile together with what makes its identity and e-mail unique, so that whoever signs up with them
        meets either a deleted account or none at all. False if the profile is gone or not marked, or a guard changed
        hands: read again.

        Raises:
            Unavailable: the table does not answer.
        """
        is_marked: Condition = _USER.account_status == AccountStatus.DELETED  # never removes somebody who did not ask
        is_own: Condition = _GUARD.user_id == user_id  # never takes a name from somebody who signed up since

        def build(transaction: TransactWrite) -> None:
            transaction.delete(_profile(user_id), condition=is_marked)
            for guard in identity_guards:
                transaction.delete(GuardItem(guard.pk, guard.sk), condition=is_own)

        try:
            commit(build)
        except Cancelled:
            return False
        return True

    def complete(self, name: str, receipt: Receipt) -> bool:
        """Turn an erasure into its receipt: whom it was about, and under which key things are kept, goes with this
        write. False where it is one already.

        Raises:
            Unavailable: the table does not answer.
        """
        actions: list[Action] = [
            _DATA.status.set(ErasureStatus.COMPLETED),
            _DATA.completed_at.set(receipt.at),
            _DATA.verification_hash.set(receipt.verification_hash),
            _DATA.progress.profile.set(receipt.at),
            _DATA.user_id.remove(),
            _DATA.retained_id.remove(),
            ErasureItem.gsi3_pk.remove(),
            ErasureItem.gsi3_sk.remove(),
            ErasureItem.updated_at.set(receipt.at),
        ]
        return _updated(name, actions, _is_running()) is not None

    def due(self, now: datetime) -> Iterator[str]:
        """Return the names of erasures that should have been done by now, oldest first. From the index, so it may name
        one that was completed a moment ago.

        Raises:
            Unavailable: the table does not answer.
        """
        before = keys.erasure_due_key(now, "")
        for page in pages(before.pk, Item.gsi3_sk < before.sk):
            yield from (key.pk.removeprefix(keys.erasure_key("").pk) for key in page)

    def is_erased(self, user_id: str) -> bool:
        """Whether somebody was erased, or is being erased. Whatever writes a profile that it did not just read (a
        repair, a migration) has to ask this, or carry `add_not_erased`.

        Raises:
            Unavailable: the table does not answer.
        """
        with translated():
            try:
                TombstoneItem.get(*keys.tombstone_key(user_id), consistent_read=True)
            except TombstoneItem.DoesNotExist:
                return False
        return True

    @staticmethod
    def add_not_erased(transaction: TransactWrite, user_id: str) -> None:
        """Make a transaction fail if somebody was erased; its reason stands first."""
        is_unmarked = TombstoneItem.pk.does_not_exist()  # protects from bringing an erased person back
        transaction.condition_check(TombstoneItem, *keys.tombstone_key(user_id), condition=is_unmarked)


def _begun(beginning: Beginning) -> ErasureItem:
    due = keys.erasure_due_key(beginning.due_at, beginning.name)
    return ErasureItem(
        *keys.erasure_key(beginning.name),
        created_at=beginning.at,
        updated_at=beginning.at,
        ttl=beginning.ttl,
        gsi3_pk=due.pk,
        gsi3_sk=due.sk,
        data=ErasureData(
            user_id=beginning.user_id,
            retained_id=beginning.retained_id,
            status=ErasureStatus.INITIATED,
            requested_at=beginning.at,
            progress=ErasureProgress(sessions=beginning.at),
        ),
    )


def _tombstone(beginning: Beginning) -> TombstoneItem:
    return TombstoneItem(
        *keys.tombstone_key(beginning.user_id),
        created_at=beginning.at,
        updated_at=beginning.at,
        ttl=beginning.ttl,
        data=TombstoneData(erased_at=beginning.at),
    )


def _may_begin(beginning: Beginning) -> Condition:
    if beginning.is_by_caller and beginning.session_id is not None:
        return caller_may_write(beginning.session_id)
    session_id = _USER.current_session.session_id
    # Protects from a second erasure of one person; a closed account may be erased.
    is_undeleted = user_exists() & (_USER.account_status != AccountStatus.DELETED)
    # Protects from a sign-in that came between: its session would not be ended.
    is_as_read = session_id.does_not_exist() if beginning.session_id is None else session_id == beginning.session_id
    condition: Condition = is_undeleted & is_as_read
    return condition


def _ending(beginning: Beginning) -> list[Action]:
    actions: list[Action] = [
        _USER.account_status.set(AccountStatus.DELETED),
        _USER.deactivated_at.set(beginning.at),
        UserItem.gsi3_pk.remove(),
        UserItem.gsi3_sk.remove(),
        UserItem.updated_at.set(beginning.at),
    ]
    if beginning.session_id is not None:
        actions.append(_USER.current_session.status.set(SessionStatus.REVOKED))
        actions.append(_USER.current_session.updated_at.set(beginning.at))
    return actions


def _is_running() -> Condition:
    """Protects a receipt from a worker that comes late, and an erasure that is not there from being made."""
    condition: Condition = _DATA.user_id.exists()
    return condition


def _updated(name: str, actions: Sequence[Action], condition: Condition) -> ErasureItem | None:
    erasure = ErasureItem(*keys.erasure_key(name))
    try:
        retried(lambda: erasure.update(actions=list(actions), condition=condition))
    except UpdateError as failure:
        if is_condition_failure(failure):
            return None
        raise
    return erasure


def _profile(user_id: str) -> UserItem:
    return UserItem(*keys.user_key(user_id))
