"""The store of people: every condition of every write, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.identity import devices, sessions
from chalicelib.models import base, keys
from chalicelib.models.base import Item
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import Consent, UserItem
from chalicelib.models.states import AccountStatus, AuthProvider, ConsentSource, ConsentType, SessionStatus
from chalicelib.privacy import consent_ledger
from chalicelib.stores.users import Rotation, SignedIn, Users
from tests.support import SettableClock
from tests.unit.identity.memory import MemoryUsers
from tests.unit.identity.people import IDENTITY, device, guards, person, session
from tests.unit.identity.world import PHONE


@pytest.fixture
def now(clock: SettableClock) -> datetime:
    return clock.now()


@pytest.fixture
def users(any_engine: TableConnection) -> Users:
    return Users()


@pytest.fixture
def ada(users: Users, now: datetime) -> UserItem:
    user = person(now)
    assert users.create(user, guards(now))
    return user


def _items() -> list[Item]:
    return sorted(Item.scan(), key=lambda item: (item.pk, item.sk))


def _changed(user: UserItem, **changes: Any) -> None:
    """Put somebody into another state, as another call would have."""
    for name, value in changes.items():
        setattr(user.data, name, value)
    user.save()


def _found(users: Users, user_id: str = "user-1") -> UserItem:
    user = users.by_id(user_id)
    assert user is not None
    return user


def test_a_new_person_is_put_with_both_guards_and_never_expires(users: Users, ada: UserItem) -> None:
    items = _items()

    assert [(item.pk.rsplit("#", 1)[0], item.sk) for item in items] == [
        ("GUARD#EMAIL", "GUARD"),
        ("GUARD#EXTERNAL#google", "GUARD"),
        ("USER", "PROFILE"),
    ]
    assert all(item.ttl is None for item in items)
    assert users.owner_of(GuardKind.EXTERNAL_IDENTITY, "google", "google-sub-1") == "user-1"
    assert users.owner_of(GuardKind.EMAIL, str(ada.data.email_hash)) == "user-1"


def test_a_person_is_read_as_written(users: Users, ada: UserItem) -> None:
    assert _found(users).serialize() == ada.serialize()


def test_somebody_who_never_was_is_none(users: Users) -> None:
    assert users.by_id("nobody") is None
    assert users.owner_of(GuardKind.EMAIL, "no-hash") is None


@pytest.mark.parametrize(
    "identity",
    [
        replace(IDENTITY, email="grace@example.com"),
        replace(IDENTITY, provider=AuthProvider.APPLE, external_id="apple-sub-1"),
    ],
    ids=["same identity", "same e-mail"],
)
def test_a_guard_that_is_held_keeps_a_second_person_out(
    users: Users, ada: UserItem, now: datetime, identity: Any
) -> None:
    before = [item.serialize() for item in _items()]

    assert not users.create(person(now, "user-2", identity=identity), guards(now, "user-2", identity))
    assert [item.serialize() for item in _items()] == before


def test_a_person_is_found_by_both_indexes(users: Users, ada: UserItem) -> None:
    wanted = {
        keys.EMAIL_INDEX: keys.email_index_key(str(ada.data.email_hash)),
        keys.EXTERNAL_INDEX: keys.external_index_key("google", "google-sub-1"),
    }
    for index, key in wanted.items():
        # Below the models: PynamoDB would filter by `entity_type`, which an index of keys does not have.
        found = base.shared_connection().query(key.pk, index_name=index)
        assert [item["PK"]["S"] for item in found["Items"]] == ["USER#user-1"]


def _rotation(now: datetime, **changes: Any) -> Rotation:
    good = Rotation("user-1", "session-1", PHONE, 0, "next-hash", now + timedelta(hours=30), now)
    return replace(good, **changes)


def test_a_rotation_moves_the_session_on(users: Users, ada: UserItem, now: datetime) -> None:
    user = users.rotate(_rotation(now + timedelta(minutes=5)))

    assert user is not None
    rotated = user.data.current_session
    assert rotated is not None
    assert (rotated.refresh_generation, rotated.refresh_token_hash) == (1, "next-hash")
    assert rotated.expires_at == now + timedelta(hours=30, minutes=5)
    assert rotated.last_accessed_at == user.updated_at == now + timedelta(minutes=5)
    assert _found(users).serialize() == user.serialize()


Spoil = Callable[[UserItem], None]


def _ended(user: UserItem) -> None:
    assert user.data.current_session is not None
    user.data.current_session.status = SessionStatus.REVOKED


def _suspended(user: UserItem) -> None:
    user.data.account_status = AccountStatus.SUSPENDED


def _sessionless(user: UserItem) -> None:
    user.data.current_session = None


def _fine(user: UserItem) -> None:
    pass


REFUSED_ROTATIONS: dict[str, tuple[Spoil, dict[str, Any]]] = {
    "another session": (_fine, {"session_id": "session-0"}),
    "another device": (_fine, {"device_id": "phone-2"}),
    "an older generation": (_fine, {"generation": -1}),
    "a later generation": (_fine, {"generation": 1}),
    "a session that ended": (_ended, {}),
    "a suspended account": (_suspended, {}),
    "no session at all": (_sessionless, {}),
    "nobody": (_fine, {"user_id": "nobody"}),
}


@pytest.mark.parametrize(("spoil", "changes"), REFUSED_ROTATIONS.values(), ids=REFUSED_ROTATIONS.keys())
def test_a_rotation_is_refused_and_changes_nothing(
    users: Users, ada: UserItem, now: datetime, spoil: Spoil, changes: dict[str, Any]
) -> None:
    spoil(ada)
    ada.save()
    before = [item.serialize() for item in _items()]

    assert users.rotate(_rotation(now, **changes)) is None
    assert [item.serialize() for item in _items()] == before


@pytest.mark.parametrize(("spoil", "changes"), REFUSED_ROTATIONS.values(), ids=REFUSED_ROTATIONS.keys())
def test_people_in_memory_refuse_the_same_rotations(now: datetime, spoil: Spoil, changes: dict[str, Any]) -> None:
    memory = MemoryUsers()
    memory.people["user-1"] = person(now)
    assert memory.rotate(_rotation(now)) is not None
    memory.people["user-1"] = person(now)
    spoil(memory.people["user-1"])

    assert memory.rotate(_rotation(now, **changes)) is None


def test_an_expired_session_is_not_rotated(users: Users, ada: UserItem, now: datetime) -> None:
    assert users.rotate(_rotation(now + timedelta(hours=24))) is None
    assert users.rotate(_rotation(now + timedelta(hours=24, microseconds=-1))) is not None


def test_of_parallel_rotations_one_wins(users: Users, ada: UserItem, now: datetime) -> None:
    with ThreadPoolExecutor(8) as pool:
        rotated = list(pool.map(lambda _: users.rotate(_rotation(now)), range(8)))

    assert sum(user is not None for user in rotated) == 1
    found = _found(users).data.current_session
    assert found is not None
    assert found.refresh_generation == 1


def test_a_session_is_ended_once(users: Users, ada: UserItem, now: datetime) -> None:
    assert users.end_session("user-1", "session-1", now)
    assert not users.end_session("user-1", "session-1", now)
    found = _found(users).data.current_session
    assert found is not None
    assert found.status is SessionStatus.REVOKED


@pytest.mark.parametrize(("user_id", "session_id"), [("user-1", "session-0"), ("nobody", "session-1")])
def test_what_is_not_there_cannot_be_ended(
    users: Users, ada: UserItem, now: datetime, user_id: str, session_id: str
) -> None:
    assert not users.end_session(user_id, session_id, now)
    assert len(_items()) == 3
    found = _found(users).data.current_session
    assert found is not None
    assert found.status is SessionStatus.ACTIVE


def test_a_suspended_person_may_sign_out(users: Users, ada: UserItem, now: datetime) -> None:
    _changed(ada, account_status=AccountStatus.SUSPENDED)

    assert users.end_session("user-1", "session-1", now)


def test_names_are_set_and_removed(users: Users, ada: UserItem, now: datetime) -> None:
    user = users.rename("user-1", "session-1", {"name": "Ada L.", "given_name": None, "family_name": None}, now)

    assert user is not None
    assert [user.data.name, user.data.given_name, user.data.family_name] == ["Ada L.", None, None]
    assert _found(users).serialize() == user.serialize()


@pytest.mark.parametrize("spoil", [_ended, _suspended, _sessionless])
def test_who_may_not_write_is_not_renamed(users: Users, ada: UserItem, now: datetime, spoil: Spoil) -> None:
    spoil(ada)
    ada.save()

    assert users.rename("user-1", "session-1", {"name": "Eve"}, now) is None
    assert _found(users).data.name == "Ada"


def test_renaming_nobody_makes_no_ghost(users: Users, now: datetime) -> None:
    assert users.rename("nobody", "session-1", {"name": "Eve"}, now) is None
    assert _items() == []


def test_nothing_but_names_can_be_changed(users: Users, ada: UserItem, now: datetime) -> None:
    with pytest.raises(ValueError, match="only names"):
        users.rename("user-1", "session-1", {"account_status": "active"}, now)


def _sign_in(user: UserItem, at: datetime, device_id: str = "phone-2", **changes: Any) -> SignedIn:
    old_session, old_device = user.data.current_session, user.data.current_device
    left: list[Item] = []
    if old_session is not None:
        left.append(sessions.history_of("user-1", old_session, at, 1_800_000_000))
    if old_device is not None and old_device.device_id != device_id:
        left.append(devices.history_of("user-1", old_device, at, 1_800_000_000))
    good = SignedIn(
        user_id="user-1",
        replaced_session_id=old_session.session_id if old_session is not None else None,
        session=session(at, "session-2", device_id),
        device=device(at, device_id),
        is_other_device=True,
        consents=None,
        added=left,
        at=at,
    )
    return replace(good, **changes)


def test_a_sign_in_replaces_session_and_device_and_keeps_the_old_ones_for_a_while(
    users: Users, ada: UserItem, now: datetime
) -> None:
    later = now + timedelta(hours=1)
    consent = Consent(consent_given=True, consent_version="3", consent_method="x", created_at=later, updated_at=later)

    change = consent_ledger.appended(
        "user-1",
        ada.data.consent_chain,
        ada.data.consents,
        {ConsentType.PRIVACY_POLICY: consent},
        ConsentSource.SIGN_IN,
        later,
    )
    assert users.sign_in(_sign_in(ada, later, consents=change))

    found = _found(users)
    assert found.data.current_session is not None
    assert found.data.current_device is not None
    assert found.data.current_session.session_id == "session-2"
    assert found.data.current_device.device_id == "phone-2"
    assert found.data.consents.privacy_policy is not None
    assert found.data.consents.privacy_policy.consent_version == "3"
    assert found.data.last_login_at == later
    left = [item for item in _items() if item.sk.startswith(("SESSION#", "DEVICE#"))]
    assert [item.sk.split("#")[0] for item in left] == ["DEVICE", "SESSION"]
    assert all(item.ttl == 1_800_000_000 for item in left)


def test_a_sign_in_works_where_there_was_no_session_and_no_device(users: Users, ada: UserItem, now: datetime) -> None:
    _changed(ada, current_session=None, current_device=None)

    assert users.sign_in(_sign_in(ada, now))
    assert _found(users).data.current_session is not None


@pytest.mark.parametrize(
    ("spoil", "changes"),
    [
        (_fine, {"replaced_session_id": "session-0"}),
        (_fine, {"replaced_session_id": None}),
        (_suspended, {}),
        (_fine, {"user_id": "nobody"}),
    ],
    ids=["another session meanwhile", "a session meanwhile", "suspended meanwhile", "nobody"],
)
def test_a_sign_in_on_stale_knowledge_changes_nothing(
    users: Users, ada: UserItem, now: datetime, spoil: Spoil, changes: dict[str, Any]
) -> None:
    spoil(ada)
    ada.save()
    before = [item.serialize() for item in _items()]

    assert not users.sign_in(_sign_in(ada, now, **changes))
    assert [item.serialize() for item in _items()] == before


def test_a_silent_table_is_unavailable(settings: Any, monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(base.Item.Meta, "max_retry_attempts", 0)
    base.connect(settings.table_name, settings.region)
    users = Users()
    asked: list[Callable[[], object]] = [
        lambda: users.by_id("user-1"),
        lambda: users.owner_of(GuardKind.EMAIL, "hash"),
        lambda: users.rotate(_rotation(now)),
        lambda: users.create(person(now), guards(now)),
    ]
    try:
        for ask in asked:
            with pytest.raises(errors.Unavailable):
                ask()
    finally:
        base.Item._connection = None
