"""ID tokens of Google and Apple: verified, then read.

Sources: OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725; Google "Verify the Google ID token on your server side";
Apple "Verifying a user" and "Authenticating users with Sign in with Apple".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.config import IdentityProvider
from chalicelib.gateways.jwks import Fetch, KeyCache, fetch_over_http
from chalicelib.models.states import AuthProvider
from chalicelib.observe.log import log
from chalicelib.rules import Rules

_ALGORITHM: Final = "RS256"
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_MOST_HEADER_CHARACTERS: Final = 1024
_SUBJECT: Final = re.compile(r"[\x21-\x7e]{1,255}")
_EMAIL: Final = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
_MOST_EMAIL_CHARACTERS: Final = 320
_RELAY_DOMAIN: Final = "@privaterelay.appleid.com"
_REQUIRED: Final = ["exp", "iat", "iss", "aud", "sub"]
_REQUIRED_OF_NOTICES: Final = ["iat", "iss", "aud", "jti", "events"]
# A token that brings its own key, or extensions that must be understood, comes from nobody we know.
_REFUSED_HEADERS: Final = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "b64", "zip", "enc"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a provider vouches for. `email` is absent where the person did not share it; a relay address forwards to a
    hidden one."""

    provider: AuthProvider
    external_id: str
    email: str | None
    is_email_verified: bool
    is_private_email: bool
    name: str | None
    given_name: str | None
    family_name: str | None


class _Refused(Exception):
    """Why a token is not accepted; for operators, never for the caller."""


class IdTokens:
    """Verifies ID tokens against each provider's published keys."""

    def __init__(
        self,
        providers: Sequence[IdentityProvider],
        clock: Clock,
        rules: Rules,
        fetch: Fetch = fetch_over_http,
    ) -> None:
        self._clock = clock
        self._rules = rules
        self._providers = {AuthProvider(one.name): one for one in providers}
        self._keys = {
            provider: KeyCache(provider, one.jwks_url, fetch, clock, rules) for provider, one in self._providers.items()
        }

    def verify(self, provider: AuthProvider, token: str, nonce: str | None = None) -> Identity:
        """Return who the token vouches for.

        `nonce` is what the app drew for this sign-in. Given, the token must carry it; Apple's may carry its SHA-256
        (hex), because native apps hand Apple the hash. An Apple token that carries one is worth nothing without it.
        Google's iOS library puts one into
        the token by itself and does not tell the app, so a nonce there that was not given is ignored.

        Raises:
            Unauthenticated: INVALID_TOKEN, whatever is wrong with it.
            Unavailable: PROVIDER_UNAVAILABLE; the provider's keys cannot be had.
        """
        try:
            claims = self._verified_claims(provider, token, _REQUIRED)
            _check_nonce(provider, claims, nonce)
            return _identity(provider, claims)
        except _Refused as refusal:
            raise _invalid_token("id_token_refused", provider, refusal) from refusal

    def notice(self, provider: AuthProvider, token: str) -> Mapping[str, Any]:
        """Return the claims of a notification that the provider signed for us: a token that has an id and speaks of
        events. It may have no end (Apple's documentation shows one without), and is no ID token, nor is one of those
        a notification.

        Raises:
            Unauthenticated: INVALID_TOKEN, whatever is wrong with it.
            Unavailable: PROVIDER_UNAVAILABLE; the provider's keys cannot be had.
        """
        try:
            return self._verified_claims(provider, token, _REQUIRED_OF_NOTICES)
        except _Refused as refusal:
            raise _invalid_token("notice_refused", provider, refusal) from refusal

    def _verified_claims(self, provider: AuthProvider, token: str, required: list[str]) -> Mapping[str, Any]:
        import jwt

        header = _header(token, self._rules.id_token_limit_bytes)
        key = self._keys[provider].find(header["kid"])
        if key is None:
            raise _Refused("the provider publishes no such key")
        trusted = self._providers[provider]
        try:
            jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=trusted.audiences,
                issuer=trusted.issuers,
                # Times are checked against the one clock, not against PyJWT's.
                options={"require": required, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.PyJWTError, TypeError, ValueError) as wrong:
            raise _Refused(type(wrong).__name__) from wrong
        claims = _object(token.split(".")[1])
        self._check_times(claims)
        _check_audiences(claims["aud"], claims.get("azp"), trusted.audiences)
        return claims

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now, skew = self._clock.now().timestamp(), self._rules.clock_skew.total_seconds()
        if claims.get("exp") is not None and _instant(claims["exp"]) <= now - skew:
            raise _Refused("expired")
        if _instant(claims["iat"]) > now + skew:
            raise _Refused("issued in the future")
        if claims.get("nbf") is not None and _instant(claims["nbf"]) > now + skew:
            raise _Refused("not valid yet")


def _invalid_token(event: str, provider: AuthProvider, refusal: _Refused) -> errors.UnknownToken:
    log(event, provider=provider, reason=str(refusal))
    return errors.UnknownToken("INVALID_TOKEN", "The identity token could not be verified.")


def _header(token: str, limit: int) -> Mapping[str, Any]:
    """Read the header of a token that has the shape of one. Only the key's id is taken from it; the algorithm is
    ours."""
    if len(token) > limit:
        raise _Refused("too large")
    segments = _COMPACT.fullmatch(token)
    if segments is None or len(segments[1]) > _MOST_HEADER_CHARACTERS:
        raise _Refused("not a compact token")
    header = _object(segments[1])
    if header.get("alg") != _ALGORITHM:
        raise _Refused("another algorithm")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise _Refused("no key id")
    if _REFUSED_HEADERS.intersection(header):
        raise _Refused("a header that no provider sends")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise _Refused("another kind of token")
    return header


def _object(segment: str) -> dict[str, Any]:
    """Decode one segment into an object in which no name stands twice: which of two counts is a matter of taste among
    parsers."""
    try:
        decoded = json.loads(
            urlsafe_b64decode(segment + "=" * (-len(segment) % 4)),
            object_pairs_hook=_each_name_once,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as wrong:
        raise _Refused("not JSON") from wrong
    if not isinstance(decoded, dict):
        raise _Refused("not an object")
    return decoded


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("a name stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise _Refused(f"{name} is not JSON")


def _instant(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Refused("a time that is no number")
    if not 0 < value < 1e12 or math.isnan(value):
        raise _Refused("a time out of all bounds")
    return float(value)


def _check_audiences(audience: object, authorised_party: object, ours: Sequence[str]) -> None:
    """A token for us and for others must say that it was made for us (OpenID Connect Core 3.1.3.7, points 3 to 5).

    With one audience `azp` is not compared: Google names the phone's client there and our server's in `aud`.
    """
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or any(not isinstance(one, str) or one not in ours for one in audiences):
        raise _Refused("another audience")
    if authorised_party is not None and not isinstance(authorised_party, str):
        raise _Refused("an authorised party that is no text")
    if len(audiences) > 1 and authorised_party not in ours:
        raise _Refused("another authorised party")


def _check_nonce(provider: AuthProvider, claims: Mapping[str, Any], nonce: str | None) -> None:
    found = claims.get("nonce")
    if found is not None and not isinstance(found, str):
        raise _Refused("a nonce that is no text")
    if not nonce:
        if found is not None and provider is AuthProvider.APPLE:
            raise _Refused("bound to a nonce that was not given")
        return
    if found is None:
        raise _Refused("no nonce")
    accepted = [nonce]
    if provider is AuthProvider.APPLE:
        accepted.append(hashlib.sha256(nonce.encode()).hexdigest())
    if not any(hmac.compare_digest(found.encode(errors="replace"), one.encode()) for one in accepted):
        raise _Refused("another nonce")


def _identity(provider: AuthProvider, claims: Mapping[str, Any]) -> Identity:
    subject = claims["sub"]
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise _Refused("no usable subject")
    email = _email(claims.get("email"))
    is_relay = email is not None and email.casefold().endswith(_RELAY_DOMAIN)
    return Identity(
        provider=provider,
        external_id=subject,
        email=email,
        is_email_verified=_claim_is_true(claims.get("email_verified")) and email is not None,
        is_private_email=_claim_is_true(claims.get("is_private_email")) or is_relay,
        name=_text(claims.get("name")),
        given_name=_text(claims.get("given_name")),
        family_name=_text(claims.get("family_name")),
    )


def _email(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _MOST_EMAIL_CHARACTERS or not _EMAIL.fullmatch(value.strip()):
        raise _Refused("an e-mail that is none")
    if not value.isprintable():
        raise _Refused("an e-mail that cannot be shown")
    return value.strip()


def _claim_is_true(value: object) -> bool:
    """Read a boolean that may come as text (Apple: "true"); absent is false."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if value in ("true", "false"):
        return value == "true"
    raise _Refused("a boolean that is none")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
