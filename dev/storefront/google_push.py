"""Pub/Sub of the simulated Google: pushes notifications with a token that Google signs anew for each attempt."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import jwt

from chalicelib.models.states import SubscriptionProvider
from dev.identity_provider import SigningKey, draw_key
from dev.storefront.words import Delivery

ISSUER: Final = "https://accounts.google.com"
PATH: Final = "/webhooks/google"
_TOKEN_SECONDS: Final = 3600
_FIRST_MESSAGE: Final = 7_000_000_000_000_001


class PubSub:
    """A topic with one push subscription. `audience` and `email` are what the subscription names."""

    def __init__(self, audience: str, email: str, wall: Callable[[], datetime]) -> None:
        self.audience = audience
        self.email = email
        self._wall = wall
        self._messages = _FIRST_MESSAGE
        self.key: SigningKey = draw_key()

    def published(self) -> dict[str, Any]:
        """Return the key set by which tokens are verified."""
        return {"keys": [self.key.public_jwk()]}

    def message(self, notification: Mapping[str, Any], published_at: str) -> Delivery:
        """Return a notification as it goes over the wire, still to be sealed."""
        event_id = str(self._messages)
        self._messages += 1
        data = base64.b64encode(json.dumps(notification).encode()).decode()
        envelope = {
            "message": {
                "data": data,
                "messageId": event_id,
                "message_id": event_id,
                "publishTime": published_at,
                "publish_time": published_at,
            },
            "subscription": "projects/serenya-local/subscriptions/play-store",
        }
        return Delivery(SubscriptionProvider.GOOGLE, event_id, PATH, {}, json.dumps(envelope).encode())

    def sealed(self, delivery: Delivery, **claims: Any) -> Delivery:
        """Return it with a fresh token; a claim of `None` is left out."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.token(**claims)}"}
        return replace(delivery, headers=headers)

    def token(self, **claims: Any) -> str:
        """Return a token as Google writes them for Pub/Sub, with some claims changed."""
        now = int(self._wall().timestamp())
        usual = {
            "iss": ISSUER,
            "aud": self.audience,
            "azp": "113774264463038321964",
            "sub": "113774264463038321964",
            "email": self.email,
            "email_verified": True,
            "iat": now,
            "exp": now + _TOKEN_SECONDS,
        }
        told = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(told, self.key.private, algorithm="RS256", headers={"kid": self.key.kid})
