"""Access and refresh tokens: minted, and told from forgeries without a question to the table."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.identity.keys import Purpose, TokenKeys
from chalicelib.rules import Rules
from chalicelib.web.request import Caller

_ALGORITHM: Final = "HS256"
_MOST_ACCESS_CHARACTERS: Final = 2048
# As `issue` writes them: two JSON objects, whose first bytes are `{"`, and 32 bytes of HMAC, without padding.
_ACCESS: Final = re.compile(r"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")
_REQUIRED: Final = ["iss", "aud", "sub", "sid", "iat", "exp"]

_REFRESH_VERSION: Final = "rt1"
_MOST_REFRESH_CHARACTERS: Final = 1024
_REFRESH: Final = re.compile(r"(rt1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,800}))\.([A-Za-z0-9_-]{43})")


class AccessTokens:
    """JSON web tokens signed with HS256 (design, decision 3). They carry ids alone, no personal data."""

    def __init__(self, keys: TokenKeys, issuer: str, audience: str, clock: Clock, rules: Rules) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._rules = rules

    def issue(self, user_id: str, session_id: str, session_expires_at: datetime) -> tuple[str, int]:
        """Return a token and for how many seconds it is good: 15 minutes, or until the session ends if that is
        sooner."""
        import jwt

        now = self._clock.now()
        seconds = int(min(self._rules.access_token_life, session_expires_at - now).total_seconds())
        key = self._keys.current()
        issued_at = int(now.timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user_id,
            "sid": session_id,
            "iat": issued_at,
            "exp": issued_at + seconds,
        }
        secret = key.derived(Purpose.ACCESS)
        return jwt.encode(claims, secret, algorithm=_ALGORITHM, headers={"kid": key.kid}), seconds

    def verify(self, token: str) -> Caller:
        """Return whom the token speaks of. Whether the session still lives is not asked here.

        Raises:
            Unauthenticated: TOKEN_EXPIRED; INVALID_TOKEN for everything else.
            Unavailable: the key set cannot be read.
        """
        claims = self._claims(token)
        now, issued_at, expires_at = self._clock.now().timestamp(), claims["iat"], claims["exp"]
        if type(issued_at) is not int or type(expires_at) is not int:
            raise _invalid_access_token()
        # Machines of ours disagree by milliseconds about the present.
        if issued_at > now + self._rules.clock_skew.total_seconds():
            raise _invalid_access_token()
        if expires_at <= now:
            raise errors.Unauthenticated("TOKEN_EXPIRED", "The access token has expired.")
        if not isinstance(claims["sub"], str) or not isinstance(claims["sid"], str):
            raise _invalid_access_token()
        return Caller(user_id=claims["sub"], session_id=claims["sid"])

    def _claims(self, token: str) -> dict[str, Any]:
        import jwt

        if len(token) > _MOST_ACCESS_CHARACTERS or _ACCESS.fullmatch(token) is None:
            raise _invalid_access_token()
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._keys.find(kid) if isinstance(kid, str) else None
            if key is None:
                raise _invalid_access_token()
            return jwt.decode(
                token,
                key.derived(Purpose.ACCESS),
                algorithms=[_ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                # Times are checked against the one clock, not against PyJWT's.
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, TypeError, ValueError) as wrong:
            raise _invalid_access_token() from wrong


def _invalid_access_token() -> errors.Unauthenticated:
    return errors.Unauthenticated("INVALID_TOKEN", "The access token is not valid.")


@dataclass(frozen=True, slots=True)
class RefreshClaim:
    """What an authentic refresh token says: the session, when that began (which bounds it), and how often it was
    rotated."""

    user_id: str
    session_id: str
    session_started_at: datetime
    generation: int


class RefreshTokens:
    """Refresh tokens that carry what they say and a MAC over it.

    The road not taken is random tokens found by their hash: any garbage would cost a question to the table, and the
    token of the present generation could not be given again to a client that lost it, unless the table held it in
    clear.
    """

    def __init__(self, keys: TokenKeys) -> None:
        self._keys = keys

    def issue(self, claim: RefreshClaim) -> str:
        """Return the token that says this. Under one key the same claim always gives the same token."""
        key = self._keys.current()
        started = (claim.session_started_at - _EPOCH) // timedelta(microseconds=1)
        said = json.dumps([claim.user_id, claim.session_id, started, claim.generation], separators=(",", ":"))
        signed = f"{_REFRESH_VERSION}.{key.kid}.{_base64url(said.encode())}"
        return f"{signed}.{_mac(key.derived(Purpose.REFRESH), signed)}"

    def read(self, token: str) -> RefreshClaim:
        """Return what an authentic token says, whichever of our two keys signed it.

        Raises:
            UnknownToken: INVALID_REFRESH_TOKEN; we did not mint it. The table was not asked.
            Unavailable: the key set cannot be read.
        """
        parts = _REFRESH.fullmatch(token) if len(token) <= _MOST_REFRESH_CHARACTERS else None
        if parts is None:
            raise _unknown_refresh_token()
        signed, kid, said, mac = parts.groups()
        key = self._keys.find(kid)
        if key is None or not hmac.compare_digest(_mac(key.derived(Purpose.REFRESH), signed), mac):
            raise _unknown_refresh_token()
        user_id, session_id, started, generation = json.loads(urlsafe_b64decode(said + "=" * (-len(said) % 4)))
        return RefreshClaim(user_id, session_id, _EPOCH + timedelta(microseconds=started), generation)


_INVALID_REFRESH: Final = ("INVALID_REFRESH_TOKEN", "The refresh token is not valid.")
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def invalid_refresh_token() -> errors.Unauthenticated:
    """Return the error for a refresh token that is not this device's: the same as for one that is not ours."""
    return errors.Unauthenticated(*_INVALID_REFRESH)


def _unknown_refresh_token() -> errors.UnknownToken:
    return errors.UnknownToken(*_INVALID_REFRESH)


def refresh_token_hash(token: str) -> str:
    """SHA-256 (hex) of a refresh token: what a session keeps of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _mac(key: bytes, signed: str) -> str:
    return _base64url(hmac.digest(key, signed.encode(), hashlib.sha256))


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
