"""The places that take a credential: how each is sent there, and what whoever brings another one is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.api.service import CONSENTS, DEVICE
from tests.attack import credentials as kinds
from tests.attack.battlefield import Answered, Battlefield
from tests.attack.routes import requests

Send = Callable[[Battlefield, str], Iterator[Answered]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a credential is taken. `takes` is the kind that opens something here."""

    name: str
    takes: str
    refusals: tuple[str, ...]
    send: Send


def _guarded(field: Battlefield, value: str) -> Iterator[Answered]:
    for one in requests(is_public=False):
        headers = {"Authorization": f"Bearer {value}", "Content-Type": one.content_type}
        yield field.send(one.method, one.path, one.body, headers=headers)


def _refresh(field: Battlefield, value: str) -> Iterator[Answered]:
    yield field.send("POST", "/auth/refresh", {"refresh_token": value, "device_id": field.ada.device_id})


def _sign_in(provider: str, *names: str) -> Send:
    def send(field: Battlefield, value: str) -> Iterator[Answered]:
        for name in names:
            body: dict[str, Any] = {"provider": provider, name: value, "consents": CONSENTS, "device_info": DEVICE}
            if provider == "apple":
                body["apple_authorization_code"] = "code"
            yield field.send("POST", "/auth/oauth-onboarding", body)

    return send


def _identity_notice(field: Battlefield, value: str) -> Iterator[Answered]:
    yield field.send("POST", "/webhooks/apple-identity", {"payload": value})


def _notices(field: Battlefield, value: str) -> Iterator[Answered]:
    yield field.send("POST", "/webhooks/apple", {"signedPayload": value})
    push = {"message": {"data": "e30=", "messageId": "1", "publishTime": "2026-03-14T09:30:00Z"}, "subscription": "s"}
    yield field.send("POST", "/webhooks/google", push, headers={"Authorization": f"Bearer {value}"})
    yield field.send("POST", "/webhooks/stripe", {"id": "evt_1"}, headers={"Stripe-Signature": value})
    yield field.send("POST", "/webhooks/stripe", {"id": "evt_1"}, headers={"Stripe-Signature": f"t=1,v1={value}"})


def _purchase(field: Battlefield, value: str) -> Iterator[Answered]:
    body = {"provider": "apple", "signed_transaction": value}
    yield field.send("POST", "/subscriptions/purchases", body, by=field.mallory)
    body = {"provider": "google", "purchase_token": value, "product_id": "premium"}
    yield field.send("POST", "/subscriptions/purchases", body, by=field.mallory)


def _proof(field: Battlefield, value: str) -> Iterator[Answered]:
    body = {"registration_id": value, "biometric_signature": value, "challenge": value}
    yield field.send("POST", "/auth/biometric/verify", body, by=field.mallory)
    yield field.send("POST", "/auth/biometric/challenge", {"registration_id": value}, by=field.mallory)


def _cursors(field: Battlefield, value: str) -> Iterator[Answered]:
    from urllib.parse import quote

    for path in ("/api/v1/process/jobs", "/payments", "/user/consents?history=true"):
        joint = "&" if "?" in path else "?"
        yield field.send("GET", f"{path}{joint}cursor={quote(value)}", by=field.mallory)


def _erasure(field: Battlefield, value: str) -> Iterator[Answered]:
    from urllib.parse import quote

    yield field.send("GET", f"/gdpr/erasure-status/{quote(value, safe='')}")


PLACES = (
    Place("every guarded route, as the bearer", kinds.ACCESS, ("401 INVALID_TOKEN",), _guarded),
    Place("/auth/refresh", kinds.REFRESH, ("401 INVALID_REFRESH_TOKEN",), _refresh),
    Place(
        "sign-in with Google",
        kinds.SIGN_IN_GOOGLE,
        ("401 INVALID_TOKEN",),
        _sign_in("google", "id_token", "google_token", "auth_token", "google_id_token"),
    ),
    Place(
        "sign-in with Apple",
        kinds.SIGN_IN_APPLE,
        ("401 INVALID_TOKEN",),
        _sign_in("apple", "apple_id_token", "auth_token"),
    ),
    Place("/webhooks/apple-identity", kinds.NOTICE_OF_APPLE, ("401 INVALID_TOKEN",), _identity_notice),
    Place("the stores' webhooks", kinds.NOTICES, ("401 INVALID_SIGNATURE", "401 WRONG_ENVIRONMENT"), _notices),
    Place("/subscriptions/purchases", kinds.PURCHASE, ("400 INVALID_PURCHASE",), _purchase),
    Place("biometric proof and challenge", kinds.PROOF, ("404 REGISTRATION_NOT_FOUND",), _proof),
    Place("every cursor", kinds.CURSOR, ("400 INVALID_CURSOR",), _cursors),
    Place("/gdpr/erasure-status/{id}", kinds.ERASURE, ("404 ERASURE_REQUEST_NOT_FOUND",), _erasure),
)


def as_json(content: Any) -> bytes:
    """Write a body as it goes over the wire."""
    return json.dumps(content).encode()
