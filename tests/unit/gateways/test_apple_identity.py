"""Apple's token endpoints, called over HTTP against the stand-in that verifies client secrets for real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.gateways.apple_identity import AppleIdentity, AppleRefused
from dev.identity_provider import APPLE, IdentityProvider
from tests.support import SettableClock


class Held:
    """The secret as an operator put it in."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value = dict(value)

    def json(self, secret_id: str) -> Mapping[str, Any]:
        return self.value


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as running:
        yield running


@pytest.fixture
def held(provider: IdentityProvider) -> Held:
    return Held(provider.apple_tokens.secret())


@pytest.fixture
def apple(provider: IdentityProvider, held: Held, clock: SettableClock) -> Iterator[AppleIdentity]:
    provider.apple_tokens.now = lambda: clock.now().timestamp()
    issuer = provider.issuer(APPLE)
    yield AppleIdentity(held, "apple-sign-in", f"{issuer}/auth", issuer, clock)
    provider.apple_tokens.is_down = False


def test_a_code_becomes_a_refresh_token_that_can_be_revoked_twice(
    provider: IdentityProvider, apple: AppleIdentity
) -> None:
    token = apple.exchange(provider.apple_tokens.draw_code())
    assert provider.apple_tokens.is_live(token)

    apple.revoke(token)
    apple.revoke(token)
    assert not provider.apple_tokens.is_live(token)


@pytest.mark.parametrize("code", ["", "never drawn", "c" * 3000])
def test_a_code_that_is_none_is_refused(apple: AppleIdentity, code: str) -> None:
    with pytest.raises(AppleRefused) as refusal:
        apple.exchange(code)
    assert refusal.value.reason == "invalid_grant"


def test_a_code_with_the_signs_of_a_form_changes_nothing_else_of_the_call(apple: AppleIdentity) -> None:
    with pytest.raises(AppleRefused, match="invalid_grant"):
        apple.exchange("x&client_id=another.app&grant_type=refresh_token")


def test_a_token_that_is_none_of_ours_is_refused(apple: AppleIdentity) -> None:
    with pytest.raises(AppleRefused, match="invalid_grant"):
        apple.revoke("never given out")


@pytest.mark.parametrize(
    "changes",
    [
        {"team_id": "ANOTHER"},
        {"key_id": "ANOTHER"},
        {"client_id": "another.app"},
        {"client_id": ""},
        {"private_key": "no key"},
        {"private_key": None},
    ],
    ids=str,
)
def test_a_wrong_key_of_ours_is_no_fault_of_the_code(
    provider: IdentityProvider, apple: AppleIdentity, held: Held, changes: Mapping[str, Any]
) -> None:
    code = provider.apple_tokens.draw_code()
    good = dict(held.value)
    held.value.update(changes)
    with pytest.raises(errors.Unavailable):
        apple.exchange(code)

    held.value = good
    assert apple.exchange(code)


def test_a_silent_apple_is_unavailable(provider: IdentityProvider, apple: AppleIdentity) -> None:
    provider.apple_tokens.is_down = True
    for call in (lambda: apple.exchange("code"), lambda: apple.revoke("token")):
        with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE"):
            call()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/auth", "http://apple.example/auth"])
def test_nobody_there_and_no_tls_are_unavailable(held: Held, clock: SettableClock, url: str) -> None:
    with pytest.raises(errors.Unavailable):
        AppleIdentity(held, "apple-sign-in", url, "aud", clock).exchange("code")
