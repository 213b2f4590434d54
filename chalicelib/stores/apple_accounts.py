"""Questions about what Apple gives for a person, and tells of one: grants kept and dropped, notices applied once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.ids import derived_id
from chalicelib.models import keys
from chalicelib.models.guard import GuardData, GuardItem
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, SessionStatus
from chalicelib.stores.failures import is_condition_failure, retried, translated
from chalicelib.stores.transactions import Cancelled, commit
from chalicelib.stores.users import account_is_active, user_exists

_SOURCE: Final = "apple-identity"
_CLAIM_POSITION: Final = 0
"""Of a notice's transaction: puts come before updates."""

_DATA: Final[Any] = UserItem.data
_SESSION: Final[Any] = _DATA.current_session
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


class Outcome(StrEnum):
    """What became of a notice."""

    APPLIED = "applied"
    REPEATED = "repeated"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Claim:
    """One notice, to be applied once. `ttl` (epoch seconds) outlives every repetition that would be accepted."""

    event_id: str
    ttl: int


@dataclass(frozen=True, slots=True)
class NoticeChange:
    """What a notice changes of a person. `is_email_forwarded` is None where it says nothing of that."""

    happened_at: datetime
    at: datetime
    ends_session: bool = False
    drops_grant: bool = False
    deactivates: bool = False
    is_email_forwarded: bool | None = None


class AppleAccounts:
    """What is kept of people at Apple. Every write is conditional on what it was decided on."""

    def keep_grant(self, user_id: str, seen: str | None, sealed: str, at: datetime) -> bool:
        """Keep a sealed refresh token in the place of the one that was read (None: there was none). False if another
        one stands there by now, or the account is not active.

        Raises:
            Unavailable: the table does not answer.
        """
        path = _DATA.apple_refresh_token
        # Protects a grant that another sign-in kept meanwhile, and one that a notice took away.
        is_as_seen = path.does_not_exist() if seen is None else path == seen
        actions = [path.set(sealed), UserItem.updated_at.set(at)]
        return _is_updated(user_id, actions, user_exists() & account_is_active() & is_as_seen)

    def drop_grant(self, user_id: str, seen: str, at: datetime) -> bool:
        """Forget the sealed refresh token that was read. False if it is gone already. Safe to repeat.

        Raises:
            Unavailable: the table does not answer.
        """
        path = _DATA.apple_refresh_token
        actions = [path.remove(), UserItem.updated_at.set(at)]
        return _is_updated(user_id, actions, user_exists() & (path == seen))  # protects a newer grant

    def has_claim(self, event_id: str) -> bool:
        """Whether a notice was applied already. One read.

        Raises:
            Unavailable: the table does not answer.
        """
        key = _claim_key(event_id)
        with translated():
            try:
                GuardItem.get(key.pk, key.sk, consistent_read=True)
            except GuardItem.DoesNotExist:
                return False
        return True

    def apply(self, claim: Claim, user: UserItem, change: NoticeChange) -> Outcome:
        """Claim a notice and change the person that was read, all or nothing: REPEATED if it is claimed already,
        CHANGED if the person is not as read any more.

        Raises:
            Unavailable: the table does not answer.
        """
        is_first = GuardItem.pk.does_not_exist()  # protects from a notice that is delivered twice
        key, profile = _claim_key(claim.event_id), keys.user_key(user.data.id)
        guard = GuardItem(
            key.pk,
            key.sk,
            # Not the person's id: the guard outlives an erasure that its own notice begins, which removes only the
            # guards that what it finds names, and must lead to nobody then. Nothing asks whose an event was.
            data=GuardData(user_id=derived_id(_SOURCE, claim.event_id)),
            created_at=change.at,
            updated_at=change.at,
            ttl=claim.ttl,
        )

        def build(transaction: TransactWrite) -> None:
            transaction.save(guard, condition=is_first)
            transaction.update(
                UserItem(profile.pk, profile.sk), actions=_actions(user, change), condition=_is_as_read(user)
            )

        try:
            commit(build)
        except Cancelled as cancelled:
            return Outcome.REPEATED if cancelled.failed(_CLAIM_POSITION) else Outcome.CHANGED
        return Outcome.APPLIED


def _claim_key(event_id: str) -> keys.Key:
    return keys.guard_key(GuardKind.WEBHOOK_EVENT, _SOURCE, event_id)


def _is_as_read(user: UserItem) -> Condition:
    """Protects what came meanwhile: a newer session, a later notice, another status, a newer grant."""
    data, session = user.data, user.data.current_session
    condition: Condition = user_exists() & (_DATA.account_status == data.account_status)
    if session is None:
        condition &= _SESSION.session_id.does_not_exist()
    else:
        condition &= (_SESSION.session_id == session.session_id) & (_SESSION.status == session.status)
    told_at, grant = _DATA.email_forwarding_changed_at, _DATA.apple_refresh_token
    seen_at, seen_grant = data.email_forwarding_changed_at, data.apple_refresh_token
    condition &= told_at.does_not_exist() if seen_at is None else told_at == seen_at
    condition &= grant.does_not_exist() if seen_grant is None else grant == seen_grant
    return condition


def _actions(user: UserItem, change: NoticeChange) -> list[Action]:
    actions: list[Action] = [UserItem.updated_at.set(change.at)]
    session = user.data.current_session
    if change.ends_session and session is not None and session.status is SessionStatus.ACTIVE:
        actions += [_SESSION.status.set(SessionStatus.REVOKED), _SESSION.updated_at.set(change.at)]
    if change.drops_grant:
        actions.append(_DATA.apple_refresh_token.remove())
    if change.deactivates and user.data.account_status is AccountStatus.ACTIVE:
        actions += [_DATA.account_status.set(AccountStatus.DEACTIVATED), _DATA.deactivated_at.set(change.at)]
    if change.is_email_forwarded is not None:
        actions += [
            _DATA.is_email_forwarded.set(change.is_email_forwarded),
            _DATA.email_forwarding_changed_at.set(change.happened_at),
        ]
    return actions


def _is_updated(user_id: str, actions: list[Action], condition: Condition) -> bool:
    key = keys.user_key(user_id)
    try:
        retried(lambda: UserItem(key.pk, key.sk).update(actions=actions, condition=condition))
    except UpdateError as failure:
        if is_condition_failure(failure):
            return False
        raise
    return True
