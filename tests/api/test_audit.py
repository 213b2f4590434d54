"""The audit trail over HTTP: each act that matters to security leaves its line, and the line says enough."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from chalice.local import LambdaEventConverter

from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus
from chalicelib.observe.audit import hashed
from chalicelib.stores.users import Users
from tests.api.service import DEVICE, Service, minutes, refused, succeeded
from tests.api.witness import Witness, watching


@pytest.fixture
def witness(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Witness]:
    monkeypatch.setattr(LambdaEventConverter, "LOCAL_SOURCE_IP", "203.0.113.77")
    with watching() as found:
        yield found


def _lines(witness: Witness, *events: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in witness.seen]
    return [line for line in lines if line.get("kind") == "audit" and (not events or line["event"] in events)]


def _user(user_id: str) -> UserItem:
    user = Users().by_id(user_id)
    assert user is not None
    return user


def _refresh(service: Service, token: str) -> Any:
    return service.call("POST", "/auth/refresh", {"refresh_token": token, "device_id": DEVICE["app_installation_id"]})


def test_a_line_says_who_where_and_in_which_request(service: Service, witness: Witness) -> None:
    answer = service.sign_in_answer()
    user = succeeded(answer)["user"]
    lines = _lines(witness)
    assert [line["event"] for line in lines] == ["signed_up", *["consent_given"] * 5]
    for line in lines:
        assert line["user"] == hashed(user["id"])
        assert line["address"] == "203.0.113.0/24"
        assert line["correlation_id"] == answer.headers["X-Request-ID"]
    assert lines[0]["provider"] == "google"


def test_a_known_person_signs_in_and_replaces_a_session(service: Service, witness: Witness) -> None:
    first = service.sign_in()
    second = service.sign_in()
    [signed_in, replaced] = _lines(witness, "signed_in", "session_replaced")
    assert signed_in["session_id"] == replaced["session_id"] == second["session"]["session_id"]
    assert replaced["replaced_session_id"] == first["session"]["session_id"]
    assert {line["user"] for line in (signed_in, replaced)} == {hashed(first["user"]["id"])}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"device_info": {}}, "INVALID_REQUEST"),
        ({"id_token": "x.y.z"}, "INVALID_TOKEN"),
        ({"id_token": None}, "MISSING_AUTH_TOKEN"),
        ({"consent_acknowledgments": {}}, "MISSING_CONSENT"),
    ],
)
def test_a_refused_sign_in_says_why(service: Service, witness: Witness, change: dict[str, Any], cause: str) -> None:
    refused(service.sign_in_answer(**change), 401 if cause == "INVALID_TOKEN" else 400, cause)
    [line] = _lines(witness)
    assert (line["event"], line["cause"], line["user"], line["address"]) == (
        "sign_in_refused",
        cause,
        None,
        "203.0.113.0/24",
    )


def test_refreshes_and_the_theft_of_a_token(service: Service, witness: Witness) -> None:
    signed_in = service.sign_in()
    tokens = [signed_in["refresh_token"]]
    for _ in range(2):
        tokens.append(succeeded(_refresh(service, tokens[-1]))["refresh_token"])
    refused(_refresh(service, tokens[0]), 401, "REFRESH_TOKEN_REUSED")
    refused(_refresh(service, "garbage"), 401, "INVALID_REFRESH_TOKEN")

    lines = _lines(witness, "session_refreshed", "refresh_token_reused", "refresh_refused")
    known, nobody = hashed(signed_in["user"]["id"]), None
    assert [(line["event"], line["user"]) for line in lines] == [
        ("session_refreshed", known),
        ("session_refreshed", known),
        ("refresh_token_reused", known),
        ("refresh_refused", known),
        ("refresh_refused", nobody),
    ]
    reused = lines[2]
    assert (reused["cause"], reused["generation"], reused["generations_behind"]) == ("older_than_the_parent", 0, 2)
    assert reused["levelname"] == "WARNING"
    assert [line["cause"] for line in lines[3:]] == ["REFRESH_TOKEN_REUSED", "INVALID_REFRESH_TOKEN"]


def test_signing_out_and_what_the_token_is_worth_then(service: Service, witness: Witness) -> None:
    signed_in = service.sign_in()
    token = signed_in["access_token"]
    for _ in range(2):
        succeeded(service.call("POST", "/auth/logout", {"logout_all_devices": True}, token=token))
    refused(service.call("GET", "/user/profile", token=token), 401, "SESSION_REVOKED")
    [out, access] = _lines(witness, "signed_out", "access_refused")
    assert (out["event"], out["is_everywhere"], out["user"]) == ("signed_out", True, hashed(signed_in["user"]["id"]))
    assert (access["cause"], access["route"], access["user"]) == ("SESSION_REVOKED", "show_profile", out["user"])


def test_a_token_that_is_none_is_refused_as_nobodys(service: Service, witness: Witness) -> None:
    service.call("GET", "/user/profile")
    service.call("GET", "/user/profile", token="forged")
    lines = _lines(witness)
    assert [(line["event"], line["user"]) for line in lines] == [("access_refused", None)] * 2
    assert [line["cause"] for line in lines] == ["MISSING_TOKEN", "INVALID_TOKEN"]


def test_a_suspended_account_is_refused_everywhere_and_noticed(service: Service, witness: Witness) -> None:
    signed_in = service.sign_in()
    user = _user(signed_in["user"]["id"])
    user.data.account_status = AccountStatus.SUSPENDED
    user.save()
    refused(service.call("GET", "/user/profile", token=signed_in["access_token"]), 403, "ACCOUNT_SUSPENDED")
    refused(service.sign_in_answer(), 403, "ACCOUNT_SUSPENDED")
    refused(_refresh(service, signed_in["refresh_token"]), 403, "ACCOUNT_SUSPENDED")
    lines = _lines(witness, "account_refused")
    assert [line["route"] for line in lines] == ["show_profile", "sign_in", "refresh_session"]
    assert {line["user"] for line in lines} == {hashed(user.data.id)}
    assert {line["levelname"] for line in lines} == {"WARNING"}


def test_a_consent_that_is_missing_is_a_refusal(service: Service, witness: Witness) -> None:
    token = service.sign_in()["access_token"]
    withdrawal = {"consent_given": False}
    succeeded(service.call("PUT", "/user/consents/healthcare_consultation", withdrawal, token=token))
    refused(service.upload_answer(token, b"%PDF-1.7\n%%EOF"), 403, "CONSENT_REQUIRED")
    [withdrawn, refusal] = _lines(witness, "consent_withdrawn", "access_refused")
    assert (withdrawn["consent_type"], withdrawn["sequence"]) == ("healthcare_consultation", 6)
    assert (refusal["route"], refusal["cause"]) == ("upload_document", "CONSENT_REQUIRED")


def test_a_limit_that_is_reached_is_noticed(service: Service, witness: Witness) -> None:
    answers = [_refresh(service, "garbage").status_code for _ in range(12)]
    assert 429 in answers
    line = _lines(witness, "limit_reached")[0]
    assert (line["route"], line["limit"]) == ("refresh_session", "refresh")


def test_a_new_name_is_noticed_without_the_name(service: Service, witness: Witness) -> None:
    token = service.sign_in()["access_token"]
    succeeded(service.call("PUT", "/user/profile", {"name": "Somebody Else"}, token=token))
    [line] = _lines(witness, "profile_renamed")
    assert line["fields"] == ["name"]
    assert "Somebody" not in str(line)


def test_an_event_leaves_no_address_of_the_request_before(service: Service, witness: Witness) -> None:
    token = service.sign_in()["access_token"]
    succeeded(service.call("POST", "/gdpr/erasure-request", {"confirmation_text": "DELETE"}, token=token))
    from chalicelib.config import settings

    for _ in range(12):
        service.deliver_messages(settings().erasures_queue, "carry_erasure_on")
        service.clock.advance(minutes(15))
        service.tick("sweep_erasures")
    [requested, completed] = _lines(witness, "erasure_requested", "erasure_completed")
    assert requested["user"] == completed["user"]
    assert (requested["address"], completed["address"]) == ("203.0.113.0/24", None)
