"""Apple's token endpoints on loopback: codes become refresh tokens once, tokens are revoked, client secrets verified.

POST /apple/auth/token    grant_type=authorization_code, code, client_id, client_secret
POST /apple/auth/revoke   token, token_type_hint, client_id, client_secret

Sources: Apple "Token validation", "Token revocation", "Creating a client secret". The stand-in draws the key that
Apple's developer page would hand out; `secret` is what an operator would put into Secrets Manager.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_CODE_LIFE_SECONDS: Final = 300
_LONGEST_SECRET_SECONDS: Final = 15_777_000
"""Apple: six months at most."""
_SKEW_SECONDS: Final = 60

Answer = tuple[int, dict[str, Any] | None]
"""Status and JSON; a revocation is answered without a body."""


class AppleTokens:
    """What Apple knows of one app: its key, the codes and the tokens that it gave out. Safe under threads.

    `is_down` makes it answer 503; `now` is the time that it goes by; `exchanges` counts what was asked of it.
    """

    def __init__(self, client_id: str, now: Callable[[], float] = time.time) -> None:
        self.client_id = client_id
        self.now = now
        self.is_down = False
        self.exchanges = 0
        self.team_id = "LOCALTEAM1"
        self.key_id = secrets.token_hex(5).upper()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._codes: dict[str, float] = {}
        self._is_live: dict[str, bool] = {}
        self._lock = threading.Lock()

    def secret(self) -> dict[str, str]:
        """Return what belongs into the secret `apple-sign-in` of a stage."""
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return {"team_id": self.team_id, "key_id": self.key_id, "client_id": self.client_id, "private_key": pem}

    def draw_code(self) -> str:
        """Return a fresh authorization code, as the app gets it beside the ID token. Good once, for five minutes."""
        code = f"c{secrets.token_hex(16)}.0.local"
        with self._lock:
            self._codes[code] = self.now() + _CODE_LIFE_SECONDS
        return code

    def is_live(self, refresh_token: str) -> bool:
        """Whether a refresh token was given out and not revoked."""
        with self._lock:
            return self._is_live.get(refresh_token, False)

    def live(self) -> list[str]:
        """Return the refresh tokens that were given out and not revoked."""
        with self._lock:
            return [token for token, is_live in self._is_live.items() if is_live]

    def answer(self, what: str, form: Mapping[str, str], audience: str) -> Answer:
        """Answer one request; `audience` is who client secrets must be made for."""
        if self.is_down:
            return 503, None
        if not self._is_our_client(form, audience):
            return 400, {"error": "invalid_client"}
        with self._lock:
            if what == "token":
                return self._exchanged(form)
            if what == "revoke":
                return self._revoked(form)
        return 404, {"error": "not_found"}

    def _exchanged(self, form: Mapping[str, str]) -> Answer:
        self.exchanges += 1
        if form.get("grant_type") != "authorization_code":
            return 400, {"error": "unsupported_grant_type"}
        ends_at = self._codes.pop(form.get("code", ""), None)
        if ends_at is None or ends_at <= self.now():
            return 400, {"error": "invalid_grant"}
        token = f"r{secrets.token_hex(24)}.0.local"
        self._is_live[token] = True
        return 200, {
            "access_token": f"a{secrets.token_hex(24)}",
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": token,
        }

    def _revoked(self, form: Mapping[str, str]) -> Answer:
        token = form.get("token", "")
        if form.get("token_type_hint") != "refresh_token":
            return 400, {"error": "invalid_request"}
        if token not in self._is_live:
            return 400, {"error": "invalid_grant"}
        self._is_live[token] = False
        return 200, None

    def _is_our_client(self, form: Mapping[str, str], audience: str) -> bool:
        """Whether the client secret was signed with the key that we handed out, for us, now, and for not too long."""
        secret = form.get("client_secret", "")
        try:
            claims = jwt.decode(
                secret,
                self._key.public_key(),
                algorithms=["ES256"],
                audience=audience,
                issuer=self.team_id,
                options={"require": ["iss", "sub", "aud", "iat", "exp"], "verify_exp": False, "verify_iat": False},
            )
            is_of_our_key = jwt.get_unverified_header(secret).get("kid") == self.key_id
        except jwt.PyJWTError:
            return False
        now = self.now()
        is_in_time = claims["iat"] <= now + _SKEW_SECONDS and now < claims["exp"] <= now + _LONGEST_SECRET_SECONDS
        is_client = form.get("client_id") == self.client_id == claims["sub"]
        return is_of_our_key and is_in_time and is_client
