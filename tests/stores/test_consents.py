"""The store of consents: profile and ledger move together or not at all, on both engines."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.models.base import Item
from chalicelib.models.profile import Consents, UserItem
from chalicelib.models.states import AccountStatus, ConsentSource, ConsentType, SessionStatus
from chalicelib.privacy import consent_ledger
from chalicelib.stores.consent_changes import ConsentChange
from chalicelib.stores.consents import ConsentStore
from chalicelib.stores.users import Users
from tests.support import SettableClock
from tests.unit.identity.people import guards, person
from tests.unit.privacy.ledgers import consent

KIND = ConsentType.PRIVACY_POLICY


@pytest.fixture
def now(clock: SettableClock) -> datetime:
    return clock.now()


@pytest.fixture
def store(any_engine: TableConnection) -> ConsentStore:
    return ConsentStore()


@pytest.fixture
def ada(store: ConsentStore, now: datetime) -> UserItem:
    user = person(now)
    assert Users().create(user, guards(now))
    return user


def _found() -> UserItem:
    user = Users().by_id("user-1")
    assert user is not None
    return user


def _change(user: UserItem, at: datetime, *, is_given: bool = True, version: str = "1") -> ConsentChange:
    changed = {KIND: consent(at, is_given=is_given, version=version)}
    chain, standing = user.data.consent_chain, user.data.consents
    return consent_ledger.appended("user-1", chain, standing, changed, ConsentSource.SETTINGS, at)


def _is_whole(store: ConsentStore) -> bool:
    user = _found()
    return consent_ledger.faults(store.ledger("user-1"), user.data.consent_chain, user.data.consents) == []


def test_a_change_is_written_to_profile_and_ledger(store: ConsentStore, ada: UserItem, now: datetime) -> None:
    later = now + timedelta(hours=1)
    assert store.change("user-1", "session-1", _change(ada, later, is_given=False), later)

    user, [entry] = _found(), store.ledger("user-1")
    assert user.data.consents.privacy_policy is not None
    assert user.data.consents.privacy_policy.withdrawn_at == user.updated_at == later
    assert user.data.consent_chain is not None
    assert (user.data.consent_chain.length, user.data.consent_chain.head_hash) == (
        1,
        consent_ledger.hash_of(entry.data),
    )
    assert entry.sk == f"CONSENT#{later:%Y-%m-%dT%H:%M:%S.%fZ}#00000001"
    assert entry.ttl is None
    assert _is_whole(store)


def test_of_two_changes_on_the_same_head_the_second_is_refused_whole(
    store: ConsentStore, ada: UserItem, now: datetime
) -> None:
    second = _change(ada, now + timedelta(hours=2), version="second")
    assert store.change("user-1", "session-1", _change(ada, now + timedelta(hours=1), version="first"), now)
    assert not store.change("user-1", "session-1", second, now)

    assert _found().data.consents.privacy_policy.consent_version == "first"
    assert len(store.ledger("user-1")) == 1
    assert _is_whole(store)


def test_a_ledger_begins_once(store: ConsentStore, ada: UserItem, now: datetime) -> None:
    ada.data.consent_chain = None
    ada.save()
    one, other = _change(ada, now), _change(ada, now + timedelta(seconds=1))
    assert store.change("user-1", "session-1", one, now)
    assert not store.change("user-1", "session-1", other, now)
    assert _is_whole(store)


def test_an_entry_is_never_written_over(store: ConsentStore, ada: UserItem, now: datetime) -> None:
    change = _change(ada, now)
    forged = _change(ada, now, version="forged").entries[0]
    forged.save()

    assert not store.change("user-1", "session-1", change, now)
    assert [entry.data.consent_version for entry in store.ledger("user-1")] == ["forged"]
    assert _found().data.consents.privacy_policy is None


@pytest.mark.parametrize("spoil", ["other session", "ended session", "suspended"])
def test_who_may_not_write_changes_nothing(store: ConsentStore, ada: UserItem, now: datetime, spoil: str) -> None:
    session_id = "session-2" if spoil == "other session" else "session-1"
    assert ada.data.current_session is not None
    if spoil == "ended session":
        ada.data.current_session.status = SessionStatus.REVOKED
    if spoil == "suspended":
        ada.data.account_status = AccountStatus.SUSPENDED
    ada.save()

    assert not store.change("user-1", session_id, _change(ada, now), now)
    assert store.ledger("user-1") == []
    assert _found().data.consents.privacy_policy is None


def test_a_change_of_nobody_makes_no_ghost(store: ConsentStore, now: datetime) -> None:
    assert not store.change("user-1", "session-1", _change(person(now), now), now)
    assert list(Item.scan()) == []


def test_a_ledger_is_shown_newest_first_and_page_by_page(store: ConsentStore, ada: UserItem, now: datetime) -> None:
    for number in range(5):
        # Two at the same instant: the sequence keeps them apart.
        at = now + timedelta(hours=number // 2)
        assert store.change("user-1", "session-1", _change(_found(), at, version=str(number)), at)

    seen: list[list[str]] = []
    older_than: str | None = None
    while True:
        page = store.page("user-1", older_than, 2)
        seen.append([entry.data.consent_version for entry in page.entries])
        older_than = page.older_than
        if older_than is None:
            break
    assert seen == [["4", "3"], ["2", "1"], ["0"]]
    assert store.page("user-1", None, 5).older_than is None
    assert [entry.data.consent_version for entry in store.ledger("user-1")] == list("01234")


def test_a_page_begins_nowhere_but_in_the_ledger(store: ConsentStore, ada: UserItem, now: datetime) -> None:
    assert store.change("user-1", "session-1", _change(ada, now), now)
    assert store.page("user-1", "0000", 10).entries == []
    assert store.page("somebody-else", None, 10).entries == []


def test_everybody_is_found_page_by_page(store: ConsentStore, now: datetime) -> None:
    for number in range(5):
        person(now, f"user-{number}").save()
    assert sorted(store.everybody(2)) == [f"user-{number}" for number in range(5)]


def test_consents_that_stood_before_there_was_a_ledger_begin_it(
    store: ConsentStore, ada: UserItem, now: datetime
) -> None:
    ada.data.consent_chain = None
    ada.data.consents = Consents(terms_of_service=consent(now - timedelta(days=400)))
    ada.save()
    assert store.change("user-1", "session-1", _change(_found(), now), now)

    sources = [(entry.data.consent_type, entry.data.source) for entry in store.ledger("user-1")]
    assert sources == [
        (ConsentType.TERMS_OF_SERVICE, ConsentSource.CARRIED_OVER),
        (ConsentType.PRIVACY_POLICY, ConsentSource.SETTINGS),
    ]
    assert _is_whole(store)
