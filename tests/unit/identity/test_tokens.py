"""Access and refresh tokens: what they say, how long, under which keys, and what is refused."""

from __future__ import annotations

import base64
import json
import logging
from datetime import timedelta
from typing import Any

import jwt
import pytest

from chalicelib import errors
from chalicelib.identity.keys import Purpose, TokenKeys, subject_of_address
from chalicelib.identity.tokens import AccessTokens, RefreshClaim, RefreshTokens
from chalicelib.observe import audit
from chalicelib.rules import Rules
from chalicelib.web.request import Caller
from dev import forgery
from tests.support import SettableClock
from tests.unit.identity.world import KeptSecrets, signing_key


class Mint:
    """Both kinds of token under one key set."""

    def __init__(self, clock: SettableClock) -> None:
        self.clock = clock
        self.secrets = KeptSecrets()
        self.keys = TokenKeys(self.secrets, "token-keys")
        self.access = AccessTokens(self.keys, "serenya/test", "serenya-app/test", clock, Rules())
        self.refresh = RefreshTokens(self.keys)

    def access_token(self) -> str:
        return self.access.issue("user-1", "session-1", self.clock.now() + timedelta(hours=24))[0]

    def refresh_claim(self, generation: int = 3) -> RefreshClaim:
        return RefreshClaim("user-1", "session-1", self.clock.now() + timedelta(microseconds=123456), generation)

    def signed(self, key: bytes | None = None, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """An access token with any claims under the true key."""
        now = int(self.clock.now().timestamp())
        good = {
            "iss": "serenya/test",
            "aud": "serenya-app/test",
            "sub": "user-1",
            "sid": "session-1",
            "iat": now,
            "exp": now + 900,
        }
        claims = {name: value for name, value in {**good, **changes}.items() if value is not None}
        secret = key or self.keys.current().derived(Purpose.ACCESS)
        return forgery.signed_with_secret(claims, secret, **{"kid": "one", **(headers or {})})


@pytest.fixture
def mint(clock: SettableClock) -> Mint:
    return Mint(clock)


def _code(mint: Mint, token: str) -> str:
    with pytest.raises(errors.Unauthenticated) as refusal:
        mint.access.verify(token)
    assert refusal.value.status == 401
    return refusal.value.code


def test_an_access_token_says_who_calls_in_which_session(mint: Mint) -> None:
    assert mint.access.verify(mint.access_token()) == Caller("user-1", "session-1")


def test_an_access_token_carries_ids_alone(mint: Mint) -> None:
    claims = jwt.decode(mint.access_token(), options={"verify_signature": False})

    assert set(claims) == {"iss", "aud", "sub", "sid", "iat", "exp"}
    assert jwt.get_unverified_header(mint.access_token()) == {"alg": "HS256", "typ": "JWT", "kid": "one"}


def test_an_access_token_is_good_for_15_minutes(mint: Mint, clock: SettableClock) -> None:
    token, seconds = mint.access.issue("user-1", "session-1", clock.now() + timedelta(hours=24))
    assert seconds == 900
    clock.advance(timedelta(minutes=15, seconds=-1))
    assert mint.access.verify(token)
    clock.advance(timedelta(seconds=1))
    assert _code(mint, token) == "TOKEN_EXPIRED"


def test_an_access_token_does_not_outlive_its_session(mint: Mint, clock: SettableClock) -> None:
    token, seconds = mint.access.issue("user-1", "session-1", clock.now() + timedelta(minutes=2))
    assert seconds == 120
    clock.advance(timedelta(minutes=2))
    assert _code(mint, token) == "TOKEN_EXPIRED"


def test_access_tokens_survive_one_rotation_and_not_two(mint: Mint) -> None:
    token = mint.access_token()
    mint.secrets.rotate("two")
    assert mint.access.verify(token)
    assert jwt.get_unverified_header(mint.access_token())["kid"] == "two"
    mint.secrets.rotate("three")
    assert _code(mint, token) == "INVALID_TOKEN"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "serenya/prod"},
        {"aud": "serenya-app/prod"},
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"sid": None},
        {"sid": 5},
        {"sub": 5},
        {"iat": None},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": 1e300},
        {"iat": "now"},
        {"iat": 4102444800},
    ],
    ids=str,
)
def test_an_access_token_with_other_claims_is_refused(mint: Mint, claims: dict[str, Any]) -> None:
    assert mint.access.verify(mint.signed())
    assert _code(mint, mint.signed(**claims)) == "INVALID_TOKEN"


def test_an_access_token_of_another_kind_is_refused(mint: Mint) -> None:
    key = signing_key("stranger")
    forged = [
        "",
        "..",
        "x",
        "é" * 20,
        mint.access_token() + "x",
        mint.access_token()[:-2],
        mint.access_token() + "=",
        mint.access_token().replace(".", "=.", 1),
        "A" * 5000,
        mint.refresh.issue(mint.refresh_claim()),
        forgery.unsigned({"sub": "user-1"}, kid="one"),
        mint.signed(key=b"k" * 32),
        mint.signed(key=mint.keys.current().derived(Purpose.REFRESH)),
        mint.signed(key=mint.keys.current().secret),
        mint.signed(headers={"kid": "another"}),
        mint.signed(headers={"kid": None}),
        mint.signed(headers={"kid": 1}),
        mint.signed(headers={"kid": "../one"}),
        mint.signed(headers={"alg": "HS512"}),
        jwt.encode({"sub": "user-1"}, key.private, algorithm="RS256", headers={"kid": "one"}),
    ]
    assert [_code(mint, token) for token in forged] == ["INVALID_TOKEN"] * len(forged)


def test_an_unknown_key_id_makes_us_suspect_that_the_keys_are_stale(mint: Mint) -> None:
    _code(mint, mint.signed(headers={"kid": "another"}))
    assert mint.secrets.suspicions == 1
    mint.access.verify(mint.access_token())
    assert mint.secrets.suspicions == 1


def test_a_refresh_token_says_all_that_it_was_given(mint: Mint) -> None:
    claim = mint.refresh_claim()

    assert mint.refresh.read(mint.refresh.issue(claim)) == claim


def test_a_refresh_token_given_again_is_the_same(mint: Mint) -> None:
    assert mint.refresh.issue(mint.refresh_claim()) == mint.refresh.issue(mint.refresh_claim())


def test_refresh_tokens_survive_one_rotation_and_not_two(mint: Mint) -> None:
    token = mint.refresh.issue(mint.refresh_claim())
    mint.secrets.rotate("two")
    assert mint.refresh.read(token) == mint.refresh_claim()
    mint.secrets.rotate("three")
    with pytest.raises(errors.Unauthenticated, match="INVALID_REFRESH_TOKEN"):
        mint.refresh.read(token)


def _said(claim: list[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claim, separators=(",", ":")).encode()).rstrip(b"=").decode()


def test_a_refresh_token_that_we_did_not_mint_is_refused(mint: Mint) -> None:
    token = mint.refresh.issue(mint.refresh_claim())
    version, kid, said, mac = token.split(".")
    other_generation = mint.refresh.issue(mint.refresh_claim(generation=4)).split(".")
    forged = [
        "",
        "garbage",
        "...",
        token[:-1],
        f"{token}A",
        f" {token}",
        f"{token}\n",
        token.upper(),
        ".".join([version, kid, said, "A" * 43]),
        ".".join([version, kid, other_generation[2], mac]),
        ".".join([version, kid, _said(["user-1", "session-1", 0, 9]), mac]),
        ".".join([version, "two", said, mac]),
        ".".join(["rt2", kid, said, mac]),
        ".".join([version, kid, said]),
        mint.access_token(),
        "rt1.one." + "A" * 5000 + "." + "A" * 43,
    ]
    for one in forged:
        with pytest.raises(errors.Unauthenticated) as refusal:
            mint.refresh.read(one)
        assert (refusal.value.status, refusal.value.code) == (401, "INVALID_REFRESH_TOKEN")


def test_keys_for_different_purposes_differ(mint: Mint) -> None:
    key = mint.keys.current()

    assert len({key.derived(purpose) for purpose in Purpose} | {key.secret}) == len(Purpose) + 1


@pytest.mark.parametrize(
    "current",
    [None, {}, {"kid": "one"}, {"kid": "one", "secret": "short"}, {"kid": "o n e", "secret": "x" * 40}, "text"],
    ids=str,
)
def test_a_key_set_that_cannot_sign_makes_the_service_unavailable(mint: Mint, current: Any) -> None:
    mint.secrets.value = {"current": current, "previous": None}

    with pytest.raises(errors.Unavailable):
        mint.access_token()


def test_a_key_is_never_printed(mint: Mint) -> None:
    assert "secret of forty" not in repr(mint.keys.current())


def test_an_address_is_counted_under_a_hash_that_needs_our_key(mint: Mint) -> None:
    subject = subject_of_address(mint.keys, "203.0.113.7")
    assert subject == subject_of_address(mint.keys, "203.0.113.7")
    assert subject != subject_of_address(mint.keys, "203.0.113.8")
    assert "203" not in subject[:3]
    mint.secrets.rotate("two")
    assert subject != subject_of_address(mint.keys, "203.0.113.7")


def test_one_ipv6_network_is_one_subject(mint: Mint) -> None:
    one = subject_of_address(mint.keys, "2001:db8:1:2::1")

    assert one == subject_of_address(mint.keys, "2001:db8:1:2:ffff:ffff:ffff:ffff")
    assert one != subject_of_address(mint.keys, "2001:db8:1:3::1")
    assert subject_of_address(mint.keys, "unknown")


def test_a_rotation_stands_in_the_audit_trail_once_and_as_nobodys_act(
    mint: Mint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    audit.begin("203.0.113.7")
    audit.concerns("user-1")
    mint.access_token()
    mint.secrets.rotate("two")
    for _ in range(3):
        mint.access_token()

    [line] = [vars(record) for record in caplog.records if record.getMessage() == "token_keys_rotated"]
    assert (line["kind"], line["kid"], line["previous_kid"]) == ("audit", "two", "one")
    assert (line["user"], line["address"]) == (None, None)
