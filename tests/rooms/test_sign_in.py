"""Sign-in: who becomes a new person, who is known, and what the table holds afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.identity.contract import SignInRequest
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, AuthProvider, ConsentType, DeviceStatus, SessionStatus
from chalicelib.stores.users import Users
from chalicelib.web.response import encode
from tests.rooms.identity_questions import counted, everything, stored
from tests.support import SettableClock
from tests.unit.identity.world import ALL_TICKED, PHONE, World, phone

FIELDS_OF_USER = {
    "id", "user_id", "email", "name", "display_name", "given_name", "family_name", "email_verified", "auth_provider",
    "is_new_user", "is_private_email", "created_at", "last_login_at",
}  # fmt: skip


@pytest.fixture
def world(any_engine: TableConnection, clock: SettableClock) -> World:
    return World(clock)


@pytest.fixture
def quick(table: TableConnection, clock: SettableClock) -> World:
    """The same on moto alone, for what no engine decides."""
    return World(clock)


class Newcomers:
    """A store that knows nobody, and keeps who was created."""

    def __init__(self) -> None:
        self.created: list[UserItem] = []

    def owner_of(self, *_: str) -> None:
        return None

    def create(self, user: UserItem, *_: object) -> bool:
        self.created.append(user)
        return True


@pytest.fixture
def door(clock: SettableClock) -> World:
    """The same without a table, for what is decided before it is asked."""
    return World(clock, users=Newcomers())


def _user(user_id: str) -> UserItem:
    user = Users().by_id(user_id)
    assert user is not None
    return user


def _changed(user_id: str, **changes: Any) -> None:
    user = _user(user_id)
    for name, value in changes.items():
        setattr(user.data, name, value)
    user.save()


def test_a_first_sign_in_makes_the_account_in_two_questions(world: World) -> None:
    with counted() as asked:
        answer = world.signed_in()

    assert asked == ["GetItem", "TransactWriteItems"]
    assert answer.user.is_new_user
    user = _user(answer.user.id)
    assert user.ttl is None
    assert (user.data.auth_provider, user.data.external_id) == (AuthProvider.GOOGLE, "google-sub-1")
    assert user.data.account_status is AccountStatus.ACTIVE
    assert user.data.current_device is not None
    assert user.data.current_device.device_id == PHONE
    assert user.data.current_session is not None
    assert user.data.current_session.session_id == answer.session.session_id
    assert [item.pk.split("#")[:2] for item in everything()] == [
        ["GUARD", "EMAIL"],
        ["GUARD", "EXTERNAL"],
        ["USER", answer.user.id],
    ]


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


def test_a_second_sign_in_finds_the_same_person_in_three_questions(world: World, clock: SettableClock) -> None:
    first = world.signed_in()
    clock.advance(timedelta(hours=1))
    with counted() as asked:
        second = world.signed_in()

    assert asked == ["GetItem", "GetItem", "TransactWriteItems"]
    assert (second.user.id, second.user.is_new_user) == (first.user.id, False)
    assert second.user.created_at == first.user.created_at
    assert second.user.last_login_at == clock.now() == _user(first.user.id).data.last_login_at


def test_the_newest_sign_in_wins(world: World, clock: SettableClock) -> None:
    first = world.signed_in()
    clock.advance(timedelta(hours=1))
    second = world.signed_in(device_info=phone("phone-2"))

    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        world.refreshed(first.refresh_token)
    assert world.refreshed(second.refresh_token, "phone-2")


def test_what_was_replaced_goes_into_history_for_a_while(world: World, clock: SettableClock) -> None:
    first = world.signed_in()
    clock.advance(timedelta(hours=1))
    world.signed_in(device_info=phone("phone-2"))

    history: dict[str, Any] = {
        item.sk.split("#")[0]: item for item in everything() if item.pk == f"USER#{first.user.id}"
    }
    assert set(history) == {"PROFILE", "SESSION", "DEVICE"}
    assert history["SESSION"].data.session_id == first.session.session_id
    assert history["SESSION"].data.status is SessionStatus.REVOKED
    assert history["DEVICE"].data.device_id == PHONE
    assert history["DEVICE"].data.status is DeviceStatus.INACTIVE
    gone_at = int((clock.now() + timedelta(days=400)).timestamp())
    assert [history[name].ttl for name in ("SESSION", "DEVICE", "PROFILE")] == [gone_at, gone_at, None]


def test_a_session_that_was_over_is_remembered_as_expired(quick: World, clock: SettableClock) -> None:
    quick.signed_in()
    clock.advance(timedelta(hours=24))
    quick.signed_in()

    assert [item["data"]["M"]["status"]["S"] for item in stored("session_history")] == ["expired"]


def test_the_same_device_keeps_its_age_and_its_key(quick: World, clock: SettableClock) -> None:
    first = quick.signed_in()
    device = _user(first.user.id).data.current_device
    assert device is not None
    device.public_key = "a key"
    _changed(first.user.id, current_device=device)
    signed_up_at = clock.now()
    clock.advance(timedelta(hours=1))
    quick.signed_in(device_info=phone(app_version="1.5.0", model="iPhone 17"))

    device = _user(first.user.id).data.current_device
    assert device is not None
    assert (device.created_at, device.updated_at) == (signed_up_at, clock.now())
    assert (device.public_key, device.app_version, device.model) == ("a key", "1.5.0", "iPhone 17")
    assert stored("device_history") == []


def test_another_device_starts_without_a_key(quick: World) -> None:
    first = quick.signed_in()
    device = _user(first.user.id).data.current_device
    assert device is not None
    device.public_key = "a key"
    _changed(first.user.id, current_device=device)
    quick.signed_in(device_info=phone("phone-2"))

    device = _user(first.user.id).data.current_device
    assert device is not None
    assert device.public_key is None


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.DEACTIVATED, AccountStatus.DELETED])
def test_an_account_that_is_not_active_cannot_sign_in(quick: World, status: AccountStatus) -> None:
    first = quick.signed_in()
    _changed(first.user.id, account_status=status)
    before = stored()

    with pytest.raises(errors.Forbidden, match="ACCOUNT_SUSPENDED") as refusal:
        quick.signed_in()
    assert refusal.value.status == 403
    assert stored() == before


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


def test_fields_that_decide_are_never_taken_from_the_body(quick: World) -> None:
    body = {
        "provider": "google",
        "id_token": quick.google.token(),
        "consents": ALL_TICKED,
        "device_info": {**phone(), "status": "revoked", "public_key": "mine"},
        "id": "chosen",
        "user_id": "chosen",
        "account_status": "deleted",
        "email": "eve@example.com",
        "email_verified": True,
        "tier": "premium",
        "PK": "USER#victim",
        "encryption_context": {"any": ["thing"]},
    }
    answer = quick.sign_in.sign_in(msgspec.convert(body, SignInRequest))

    user = _user(answer.user.id)
    assert answer.user.id != "chosen"
    assert (user.data.email, user.data.account_status) == ("ada@example.com", AccountStatus.ACTIVE)
    assert user.data.current_device is not None
    assert user.data.current_device.status is DeviceStatus.ACTIVE
    assert user.data.current_device.public_key is None


def test_all_five_consents_are_stored_with_version_method_and_time(quick: World, clock: SettableClock) -> None:
    answer = quick.signed_in(consent_acknowledgments={**ALL_TICKED, "consent_method": "one_by_one", "timestamp": 5})

    consents = _user(answer.user.id).data.consents
    for kind in ConsentType:
        consent = getattr(consents, kind)
        assert consent.consent_given is True
        assert (consent.consent_version, consent.consent_method) == ("2.1", "one_by_one")
        assert (consent.created_at, consent.updated_at, consent.withdrawn_at) == (clock.now(), clock.now(), None)


@pytest.mark.parametrize("kind", list(ConsentType))
@pytest.mark.parametrize("ticked", [False, None, "true", 1, "yes", [True], {"given": True}], ids=repr)
def test_a_new_person_must_give_every_consent_as_true(door: World, kind: ConsentType, ticked: object) -> None:
    with pytest.raises(errors.InvalidRequest, match="MISSING_CONSENT") as refusal:
        door.signed_in(consent_acknowledgments={**ALL_TICKED, kind: ticked})
    assert refusal.value.details == {"missing_consents": [kind]}
    assert door.users.created == []


def test_a_new_person_without_consents_is_told_all_five(door: World) -> None:
    with pytest.raises(errors.InvalidRequest, match="MISSING_CONSENT") as refusal:
        door.signed_in(consent_acknowledgments=None)
    assert refusal.value.details == {"missing_consents": [str(kind) for kind in ConsentType]}


def test_consents_have_two_names_and_the_disclaimer_too(quick: World) -> None:
    ticked = {**ALL_TICKED, "medical_disclaimer": True}
    del ticked["medical_disclaimers"]
    answer = quick.signed_in(consent_acknowledgments=None, consents=ticked)

    assert _user(answer.user.id).data.consents.medical_disclaimers is not None


def test_somebody_known_needs_no_consents_and_loses_none(quick: World) -> None:
    first = quick.signed_in()
    before = _user(first.user.id).data.consents.serialize(_user(first.user.id).data.consents)
    quick.signed_in(consent_acknowledgments=None)
    quick.signed_in(consent_acknowledgments={str(kind): False for kind in ConsentType})

    after = _user(first.user.id).data.consents
    assert after.serialize(after) == before


def test_consents_of_somebody_known_are_recorded_where_they_are_news(world: World, clock: SettableClock) -> None:
    first = world.signed_in()
    signed_up_at = clock.now()
    clock.advance(timedelta(days=1))
    world.signed_in(consent_acknowledgments={"privacy_policy": True, "terms_of_service": True, "version": "2.1"})
    assert _consent(first.user.id, "privacy_policy").updated_at == signed_up_at

    world.signed_in(consent_acknowledgments={"privacy_policy": True, "version": "3.0"})
    renewed = _consent(first.user.id, "privacy_policy")
    assert (renewed.consent_version, renewed.created_at, renewed.updated_at) == ("3.0", signed_up_at, clock.now())
    assert _consent(first.user.id, "terms_of_service").consent_version == "2.1"


def test_a_withdrawn_consent_is_given_again_by_ticking_it(quick: World, clock: SettableClock) -> None:
    first = quick.signed_in()
    consents = _user(first.user.id).data.consents
    assert consents.healthcare_consultation is not None
    consents.healthcare_consultation.withdrawn_at = clock.now()
    consents.healthcare_consultation.consent_given = False
    _changed(first.user.id, consents=consents)
    quick.signed_in(consent_acknowledgments={"medical_disclaimers": True, "version": "2.1"})
    assert _consent(first.user.id, "healthcare_consultation").consent_given is False
    quick.signed_in(consent_acknowledgments={"healthcare_consultation": True, "version": "2.1"})

    given = _consent(first.user.id, "healthcare_consultation")
    assert (given.consent_given, given.withdrawn_at) == (True, None)


def _consent(user_id: str, kind: str) -> Any:
    return getattr(_user(user_id).data.consents, kind)


def test_apples_name_is_taken_for_a_first_profile_alone(quick: World) -> None:
    name = {"given_name": " Ada\u202e ", "family_name": "Lovelace"}
    first = quick.with_apple(apple_name=name)
    assert (first.user.name, first.user.given_name, first.user.family_name) == ("Ada Lovelace", "Ada", "Lovelace")

    again = quick.with_apple(apple_name={"given_name": "Eve", "family_name": "Evil"})
    assert again.user.name == _user(first.user.id).data.name == "Ada Lovelace"


def test_an_e_mail_that_the_app_sends_is_kept_unverified_and_guards_nothing(quick: World) -> None:
    answer = quick.with_apple(apple_id_token=quick.apple.token(email=None), apple_email="Grace@Example.com")

    assert (answer.user.email, answer.user.email_verified) == ("Grace@Example.com", False)
    assert [item["PK"]["S"] for item in stored("guard")] == ["GUARD#EXTERNAL#apple#apple-sub-1"]


def test_an_e_mail_that_the_app_sends_never_replaces_the_providers(quick: World) -> None:
    answer = quick.with_apple(apple_email="eve@example.com")

    assert answer.user.email == "ada@example.com"


def test_apples_fields_mean_nothing_at_google(door: World) -> None:
    answer = door.signed_in(
        id_token=door.google.token(email=None), apple_email="eve@example.com", apple_name={"given_name": "Eve"}
    )

    assert (answer.user.email, answer.user.name, answer.user.display_name) == (None, None, "")


def test_somebody_without_an_e_mail_has_no_hash_and_no_guard(quick: World) -> None:
    answer = quick.with_apple(apple_id_token=quick.apple.token(email=None))

    user = _user(answer.user.id)
    assert [user.data.email, user.data.email_hash, user.gsi1_pk] == [None, None, None]
    assert len(stored("guard")) == 1


def test_a_verified_e_mail_belongs_to_one_person(world: World) -> None:
    world.signed_in()
    before = stored()

    with pytest.raises(errors.Conflict, match="ACCOUNT_LINKING_REQUIRED") as refusal:
        world.with_apple(apple_id_token=world.apple.token(email=" ADA@Example.COM ", email_verified="true"))
    assert refusal.value.status == 409
    assert refusal.value.details == {"existing_provider": "google", "attempted_provider": "apple"}
    assert stored() == before


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": "false"},
        {"email_verified": None},
        {"is_private_email": "true"},
        {"email": "x7@privaterelay.appleid.com"},
    ],
    ids=str,
)
def test_an_unverified_or_relay_e_mail_never_links(quick: World, claims: dict[str, Any]) -> None:
    same = quick.apple.token(**claims)
    first = quick.with_apple(apple_id_token=same)
    second = quick.signed_in(id_token=quick.google.token(email=first.user.email))

    assert first.user.id != second.user.id
    assert second.user.is_new_user


def test_one_id_at_two_providers_is_two_people(quick: World) -> None:
    google = quick.signed_in(id_token=quick.google.token(sub="same", email=None))
    apple = quick.with_apple(apple_id_token=quick.apple.token(sub="same", email=None))

    assert google.user.id != apple.user.id


def test_ids_that_differ_in_case_are_two_people(quick: World) -> None:
    one = quick.signed_in(id_token=quick.google.token(sub="Abc", email=None))
    other = quick.signed_in(id_token=quick.google.token(sub="aBC", email=None))

    assert one.user.id != other.user.id


def test_a_guard_whose_person_is_gone_is_no_new_account(quick: World) -> None:
    first = quick.signed_in()
    _user(first.user.id).delete()

    with pytest.raises(errors.Unavailable):
        quick.signed_in()
    assert [item["entity_type"]["S"] for item in stored()] == ["guard", "guard"]


def test_a_provider_that_is_down_is_no_reason_to_refuse_for_ever(door: World) -> None:
    door.google.is_down = True

    with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE") as refusal:
        door.signed_in()
    assert refusal.value.status == 503
    assert refusal.value.retry_after_seconds == 5


def test_nothing_personal_is_logged(quick: World, caplog: pytest.LogCaptureFixture) -> None:
    answer = quick.signed_in(id_token=quick.google.token(name="Ada Lovelace"))
    quick.signed_in(device_info=phone("phone-2", device_name="Ada's iPhone"))
    with pytest.raises(errors.Conflict):
        quick.with_apple()

    written = "".join(str(record.__dict__) for record in caplog.records)
    assert answer.user.id in written
    for secret in ("ada@example.com", "Lovelace", "Ada's", answer.access_token, answer.refresh_token, "google-sub-1"):
        assert secret not in written
