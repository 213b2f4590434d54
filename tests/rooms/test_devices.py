"""The device in use: shown, described anew, and never taken for another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.identity.device_contract import DeviceUpdate
from chalicelib.identity.devices import Devices
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, BiometricType, DeviceStatus
from chalicelib.stores.devices import DeviceStore
from chalicelib.stores.users import Users
from chalicelib.web.request import Caller
from tests.rooms.identity_questions import counted, stored
from tests.support import SettableClock
from tests.unit.identity.world import PHONE, World, phone

KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7Ltk"
    "BoN79R9Q=="
)


class Phone:
    """A signed-in phone and the calls that it makes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.devices = Devices(world.users, DeviceStore(), world.rule, world.clock)
        self.sign_in()

    def sign_in(self, **device: Any) -> None:
        answer = self.world.signed_in(device_info=phone(**device))
        self.caller: Caller = self.world.access_tokens.verify(answer.access_token)

    def describe(self, **body: Any) -> Any:
        return self.devices.describe(self.caller, msgspec.convert(body, DeviceUpdate)).device

    def show(self) -> Any:
        return self.devices.show(self.caller).device


@pytest.fixture
def used(any_engine_for_long: TableConnection, clock: SettableClock) -> Phone:
    return Phone(World(clock))


@pytest.fixture
def quick(table: TableConnection, clock: SettableClock) -> Phone:
    """The same on moto alone, for what no engine decides."""
    return Phone(World(clock))


def _changed(phone: Phone, **changes: Any) -> None:
    user = _user(phone)
    for name, value in changes.items():
        setattr(user.data, name, value)
    user.save()


def _user(phone: Phone) -> UserItem:
    user = Users().by_id(phone.caller.user_id)
    assert user is not None
    return user


def test_the_device_of_the_sign_in_is_shown_in_one_read(used: Phone, clock: SettableClock) -> None:
    with counted() as asked:
        device = used.show()

    assert asked == ["GetItem"]
    assert (device.device_id, device.platform, device.app_version) == (PHONE, "ios", "1.4.2")
    assert (device.status, device.last_active_at, device.secure_element) == (DeviceStatus.ACTIVE, clock.now(), False)
    assert (device.device_name, device.public_key, device.biometric_type) == (None, None, None)


def test_a_device_is_described_anew_in_one_write(used: Phone, clock: SettableClock) -> None:
    signed_in_at = clock.now()
    clock.advance(timedelta(minutes=5))
    told = {
        "device_name": " Ada's phone ",
        "model": "iPhone 17",
        "os_version": "20.1",
        "app_version": "1.5.0",
        "biometric_type": "face_id",
        "secure_element": True,
        "public_key": KEY,
    }
    with counted() as asked:
        device = used.describe(device_id=PHONE, **told)

    assert asked == ["UpdateItem"]
    assert device == used.show()
    assert (device.device_name, device.model, device.os_version) == ("Ada's phone", "iPhone 17", "20.1")
    assert (device.biometric_type, device.secure_element, device.public_key) == (BiometricType.FACE, True, KEY)
    assert (device.created_at, device.updated_at) == (signed_in_at, clock.now())


def test_what_is_absent_stays_and_what_is_empty_goes(used: Phone) -> None:
    used.describe(device_name="phone", model="iPhone 17", biometric_type="face", public_key=KEY)
    device = used.describe(device_name="", biometric_type="", public_key="")

    assert (device.device_name, device.model) == (None, "iPhone 17")
    assert (device.biometric_type, device.public_key) == (None, None)


def test_nothing_to_change_is_one_read_and_no_write(used: Phone) -> None:
    before = stored()
    with counted() as asked:
        used.describe()

    assert asked == ["GetItem"]
    assert stored() == before


def test_status_owner_and_id_are_never_taken_from_the_body(used: Phone) -> None:
    body = {"status": "revoked", "user_id": "eve", "created_at": "2000-01-01T00:00:00Z", "account_status": "deleted"}
    device = used.describe(model="iPhone 17", **body)

    assert (device.device_id, device.status) == (PHONE, DeviceStatus.ACTIVE)
    assert _user(used).data.account_status is AccountStatus.ACTIVE


def test_another_device_is_not_found_and_not_described(used: Phone) -> None:
    before = stored()
    for body in ({"device_id": "phone-2", "model": "x"}, {"device_id": "phone-2"}):
        with pytest.raises(errors.NotFound, match="DEVICE_NOT_FOUND"):
            used.describe(**body)

    assert stored() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("platform", "symbian"),
        ("app_version", " "),
        ("app_version", "1" * 65),
        ("device_name", "x" * 256),
        ("model", "x" * 256),
        ("os_version", "x" * 256),
        ("biometric_type", "smell"),
        ("public_key", "x"),
        ("public_key", KEY[:-8] + "AAAAAAA="),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(quick: Phone, field: str, value: str) -> None:
    before = stored()
    with pytest.raises(errors.InvalidRequest) as refusal:
        quick.describe(**{field: value})

    assert refusal.value.details["field"] == field
    assert stored() == before


def test_the_replaced_device_learns_that_it_was_signed_out(used: Phone) -> None:
    old = used.caller
    used.sign_in(device_id="phone-2")
    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        used.devices.show(old)
    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        used.devices.describe(old, DeviceUpdate(model="x"))

    assert used.show().device_id == "phone-2"
    assert used.show().model is None


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.DEACTIVATED])
def test_an_account_that_is_not_active_is_refused(used: Phone, status: AccountStatus) -> None:
    _changed(used, account_status=status)
    before = stored()
    for call in (used.show, lambda: used.describe(model="x")):
        with pytest.raises(errors.Forbidden, match="ACCOUNT_SUSPENDED"):
            call()

    assert stored() == before


def test_somebody_from_old_data_without_a_device_has_none(used: Phone) -> None:
    _changed(used, current_device=None)
    for call in (used.show, lambda: used.describe(model="x")):
        with pytest.raises(errors.NotFound, match="DEVICE_NOT_FOUND"):
            call()


def test_a_ghost_is_not_made_by_describing_it(used: Phone) -> None:
    before = stored()
    assert DeviceStore().describe("nobody", "session", None, {"model": "x"}, used.world.clock.now()) is None
    assert stored() == before


def test_the_store_takes_nothing_else(quick: Phone) -> None:
    with pytest.raises(ValueError, match="only what an app may say"):
        DeviceStore().describe("user", "session", None, {"status": "active"}, quick.world.clock.now())
