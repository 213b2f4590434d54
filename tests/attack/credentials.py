"""Everything that opens something in this service, genuine and of somebody else: to be tried where it opens nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib import config, wiring
from chalicelib.identity.keys import Purpose, TokenKey
from tests.attack.battlefield import PRESIGNED, Battlefield
from tests.rooms.biometric_phone import signed, spki


def signing_key() -> TokenKey:
    """The key that signs the stage's own tokens."""
    return wiring.rooms().token_keys.current()


def secrets_of_other_purposes() -> Mapping[str, bytes]:
    """Keys that are ours and not for access tokens."""
    key = signing_key()
    others = {f"the key for {purpose}": key.derived(purpose) for purpose in Purpose if purpose is not Purpose.ACCESS}
    return {**others, "the secret that all keys are derived from": key.secret}


@dataclass(frozen=True, slots=True)
class Credential:
    """Something genuine, and the place that it is meant for."""

    name: str
    value: str
    opens: str


ACCESS, REFRESH, SIGN_IN_GOOGLE, SIGN_IN_APPLE = "access", "refresh", "google", "apple"
NOTICE_OF_APPLE, NOTICES, PROOF, CURSOR, PURCHASE, ERASURE, ELSEWHERE = (
    "notice of Apple", "notices", "proof", "cursor", "purchase", "erasure", "elsewhere",
)  # fmt: skip


def genuine(field: Battlefield) -> list[Credential]:
    """Return one of every kind, all of Ada, all good at this moment."""
    ada, service = field.ada, field.service
    registration, (apple, google) = ada.has["registration"], _notices(field)
    challenge = field.challenge(ada, registration)
    form = field.do("POST", "/api/v1/process/upload-url", PRESIGNED, by=ada)["upload"]["fields"]
    now = int(service.clock.now().timestamp())
    claims = {"iat": now, "exp": now + 3600}
    return [
        Credential("an access token", field.token(ada), ACCESS),
        Credential("a refresh token", ada.refresh_token, REFRESH),
        Credential("an ID token of Google", service.id_token("google", email="ada@google.example"), SIGN_IN_GOOGLE),
        Credential("an ID token of Apple", service.id_token("apple", email="ada@apple.example"), SIGN_IN_APPLE),
        Credential("a notification that Apple signed about an identity", _identity(field, claims), NOTICE_OF_APPLE),
        Credential("a notification that the App Store signed", apple, NOTICES),
        Credential("a token with which Google pushes", google.removeprefix("Bearer "), NOTICES),
        Credential("a transaction that the App Store signed", _transaction(field), PURCHASE),
        Credential("a biometric challenge", challenge, PROOF),
        Credential("a signature of a biometric key", signed(ada.key, challenge), PROOF),
        Credential("a biometric public key", spki(ada.key), PROOF),
        Credential("a biometric registration", registration, PROOF),
        Credential("the signature of a presigned form", form["x-amz-signature"], ELSEWHERE),
        Credential("the policy of a presigned form", form["policy"], ELSEWHERE),
        Credential("a cursor of jobs", ada.has["cursor of jobs"], CURSOR),
        Credential("a cursor of payments", ada.has["cursor of payments"], CURSOR),
        Credential("a session's id", ada.session_id, ELSEWHERE),
        Credential("a person's id", ada.user_id, ELSEWHERE),
        Credential("the id of the key that signs", signing_key().kid, ELSEWHERE),
        Credential("the name of the secret with the keys", config.settings().token_keys_secret, ELSEWHERE),
    ]


def _identity(field: Battlefield, claims: Mapping[str, int]) -> str:
    provider = field.service.provider
    told = json.dumps({"type": "email-enabled", "sub": "nobody", "event_time": claims["iat"] * 1000})
    audience = config.settings().apple.audiences[0]
    whole = {"iss": provider.issuer("apple"), "aud": audience, "jti": "one", "events": told, **claims}
    return provider.sign("apple", whole)


def _notices(field: Battlefield) -> tuple[str, str]:
    _, (apple, *_) = field.sell(field.apple, None)
    _, (google, *_) = field.sell(field.google, None)
    return str(json.loads(apple.body)["signedPayload"]), google.headers["authorization"]


def _transaction(field: Battlefield) -> str:
    return field.apple.signed_transaction(field.ada.has["subscription"])
