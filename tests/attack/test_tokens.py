"""Tokens: forged, altered and misplaced ones, at every guarded route; genuine credentials where they open nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import pytest

from chalicelib import config
from chalicelib.identity.keys import Purpose
from chalicelib.models.states import AccountStatus
from chalicelib.stores.users import Users
from dev import forgery
from dev.identity_provider import draw_key
from tests.api.test_guarded_routes import ALWAYS_ANSWERED
from tests.attack import credentials, places
from tests.attack.battlefield import Battlefield, Person
from tests.attack.record import Tried
from tests.attack.routes import requests
from tests.support import test_settings

SECTION = "1 Tokens"
GUARDED = "every guarded route"
UNASKED = "/auth/logout (twice is fine) and the prepared questions (the same for everybody)"
Claims = dict[str, Any]


def _claims(field: Battlefield, **changes: Any) -> Claims:
    settings, now = config.settings(), int(field.service.clock.now().timestamp())
    usual = {
        "iss": settings.token_issuer,
        "aud": settings.token_audience,
        "sub": field.ada.user_id,
        "sid": field.ada.session_id,
        "iat": now,
        "exp": now + 900,
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def _key() -> bytes:
    return credentials.signing_key().derived(Purpose.ACCESS)


def _hs(algorithm: str, secret: bytes) -> Callable[[bytes], bytes]:
    return lambda text: hmac.new(secret, text, algorithm).digest()


def _signed(claims: Any, header: Any = None, **changes: Any) -> str:
    """Any header and claims under our own true key: only what we check of them can refuse them."""
    usual = {"alg": "HS256", "typ": "JWT", "kid": credentials.signing_key().kid}
    head = header if header is not None else {n: v for n, v in {**usual, **changes}.items() if v is not ...}
    return forgery.raw_token(head, claims, _hs("sha256", _key()))


def _public_jwk() -> Mapping[str, Any]:
    return draw_key().public_jwk()


def _without_true_signature(field: Battlefield) -> dict[str, str]:
    claims, kid = _claims(field), credentials.signing_key().kid
    good = _signed(claims)
    head, body, signature = good.split(".")
    google = field.service.provider.signing_key("google")
    raw = base64.urlsafe_b64decode(signature + "=")
    found = {f"`alg` {one}": forgery.unsigned(claims, one, kid=kid) for one in ("none", "None", "NONE", "nOnE", "")}
    found |= {
        "`alg` none under a true signature": _signed(claims, alg="none"),
        "the signature left out": f"{head}.{body}.",
        "the signature and its dot left out": f"{head}.{body}",
        "the signature cut by a byte": f"{head}.{body}.{base64.urlsafe_b64encode(raw[:-1]).decode().rstrip('=')}",
        "one bit of the signature turned": f"{head}.{body}.{_turned(raw)}",
        "the signature of 32 zero bytes": f"{head}.{body}.{'A' * 43}",
        "somebody else's id under the old signature": forgery.with_claims_changed(good, sub=field.mallory.user_id),
        "a later `exp` under the old signature": forgery.with_claims_changed(good, exp=claims["exp"] + 10**6),
        "RS256 by a key of one's own": jwt.encode(claims, draw_key().private, algorithm="RS256", headers={"kid": kid}),
        "RS256 by Google's own key": jwt.encode(claims, google.private, algorithm="RS256", headers={"kid": kid}),
        "HS256 with Google's public key as the secret": forgery.signed_with_public_key(claims, google),
        "HS256 with an empty secret": forgery.signed_with_secret(claims, b"", kid=kid),
        "HS256 with the key's id as the secret": forgery.signed_with_secret(claims, kid.encode(), kid=kid),
        "HS256 with the word secret": forgery.signed_with_secret(claims, b"secret", kid=kid),
        "HS384 by the true key": forgery.raw_token({"alg": "HS384", "kid": kid}, claims, _hs("sha384", _key())),
        "HS512 by the true key": forgery.raw_token({"alg": "HS512", "kid": kid}, claims, _hs("sha512", _key())),
        "HMAC that says RS256": _signed(claims, alg="RS256"),
        "HMAC that says ES256": _signed(claims, alg="ES256"),
        "`alg` in lower case": _signed(claims, alg="hs256"),
        "`alg` a list": _signed(claims, alg=["HS256"]),
        "`alg` left out": _signed(claims, alg=...),
    }
    return found | {
        f"HS256 with {name}": forgery.signed_with_secret(claims, secret, kid=kid)
        for name, secret in credentials.secrets_of_other_purposes().items()
    }


def _turned(raw: bytes) -> str:
    return base64.urlsafe_b64encode(bytes([raw[0] ^ 1]) + raw[1:]).decode().rstrip("=")


def _with_another_header(field: Battlefield) -> dict[str, str]:
    claims, kid = _claims(field), credentials.signing_key().kid
    own, secret = _public_jwk(), b"a secret of one's own, thirty-two bytes"
    strange_kids: dict[str, Any] = {
        "left out": ...,
        "null": None,
        "empty": "",
        "a number": 1,
        "a list": [kid],
        "an object": {"kid": kid},
        "unknown": "k9",
        "with a line end": f"{kid}\n",
        "in upper case": kid.upper(),
        "a path": "../../../../../../dev/null",
        "a path to a public file": "/proc/sys/kernel/randomize_va_space",
        "an injection": "x' UNION SELECT 'secret' -- ",
        "a command": "k1|/usr/bin/id",
        "the name of an entry of the key set": "current",
        "of 65 characters": "k" * 65,
        "of 1,000 characters": "k" * 1000,
        "with a NUL": f"{kid}\x00",
        "of another script": "к1",
    }
    found = {f"`kid` {name}": _signed(claims, kid=value) for name, value in strange_kids.items()}
    brought: Mapping[str, Mapping[str, Any]] = {
        "`jwk` with a key of one's own": {"jwk": own},
        "`jwk` with a secret of one's own": {"jwk": {"kty": "oct", "k": base64.urlsafe_b64encode(secret).decode()}},
        "`jku` to a server of one's own": {"jku": "https://evil.example/keys"},
        "`x5u` to a server of one's own": {"x5u": "https://evil.example/certificate"},
        "`x5c` with a certificate of one's own": {"x5c": ["MIIB"]},
    }
    for name, header in brought.items():
        found[name] = forgery.signed_with_secret(claims, secret, kid=kid, **header)
    twice = f'{{"alg":"none","kid":"{kid}","alg":"HS256","kid":"k9"}}'
    return found | {
        "an extension that must be understood": _signed(claims, crit=["exp"], exp=1),
        "an empty list of extensions that must be understood": _signed(claims, crit=[]),
        "a payload that is not encoded (`b64`)": _signed(claims, crit=["b64"], b64=False),
        "a name twice in the header": _signed(claims, twice.encode()),
        "a header that is a list": _signed(claims, ["HS256"]),
        "a header that is no JSON": _signed(claims, b"HS256"),
        "a header of 500 brackets": _signed(claims, b"[" * 500),
        "a header of 1,400 brackets": _signed(claims, b"[" * 1400),
        "a header that is not UTF-8": _signed(claims, b'{"alg":"HS256","kid":"\xff"}'),
        "a header in UTF-16": _signed(claims, json.dumps({"alg": "HS256", "kid": kid}).encode("utf-16")),
    }


def _with_other_claims(field: Battlefield) -> dict[str, str]:
    now = int(field.service.clock.now().timestamp())
    settings, production = config.settings(), test_settings(SERENYA_STAGE="prod")
    changes: dict[str, Claims] = {
        "`iss` of another stage": {"iss": production.token_issuer},
        "`aud` of another stage": {"aud": production.token_audience},
        "`iss` of Google": {"iss": "https://accounts.google.com"},
        "`iss` a list with ours in it": {"iss": [settings.token_issuer]},
        "`aud` empty": {"aud": []},
        "`aud` a number": {"aud": 1},
        "`iat` in the future": {"iat": now + 3600},
        "`iat` a string": {"iat": str(now)},
        "`exp` a string": {"exp": str(now + 900)},
        "`exp` a float": {"exp": now + 900.5},
        "`exp` a list": {"exp": [now + 900]},
        "`exp` true": {"exp": True},
        "`exp` null": {"exp": None},
        "`exp` of 400 digits": {"exp": 10**400},
        "`sub` a number": {"sub": 5},
        "`sub` a list": {"sub": [field.ada.user_id]},
        "`sub` null": {"sub": None},
        "`sid` an object": {"sid": {"S": field.ada.session_id}},
        "`sid` a number": {"sid": 1},
    }
    changes |= {f"`{name}` left out": {name: ...} for name in ("iss", "aud", "sub", "sid", "iat", "exp")}
    found = {name: _signed(_claims(field, **one)) for name, one in changes.items() if name != "`exp` of 400 digits"}
    whole = json.dumps(_claims(field))[:-1]
    for name, text in {
        "`exp` NaN": f'{whole},"exp":NaN}}',
        "`exp` Infinity": f'{whole},"exp":Infinity}}',
        "`exp` 1e400": f'{whole},"exp":1e400}}',
        "`exp` of 400 digits, as a float": f'{whole},"exp":{"9" * 400}.0}}',
        "claims that are a list": "[]",
        "claims that are a string": '"sub"',
        "claims of 1,200 brackets": "[" * 1200,
        "claims that are no JSON": whole,
        "claims that are not UTF-8": whole,
    }.items():
        found[name] = _signed(text.encode() if "UTF" not in name else text.encode("utf-16"))
    return found


def _of_another_shape(field: Battlefield) -> dict[str, str]:
    good = _signed(_claims(field))
    head, body, signature = good.split(".")
    return {
        "of one word": "token",
        "of dots": "..",
        "of a thousand dots": "." * 1000,
        "with a fourth part": f"{good}.AAAA",
        "encrypted in shape (five parts)": f"{good}.AAAA.AAAA",
        "of 2,049 characters": "x" * 2049,
        "of 100,000 characters": "x" * 100_000,
        "padded": f"{head}.{body}.{signature}=",
        "with a space in it": f"{head}.{body} .{signature}",
        "with a line end in it": f"{head}.{body}\n.{signature}",
        "with a NUL at the end": f"{good}\x00",
        "with letters of another script": good.replace("e", "\u0435", 1),
        "in quotes": f'"{good}"',
        "twice, with a comma": f"{good},{good}",
        "after the word Bearer again": f"Bearer {good}",
        "in JSON": json.dumps({"token": good}),
        "percent-encoded": good.replace(".", "%2E"),
        "encoded once more": base64.urlsafe_b64encode(good.encode()).decode(),
        "its hash": hashlib.sha256(good.encode()).hexdigest(),
    }


FAMILIES: dict[str, Callable[[Battlefield], dict[str, str]]] = {
    "not signed by us": _without_true_signature,
    "another header": _with_another_header,
    "other claims, under our own signature": _with_other_claims,
    "another shape": _of_another_shape,
}


def _everywhere(field: Battlefield, authorization: str | None) -> list[str]:
    """Send one Authorization header to every guarded route; nothing may be asked of AWS but the keys, once a minute."""
    answers: list[str] = []
    asked: dict[str, int] = {}
    for one in requests(is_public=False):
        headers = {"Content-Type": one.content_type}
        if authorization is not None:
            headers["Authorization"] = authorization
        answer = field.send(one.method, one.path, one.body, headers=headers)
        asked |= answer.calls
        answers.append(answer.code)
    assert asked in ({}, {"secretsmanager:GetSecretValue": 1}), f"AWS was asked for {asked}"
    return answers


@pytest.mark.parametrize("family", FAMILIES)
def test_a_forged_access_token_opens_no_route(field: Battlefield, tried: Tried, family: str) -> None:
    with field.unchanged():
        for name, token in FAMILIES[family](field).items():
            answers = _everywhere(field, f"Bearer {token}")
            tried.answered(f"Access token, {family}: {name}", GUARDED, "401 INVALID_TOKEN", answers)


def test_a_true_token_opens_every_route(field: Battlefield, tried: Tried) -> None:
    """Without this, what is refused above might be refused for something else."""
    answers = {one.name: field.send(one.method, one.path, one.body, by=field.mallory).code for one in _harmless()}
    assert not [name for name, code in answers.items() if code.startswith(("401", "5"))]
    tried.answered("A true token, for comparison", "every guarded route that changes nothing", "not 401", ["not 401"])


def _harmless() -> list[Any]:
    return [one for one in requests(is_public=False) if one.method == "GET"]


def test_another_way_to_send_a_token_opens_no_route(field: Battlefield, tried: Tried) -> None:
    good = _signed(_claims(field))
    with field.unchanged():
        for name, header in {
            "no header at all": None,
            "an empty header": "",
            "the scheme alone": "Bearer",
            "the scheme and spaces": "Bearer    ",
            "no scheme": good,
            "the scheme Basic": f"Basic {base64.b64encode(good.encode()).decode()}",
            "the scheme Token": f"Token {good}",
            "a scheme that only begins so": f"BearerX {good}",
        }.items():
            tried.answered(f"Authorization: {name}", GUARDED, "401 MISSING_TOKEN", _everywhere(field, header))
        for name, headers, query in (
            ("in a cookie", {"Cookie": f"access_token={good}; Authorization=Bearer {good}"}, ""),
            ("in X-Access-Token", {"X-Access-Token": good, "X-Authorization": f"Bearer {good}"}, ""),
            ("in Proxy-Authorization", {"Proxy-Authorization": f"Bearer {good}"}, ""),
            ("in the query", {}, f"?access_token={good}&Authorization=Bearer+{good}"),
        ):
            answers = [
                field.send(
                    one.method, one.path + query, one.body, headers={**headers, "Content-Type": one.content_type}
                )
                for one in requests(is_public=False)
            ]
            tried.answered(f"A true token {name}", GUARDED, "401 MISSING_TOKEN", [one.code for one in answers])


def _name_of(end: str) -> str:
    return end.replace(" ", "-")


def _expired(field: Battlefield, person: Person) -> None:
    """Nothing happened to the person: the token is old."""


def _signed_out(field: Battlefield, person: Person) -> None:
    field.do("POST", "/auth/logout", {}, by=person)


def _signed_in_elsewhere(field: Battlefield, person: Person) -> None:
    field.signed_in(_name_of("of a session that another sign-in ended"), "another-phone")


def _closed(status: AccountStatus) -> Callable[[Battlefield, Person], None]:
    def close(_: Battlefield, person: Person) -> None:
        user = Users().by_id(person.user_id)
        assert user is not None
        user.data.account_status = status
        user.save()

    return close


def _erased(field: Battlefield, person: Person) -> None:
    field.do("POST", "/gdpr/erasure-request", {"confirmation_text": "DELETE"}, by=person)
    assert field.service.deliver_messages(config.settings().erasures_queue, "carry_erasure_on") == 1


ENDS: dict[str, tuple[Callable[[Battlefield, Person], None], tuple[str, ...]]] = {
    "expired by a second": (_expired, ("401 TOKEN_EXPIRED",)),
    "of a session that was signed out": (_signed_out, ("401 SESSION_REVOKED",)),
    "of a session that another sign-in ended": (_signed_in_elsewhere, ("401 SESSION_REVOKED",)),
    "of a suspended account": (_closed(AccountStatus.SUSPENDED), ("403 ACCOUNT_SUSPENDED",)),
    "of a deactivated account": (_closed(AccountStatus.DEACTIVATED), ("403 ACCOUNT_SUSPENDED",)),
    "of an account marked deleted": (_closed(AccountStatus.DELETED), ("403 ACCOUNT_SUSPENDED",)),
    "of somebody who was erased": (_erased, ("401 SESSION_REVOKED", "404 PROFILE_NOT_FOUND")),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_genuine_token_that_is_over_opens_no_route(field: Battlefield, tried: Tried, end: str) -> None:
    happens, expected = ENDS[end]
    person = field.signed_in(_name_of(end), f"phone {end}")
    happens(field, person)
    token = field.token(person)
    if happens is _expired:
        field.service.clock.advance(config.settings().rules.access_token_life)
    with field.unchanged():
        answers = [
            field.send(
                one.method,
                one.path,
                one.body,
                headers={"Authorization": f"Bearer {token}", "Content-Type": one.content_type},
            ).code
            for one in requests(is_public=False)
            if f"{one.method} {one.endpoint.paths[0]}" not in ALWAYS_ANSWERED
        ]
    tried.answered(f"A genuine access token, {end}", f"{GUARDED} but {UNASKED}", expected, answers)


def test_what_opens_one_thing_opens_nothing_else(field: Battlefield, tried: Tried) -> None:
    """Every kind of credential, genuine and good, in every place that takes another kind."""
    field.sign_in_again(field.ada)
    for credential in credentials.genuine(field):
        for place in places.PLACES:
            if place.takes == credential.opens:
                continue
            with field.unchanged():
                answers = [one.code for one in place.send(field, credential.value)]
            tried.answered(f"{credential.name[0].upper()}{credential.name[1:]}", place.name, place.refusals, answers)
