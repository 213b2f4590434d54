"""What is kept of people at Apple: every condition of every write, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.identity import accounts
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, SessionStatus
from chalicelib.stores.apple_accounts import AppleAccounts, Claim, NoticeChange, Outcome
from chalicelib.stores.users import SignedIn, Users
from tests.rooms.identity_questions import stored
from tests.support import SettableClock
from tests.unit.identity.people import IDENTITY, device, guards, person, session

CLAIM = Claim("event-1", 2_000_000_000)


@pytest.fixture
def now(any_engine: TableConnection, clock: SettableClock) -> datetime:
    return clock.now()


@pytest.fixture
def ada(now: datetime) -> UserItem:
    user = person(now)
    user.data.apple_refresh_token = "first"
    assert Users().create(user, guards(now))
    return user


def _changed(spoil: Callable[[UserItem], None]) -> None:
    user = Users().by_id("user-1")
    assert user is not None
    spoil(user)
    user.save()


def _newer_session(user: UserItem) -> None:
    user.data.current_session = session(user.created_at, "session-2")


def _ended(user: UserItem) -> None:
    assert user.data.current_session is not None
    user.data.current_session.status = SessionStatus.REVOKED


def _no_session(user: UserItem) -> None:
    user.data.current_session = None


def _suspended(user: UserItem) -> None:
    user.data.account_status = AccountStatus.SUSPENDED


def _newer_grant(user: UserItem) -> None:
    user.data.apple_refresh_token = "second"


def _told_since(user: UserItem) -> None:
    user.data.email_forwarding_changed_at = user.created_at


def _moved(user: UserItem) -> None:
    user.data.email_hash = "another"


@pytest.mark.parametrize("spoil", [_newer_session, _ended, _no_session, _suspended, _newer_grant, _told_since])
def test_a_notice_is_not_applied_to_somebody_who_changed_since_they_were_read(
    ada: UserItem, now: datetime, spoil: Callable[[UserItem], None]
) -> None:
    _changed(spoil)
    before = stored()
    change = NoticeChange(now, now, ends_session=True, drops_grant=True, deactivates=True)

    assert AppleAccounts().apply(CLAIM, ada, change) is Outcome.CHANGED
    assert stored() == before


def test_a_notice_is_applied_once_and_its_claim_is_found(ada: UserItem, now: datetime) -> None:
    accounts_ = AppleAccounts()
    change = NoticeChange(now, now, drops_grant=True)
    assert not accounts_.has_claim("event-1")

    assert accounts_.apply(CLAIM, ada, change) is Outcome.APPLIED
    assert accounts_.has_claim("event-1")
    assert accounts_.apply(CLAIM, ada, change) is Outcome.REPEATED


def test_a_notice_about_somebody_without_a_session_needs_no_path_into_it(ada: UserItem, now: datetime) -> None:
    _changed(_no_session)
    read = Users().by_id("user-1")
    assert read is not None

    assert AppleAccounts().apply(CLAIM, read, NoticeChange(now, now, ends_session=True)) is Outcome.APPLIED


def test_a_notice_makes_no_ghost(ada: UserItem, now: datetime) -> None:
    ada.delete()

    assert AppleAccounts().apply(CLAIM, ada, NoticeChange(now, now, ends_session=True)) is Outcome.CHANGED
    assert stored("user") == []


def test_a_grant_takes_the_place_of_the_one_that_was_read_alone(ada: UserItem, now: datetime) -> None:
    accounts_ = AppleAccounts()

    assert not accounts_.keep_grant("user-1", None, "mine", now)
    assert not accounts_.keep_grant("user-1", "another", "mine", now)
    assert not accounts_.keep_grant("nobody", None, "mine", now)
    assert accounts_.keep_grant("user-1", "first", "mine", now)


def test_a_grant_that_was_replaced_since_is_not_dropped(ada: UserItem, now: datetime) -> None:
    accounts_ = AppleAccounts()
    _changed(_newer_grant)

    assert not accounts_.drop_grant("user-1", "first", now)
    assert accounts_.drop_grant("user-1", "second", now)
    assert not accounts_.drop_grant("user-1", "second", now)


def test_an_address_that_moved_since_it_was_read_is_not_moved_again(ada: UserItem, now: datetime) -> None:
    move = accounts.moved_email(ada, replace(IDENTITY, email="ada@new.example.com"))
    signed_in = SignedIn("user-1", "session-1", session(now, "session-2"), device(now), False, None, (), now, move)
    _changed(_moved)
    before = stored()

    assert not Users().sign_in(signed_in)
    assert stored() == before
