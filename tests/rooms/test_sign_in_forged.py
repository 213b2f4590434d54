"""ID tokens that nobody should accept: each is refused with INVALID_TOKEN, and the table is not even asked."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from chalicelib import errors
from dev import forgery
from dev.identity_provider import SigningKey
from tests.support import SettableClock
from tests.unit.identity.world import Provider, World, signing_key


class NobodyMayAsk:
    """A store that fails the test when it is asked anything: a forged token must not get that far."""

    def __getattr__(self, question: str) -> Any:
        raise AssertionError(f"a forged token reached the table: {question}")


Forgery = Callable[[Provider], str]


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _rs256(key: SigningKey) -> Callable[[bytes], bytes]:
    return lambda signed: key.private.sign(signed, padding.PKCS1v15(), hashes.SHA256())


def _signed(provider: Provider, header: Any, claims: Any) -> str:
    """Any header and claims under the provider's true signature: only our own checks can refuse it."""
    return forgery.raw_token(header, claims, _rs256(provider.keys[0]))


def _header(provider: Provider, **changes: Any) -> dict[str, Any]:
    header = {"alg": "RS256", "typ": "JWT", "kid": provider.keys[0].kid, **changes}
    return {name: value for name, value in header.items() if value is not None}


def _with_header(**changes: Any) -> Forgery:
    return lambda provider: _signed(provider, _header(provider, **changes), provider.claims())


def _with_claims(**changes: Any) -> Forgery:
    return lambda provider: _signed(provider, _header(provider), provider.claims(**changes))


def _moved(claim: str, seconds: int) -> Forgery:
    def forge(provider: Provider) -> str:
        return provider.token(**{claim: int(provider.clock.now().timestamp()) + seconds})

    return forge


def _good(change: Callable[[str], str]) -> Forgery:
    return lambda provider: change(provider.token())


def _replaced(token: str, position: int, change: Callable[[str], str]) -> str:
    segments = token.split(".")
    segments[position] = change(segments[position])
    return ".".join(segments)


def _with_flipped_signature(token: str) -> str:
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _by_somebody_else(provider: Provider) -> str:
    return jwt.encode(
        provider.claims(), signing_key("stranger").private, algorithm="RS256", headers={"kid": provider.keys[0].kid}
    )


def _by_unknown_key(provider: Provider) -> str:
    stranger = signing_key("stranger")
    return jwt.encode(provider.claims(), stranger.private, algorithm="RS256", headers={"kid": stranger.kid})


def _by_withdrawn_key(provider: Provider) -> str:
    token = provider.token()
    provider.keys = [signing_key("second")]
    return token


def _with_own_key(name: str) -> Forgery:
    """The key comes along in the header, and the signature fits it."""

    def forge(provider: Provider) -> str:
        stranger = signing_key("stranger")
        brought: dict[str, Any] = {
            "jwk": stranger.public_jwk(),
            "jku": "https://evil.test/keys",
            "x5u": "https://evil.test/certificate",
            "x5c": ["MIIB"],
        }
        return forgery.raw_token(_header(provider, **{name: brought[name]}), provider.claims(), _rs256(stranger))

    return forge


def _claims_twice(provider: Provider) -> str:
    claims = json.dumps(provider.claims())[:-1] + ',"sub":"victim"}'
    return _signed(provider, _header(provider), claims.encode())


def _header_twice(provider: Provider) -> str:
    header = f'{{"alg":"none","alg":"RS256","typ":"JWT","kid":"{provider.keys[0].kid}"}}'
    return _signed(provider, header.encode(), provider.claims())


def _pss(provider: Provider) -> str:
    return jwt.encode(
        provider.claims(), provider.keys[0].private, algorithm="PS256", headers={"kid": provider.keys[0].kid}
    )


def _rs512(provider: Provider) -> str:
    return jwt.encode(
        provider.claims(), provider.keys[0].private, algorithm="RS512", headers={"kid": provider.keys[0].kid}
    )


def _hs256_with_public_key(provider: Provider) -> str:
    return forgery.signed_with_public_key(provider.claims(), provider.keys[0])


def _hs256_claiming_rs256(provider: Provider) -> str:
    return forgery.signed_with_secret(provider.claims(), b"x" * 32, **_header(provider))


def _unsigned(algorithm: str) -> Forgery:
    return lambda provider: forgery.unsigned(provider.claims(), algorithm, kid=provider.keys[0].kid)


def _unsigned_with_signature(provider: Provider) -> str:
    return forgery.raw_token(_header(provider, alg="none"), provider.claims(), _rs256(provider.keys[0]))


def _of_the_other_provider(provider: Provider) -> str:
    return provider.token(iss="https://appleid.apple.com", aud="apple.app")


FORGERIES: dict[str, Forgery] = {
    # No signature, or one of another kind
    "alg none": _unsigned("none"),
    "alg None": _unsigned("None"),
    "alg NONE": _unsigned("NONE"),
    "alg nOnE": _unsigned("nOnE"),
    "alg none with a true signature": _unsigned_with_signature,
    "alg empty": _with_header(alg=""),
    "alg missing": _with_header(alg=None),
    "alg a list": _with_header(alg=["RS256"]),
    "alg in lower case": _with_header(alg="rs256"),
    "HS256 with the public key as secret": _hs256_with_public_key,
    "HMAC that claims RS256": _hs256_claiming_rs256,
    "PS256 by the true key": _pss,
    "RS512 by the true key": _rs512,
    # Other keys
    "signed by a stranger under the true key id": _by_somebody_else,
    "signed by a stranger under their own key id": _by_unknown_key,
    "signed by a key that was withdrawn": _by_withdrawn_key,
    "kid missing": _with_header(kid=None),
    "kid empty": _with_header(kid=""),
    "kid a number": _with_header(kid=1),
    "kid a path": _with_header(kid="../../dev/null"),
    "kid an injection": _with_header(kid="x' UNION SELECT 'key"),
    "brings its key as jwk": _with_own_key("jwk"),
    "brings its key as jku": _with_own_key("jku"),
    "brings its key as x5u": _with_own_key("x5u"),
    "brings its key as x5c": _with_own_key("x5c"),
    # Header
    "critical extension that nobody knows": _with_header(crit=["exp"], exp=1),
    "critical extension b64": _with_header(crit=["b64"], b64=True),
    "critical list empty": _with_header(crit=[]),
    "payload not encoded": _with_header(b64=False),
    "another type of token": _with_header(typ="logout+jwt"),
    "header of 2 KB": _with_header(padding="x" * 2048),
    "a header name twice": _header_twice,
    "header no object": lambda provider: _signed(provider, ["RS256"], provider.claims()),
    "header no JSON": lambda provider: _signed(provider, b"RS256", provider.claims()),
    # Shape
    "signature stripped": _good(lambda token: token.rsplit(".", 1)[0] + "."),
    "signature segment missing": _good(lambda token: token.rsplit(".", 1)[0]),
    "signature truncated": _good(lambda token: token[:-20]),
    "signature changed": _good(_with_flipped_signature),
    "claims changed under the old signature": _good(lambda token: forgery.with_claims_changed(token, sub="victim")),
    "a fourth segment": _good(lambda token: f"{token}.AAAA"),
    "five segments, as encrypted tokens have": _good(lambda token: f"{token}.AAAA.AAAA"),
    "a leading space": _good(lambda token: f" {token}"),
    "a trailing line break": _good(lambda token: f"{token}\n"),
    "a space within": _good(lambda token: _replaced(token, 1, lambda part: f"{part[:9]} {part[9:]}")),
    "a byte-order mark": _good(lambda token: f"\ufeff{token}"),
    "a zero-width space": _good(lambda token: _replaced(token, 2, lambda part: f"{part}\u200b")),
    "full-width letters": _good(lambda token: _replaced(token, 0, lambda part: f"\uff45{part[1:]}")),
    "padding": _good(lambda token: _replaced(token, 2, lambda part: f"{part}==")),
    "standard base64": lambda provider: provider.token().replace("_", "/").replace("-", "+") + "+",
    "Bearer in front": _good(lambda token: f"Bearer {token}"),
    "a NUL at the end": _good(lambda token: f"{token}\0"),
    "larger than 8 KiB": _with_claims(padding="x" * 8192),
    "deeply nested claims": lambda provider: _signed(provider, _header(provider), b"[" * 2500 + b"]" * 2500),
    "claims no object": lambda provider: _signed(provider, _header(provider), ["sub"]),
    "claims no JSON": lambda provider: _signed(provider, _header(provider), b"\xff\xfe"),
    "claims null": lambda provider: _signed(provider, _header(provider), b"null"),
    "a claim twice": _claims_twice,
    "only dots": lambda _: "..",
    "plain text": lambda _: "not-a-token",
    # Times
    "expired": _moved("exp", -61),
    "expired a year ago": _moved("exp", -365 * 86400),
    "exp missing": _with_claims(exp=None),
    "exp a text": _with_claims(exp="9999999999"),
    "exp a boolean": _with_claims(exp=True),
    "exp infinite": lambda provider: _signed(
        provider, _header(provider), json.dumps(provider.claims()).replace('"exp": ', '"exp": 1e999, "x": ').encode()
    ),
    "exp not a number": lambda provider: _signed(provider, _header(provider), provider.claims(exp=float("nan"))),
    "exp beyond all calendars": _with_claims(exp=10**30),
    "issued in the future": _moved("iat", 61),
    "iat missing": _with_claims(iat=None),
    "iat a text": _with_claims(iat="now"),
    "iat negative": _with_claims(iat=-1),
    "not valid yet": _moved("nbf", 61),
    "nbf a text": _with_claims(nbf="soon"),
    # Issuer and audience
    "issuer missing": _with_claims(iss=None),
    "another issuer": _with_claims(iss="https://accounts.google.com.evil.test"),
    "issuer with a slash": _with_claims(iss="https://accounts.google.com/"),
    "issuer over http": _with_claims(iss="http://accounts.google.com"),
    "issuer a list": _with_claims(iss=["https://accounts.google.com"]),
    "token of Apple at Google": _of_the_other_provider,
    "audience missing": _with_claims(aud=None),
    "another audience": _with_claims(aud="another-app"),
    "audience empty": _with_claims(aud=""),
    "audiences empty": _with_claims(aud=[]),
    "audience in another case": _with_claims(aud="Google-App"),
    "audience a number": _with_claims(aud=5),
    "one audience that is ours among others": _with_claims(aud=["google-app", "another-app"], azp="google-app"),
    "two audiences made for another party": _with_claims(aud=["google-app", "google-app"], azp="another-app"),
    "two audiences made for nobody": _with_claims(aud=["google-app", "google-app"]),
    "authorised party a list": _with_claims(azp=["google-app"]),
    # Subject and person
    "subject missing": _with_claims(sub=None),
    "subject null": lambda provider: _signed(provider, _header(provider), provider.claims() | {"sub": None}),
    "subject empty": _with_claims(sub=""),
    "subject of 300 characters": _with_claims(sub="1" * 300),
    "subject a number": _with_claims(sub=12345),
    "subject a list": _with_claims(sub=["1"]),
    "subject with a space": _with_claims(sub="1 2"),
    "subject with a line break": _with_claims(sub="12\n"),
    "subject not ASCII": _with_claims(sub="１２"),
    "e-mail a list": _with_claims(email=["ada@example.com"]),
    "e-mail no address": _with_claims(email="ada"),
    "e-mail with a line break": _with_claims(email="ada@example.com\nbcc: eve@example.com"),
    "e-mail with half a character": _with_claims(email="ada\ud800@example.com"),
    "verified neither true nor false": _with_claims(email_verified="yes"),
    "verified a number": _with_claims(email_verified=1),
    "nonce a number": _with_claims(nonce=1),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_token_is_refused_before_the_table_is_asked(forge: Forgery, clock: SettableClock) -> None:
    world = World(clock, users=NobodyMayAsk())
    token = forge(world.google)

    with pytest.raises(errors.Unauthenticated) as refusal:
        world.signed_in(id_token=token)

    assert (refusal.value.status, refusal.value.code) == (401, "INVALID_TOKEN")
    assert refusal.value.details == {}


@pytest.mark.parametrize(
    ("claimed", "given"),
    [
        (None, "drawn"),
        ("another", "drawn"),
        ("DRAWN", "drawn"),
        ("drawn ", "drawn"),
        # Google's tokens carry the nonce as it is, never hashed.
        (hashlib.sha256(b"drawn").hexdigest(), "drawn"),
    ],
)
def test_a_token_for_another_nonce_is_refused(claimed: str | None, given: str, clock: SettableClock) -> None:
    world = World(clock, users=NobodyMayAsk())

    with pytest.raises(errors.Unauthenticated, match="INVALID_TOKEN"):
        world.signed_in(id_token=world.google.token(nonce=claimed), nonce=given)


def test_an_apple_token_bound_to_a_nonce_is_refused_without_it(clock: SettableClock) -> None:
    world = World(clock, users=NobodyMayAsk())

    with pytest.raises(errors.Unauthenticated, match="INVALID_TOKEN"):
        world.with_apple(apple_id_token=world.apple.token(nonce="drawn"))


def test_a_token_of_google_is_refused_at_apple(clock: SettableClock) -> None:
    world = World(clock, users=NobodyMayAsk())

    with pytest.raises(errors.Unauthenticated, match="INVALID_TOKEN"):
        world.with_apple(apple_id_token=world.google.token())


def test_the_token_that_the_forgeries_start_from_is_good(clock: SettableClock) -> None:
    world = World(clock, users=NobodyMayAsk())
    good = _signed(world.google, _header(world.google), world.google.claims())

    with pytest.raises(AssertionError, match="reached the table"):
        world.signed_in(id_token=good)


def test_there_are_at_least_forty_forgeries() -> None:
    assert len(FORGERIES) >= 40
