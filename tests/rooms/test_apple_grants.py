"""Apple's grants: obtained at sign-in, kept sealed, revoked once and for all, and never in the way of a sign-in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.gateways.apple_identity import AppleIdentity
from chalicelib.gateways.sealed import Seals
from chalicelib.identity.apple_grants import AppleGrants
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus
from chalicelib.stores.apple_accounts import AppleAccounts
from chalicelib.stores.users import Users
from dev.identity_provider import APPLE, IdentityProvider
from tests.rooms.identity_questions import counted, stored
from tests.support import SettableClock
from tests.unit.gateways.test_apple_identity import Held
from tests.unit.gateways.test_sealed import KeySet
from tests.unit.identity.world import World


class Stage:
    """An identity room whose stage has a key of Sign in with Apple, and Apple beside it."""

    def __init__(self, provider: IdentityProvider, clock: SettableClock) -> None:
        provider.apple_tokens.now = lambda: clock.now().timestamp()
        provider.apple_tokens.exchanges = 0
        issuer = provider.issuer(APPLE)
        self.apple = provider.apple_tokens
        self.keys = KeySet()
        self.seals = Seals(self.keys, "data-keys", "serenya/apple-refresh-token")
        identity = AppleIdentity(Held(self.apple.secret()), "apple-sign-in", f"{issuer}/auth", issuer, clock)
        self.grants = AppleGrants(AppleAccounts(), identity, self.seals, clock)
        self.world = World(clock, grants=self.grants)

    def sign_in(self, code: str | None = None, **more: Any) -> UserItem:
        answer = self.world.with_apple(apple_authorization_code=code or self.apple.draw_code(), **more)
        return self.user(answer.user.id)

    def user(self, user_id: str) -> UserItem:
        user = Users().by_id(user_id)
        assert user is not None
        return user

    def held(self, user: UserItem) -> str:
        return self.seals.open(self.user(user.data.id).data.apple_refresh_token, user.data.id)


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as running:
        yield running


@pytest.fixture
def stage(any_engine_for_long: TableConnection, provider: IdentityProvider, clock: SettableClock) -> Iterator[Stage]:
    yield Stage(provider, clock)
    provider.apple_tokens.is_down = False


@pytest.fixture
def quick(table: TableConnection, provider: IdentityProvider, clock: SettableClock) -> Iterator[Stage]:
    """The same on moto alone, for what no engine decides."""
    yield Stage(provider, clock)
    provider.apple_tokens.is_down = False


def test_the_grant_of_a_first_sign_in_is_kept_sealed_in_one_more_write(stage: Stage) -> None:
    with counted() as asked:
        user = stage.sign_in()

    assert asked[:3] == ["GetItem", "TransactWriteItems", "UpdateItem"]
    token = stage.held(user)
    assert stage.apple.is_live(token)
    assert token not in str(stored())


def test_a_grant_that_we_hold_costs_a_later_sign_in_nothing(stage: Stage) -> None:
    user = stage.sign_in()
    token = stage.held(user)
    with counted() as asked:
        stage.world.with_apple(apple_authorization_code=stage.apple.draw_code())

    assert asked == ["GetItem", "GetItem", "TransactWriteItems"]
    assert stage.apple.exchanges == 1
    assert stage.held(user) == token


@pytest.mark.parametrize("trouble", ["down", "a code that was used", "no data key"])
def test_no_trouble_with_apple_fails_a_sign_in_and_the_next_one_tries_again(
    stage: Stage, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    stage.apple.is_down = trouble == "down"
    if trouble == "no data key":
        stage.keys.seen = {"current": None}
    user = stage.sign_in("used" if trouble == "a code that was used" else None)

    assert user.data.apple_refresh_token is None
    assert "apple_grant_not_kept" in [record.message for record in caplog.records]
    stage.apple.is_down, stage.keys.seen = False, stage.keys.stored
    assert stage.apple.is_live(stage.held(stage.sign_in()))


def test_a_stage_without_a_key_exchanges_nothing(quick: Stage, clock: SettableClock) -> None:
    quick.world = World(clock, grants=AppleGrants(AppleAccounts(), None, quick.seals, clock))
    user = quick.sign_in()

    assert user.data.apple_refresh_token is None
    assert quick.apple.exchanges == 0
    AppleGrants(AppleAccounts(), None, quick.seals, clock).revoke(user)


def test_who_is_refused_leaves_no_grant_at_apple(quick: Stage) -> None:
    quick.world.signed_in()
    with pytest.raises(errors.Conflict, match="ACCOUNT_LINKING_REQUIRED"):
        quick.sign_in()
    with pytest.raises(errors.InvalidRequest, match="MISSING_CONSENT"):
        quick.sign_in(apple_id_token=quick.world.apple.token(sub="other", email=None), consent_acknowledgments=None)

    assert quick.apple.exchanges == 0


def test_google_gives_no_grant(quick: Stage) -> None:
    quick.world.signed_in(apple_authorization_code=quick.apple.draw_code())

    assert quick.apple.exchanges == 0


def test_revoking_ends_the_grant_at_apple_and_here(stage: Stage) -> None:
    user = stage.sign_in()
    token = stage.held(user)
    stage.grants.revoke(user)

    assert not stage.apple.is_live(token)
    assert stage.user(user.data.id).data.apple_refresh_token is None


def test_revoking_twice_and_with_what_was_read_before_is_fine(stage: Stage) -> None:
    user = stage.sign_in()
    stage.grants.revoke(user)
    before = stored()
    stage.grants.revoke(user)
    stage.grants.revoke(stage.user(user.data.id))

    assert stored() == before


def test_revoking_makes_no_ghost_of_somebody_who_is_gone(stage: Stage) -> None:
    user = stage.sign_in()
    token = stage.held(user)
    stage.user(user.data.id).delete()
    stage.grants.revoke(user)

    assert not stage.apple.is_live(token)
    assert stored("user") == []


def test_what_apple_does_not_answer_is_revoked_later(stage: Stage) -> None:
    user = stage.sign_in()
    token = stage.held(user)
    stage.apple.is_down = True
    with pytest.raises(errors.Unavailable):
        stage.grants.revoke(user)
    assert stage.held(user) == token

    stage.apple.is_down = False
    stage.grants.revoke(user)
    assert not stage.apple.is_live(token)


def test_a_grant_that_a_stage_has_lost_the_key_for_is_not_forgotten(quick: Stage, clock: SettableClock) -> None:
    user = quick.sign_in()
    with pytest.raises(errors.Unavailable):
        AppleGrants(AppleAccounts(), None, quick.seals, clock).revoke(user)

    assert quick.held(user)


def test_a_grant_that_apple_does_not_know_is_forgotten(quick: Stage) -> None:
    user = quick.sign_in()
    user.data.apple_refresh_token = quick.seals.seal("never given out", user.data.id)
    user.save()
    quick.grants.revoke(user)

    assert quick.user(user.data.id).data.apple_refresh_token is None


def test_a_grant_that_cannot_be_opened_is_forgotten_and_reported(
    quick: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    user = quick.sign_in()
    user.data.apple_refresh_token = quick.seals.seal("token", "somebody else")
    user.save()
    quick.grants.revoke(user)

    assert quick.user(user.data.id).data.apple_refresh_token is None
    told = next(record.__dict__ for record in caplog.records if record.message == "apple_grant_unreadable")
    assert told["levelname"] == "ERROR"


def test_a_key_that_rotated_is_left_at_the_next_sign_in(stage: Stage) -> None:
    user = stage.sign_in()
    token = stage.held(user)
    stage.keys.rotate("two")
    stage.keys.seen = stage.keys.stored
    stage.sign_in()

    assert str(stage.user(user.data.id).data.apple_refresh_token).startswith("s1.two.")
    assert stage.held(user) == token
    assert stage.apple.exchanges == 1


def test_a_key_that_is_gone_makes_the_next_sign_in_ask_apple_again(quick: Stage) -> None:
    user = quick.sign_in()
    lost = quick.held(user)
    quick.keys.rotate("two")
    quick.keys.stored["previous"] = None
    quick.keys.seen = quick.keys.stored
    quick.sign_in()

    assert quick.apple.is_live(quick.held(user))
    assert quick.held(user) != lost


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.DELETED])
def test_nothing_is_kept_for_an_account_that_was_closed_meanwhile(stage: Stage, status: AccountStatus) -> None:
    answer = stage.world.with_apple()
    read = stage.user(answer.user.id)
    closed = stage.user(answer.user.id)
    closed.data.account_status = status
    closed.save()
    stage.grants.keep(read, stage.apple.draw_code())

    assert stage.user(answer.user.id).data.apple_refresh_token is None


def test_a_code_for_nobody_makes_no_ghost(stage: Stage) -> None:
    read = stage.user(stage.world.with_apple().user.id)
    stage.user(read.data.id).delete()
    stage.grants.keep(read, stage.apple.draw_code())

    assert stored("user") == []


@pytest.mark.second_engine
def test_of_grants_that_come_at_once_one_is_kept_and_it_is_whole(
    second_engine: TableConnection, provider: IdentityProvider, clock: SettableClock
) -> None:
    stage = Stage(provider, clock)
    read = stage.user(stage.world.with_apple().user.id)
    gate = threading.Barrier(6)

    def keep(code: str) -> None:
        gate.wait()
        stage.grants.keep(read, code)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(keep, [stage.apple.draw_code() for _ in range(6)]))

    assert stage.apple.is_live(stage.held(read))


def test_no_token_and_no_code_is_logged(quick: Stage, caplog: pytest.LogCaptureFixture) -> None:
    code = quick.apple.draw_code()
    user = quick.sign_in(code)
    token = quick.held(user)
    quick.grants.revoke(user)
    quick.sign_in("x" * 40)

    written = "".join(str(record.__dict__) for record in caplog.records)
    assert user.data.id in written
    for secret in (code, token, "x" * 40, quick.apple.secret()["private_key"][40:80]):
        assert secret not in written
