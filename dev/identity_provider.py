"""A small identity provider on loopback: real RS256 ID tokens and key sets for "google" and "apple".

GET  /google/certs   /apple/keys                     the public keys, with Cache-Control
POST /google/token   /apple/token                    an ID token; a JSON body overrides its claims
                     /apple/notice                   a signed notification; a JSON body overrides its event
                     /apple/auth/token, …/revoke     Apple's token endpoints (`dev/apple_tokens.py`)
POST /google/rotate  /apple/rotate                   a new key signs; the one before the last is withdrawn
GET  /google/stats   /apple/stats                    how often the keys were fetched
GET  /google/.well-known/openid-configuration        and the same for Apple
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from dev.apple_tokens import AppleTokens
from dev.loopback import Listener, Loopback, Requests

GOOGLE: Final = "google"
APPLE: Final = "apple"
AUDIENCES: Final[Mapping[str, str]] = {GOOGLE: "serenya-local-google", APPLE: "serenya.local.apple"}
KEY_PATHS: Final[Mapping[str, str]] = {GOOGLE: "certs", APPLE: "keys"}
_LIVES: Final[Mapping[str, int]] = {GOOGLE: 3600, APPLE: 86400}
_MOST_BODY_BYTES: Final = 65536
_APPLE_AUTH: Final = "/apple/auth/"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id under which its public half is published."""

    kid: str
    private: rsa.RSAPrivateKey

    def public_jwk(self) -> dict[str, Any]:
        """Return the public half as a JSON web key."""
        jwk = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {"kty": jwk["kty"], "n": jwk["n"], "e": jwk["e"], "alg": "RS256", "use": "sig", "kid": self.kid}


def draw_key() -> SigningKey:
    """Return a fresh key under a fresh id."""
    return SigningKey(secrets.token_hex(20), rsa.generate_private_key(public_exponent=65537, key_size=2048))


@dataclass(slots=True)
class _Provider:
    keys: list[SigningKey] = field(default_factory=lambda: [draw_key()])
    fetches: int = 0


class IdentityProvider(Loopback):
    """Issues and publishes; with port 0 it takes a free one."""

    def __init__(self, port: int = 0, *, max_age_seconds: int = 3600) -> None:
        self._max_age_seconds = max_age_seconds
        self._lock = threading.Lock()
        self._providers = {GOOGLE: _Provider(), APPLE: _Provider()}
        self.apple_tokens = AppleTokens(AUDIENCES[APPLE])
        server = _Server(("127.0.0.1", port), _Requests)
        server.provider = self
        super().__init__(server, "identity-provider")

    def issuer(self, provider: str) -> str:
        """Return the `iss` of that provider's tokens."""
        return f"{self.url}/{provider}"

    def jwks_url(self, provider: str) -> str:
        """Return where that provider's keys are published."""
        return f"{self.issuer(provider)}/{KEY_PATHS[provider]}"

    def claims(self, provider: str, **overrides: Any) -> dict[str, Any]:
        """Return the claims of a good token, as that provider writes them. An override of `None` leaves a claim out.

        `expires_in_seconds` moves `exp` from now, and `issued_in_seconds` moves `iat`.
        """
        now = int(time.time())
        issued_at = now + int(overrides.pop("issued_in_seconds", 0))
        expires_at = now + int(overrides.pop("expires_in_seconds", _LIVES[provider]))
        base = {
            "iss": self.issuer(provider),
            "aud": AUDIENCES[provider],
            "iat": issued_at,
            "exp": expires_at,
            **_person(provider, overrides),
        }
        return {name: value for name, value in {**base, **overrides}.items() if value is not None}

    def issue(self, provider: str, **overrides: Any) -> str:
        """Return a signed ID token; see `claims` for the overrides."""
        return self.sign(provider, self.claims(provider, **overrides))

    def notice(self, **event: Any) -> str:
        """Return a notification as Apple signs it: the event stands in it as text, its time in milliseconds."""
        now = int(self.apple_tokens.now())
        told = {"type": "consent-revoked", "sub": self.claims(APPLE)["sub"], "event_time": now * 1000, **event}
        claims = {
            "iss": self.issuer(APPLE),
            "aud": AUDIENCES[APPLE],
            "iat": now,
            "exp": now + _LIVES[APPLE],
            "jti": secrets.token_urlsafe(16),
            "events": json.dumps(told),
        }
        return self.sign(APPLE, claims)

    def sign(self, provider: str, claims: Mapping[str, Any], **headers: Any) -> str:
        """Sign any claims with the provider's present key. A header of `None` leaves it out."""
        key = self.signing_key(provider)
        return jwt.encode(dict(claims), key.private, algorithm="RS256", headers={"kid": key.kid, **headers})

    def signing_key(self, provider: str) -> SigningKey:
        """Return the key that signs now."""
        with self._lock:
            return self._providers[provider].keys[0]

    def rotate(self, provider: str) -> str:
        """Sign with a new key from now on, and return its id. The key before the last is withdrawn."""
        key = draw_key()
        with self._lock:
            keys = self._providers[provider].keys
            keys.insert(0, key)
            del keys[2:]
        return key.kid

    def published(self, provider: str) -> dict[str, Any]:
        """Return the key set as it is published."""
        with self._lock:
            return {"keys": [key.public_jwk() for key in self._providers[provider].keys]}

    def fetches(self, provider: str) -> int:
        """Return how often that provider's keys were fetched."""
        with self._lock:
            return self._providers[provider].fetches

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any], int]:
        """Answer one request: status, JSON, and for how many seconds it may be kept."""
        _, _, rest = path.partition("?")[0].partition("/")
        provider, _, what = rest.partition("/")
        if provider not in self._providers:
            return 404, {"error": "not_found"}, 0
        match method, what:
            case "GET", keys if keys == KEY_PATHS[provider]:
                with self._lock:
                    self._providers[provider].fetches += 1
                return 200, self.published(provider), self._max_age_seconds
            case "POST", "token":
                code = {"authorization_code": self.apple_tokens.draw_code()} if provider == APPLE else {}
                return 200, {"id_token": self.issue(provider, **body), "token_type": "Bearer", **code}, 0
            case "POST", "notice" if provider == APPLE:
                return 200, {"payload": self.notice(**body)}, 0
            case "POST", "rotate":
                return 200, {"kid": self.rotate(provider)}, 0
            case "GET", "stats":
                return 200, {"jwks_fetches": self.fetches(provider)}, 0
            case "GET", ".well-known/openid-configuration":
                return 200, {"issuer": self.issuer(provider), "jwks_uri": self.jwks_url(provider)}, 3600
            case _:
                return 404, {"error": "not_found"}, 0


def _person(provider: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Who the token is about. The same e-mail gets the same `sub`, as with a real provider."""
    email = overrides.get("email") or f"demo@{provider}.example"
    number = int.from_bytes(hashlib.sha256(str(email).casefold().encode()).digest(), "big")
    if provider == APPLE:
        # Apple ("Authenticating users"): booleans are sometimes strings, and the name never stands in the token.
        sub = f"{number % 10**6:06d}.{number % 16**32:032x}.{number % 10**4:04d}"
        return {
            "sub": sub,
            "email": email,
            "email_verified": "true",
            "is_private_email": "false",
            "nonce_supported": True,
        }
    name = str(overrides.get("name") or "Demo Person")
    given_name, _, family_name = name.partition(" ")
    return {
        "sub": f"1{number % 10**20:020d}",
        "azp": AUDIENCES[provider],
        "email": email,
        "email_verified": True,
        "name": name,
        "given_name": given_name,
        "family_name": family_name or None,
    }


class _Server(Listener):
    provider: IdentityProvider


class _Requests(Requests):
    server: _Server

    def _get(self) -> None:
        self._answer({})

    def _post(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 <= length <= _MOST_BODY_BYTES:
                raise ValueError("no such body")
            content = self.rfile.read(length)
            if self.path.startswith(_APPLE_AUTH):
                self._answer_form(content.decode())
                return
            body = json.loads(content or b"{}")
            if not isinstance(body, dict):
                raise TypeError("the body must be an object")
        except (ValueError, TypeError):
            self.close_connection = True
            self._send(400, {"error": "invalid_request"}, 0)
            return
        self._answer(body)

    do_GET, do_POST = _get, _post  # noqa: N815  # http.server looks for these names

    def _answer_form(self, form: str) -> None:
        provider = self.server.provider
        what = self.path.removeprefix(_APPLE_AUTH)
        status, answer = provider.apple_tokens.answer(what, dict(parse_qsl(form)), provider.issuer(APPLE))
        self._send(status, answer, 0)

    def _answer(self, body: dict[str, Any]) -> None:
        try:
            status, answer, keep_seconds = self.server.provider.answer(self.command, self.path, body)
        except (ValueError, TypeError) as error:
            status, answer, keep_seconds = 400, {"error": "invalid_request", "error_description": str(error)}, 0
        self._send(status, answer, keep_seconds)

    def _send(self, status: int, answer: dict[str, Any] | None, keep_seconds: int) -> None:
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", f"public, max-age={keep_seconds}" if keep_seconds else "no-store")
        self.end_headers()
        self.wfile.write(content)
