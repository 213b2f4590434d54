"""Questions about people: found, created, signed in, refreshed, signed out, renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.guard import GuardItem
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import Device, Session, UserItem
from chalicelib.models.states import AccountStatus, SessionStatus
from chalicelib.stores.consent_changes import ConsentChange, ledger_is_as_read, profile_actions, put_entries
from chalicelib.stores.email_moves import EmailMove, address_actions, address_is_as_read, move_guards
from chalicelib.stores.failures import is_condition_failure, retried, translated
from chalicelib.stores.transactions import Cancelled, commit

RENAMEABLE: Final = ("name", "given_name", "family_name")

_DATA: Final[Any] = UserItem.data
_SESSION: Final[Any] = _DATA.current_session
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


def user_exists() -> Condition:
    """Protects from ghost profiles: an update of nobody would create them."""
    condition: Condition = UserItem.pk.exists()
    return condition


def account_is_active() -> Condition:
    """Protects from a suspension that came between reading and writing."""
    condition: Condition = _DATA.account_status == AccountStatus.ACTIVE
    return condition


def session_is_current(session_id: str) -> Condition:
    """Protects from a caller whose session was replaced or ended, although the access token is still good."""
    condition: Condition = (_SESSION.session_id == session_id) & (_SESSION.status == SessionStatus.ACTIVE)
    return condition


def caller_may_write(session_id: str) -> Condition:
    """What every write on behalf of a signed-in caller carries: the person exists, is active, and the session lives."""
    condition: Condition = user_exists() & account_is_active() & session_is_current(session_id)
    return condition


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in of a known person changes. `replaced_session_id` is the session that was read, None if there was
    none; `consents` is what changes of them, None if nothing does; `added` goes into history with
    it. `email` is a change of address at the provider; `first_names` are names for somebody who has none."""

    user_id: str
    replaced_session_id: str | None
    session: Session
    device: Device
    is_other_device: bool
    consents: ConsentChange | None
    added: Sequence[Item]
    at: datetime
    email: EmailMove | None = None
    first_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rotation:
    """One step of a session's refresh token, from `generation` to the next."""

    user_id: str
    session_id: str
    device_id: str
    generation: int
    next_token_hash: str
    next_expires_at: datetime
    at: datetime


class Users:
    """People, by id and by who vouches for them. Every read is consistent, every write conditional."""

    def by_id(self, user_id: str) -> UserItem | None:
        """Return somebody, or None. One read.

        Raises:
            Unavailable: the table does not answer.
        """
        key = keys.user_key(user_id)
        with translated():
            try:
                return UserItem.get(key.pk, key.sk, consistent_read=True)
            except UserItem.DoesNotExist:
                return None

    def owner_of(self, kind: GuardKind, *parts: str) -> str | None:
        """Return the id of the person who holds a guard (an e-mail hash; a provider and the id there), or None. One
        read.

        Raises:
            Unavailable: the table does not answer.
        """
        key = keys.guard_key(kind, *parts)
        with translated():
            try:
                guard = GuardItem.get(key.pk, key.sk, consistent_read=True)
            except GuardItem.DoesNotExist:
                return None
        return str(guard.data.user_id)

    def create(self, user: UserItem, guards: Sequence[GuardItem], added: Sequence[Item] = ()) -> bool:
        """Put a new person with what guards them and with `added`, all or nothing. False if a guard is somebody's
        already.

        Raises:
            Unavailable: the table does not answer.
        """
        is_first = UserItem.pk.does_not_exist()  # protects from an id drawn twice
        is_free = GuardItem.pk.does_not_exist()  # protects from two people with one identity or one verified e-mail

        def build(transaction: TransactWrite) -> None:
            transaction.save(user, condition=is_first)
            for guard in guards:
                transaction.save(guard, condition=is_free)
            for item in added:
                transaction.save(item)

        try:
            commit(build)
        except Cancelled:
            return False
        return True

    def sign_in(self, signed_in: SignedIn) -> bool:
        """Replace session and device in one transaction with what goes into history. False if the session that was read
        is no longer the current one, the account is no longer active, or the new address is somebody's: read again.

        Raises:
            Unavailable: the table does not answer.
        """
        replaced = signed_in.replaced_session_id
        # Protects the history: of two sign-ins at once the second must put the first one's session there.
        is_as_read = _SESSION.session_id.does_not_exist() if replaced is None else _SESSION.session_id == replaced
        condition = user_exists() & account_is_active() & is_as_read
        change, move = signed_in.consents, signed_in.email
        if change is not None:
            condition &= ledger_is_as_read(change)
        if move is not None:
            condition &= address_is_as_read(move)

        def build(transaction: TransactWrite) -> None:
            for item in signed_in.added:
                transaction.save(item)
            if change is not None:
                put_entries(transaction, change)
            if move is not None:
                move_guards(transaction, signed_in.user_id, move, signed_in.at)
            transaction.update(_user(signed_in.user_id), actions=_sign_in_actions(signed_in), condition=condition)

        try:
            commit(build)
        except Cancelled:
            return False
        return True

    def rotate(self, rotation: Rotation) -> UserItem | None:
        """Move a session to its next refresh token and return the person as they are then; None if a condition failed.
        One write, no read.

        Raises:
            Unavailable: the table does not answer.
        """
        is_this_device = _SESSION.device_id == rotation.device_id  # protects from a token carried to another phone
        is_unexpired = _SESSION.expires_at > rotation.at
        is_latest_token = _SESSION.refresh_generation == rotation.generation  # of parallel refreshes one rotates
        condition = caller_may_write(rotation.session_id) & is_this_device & is_unexpired & is_latest_token
        actions = [
            _SESSION.refresh_generation.set(rotation.generation + 1),
            _SESSION.refresh_token_hash.set(rotation.next_token_hash),
            _SESSION.expires_at.set(rotation.next_expires_at),
            _SESSION.last_accessed_at.set(rotation.at),
            _SESSION.updated_at.set(rotation.at),
            UserItem.updated_at.set(rotation.at),
        ]
        return _updated(rotation.user_id, actions, condition)

    def end_session(self, user_id: str, session_id: str, at: datetime) -> bool:
        """Revoke a session if it is the current one and active. False if there is nothing to end. Safe to repeat.

        Raises:
            Unavailable: the table does not answer.
        """
        # A suspended person may sign out, hence no condition on the account; an older session must not end the newer
        # one.
        condition = user_exists() & session_is_current(session_id)
        actions = [
            _SESSION.status.set(SessionStatus.REVOKED),
            _SESSION.updated_at.set(at),
            UserItem.updated_at.set(at),
        ]
        return _updated(user_id, actions, condition) is not None

    def rename(self, user_id: str, session_id: str, names: Mapping[str, str | None], at: datetime) -> UserItem | None:
        """Set or (None) remove `name`, `given_name` and `family_name`, and return the person as they are then; None if
        the caller may not write.

        Raises:
            Unavailable: the table does not answer.
            ValueError: another attribute is named.
        """
        if not set(names) <= set(RENAMEABLE):
            raise ValueError("only names can be changed here")
        actions: list[Action] = [UserItem.updated_at.set(at)]
        for attribute, value in names.items():
            path = getattr(_DATA, attribute)
            actions.append(path.remove() if value is None else path.set(value))
        return _updated(user_id, actions, caller_may_write(session_id))


def _user(user_id: str) -> UserItem:
    key = keys.user_key(user_id)
    return UserItem(key.pk, key.sk)


def _updated(user_id: str, actions: list[Action], condition: Condition) -> UserItem | None:
    """Update, and return everything that is stored then; None if the condition failed."""
    user = _user(user_id)
    try:
        retried(lambda: user.update(actions=actions, condition=condition))
    except UpdateError as failure:
        if is_condition_failure(failure):
            return None
        raise
    return user


def _sign_in_actions(signed_in: SignedIn) -> list[Action]:
    actions: list[Action] = [
        _DATA.current_session.set(signed_in.session),
        _DATA.current_device.set(signed_in.device),
        _DATA.last_login_at.set(signed_in.at),
        UserItem.updated_at.set(signed_in.at),
    ]
    if signed_in.is_other_device:
        # A registration belongs to the key of one device; on another it could not be used.
        actions.append(_DATA.current_biometric.remove())
    if signed_in.consents is not None:
        actions.extend(profile_actions(signed_in.consents))
    if signed_in.email is not None:
        actions.extend(address_actions(signed_in.email))
    # Where there is one by now it stays: what somebody chose is never overwritten by what a provider says.
    actions.extend((path := getattr(_DATA, name)).set(path | value) for name, value in signed_in.first_names.items())
    return actions
