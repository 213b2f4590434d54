"""An identity room with everything around it that a test can turn: providers, signing keys, clock, phones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import jwt
import msgspec

from chalicelib.config import IdentityProvider
from chalicelib.gateways.jwks import Fetched, FetchFailed
from chalicelib.gateways.oidc import IdTokens
from chalicelib.identity.contract import RefreshAnswer, RefreshRequest, SignInAnswer, SignInRequest
from chalicelib.identity.keys import TokenKeys
from chalicelib.identity.profiles import Profiles
from chalicelib.identity.sessions import SessionRule, Sessions
from chalicelib.identity.sign_in import SignIn
from chalicelib.identity.tokens import AccessTokens, RefreshTokens
from chalicelib.models.profile import Subscription, UsagePeriod
from chalicelib.models.states import (
    SubscriptionProvider,
    SubscriptionStatus,
    SubscriptionType,
    Tier,
)
from chalicelib.privacy.consents import ConsentForms
from chalicelib.rules import Rules
from chalicelib.stores.users import Users
from dev.identity_provider import SigningKey, draw_key
from tests.support import SettableClock

GOOGLE = IdentityProvider(
    "google", ("https://accounts.google.com", "accounts.google.com"), ("google-app",), "https://google.test/certs"
)
APPLE = IdentityProvider("apple", ("https://appleid.apple.com",), ("apple.app",), "https://apple.test/keys")

ALL_TICKED: Mapping[str, Any] = {
    "medical_disclaimers": True,
    "terms_of_service": True,
    "privacy_policy": True,
    "healthcare_consultation": True,
    "emergency_care_limitation": True,
    "version": "2.1",
}
PHONE = "phone-1"


@cache
def signing_key(name: str) -> SigningKey:
    """A key that is drawn once per test run, because drawing one takes a second on a slow machine."""
    return replace(draw_key(), kid=f"kid-{name}")


@dataclass
class Provider:
    """A provider that publishes keys and signs tokens; counts how often it is asked for its keys."""

    trusted: IdentityProvider
    clock: SettableClock
    keys: list[SigningKey] = field(default_factory=lambda: [signing_key("first")])
    cache_control: str = "public, max-age=3600"
    is_down: bool = False
    fetches: int = 0

    def fetch(self, _: str) -> Fetched:
        self.fetches += 1
        if self.is_down:
            raise FetchFailed("down")
        content = json.dumps({"keys": [key.public_jwk() for key in self.keys]}).encode()
        return Fetched(content, self.cache_control)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims of a good token; a change to `None` leaves a claim out."""
        now = int(self.clock.now().timestamp())
        good = {
            "iss": self.trusted.issuers[0],
            "aud": self.trusted.audiences[0],
            "sub": f"{self.trusted.name}-sub-1",
            "iat": now,
            "exp": now + 3600,
            "email": "ada@example.com",
            "email_verified": True,
        }
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def token(self, **changes: Any) -> str:
        return self.sign(self.claims(**changes))

    def sign(self, claims: Mapping[str, Any], **headers: Any) -> str:
        key = self.keys[0]
        return jwt.encode(dict(claims), key.private, algorithm="RS256", headers={"kid": key.kid, **headers})


class KeptSecrets:
    """Secrets Manager with one secret, and a count of how often staleness was suspected."""

    def __init__(self) -> None:
        self.value: dict[str, Any] = {"current": _secret("one"), "previous": None}
        self.suspicions = 0

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        self.suspicions += is_suspected_stale
        return self.value

    def rotate(self, kid: str) -> None:
        self.value = {"current": _secret(kid), "previous": self.value["current"]}


def _secret(kid: str) -> dict[str, str]:
    return {"kid": kid, "secret": f"a secret of forty characters, named {kid}"}


@dataclass(frozen=True)
class Summary:
    """What billing says of a subscription."""

    subscription_id: str
    current_period_end: datetime
    plan_id: str = "free"
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    tier: Tier = Tier.FREE
    subscription_type: SubscriptionType | None = None
    provider: SubscriptionProvider = SubscriptionProvider.INTERNAL
    auto_renew: bool = False


class Billing:
    """Starts and sums up free plans."""

    def start(self, at: datetime) -> Subscription:
        period = UsagePeriod(
            documents_processed=0, period_start=at, period_end=at + timedelta(days=31), last_updated=at
        )
        return Subscription(
            subscription_id="subscription-1",
            subscription_status=SubscriptionStatus.ACTIVE,
            tier=Tier.FREE,
            provider=SubscriptionProvider.INTERNAL,
            start_date=at,
            usage_current_period=period,
            created_at=at,
            updated_at=at,
        )

    def summary(self, subscription: Subscription, at: datetime) -> Summary:
        return Summary(subscription.subscription_id, subscription.usage_current_period.period_end)


class NoGrants:
    """A stage without a key of Sign in with Apple."""

    def keep(self, *_: object) -> None:
        return


class World:
    """The identity room, assembled as wiring does it."""

    def __init__(self, clock: SettableClock, users: Any = None, rules: Rules | None = None, grants: Any = None) -> None:
        rules = rules or Rules()
        self.clock = clock
        self.users: Any = users if users is not None else Users()
        self.google, self.apple = Provider(GOOGLE, clock), Provider(APPLE, clock)
        self.secrets = KeptSecrets()
        keys = TokenKeys(self.secrets, "token-keys")
        self.access_tokens = AccessTokens(keys, "serenya/test", "serenya-app/test", clock, rules)
        self.refresh_tokens = RefreshTokens(keys)
        self.sessions = Sessions(self.users, self.access_tokens, self.refresh_tokens, clock, rules)
        self.rule = SessionRule(clock)
        self.profiles = Profiles(self.users, self.rule, Billing(), clock)
        self.grants: Any = grants if grants is not None else NoGrants()
        self.sign_in = SignIn(
            users=self.users,
            id_tokens=IdTokens((GOOGLE, APPLE), clock, rules, self.fetch),
            sessions=self.sessions,
            consents=ConsentForms(),
            free_plan=Billing(),
            grants=self.grants,
            clock=clock,
            rules=rules,
        )

    def fetch(self, url: str) -> Fetched:
        return (self.google if url == GOOGLE.jwks_url else self.apple).fetch(url)

    def request(self, **changes: Any) -> SignInRequest:
        """A good sign-in with Google by a new person; a change to `None` leaves a field out."""
        good = {
            "provider": "google",
            "id_token": self.google.token(),
            "consent_acknowledgments": ALL_TICKED,
            "device_info": phone(),
        }
        body = {name: value for name, value in {**good, **changes}.items() if value is not None}
        return msgspec.convert(body, SignInRequest)

    def signed_in(self, **changes: Any) -> SignInAnswer:
        return self.sign_in.sign_in(self.request(**changes))

    def with_apple(self, **changes: Any) -> SignInAnswer:
        fields = {"provider": "apple", "id_token": None, "apple_id_token": self.apple.token(), **changes}
        return self.signed_in(**fields)

    def refreshed(self, refresh_token: str, device_id: str = PHONE) -> RefreshAnswer:
        return self.sessions.refresh(RefreshRequest(refresh_token=refresh_token, device_id=device_id))


def phone(device_id: str = PHONE, **changes: Any) -> dict[str, Any]:
    """A phone as the app describes it."""
    return {"platform": "ios", "app_installation_id": device_id, "app_version": "1.4.2", **changes}
