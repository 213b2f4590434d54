"""Consents over HTTP: shown, given, withdrawn, and in force at once, also for what is on its way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib.config import settings
from tests.api.scripted import Failing, in_place
from tests.api.service import SAMPLE, Service, minutes, refused, succeeded

PROCESSING = ["healthcare_consultation", "medical_disclaimers"]
OTHERS = ["terms_of_service", "privacy_policy", "emergency_care_limitation"]


def _put(service: Service, token: str, kind: str, **body: Any) -> HTTPResponse:
    return service.call("PUT", f"/user/consents/{kind}", body, token=token)


def _withdraw(service: Service, token: str, kind: str) -> dict[str, Any]:
    return succeeded(_put(service, token, kind, consent_given=False, consent_version="1.0"))


def _give(service: Service, token: str, kind: str) -> dict[str, Any]:
    return succeeded(_put(service, token, kind, consent_given=True, consent_version="1.0"))


def _used(service: Service, token: str) -> int:
    used: int = succeeded(service.call("GET", "/subscriptions/current", token=token))["usage"]["documents_processed"]
    return used


def _failed_for_consent(service: Service, token: str, job: dict[str, Any]) -> None:
    status = succeeded(service.call("GET", f"/api/v1/process/status/{job['job_id']}", token=token))
    assert status["status"] == "failed"
    answer = service.call("GET", f"/api/v1/process/result/{job['job_id']}", token=token)
    assert refused(answer, 409, "JOB_FAILED")["details"]["error_code"] == "CONSENT_REQUIRED"


def test_all_five_are_shown_and_no_history_unless_asked_for(service: Service) -> None:
    token = service.sign_in()["access_token"]
    body = succeeded(service.call("GET", "/user/consents", token=token))
    assert set(body) == {"success", "consents"}
    assert set(body["consents"]) == {*PROCESSING, *OTHERS}
    for consent in body["consents"].values():
        assert consent == {
            "consent_given": True,
            "consent_version": "1.0",
            "consent_method": "bundled_consent",
            "ui_checkbox_group": None,
            "created_at": "2026-03-14T09:30:00Z",
            "updated_at": "2026-03-14T09:30:00Z",
            "withdrawn_at": None,
        }


def test_the_history_is_shown_when_asked_for(service: Service) -> None:
    token = service.sign_in()["access_token"]
    service.clock.advance(minutes(1))
    _withdraw(service, token, "privacy_policy")
    body = succeeded(service.call("GET", "/user/consents?history=true", token=token))
    assert [entry["sequence"] for entry in body["history"]] == [6, 5, 4, 3, 2, 1]
    newest = body["history"][0]
    assert (newest["consent_type"], newest["consent_given"], newest["source"]) == ("privacy_policy", False, "settings")
    assert newest["changed_at"] == "2026-03-14T09:31:00Z"
    assert newest["previous_hash"] == body["history"][1]["entry_hash"]
    assert body["next_cursor"] is None
    older = succeeded(
        service.call("GET", "/user/consents?history=true&cursor=2026-03-14T09:30:00.000000Z%2300000003", token=token)
    )
    assert [entry["sequence"] for entry in older["history"]] == [2, 1]
    refused(service.call("GET", "/user/consents?history=true&cursor=x", token=token), 400, "INVALID_CURSOR")


@pytest.mark.parametrize("kind", PROCESSING)
def test_a_withdrawn_processing_consent_stops_uploads_at_once_and_until_it_is_given_again(
    service: Service, kind: str
) -> None:
    token = service.sign_in()["access_token"]
    view = _withdraw(service, token, kind)["consents"][kind]
    assert (view["consent_given"], view["withdrawn_at"]) == (False, "2026-03-14T09:30:00Z")
    error = refused(service.upload_answer(token, SAMPLE.read_bytes()), 403, "CONSENT_REQUIRED")
    assert error["details"]["missing_consents"] == [kind]
    form = {"file_type": "pdf", "file_size": 1000}
    refused(service.call("POST", "/api/v1/process/upload-url", form, token=token), 403, "CONSENT_REQUIRED")
    assert _used(service, token) == 0

    _give(service, token, kind)
    service.upload(token, SAMPLE.read_bytes())
    assert _used(service, token) == 1


@pytest.mark.parametrize("kind", OTHERS)
def test_another_withdrawn_consent_stops_no_upload(service: Service, kind: str) -> None:
    token = service.sign_in()["access_token"]
    _withdraw(service, token, kind)
    service.upload(token, SAMPLE.read_bytes())


@pytest.mark.parametrize("kind", PROCESSING)
def test_a_document_that_waits_is_not_analysed_once_its_owner_withdrew_and_costs_nothing(
    service: Service, kind: str
) -> None:
    token = service.sign_in()["access_token"]
    job = service.upload(token, SAMPLE.read_bytes())
    assert _used(service, token) == 1
    _withdraw(service, token, kind)
    with in_place(Failing(lambda _: AssertionError("nothing may be analysed"))) as analyst:
        assert service.deliver_uploads() == 1

    _failed_for_consent(service, token, job)
    assert analyst.calls == 0
    assert _used(service, token) == 0


def test_a_document_that_waits_for_another_try_is_not_analysed_either(service: Service) -> None:
    signed_in = service.sign_in()
    token = signed_in["access_token"]
    job = service.upload(token, SAMPLE.read_bytes())
    with in_place(Failing(lambda _: RuntimeError("not now"))) as analyst:
        service.deliver_uploads()
        assert analyst.calls == 1
        _withdraw(service, token, "healthcare_consultation")
        service.clock.advance(minutes(1))
        message = json.dumps({"user_id": signed_in["user"]["id"], "job_id": job["job_id"], "retry": 1})
        event = service.client.events.generate_sqs_event([message], settings().retries_queue)
        service.client.lambda_.invoke("retry_analysis", event)

    _failed_for_consent(service, token, job)
    assert analyst.calls == 1
    assert _used(service, token) == 0


def test_the_disclaimer_has_two_names(service: Service) -> None:
    token = service.sign_in()["access_token"]
    consents = _withdraw(service, token, "medical_disclaimer")["consents"]
    assert consents["medical_disclaimers"]["consent_given"] is False


@pytest.mark.parametrize("kind", ["marketing", "PRIVACY_POLICY", "privacy_policy%20", "user_id"])
def test_another_type_is_refused(service: Service, kind: str) -> None:
    token = service.sign_in()["access_token"]
    answer = _put(service, token, kind, consent_given=True, consent_version="1.0")
    assert len(refused(answer, 400, "INVALID_CONSENT_TYPE")["details"]["consent_types"]) == 5


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"consent_given": "true", "consent_version": "1"},
        {"consent_given": 1, "consent_version": "1"},
        {"consent_given": True},
        {"consent_given": True, "consent_version": ""},
        {"consent_given": True, "consent_version": 2},
        {"consent_given": True, "consent_version": "x" * 51},
        {"consent_given": True, "consent_version": "1", "consent_method": "x" * 21},
        {"consent_given": True, "consent_version": "1", "ui_checkbox_group": -1},
    ],
)
def test_a_choice_that_is_none_is_refused_and_changes_nothing(service: Service, body: dict[str, Any]) -> None:
    token = service.sign_in()["access_token"]
    refused(_put(service, token, "privacy_policy", **body), 400, "INVALID_REQUEST")
    history = succeeded(service.call("GET", "/user/consents?history=true", token=token))["history"]
    assert len(history) == 5


def test_fields_that_are_not_the_callers_are_not_taken(service: Service) -> None:
    token = service.sign_in()["access_token"]
    extra = {"created_at": "2001-01-01T00:00:00Z", "user_id": "x", "account_status": "deleted", "PK": "USER#x"}
    body = succeeded(_put(service, token, "privacy_policy", consent_given=True, consent_version="2", **extra))
    assert body["consents"]["privacy_policy"]["created_at"] == "2026-03-14T09:30:00Z"
    profile = succeeded(service.call("GET", "/user/profile", token=token))
    assert profile["user"]["account_status"] == "active"


def test_consents_are_the_callers_alone(service: Service) -> None:
    one = service.sign_in(claims={"sub": "one", "email": "one@example.org"})["access_token"]
    other = service.sign_in(claims={"sub": "other", "email": "other@example.org"})["access_token"]
    _withdraw(service, one, "privacy_policy")
    consents = succeeded(service.call("GET", "/user/consents?history=true", token=other))
    assert consents["consents"]["privacy_policy"]["consent_given"] is True
    assert len(consents["history"]) == 5
