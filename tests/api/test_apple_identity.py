"""Sign in with Apple from end to end: code, grant, notifications, and the erasure that gives the grant back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from chalice.test import HTTPResponse
from pynamodb.connection.table import TableConnection

from chalicelib import config
from chalicelib.stores.users import Users
from dev.identity_provider import APPLE, IdentityProvider
from tests.api import service as whole
from tests.api.service import Service, minutes, refused, succeeded


@pytest.fixture
def apple_service(
    table: TableConnection, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    """The service in a stage that has a key of Sign in with Apple."""
    monkeypatch.setenv("HAS_APPLE_SIGN_IN_KEY", "true")
    monkeypatch.setenv("APPLE_AUTH_URL", f"{provider.issuer(APPLE)}/auth")
    with whole.running(provider, monkeypatch) as found:
        provider.apple_tokens.now = lambda: found.clock.now().timestamp()
        secrets = boto3.client("secretsmanager", region_name=config.settings().region)
        data_keys = {"current": {"kid": "d1", "secret": "d" * 43}, "previous": None}
        secrets.create_secret(Name=config.settings().data_keys_secret, SecretString=json.dumps(data_keys))
        key = provider.apple_tokens.secret()
        secrets.create_secret(Name=config.settings().apple_sign_in_secret, SecretString=json.dumps(key))
        yield found


def _signed_in(service: Service) -> dict[str, Any]:
    return service.sign_in("apple", apple_authorization_code=service.provider.apple_tokens.draw_code())


def _sub(service: Service) -> str:
    sub: str = service.provider.claims(APPLE)["sub"]
    return sub


def _notified(service: Service, payload: Any) -> HTTPResponse:
    return service.call("POST", "/webhooks/apple-identity", {"payload": payload})


def test_consent_that_was_revoked_at_apple_signs_the_phone_out_and_a_repeat_is_fine(apple_service: Service) -> None:
    signed_in = _signed_in(apple_service)
    apple_service.clock.advance(minutes(1))
    notice = apple_service.provider.notice(type="consent-revoked", sub=_sub(apple_service))

    assert succeeded(_notified(apple_service, notice)) == {"success": True}
    refused(apple_service.call("GET", "/user/profile", token=signed_in["access_token"]), 401, "SESSION_REVOKED")
    again = _signed_in(apple_service)
    assert again["user"]["id"] == signed_in["user"]["id"]
    succeeded(_notified(apple_service, notice))
    succeeded(apple_service.call("GET", "/user/profile", token=again["access_token"]))


def test_what_apple_did_not_sign_for_this_is_401(apple_service: Service) -> None:
    notice = apple_service.provider.notice(sub=_sub(apple_service))
    for forged in (notice[:-6] + "AAAAAA", "x", None, apple_service.id_token("apple")):
        refused(_notified(apple_service, forged), 401, "INVALID_TOKEN")


def test_what_apple_invents_next_is_answered(apple_service: Service) -> None:
    succeeded(_notified(apple_service, apple_service.provider.notice(type="moved-house", sub=_sub(apple_service))))


def test_a_table_that_does_not_answer_makes_apple_repeat(
    apple_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib import errors

    _signed_in(apple_service)
    apple_service.clock.advance(minutes(1))
    notice = apple_service.provider.notice(sub=_sub(apple_service))

    def silent(*_: object) -> None:
        raise errors.Unavailable(message="The table does not answer at the moment.")

    with monkeypatch.context() as patch:
        patch.setattr(Users, "owner_of", silent)
        answer = _notified(apple_service, notice)
        refused(answer, 503, "SERVICE_UNAVAILABLE")
        assert int(str(answer.headers["Retry-After"])) > 0
    succeeded(_notified(apple_service, notice))


def test_the_grant_of_a_sign_in_is_given_back_when_the_person_is_erased(apple_service: Service) -> None:
    before = set(apple_service.provider.apple_tokens.live())
    signed_in = _signed_in(apple_service)
    (token,) = set(apple_service.provider.apple_tokens.live()) - before
    for path in ("/user/profile", "/gdpr/export"):
        answer = apple_service.call("GET", path, token=signed_in["access_token"])
        assert token not in str(answer.body)
        assert "s1.d1." not in str(answer.body)

    wish = {"confirmation_text": "DELETE"}
    begun = succeeded(apple_service.call("POST", "/gdpr/erasure-request", wish, token=signed_in["access_token"]))
    while apple_service.deliver_messages(config.settings().erasures_queue, "carry_erasure_on"):
        pass
    receipt = succeeded(apple_service.call("GET", f"/gdpr/erasure-status/{begun['erasure_request_id']}"))

    assert receipt["status"] == "completed"
    assert not apple_service.provider.apple_tokens.is_live(token)


def test_an_account_that_was_deleted_at_apple_is_erased_here(apple_service: Service) -> None:
    signed_in = _signed_in(apple_service)
    apple_service.clock.advance(minutes(1))
    notice = apple_service.provider.notice(type="account-delete", sub=_sub(apple_service))
    succeeded(_notified(apple_service, notice))
    refused(apple_service.call("GET", "/user/profile", token=signed_in["access_token"]), 403, "ACCOUNT_SUSPENDED")
    while apple_service.deliver_messages(config.settings().erasures_queue, "carry_erasure_on"):
        pass

    assert Users().by_id(signed_in["user"]["id"]) is None
    succeeded(_notified(apple_service, notice))
    assert Users().by_id(signed_in["user"]["id"]) is None


def test_a_stage_without_a_key_signs_in_with_apple_and_exchanges_nothing(service: Service) -> None:
    exchanged = service.provider.apple_tokens.exchanges
    signed_in = service.sign_in("apple")

    user = Users().by_id(signed_in["user"]["id"])
    assert user is not None
    assert user.data.apple_refresh_token is None
    assert service.provider.apple_tokens.exchanges == exchanged


def test_the_device_in_use_is_shown_and_described_anew(service: Service) -> None:
    token = service.sign_in()["access_token"]
    shown = succeeded(service.call("GET", "/user/device", token=token))["device"]
    assert (shown["device_id"], shown["status"], shown["last_active_at"][-1]) == ("phone-1", "active", "Z")
    changed = succeeded(service.call("PUT", "/user/device", {"model": "M", "status": "revoked"}, token=token))["device"]

    assert changed == {**shown, "model": "M"}
    refused(service.call("PUT", "/user/device", {"platform": "symbian"}, token=token), 400, "INVALID_REQUEST")
    refused(service.call("PUT", "/user/device", {"device_id": "phone-2"}, token=token), 404, "DEVICE_NOT_FOUND")
