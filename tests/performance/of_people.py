"""Requests of identity and privacy, to be counted."""

from __future__ import annotations

from typing import Any, Final

from tests.api.service import DEVICE, succeeded
from tests.performance.world import Act, Case, Prepare, World
from tests.rooms.biometric_phone import draw_key, signed, spki

PHONE: Final = DEVICE["app_installation_id"]
KEY: Final = draw_key()
WISH: Final = {"confirmation_text": "DELETE"}
SIGN_IN: Final = "POST /auth/oauth-onboarding"
REFRESH: Final = "POST /auth/refresh"


def signed_in(method: str, path: str, body: Any = None, *, status: int = 200) -> Prepare:
    """Somebody signed in asks this."""

    def prepare(world: World) -> Act:
        return world.asks(method, path, body, token=world.person().token, status=status)

    return prepare


def _new_person(world: World) -> Act:
    world.person()  # The provider's keys are read once in a process.
    return lambda: world.service.sign_in(claims={"sub": "person-new", "email": "person-new@example.com"})


def _known_person(world: World) -> Act:
    one = world.person()
    return lambda: world.service.sign_in(claims=one.claims)


def _known_on_another_phone(world: World) -> Act:
    one = world.person()
    other = {**DEVICE, "app_installation_id": "phone-2"}
    return lambda: world.service.sign_in(claims=one.claims, device_info=other)


def _twice_in_a_minute(world: World) -> Act:
    one = world.person()
    world.service.sign_in(claims=one.claims)
    return lambda: world.service.sign_in(claims=one.claims)


def _three_times_in_a_minute(world: World) -> Act:
    act = _twice_in_a_minute(world)
    act()
    return act


def _with_apple(world: World) -> Act:
    code = world.service.provider.apple_tokens.draw_code()
    world.service.sign_in("apple", apple_authorization_code=code)
    again = world.service.provider.apple_tokens.draw_code()
    return lambda: world.service.sign_in("apple", apple_authorization_code=again)


def _moved_address(world: World) -> Act:
    one = world.person()
    return lambda: world.service.sign_in(claims={**one.claims, "email": "person-moved@example.com"})


def _forged(world: World) -> Act:
    body = {"provider": "google", "id_token": world.service.id_token("google", aud="another"), "device_info": DEVICE}
    return world.asks("POST", "/auth/oauth-onboarding", body, status=401)


def _refresh(world: World) -> Act:
    return world.asks("POST", "/auth/refresh", {"refresh_token": world.person().refresh_token, "device_id": PHONE})


def _refresh_again(world: World) -> Act:
    body = {"refresh_token": world.person().refresh_token, "device_id": PHONE}
    world.ask("POST", "/auth/refresh", body)
    return world.asks("POST", "/auth/refresh", body)


def _refresh_three_times_in_a_minute(world: World) -> Act:
    body = {"refresh_token": world.person().refresh_token, "device_id": PHONE}
    for _ in range(2):
        body["refresh_token"] = world.ask("POST", "/auth/refresh", body)["refresh_token"]
    return world.asks("POST", "/auth/refresh", body)


def _refresh_with_garbage(world: World) -> Act:
    return world.asks("POST", "/auth/refresh", {"refresh_token": "garbage", "device_id": PHONE}, status=401)


def _refresh_replaced(world: World) -> Act:
    one = world.person()
    world.service.sign_in(claims=one.claims)
    return world.asks("POST", "/auth/refresh", {"refresh_token": one.refresh_token, "device_id": PHONE}, status=401)


def _profile_eleven_times(world: World) -> Act:
    one = world.person()
    return lambda: [world.ask("GET", "/user/profile", token=one.token) for _ in range(11)]


def _profile_without_token(world: World) -> Act:
    return world.asks("GET", "/user/profile", token="garbage", status=401)  # no secret


def _sign_out_again(world: World) -> Act:
    one = world.person()
    world.ask("POST", "/auth/logout", {}, token=one.token)
    return world.asks("POST", "/auth/logout", {}, token=one.token)


def _begun(world: World, token: str) -> dict[str, Any]:
    body = {"biometric_type": "face_id", "device_id": PHONE}
    return succeeded(world.service.call("POST", "/auth/biometric/register", body, token=token))


def _completion(begun: dict[str, Any]) -> dict[str, Any]:
    proof = signed(KEY, begun["challenge"])
    return {
        "registration_id": begun["registration_id"], "signed_challenge": proof, "biometric_public_key": spki(KEY),
    }  # fmt: skip


def _register(world: World) -> Act:
    token = world.person().token
    return lambda: _begun(world, token)


def _complete(world: World) -> Act:
    token = world.person().token
    return world.asks("POST", "/auth/biometric/complete", _completion(_begun(world, token)), token=token)


def _enrolled(world: World) -> tuple[str, str]:
    token = world.person().token
    begun = _begun(world, token)
    world.ask("POST", "/auth/biometric/complete", _completion(begun), token=token)
    return token, str(begun["registration_id"])


def _challenge(world: World) -> Act:
    token, registration = _enrolled(world)
    return world.asks("POST", "/auth/biometric/challenge", {"registration_id": registration}, token=token)


def _verify(world: World) -> Act:
    token, registration = _enrolled(world)
    asked = world.ask("POST", "/auth/biometric/challenge", {"registration_id": registration}, token=token)
    proof = {"challenge": asked["challenge"], "biometric_signature": signed(KEY, asked["challenge"])}
    return world.asks("POST", "/auth/biometric/verify", {"registration_id": registration, **proof}, token=token)


def _registrations(world: World) -> Act:
    token, _ = _enrolled(world)
    return world.asks("GET", "/auth/biometric/registrations", token=token)


def _apple_notice(world: World) -> Act:
    code = world.service.provider.apple_tokens.draw_code()
    world.service.sign_in("apple", apple_authorization_code=code)
    world.service.clock.advance(world.settings.rules.access_token_life)
    sub = world.service.provider.claims("apple")["sub"]
    notice = world.service.provider.notice(type="consent-revoked", sub=sub)
    return world.asks("POST", "/webhooks/apple-identity", {"payload": notice})


def _apple_notice_of_nobody(world: World) -> Act:
    notice = world.service.provider.notice(type="consent-revoked", sub="nobody")
    return world.asks("POST", "/webhooks/apple-identity", {"payload": notice})


def _erasure_status(world: World) -> Act:
    asked = world.ask("POST", "/gdpr/erasure-request", WISH, token=world.person().token)
    return world.asks("GET", f"/gdpr/erasure-status/{asked['erasure_request_id']}")


def _export_with_a_document(world: World) -> Act:
    one = world.person()
    world.analysed(one)
    return world.asks("GET", "/gdpr/export", token=one.token)


CONSENT: Final = {"consent_given": False, "consent_version": "1.0"}

CASES: Final = (
    Case(SIGN_IN, "somebody known", _known_person),
    Case(SIGN_IN, "somebody known, on another phone", _known_on_another_phone),
    Case(SIGN_IN, "somebody known, whose address changed", _moved_address),
    Case(SIGN_IN, "somebody known, the second one of an address within a minute", _twice_in_a_minute, True),
    Case(SIGN_IN, "somebody known, the third one of an address within a minute", _three_times_in_a_minute, True),
    Case(SIGN_IN, "somebody known, with Apple's code; the key of its grants is due", _with_apple),
    Case(SIGN_IN, "somebody new", _new_person),
    Case(SIGN_IN, "a token that was not made for us", _forged),
    Case(REFRESH, "usual", _refresh),
    Case(REFRESH, "again, because the answer was lost", _refresh_again),
    Case(REFRESH, "the third one of an address within a minute", _refresh_three_times_in_a_minute, True),
    Case(REFRESH, "no token of ours", _refresh_with_garbage),
    Case(REFRESH, "of a session that was replaced", _refresh_replaced),
    Case("POST /auth/logout", "usual", signed_in("POST", "/auth/logout", {})),
    Case("POST /auth/logout", "again", _sign_out_again),
    Case("POST /auth/biometric/register", "usual", _register),
    Case("POST /auth/biometric/complete", "usual", _complete),
    Case("POST /auth/biometric/challenge", "usual", _challenge),
    Case("POST /auth/biometric/verify", "usual", _verify),
    Case("GET /auth/biometric/registrations", "usual", _registrations),
    Case("POST /webhooks/apple-identity", "somebody left at Apple", _apple_notice),
    Case("POST /webhooks/apple-identity", "somebody we do not know", _apple_notice_of_nobody),
    Case("GET /user/profile", "usual", signed_in("GET", "/user/profile")),
    Case(
        "GET /user/profile", "the first one of a minute in a process", signed_in("GET", "/user/profile"),
        is_first_of_process=True,
    ),
    Case("GET /user/profile", "eleven times within a minute", _profile_eleven_times),
    Case("GET /user/profile", "a token that was never good", _profile_without_token),
    Case("PUT /user/profile", "usual", signed_in("PUT", "/user/profile", {"name": "Ada"})),
    Case("GET /user/device", "usual", signed_in("GET", "/user/device")),
    Case("PUT /user/device", "usual", signed_in("PUT", "/user/device", {"model": "iPhone 17"})),
    Case("GET /user/consents", "usual", signed_in("GET", "/user/consents")),
    Case("GET /user/consents", "with their history", signed_in("GET", "/user/consents?history=true")),
    Case("PUT /user/consents/{consent_type}", "usual", signed_in("PUT", "/user/consents/privacy_policy", CONSENT)),
    Case("GET /gdpr/export", "nothing uploaded", signed_in("GET", "/gdpr/export")),
    Case("GET /gdpr/export", "a document and its result", _export_with_a_document),
    Case("POST /gdpr/erasure-request", "usual", signed_in("POST", "/gdpr/erasure-request", WISH)),
    Case("GET /gdpr/erasure-status/{id}", "usual", _erasure_status),
    Case(
        "GET /gdpr/erasure-status/{id}", "unknown id", lambda world: world.asks(
            "GET", "/gdpr/erasure-status/6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11", status=404
        ),
    ),
)  # fmt: skip
