"""Every guarded route, with a token that still verifies: a session that ended is 401, a closed account 403, at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from chalice.test import HTTPResponse
from urllib3.filepost import encode_multipart_formdata

import app as page
from chalicelib.models.states import AccountStatus
from chalicelib.stores.users import Users
from tests.api.service import DEVICE, Service, refused, succeeded
from tests.rooms.identity_questions import counted

JOB = "result_6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11"


def _picture() -> bytes:
    from PIL import Image

    written = BytesIO()
    Image.new("L", (64, 64), 255).save(written, "PNG")
    return written.getvalue()


PICTURE = _picture()


@dataclass(frozen=True)
class Good:
    """A request that a route accepts, as far as its form goes, from somebody who may make it."""

    path: dict[str, str] = field(default_factory=dict)
    body: Any = None
    form: dict[str, Any] | None = None


REGISTRATION = {"registration_id": "6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11"}
REQUESTS: dict[str, Good] = {
    "POST /auth/biometric/register": Good(
        body={"biometric_type": "face", "device_id": DEVICE["app_installation_id"]},
    ),
    "POST /auth/biometric/complete": Good(
        body={**REGISTRATION, "signed_challenge": "AA==", "biometric_public_key": "AA=="},
    ),
    "POST /auth/biometric/challenge": Good(body=REGISTRATION),
    "POST /auth/biometric/verify": Good(body={**REGISTRATION, "biometric_signature": "AA==", "challenge": "AA=="}),
    "GET /auth/biometric/registrations": Good(),
    "GET /user/profile": Good(),
    "PUT /user/profile": Good(body={"name": "Ada"}),
    "GET /user/device": Good(),
    "PUT /user/device": Good(body={"model": "iPhone 17"}),
    "GET /user/consents": Good(),
    "PUT /user/consents/{consent_type}": Good(
        path={"consent_type": "healthcare_consultation"}, body={"consent_given": True, "consent_version": "1.0"}
    ),
    "POST /api/v1/process/upload": Good(
        form={
            "file": ("report.png", PICTURE, "image/png"),
            "file_type": "png",
            "file_size": str(len(PICTURE)),
            "upload_timestamp": "2026-03-14T09:30:00Z",
        },
    ),
    "POST /api/v1/process/upload-url": Good(body={"file_type": "pdf", "file_size": 1000}),
    "GET /api/v1/process/jobs": Good(),
    "GET /api/v1/process/status/{job_id}": Good(path={"job_id": JOB}),
    "GET /api/v1/process/result/{job_id}": Good(path={"job_id": JOB}),
    "POST /api/v1/process/retry/{job_id}": Good(path={"job_id": JOB}),
    "POST /api/v1/process/doctor-report": Good(body={"health_data": {"glucose": {"value": 5.1, "unit": "mmol/L"}}}),
    "DELETE /api/v1/process/cleanup/{job_id}": Good(path={"job_id": JOB}),
    "POST /chat/messages": Good(body={"conversation_id": "c", "message": "What is ferritin?"}),
    "POST /api/v1/chat/messages": Good(body={"content_id": "c", "message": "What is ferritin?"}),
    "GET /api/v1/chat/jobs/{job_id}/status": Good(path={"job_id": f"chat_{JOB.removeprefix('result_')}"}),
    "GET /chat/conversations/{content_id}": Good(path={"content_id": "c"}),
    "GET /subscriptions/current": Good(),
    "DELETE /subscriptions/current": Good(body={}),
    "GET /subscriptions/usage": Good(),
    "POST /subscriptions/purchases": Good(body={"provider": "apple", "signed_transaction": "x.y.z"}),
    "POST /subscriptions/checkout": Good(body={"plan_id": "premium_monthly"}),
    "GET /payments": Good(),
    "GET /gdpr/export": Good(),
    "POST /gdpr/erasure-request": Good(body={"confirmation_text": "DELETE"}),
}
"""By route. A guarded route that is not here fails `test_every_guarded_route_is_tried`."""

ALWAYS_ANSWERED = {"POST /auth/logout", "GET /chat/prompts"}
"""Signing out twice is fine, and so is signing out of an account that was closed. The prepared questions are the same
for everybody: a token that verifies is enough, and nobody is asked whose session lives."""


def _call(service: Service, route: str, token: str) -> HTTPResponse:
    method, path = route.split(" ")
    good = REQUESTS[route]
    for name, value in good.path.items():
        path = path.replace(f"{{{name}}}", value)
    if good.form is None:
        return service.call(method, path, good.body, token=token)
    content, content_type = encode_multipart_formdata(good.form)
    return service.call(method, path, content, token=token, headers={"Content-Type": content_type})


def _everything(service: Service, token: str) -> dict[str, tuple[int, str | None]]:
    """Make every call; return status and error code by route."""
    answers = {route: _call(service, route, token) for route in REQUESTS}
    return {
        route: (answer.status_code, (answer.json_body.get("error") or {}).get("code"))
        for route, answer in answers.items()
    }


def _signed_in_elsewhere(service: Service, _: dict[str, Any]) -> None:
    service.sign_in(device_info={**DEVICE, "app_installation_id": "phone-2"})


def _signed_out(service: Service, signed_in: dict[str, Any]) -> None:
    succeeded(service.call("POST", "/auth/logout", {}, token=signed_in["access_token"]))


def _signed_out_everywhere(service: Service, signed_in: dict[str, Any]) -> None:
    _signed_in_elsewhere(service, signed_in)
    again = service.sign_in()
    succeeded(service.call("POST", "/auth/logout", {"logout_all_devices": True}, token=again["access_token"]))


def _gone(_: Service, signed_in: dict[str, Any]) -> None:
    user = Users().by_id(signed_in["user"]["id"])
    assert user is not None
    user.delete()


def _closed(status: AccountStatus) -> Callable[[Service, dict[str, Any]], None]:
    def close(_: Service, signed_in: dict[str, Any]) -> None:
        user = Users().by_id(signed_in["user"]["id"])
        assert user is not None
        user.data.account_status = status
        user.save()

    return close


def test_every_guarded_route_is_tried() -> None:
    guarded = {f"{one.method} {one.paths[0]}" for one in page.api.endpoints if not one.guard.is_public}

    assert guarded == set(REQUESTS) | ALWAYS_ANSWERED


def test_the_requests_are_good_ones(service: Service) -> None:
    """So that what is refused below is refused for the session, not for its form. The erasure goes last: it closes."""
    answers = _everything(service, service.sign_in()["access_token"])

    assert {status for status, _ in answers.values()} <= {200, 202, 400, 404, 409}
    assert not {code for _, code in answers.values()} & {"SESSION_REVOKED", "ACCOUNT_SUSPENDED", "INVALID_REQUEST"}
    assert next(reversed(answers)) == "POST /gdpr/erasure-request"


@pytest.mark.parametrize("end", [_signed_in_elsewhere, _signed_out, _signed_out_everywhere])
def test_a_session_that_ended_is_refused_by_every_guarded_route(
    service: Service, end: Callable[[Service, dict[str, Any]], None]
) -> None:
    signed_in = service.sign_in()
    end(service, signed_in)
    answers = _everything(service, signed_in["access_token"])

    assert answers == dict.fromkeys(REQUESTS, (401, "SESSION_REVOKED"))


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.DEACTIVATED, AccountStatus.DELETED])
def test_an_account_that_was_closed_is_refused_by_every_guarded_route(service: Service, status: AccountStatus) -> None:
    signed_in = service.sign_in()
    _closed(status)(service, signed_in)
    answers = _everything(service, signed_in["access_token"])

    assert answers == dict.fromkeys(REQUESTS, (403, "ACCOUNT_SUSPENDED"))


def test_the_token_of_somebody_who_is_gone_opens_nothing(service: Service) -> None:
    signed_in = service.sign_in()
    _gone(service, signed_in)
    answers = _everything(service, signed_in["access_token"])

    assert {status for status, _ in answers.values()} <= {401, 404}
    assert service.count("USER#") == 5  # what the ledger of consents keeps; nothing came back


@pytest.mark.parametrize("close", [_signed_out, _closed(AccountStatus.SUSPENDED)], ids=["signed out", "suspended"])
def test_signing_out_is_always_answered(service: Service, close: Callable[[Service, dict[str, Any]], None]) -> None:
    signed_in = service.sign_in()
    close(service, signed_in)

    succeeded(service.call("POST", "/auth/logout", {}, token=signed_in["access_token"]))


@pytest.mark.parametrize("end", [_signed_out, _gone, _closed(AccountStatus.SUSPENDED)], ids=["out", "gone", "closed"])
def test_prepared_questions_need_a_good_token_and_no_question_to_the_table(
    service: Service, end: Callable[[Service, dict[str, Any]], None]
) -> None:
    signed_in = service.sign_in()
    end(service, signed_in)
    path = "/chat/prompts?content_type=result"
    with counted() as asked:
        succeeded(service.call("GET", path, token=signed_in["access_token"]))
        refused(service.call("GET", path), 401, "MISSING_TOKEN")
        refused(service.call("GET", path, token=signed_in["access_token"][:-4] + "AAAA"), 401, "INVALID_TOKEN")
    assert asked == []
