"""Access tokens of a service account, minted over HTTP against a stand-in that verifies assertions for real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chalicelib import errors
from chalicelib.gateways.google_tokens import ServiceAccountTokens
from chalicelib.gateways.play_store_api import SCOPE
from dev.storefront.google_api import TOKEN_PATH
from tests.unit.gateways.play_world import Held, PlayWorld, play_world


@pytest.fixture(scope="module")
def module_world() -> Iterator[PlayWorld]:
    with play_world() as world:
        yield world


@pytest.fixture
def world(module_world: PlayWorld) -> Iterator[PlayWorld]:
    module_world.shop.api.calls.clear()
    yield module_world
    module_world.shop.api.is_down = False


def tokens(world: PlayWorld, held: Held | None = None, scope: str = SCOPE) -> ServiceAccountTokens:
    return ServiceAccountTokens(held or world.held, "play-store", world.url + TOKEN_PATH, scope, world.clock)


def test_a_token_is_kept_until_shortly_before_its_end(world: PlayWorld) -> None:
    ours = tokens(world)
    first = ours.token()
    world.wait(minutes=54)
    assert ours.token() == first
    assert len(world.shop.api.calls) == 1

    world.wait(minutes=1)
    assert ours.token() != first
    assert len(world.shop.api.calls) == 2


def test_a_refused_token_is_replaced_and_the_key_read_again(world: PlayWorld) -> None:
    held = Held(world.held.value)
    ours = tokens(world, held)
    first = ours.token()
    second = ours.token(refused=first)
    assert second != first and held.suspicions == 1
    # Of two calls that were refused with the same token the second finds the new one.
    assert ours.token(refused=first) == second


def test_threads_that_come_at_once_share_one_token(world: PlayWorld) -> None:
    ours = tokens(world)
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: ours.token(), range(16)))) == 1
    assert len(world.shop.api.calls) == 1


def test_a_new_key_is_used_at_once(world: PlayWorld) -> None:
    held = Held(world.held.value)
    ours = tokens(world, held)
    ours.token()
    held.value["private_key_id"] = "another"
    with pytest.raises(errors.Unavailable):
        ours.token()


def _ec_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"client_email": "somebody@else.iam.gserviceaccount.com"},
        {"private_key_id": "another"},
        {"private_key": "no key"},
        {"private_key": _ec_key()},
        {"private_key": None},
        {"token_uri": "https://another.example/token"},
        {"token_uri": ""},
    ],
    ids="-".join,
)
def test_a_wrong_key_of_ours_is_unavailable(world: PlayWorld, changes: Mapping[str, Any]) -> None:
    with pytest.raises(errors.Unavailable):
        tokens(world, Held({**world.held.value, **changes})).token()


def test_another_scope_is_not_given(world: PlayWorld) -> None:
    with pytest.raises(errors.Unavailable):
        tokens(world, scope="https://www.googleapis.com/auth/cloud-platform").token()


def test_a_clock_that_is_far_off_is_unavailable_and_recovers(world: PlayWorld) -> None:
    class Ahead:
        by = timedelta(hours=2)

        def now(self) -> Any:
            return world.clock.now() + self.by

    clock = Ahead()
    ours = ServiceAccountTokens(world.held, "play-store", world.url + TOKEN_PATH, SCOPE, clock)
    with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE"):
        ours.token()
    clock.by = timedelta(0)
    assert ours.token()


def test_a_silent_google_is_unavailable_and_recovers(world: PlayWorld) -> None:
    ours = tokens(world)
    world.shop.api.is_down = True
    with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE"):
        ours.token()
    world.shop.api.is_down = False
    assert ours.token()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/token", "http://oauth.example/token"])
def test_nobody_there_and_no_tls_are_unavailable(world: PlayWorld, url: str) -> None:
    with pytest.raises(errors.Unavailable):
        ServiceAccountTokens(world.held, "play-store", url, SCOPE, world.clock).token()
