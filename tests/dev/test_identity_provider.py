"""The local identity provider: tokens that a strict verifier accepts, keys that rotate, forgeries that are forged."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from dev import forgery
from dev.identity_provider import APPLE, AUDIENCES, GOOGLE, IdentityProvider, draw_key


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider(max_age_seconds=120) as running:
        yield running


def verified(provider: IdentityProvider, name: str, token: str) -> dict[str, Any]:
    """Verify a token as PyJWT's documentation does it, with the keys fetched over HTTP."""
    key = jwt.PyJWKClient(provider.jwks_url(name)).get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(
        token, key.key, algorithms=["RS256"], audience=AUDIENCES[name], issuer=provider.issuer(name)
    )
    return claims


def post(url: str, body: Any = None) -> dict[str, Any]:
    request = urllib.request.Request(url, data=json.dumps(body or {}).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        content: dict[str, Any] = json.load(answer)
        return content


@pytest.mark.parametrize("name", [GOOGLE, APPLE])
def test_an_issued_token_is_verified_against_the_published_keys(provider: IdentityProvider, name: str) -> None:
    claims = verified(provider, name, provider.issue(name, sub="one", email="one@x.example", nonce="n"))
    assert (claims["sub"], claims["email"], claims["nonce"]) == ("one", "one@x.example", "n")


def test_google_and_apple_write_booleans_as_they_really_do(provider: IdentityProvider) -> None:
    google, apple = provider.claims(GOOGLE), provider.claims(APPLE)
    assert google["email_verified"] is True
    assert (apple["email_verified"], apple["is_private_email"]) == ("true", "false")
    assert "name" in google
    assert "name" not in apple


def test_one_email_has_one_subject_and_two_have_two(provider: IdentityProvider) -> None:
    first, again, other = (provider.claims(APPLE, email=one)["sub"] for one in ("a@x.y", "A@x.y", "b@x.y"))
    assert first == again != other


def test_the_keys_of_one_provider_do_not_verify_the_tokens_of_the_other(provider: IdentityProvider) -> None:
    with pytest.raises(jwt.PyJWKClientError):
        verified(provider, APPLE, provider.issue(GOOGLE))


def test_keys_may_be_kept_as_long_as_the_header_says_and_fetches_are_counted(provider: IdentityProvider) -> None:
    for _ in range(3):
        with urllib.request.urlopen(provider.jwks_url(GOOGLE)) as answer:
            assert answer.headers["Cache-Control"] == "public, max-age=120"
            assert [sorted(key) for key in json.load(answer)["keys"]] == [["alg", "e", "kid", "kty", "n", "use"]]
    assert (provider.fetches(GOOGLE), provider.fetches(APPLE)) == (3, 0)


def test_a_rotated_key_signs_and_the_one_before_the_last_is_withdrawn(provider: IdentityProvider) -> None:
    oldest = provider.issue(GOOGLE)
    kid = post(f"{provider.url}/google/rotate")["kid"]
    newer = provider.issue(GOOGLE)
    assert jwt.get_unverified_header(newer)["kid"] == kid
    assert verified(provider, GOOGLE, oldest)
    assert verified(provider, GOOGLE, newer)
    provider.rotate(GOOGLE)
    assert verified(provider, GOOGLE, newer)
    with pytest.raises(jwt.PyJWKClientError):
        verified(provider, GOOGLE, oldest)


def test_tokens_come_over_http_with_overridden_and_left_out_claims(provider: IdentityProvider) -> None:
    token = post(f"{provider.url}/apple/token", {"email": None, "aud": "other", "expires_in_seconds": -5})["id_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert "email" not in claims
    assert claims["aud"] == "other"
    assert claims["exp"] == claims["iat"] - 5


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b'{"expires_in_seconds": "soon"}'])
def test_a_body_that_is_no_set_of_claims_is_refused(provider: IdentityProvider, body: bytes) -> None:
    request = urllib.request.Request(f"{provider.url}/google/token", data=body, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 400
    refused.value.close()


def test_every_forgery_is_refused_by_a_strict_verifier(provider: IdentityProvider) -> None:
    good = provider.issue(GOOGLE, email="a@x.y")
    claims = provider.claims(GOOGLE)
    kid = provider.signing_key(GOOGLE).kid
    forgeries = [
        forgery.unsigned(claims, kid=kid),
        forgery.unsigned(claims, "NONE", kid=kid),
        forgery.signed_with_public_key(claims, provider.signing_key(GOOGLE)),
        forgery.signed_with_secret(claims, b"guess" * 10, kid=kid),
        forgery.with_claims_changed(good, email="b@x.y"),
        jwt.encode(claims, draw_key().private, algorithm="RS256", headers={"kid": kid}),
    ]
    for token in forgeries:
        with pytest.raises(jwt.PyJWTError):
            verified(provider, GOOGLE, token)
    assert verified(provider, GOOGLE, good)
