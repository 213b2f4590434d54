"""Biometric enrolment and proof over HTTP, field by field as the app reads them."""

from __future__ import annotations

from typing import Any

import pytest
from chalice.test import HTTPResponse

from tests.api.service import DEVICE, Service, minutes, refused, succeeded
from tests.rooms.biometric_phone import base64_of, draw_key, signed, spki

KEY = draw_key()


def _post(service: Service, token: str, call: str, **body: Any) -> HTTPResponse:
    return service.call("POST", f"/auth/biometric/{call}", body, token=token)


def _begun(service: Service, token: str) -> dict[str, Any]:
    body = {"biometric_type": "face_id", "device_id": DEVICE["app_installation_id"], "platform_info": {"os": "17"}}
    return succeeded(_post(service, token, "register", **body))


def _completed(service: Service, token: str, begun: dict[str, Any]) -> HTTPResponse:
    return _post(
        service,
        token,
        "complete",
        registration_id=begun["registration_id"],
        signed_challenge=signed(KEY, begun["challenge"]),
        biometric_public_key=spki(KEY),
        attestation_result=None,
    )


def _enrolled(service: Service, token: str) -> str:
    begun = _begun(service, token)
    succeeded(_completed(service, token, begun))
    registration_id: str = begun["registration_id"]
    return registration_id


def _challenge(service: Service, token: str, registration_id: str) -> str:
    asked = _post(service, token, "challenge", registration_id=registration_id, operation="data_export")
    challenge: str = succeeded(asked)["challenge"]
    return challenge


def _verified(service: Service, token: str, registration_id: str, challenge: str, signature: str) -> HTTPResponse:
    body = {"registration_id": registration_id, "biometric_signature": signature, "challenge": challenge}
    return _post(service, token, "verify", **body)


def test_a_phone_enrols_proves_itself_and_is_asked_again_in_its_next_session(service: Service) -> None:
    signed_in = service.sign_in()
    token = signed_in["access_token"]
    assert signed_in["session"]["biometric_required"] is False

    begun = _begun(service, token)
    assert set(begun) == {"success", "registration_id", "challenge", "challenge_expires_at", "biometric_type"}
    assert (begun["biometric_type"], begun["challenge_expires_at"]) == ("face", "2026-03-14T09:35:00Z")
    completed = succeeded(_completed(service, token, begun))
    assert completed == {"success": True, "registration_id": begun["registration_id"], "status": "completed"}

    again = service.sign_in()
    token = again["access_token"]
    assert again["session"]["biometric_required"] is True
    asked = succeeded(
        _post(service, token, "challenge", registration_id=begun["registration_id"], operation="purchase")
    )
    assert set(asked) == {"success", "registration_id", "challenge", "challenge_expires_at", "operation"}
    answer = _verified(service, token, begun["registration_id"], asked["challenge"], signed(KEY, asked["challenge"]))
    assert succeeded(answer) == {"success": True, "verified": True, "biometric_expires_at": "2026-03-21T09:30:00Z"}

    refreshed = service.call(
        "POST",
        "/auth/refresh",
        {"refresh_token": again["refresh_token"], "device_id": DEVICE["app_installation_id"]},
    )
    assert succeeded(refreshed)["session"]["biometric_required"] is False
    listed = succeeded(service.call("GET", "/auth/biometric/registrations", token=token))
    assert [one["status"] for one in listed["registrations"]] == ["completed"]
    assert spki(KEY) not in str(listed)


def test_refusals_of_an_enrolment_have_the_codes_of_the_contract(service: Service) -> None:
    token = service.sign_in()["access_token"]
    refused(_post(service, token, "register", biometric_type="face", device_id="phone-9"), 403, "DEVICE_NOT_FOUND")
    refused(_post(service, token, "register", biometric_type="iris", device_id="phone-1"), 400, "INVALID_REQUEST")
    begun = _begun(service, token)
    unknown = {**begun, "registration_id": "another"}
    refused(_completed(service, token, unknown), 404, "REGISTRATION_NOT_FOUND")
    refused(_completed(service, token, {**begun, "challenge": base64_of(bytes(32))}), 400, "INVALID_SIGNATURE")
    not_text = {"registration_id": begun["registration_id"], "signed_challenge": 5, "biometric_public_key": spki(KEY)}
    refused(_post(service, token, "complete", **not_text), 400, "INVALID_SIGNATURE")
    service.clock.advance(minutes(5))
    refused(_completed(service, token, begun), 400, "CHALLENGE_EXPIRED")
    begun = _begun(service, token)
    succeeded(_completed(service, token, begun))
    refused(_completed(service, token, begun), 400, "REGISTRATION_ALREADY_COMPLETED")


def test_five_wrong_proofs_lock_until_the_phone_enrols_anew(service: Service) -> None:
    token = service.sign_in()["access_token"]
    registration_id = _enrolled(service, token)
    challenge = _challenge(service, token, registration_id)
    wrong = signed(draw_key(), challenge)
    for _ in range(5):
        refused(_verified(service, token, registration_id, challenge, wrong), 401, "BIOMETRIC_VERIFICATION_FAILED")
    right = signed(KEY, challenge)
    refused(_verified(service, token, registration_id, challenge, right), 403, "BIOMETRIC_LOCKED")
    registration_id = _enrolled(service, token)
    challenge = _challenge(service, token, registration_id)
    assert succeeded(_verified(service, token, registration_id, challenge, signed(KEY, challenge)))["verified"] is True


def test_a_replay_is_refused(service: Service) -> None:
    token = service.sign_in()["access_token"]
    registration_id = _enrolled(service, token)
    challenge = _challenge(service, token, registration_id)
    signature = signed(KEY, challenge)
    succeeded(_verified(service, token, registration_id, challenge, signature))
    refused(_verified(service, token, registration_id, challenge, signature), 401, "BIOMETRIC_VERIFICATION_FAILED")


def test_somebody_elses_registration_is_the_same_404_as_none_at_all(service: Service) -> None:
    mine = _enrolled(service, service.sign_in()["access_token"])
    other = service.sign_in(claims={"sub": "somebody-else", "email": "grace@example.com"})["access_token"]
    answers = []
    for registration_id in (mine, "never-was"):
        error = refused(
            _post(service, other, "challenge", registration_id=registration_id), 404, "REGISTRATION_NOT_FOUND"
        )
        answers.append({**error, "correlation_id": None})
    assert answers[0] == answers[1]


def test_nothing_secret_is_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    token = service.sign_in()["access_token"]
    registration_id = _enrolled(service, token)
    challenge = _challenge(service, token, registration_id)
    signature = signed(KEY, challenge)
    succeeded(_verified(service, token, registration_id, challenge, signature))
    refused(_verified(service, token, registration_id, challenge, signature), 401, "BIOMETRIC_VERIFICATION_FAILED")
    written = str([vars(record) for record in caplog.records])
    assert "biometric_proved" in written
    for text in (challenge, signature, spki(KEY), token, DEVICE["app_installation_id"]):
        assert text not in written
