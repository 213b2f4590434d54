"""The stand-in for Apple's token endpoints: as strict as Apple where our calls could be wrong."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from dev.apple_tokens import AppleTokens

AUDIENCE = "https://apple.test"
NOW = 1_800_000_000


@pytest.fixture
def apple() -> AppleTokens:
    return AppleTokens("our.app", now=lambda: NOW)


def client_secret(apple: AppleTokens, key: Any = None, kid: str | None = None, **changes: Any) -> str:
    good = {"iss": apple.team_id, "sub": "our.app", "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300}
    claims = {name: value for name, value in {**good, **changes}.items() if value is not None}
    signing = key or apple.secret()["private_key"]
    return jwt.encode(claims, signing, algorithm="ES256", headers={"kid": kid or apple.key_id})


def form(apple: AppleTokens, secret: str | None = None, **fields: str) -> dict[str, str]:
    return {"client_id": "our.app", "client_secret": secret or client_secret(apple), **fields}


def exchanged(apple: AppleTokens, code: str, **changes: str) -> tuple[int, Any]:
    sent = {**form(apple, grant_type="authorization_code", code=code), **changes}
    return apple.answer("token", sent, AUDIENCE)


def test_a_code_is_good_once(apple: AppleTokens) -> None:
    code = apple.draw_code()
    status, answer = exchanged(apple, code)

    assert status == 200
    assert apple.live() == [answer["refresh_token"]]
    assert exchanged(apple, code) == (400, {"error": "invalid_grant"})


def test_a_code_is_good_for_five_minutes(apple: AppleTokens) -> None:
    code, lasting = apple.draw_code(), client_secret(apple, exp=NOW + 600)
    apple.now = lambda: NOW + 300

    assert exchanged(apple, code, client_secret=lasting) == (400, {"error": "invalid_grant"})


def test_a_revoked_token_can_be_revoked_again(apple: AppleTokens) -> None:
    _, answer = exchanged(apple, apple.draw_code())
    sent = form(apple, token=answer["refresh_token"], token_type_hint="refresh_token")

    assert [apple.answer("revoke", sent, AUDIENCE) for _ in range(2)] == [(200, None), (200, None)]
    assert not apple.is_live(answer["refresh_token"])


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "ANOTHERTEAM"},
        {"sub": "another.app"},
        {"aud": "https://elsewhere.test"},
        {"exp": NOW},
        {"exp": NOW + 15_777_001},
        {"iat": NOW + 61},
        {"exp": None},
        {"sub": None},
        {"kid": "ANOTHERKEY"},
    ],
    ids=str,
)
def test_a_client_secret_that_is_not_ours_is_refused(apple: AppleTokens, changes: dict[str, Any]) -> None:
    secret = client_secret(apple, **changes)

    assert exchanged(apple, apple.draw_code(), client_secret=secret) == (400, {"error": "invalid_client"})


def test_a_client_secret_of_another_key_is_refused(apple: AppleTokens) -> None:
    secret = client_secret(apple, key=ec.generate_private_key(ec.SECP256R1()))

    assert exchanged(apple, apple.draw_code(), client_secret=secret) == (400, {"error": "invalid_client"})


def test_another_client_is_refused(apple: AppleTokens) -> None:
    assert exchanged(apple, apple.draw_code(), client_id="another.app") == (400, {"error": "invalid_client"})
