"""Sign-in: what is read of a request in all its spellings, what is refused, and what is answered."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chalicelib import errors
from chalicelib.identity.contract import SignInRequest
from chalicelib.models.states import AuthProvider
from chalicelib.web.request import decode_body
from chalicelib.web.response import encode
from tests.rooms.newcomers import Newcomers
from tests.support import SettableClock
from tests.unit.identity.world import World, phone

FIELDS_OF_USER = {
    "id", "user_id", "email", "name", "display_name", "given_name", "family_name", "email_verified", "auth_provider",
    "is_new_user", "is_private_email", "created_at", "last_login_at",
}  # fmt: skip


@pytest.fixture
def door(clock: SettableClock) -> World:
    """The same without a table, for what is decided before it is asked."""
    return World(clock, users=Newcomers())


def test_the_answer_has_the_fields_of_the_contract(door: World) -> None:
    answer = msgspec.json.decode(encode(door.signed_in(id_token=door.google.token(name="Ada Lovelace"))))

    assert set(answer) == {"success", "access_token", "refresh_token", "token_type", "expires_in", "user", "session"}
    assert (answer["success"], answer["token_type"], answer["expires_in"]) == (True, "Bearer", 900)
    assert set(answer["user"]) == FIELDS_OF_USER
    assert set(answer["session"]) == {"session_id", "expires_at", "biometric_required"}
    assert answer["user"]["created_at"] == "2026-03-14T09:30:00Z"
    assert answer["session"]["expires_at"] == "2026-03-15T09:30:00Z"
    assert answer["user"]["display_name"] == "Ada Lovelace"


def test_the_access_token_speaks_of_the_session(door: World) -> None:
    answer = door.signed_in()
    caller = door.access_tokens.verify(answer.access_token)

    assert (caller.user_id, caller.session_id) == (answer.user.id, answer.session.session_id)


@pytest.mark.parametrize(
    "fields",
    [
        {"id_token": "{}"},
        {"google_token": "{}"},
        {"google_id_token": "{}"},
        {"auth_token": "{}"},
        {"google_auth": {"id_token": "{}"}},
        {"id_token": "", "auth_token": "{}"},
    ],
    ids=str,
)
@pytest.mark.parametrize("provider", [{"provider": "google"}, {"provider": None, "auth_provider": "google"}], ids=str)
def test_every_spelling_of_a_google_sign_in_is_read(
    door: World, fields: dict[str, Any], provider: dict[str, Any]
) -> None:
    token = door.google.token()
    filled = msgspec.json.decode(msgspec.json.encode(fields).replace(b"{}", token.encode()))

    assert door.signed_in(**{"id_token": None, **filled, **provider}).user.is_new_user


@pytest.mark.parametrize("field", ["apple_id_token", "auth_token"])
def test_every_spelling_of_an_apple_sign_in_is_read(door: World, field: str) -> None:
    answer = door.with_apple(**{"apple_id_token": None, field: door.apple.token()})

    assert answer.user.auth_provider is AuthProvider.APPLE


@pytest.mark.parametrize("provider", [None, "", "facebook", "Google", "GOOGLE ", "microsoft"])
def test_another_provider_is_refused(door: World, provider: str | None) -> None:
    with pytest.raises(errors.InvalidRequest, match="INVALID_AUTH_PROVIDER") as refusal:
        door.signed_in(provider=provider)
    assert refusal.value.status == 400
    assert door.users.created == []


@pytest.mark.parametrize("fields", [{"id_token": None}, {"id_token": ""}, {"id_token": None, "google_auth": {}}])
def test_a_missing_token_is_refused(door: World, fields: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequest, match="MISSING_AUTH_TOKEN"):
        door.signed_in(**fields)


def test_googles_token_is_not_looked_for_at_apples_name(door: World) -> None:
    with pytest.raises(errors.InvalidRequest, match="MISSING_AUTH_TOKEN"):
        door.with_apple(apple_id_token=None, id_token=door.apple.token())


@pytest.mark.parametrize(
    ("device_info", "field"),
    [
        (None, "device_info"),
        ({**phone(), "platform": None}, "device_info.platform"),
        ({**phone(), "platform": "windows"}, "device_info.platform"),
        ({**phone(), "platform": "iOS"}, "device_info.platform"),
        ({**phone(), "app_installation_id": None}, "device_info.app_installation_id"),
        ({**phone(), "app_installation_id": "  "}, "device_info.app_installation_id"),
        ({**phone(), "app_installation_id": "x" * 256}, "device_info.app_installation_id"),
        ({**phone(), "app_version": None}, "device_info.app_version"),
        ({**phone(), "app_version": "1" * 65}, "device_info.app_version"),
        ({**phone(), "device_name": "x" * 256}, "device_info.device_name"),
        ({**phone(), "model": "x" * 256}, "device_info.model"),
        ({**phone(), "os_version": "x" * 256}, "device_info.os_version"),
    ],
)
def test_a_device_that_cannot_be_kept_is_refused_by_field(
    door: World, device_info: dict[str, Any] | None, field: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        door.signed_in(device_info=device_info)
    assert (refusal.value.code, refusal.value.details) == ("INVALID_REQUEST", {"field": field})
    assert door.users.created == []


def test_a_device_id_may_have_255_characters(door: World) -> None:
    assert door.signed_in(device_info=phone("x" * 255))


def test_apples_fields_mean_nothing_at_google(door: World) -> None:
    answer = door.signed_in(
        id_token=door.google.token(email=None), apple_email="eve@example.com", apple_name={"given_name": "Eve"}
    )

    assert (answer.user.email, answer.user.name, answer.user.display_name) == (None, None, "")


def test_a_provider_that_is_down_is_no_reason_to_refuse_for_ever(door: World) -> None:
    door.google.is_down = True

    with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE") as refusal:
        door.signed_in()
    assert refusal.value.status == 503
    assert refusal.value.retry_after_seconds == 5


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"provider": 5}, "INVALID_AUTH_PROVIDER", "provider"),
        ({"auth_provider": ["google"]}, "INVALID_AUTH_PROVIDER", "auth_provider"),
        ({"id_token": 5}, "MISSING_AUTH_TOKEN", "id_token"),
        ({"google_auth": "token"}, "MISSING_AUTH_TOKEN", "google_auth"),
        ({"google_auth": {"id_token": 5}}, "MISSING_AUTH_TOKEN", "google_auth.id_token"),
        ({"apple_id_token": True}, "MISSING_AUTH_TOKEN", "apple_id_token"),
        ({"apple_name": "Ada"}, "INVALID_REQUEST", "apple_name"),
        ({"apple_name": {"given_name": "x" * 1001}}, "INVALID_REQUEST", "apple_name.given_name"),
        ({"nonce": "x" * 513}, "INVALID_REQUEST", "nonce"),
        ({"consents": [True]}, "INVALID_REQUEST", "consents"),
        ({"device_info": "phone"}, "INVALID_REQUEST", "device_info"),
        ({"device_info": {"platform": 5}}, "INVALID_REQUEST", "device_info.platform"),
        ({"device_info": {"model": {"name": "x"}}}, "INVALID_REQUEST", "device_info.model"),
    ],
)
def test_a_field_of_another_type_is_refused_by_name(body: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        decode_body(msgspec.json.encode(body), SignInRequest)
    assert (refusal.value.code, refusal.value.details) == (code, {"field": field})
