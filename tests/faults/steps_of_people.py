"""What people do with their accounts, and what must be so then."""

from __future__ import annotations

from typing import Final

from tests.api.service import CONSENTS, DEVICE
from tests.faults.house import House, attribute
from tests.faults.steps import asks, must_be, profile

OTHER_PHONE: Final = {**DEVICE, "app_installation_id": "phone-2"}


def is_signed_in(house: House) -> None:
    first = house.notes.get("first", house.notes["told"])
    must_be(profile(house)["id"], first["user"]["id"], "whose profile it is")
    (user,) = house.items("user")
    must_be(
        attribute(user, "current_session", "session_id"), house.notes["told"]["session"]["session_id"], "the session"
    )


def has_left_the_old_phone(house: House) -> None:
    is_signed_in(house)
    left = [attribute(one, "session_id") for one in house.items("session_history")]
    must_be(house.notes["first"]["session"]["session_id"] in left, True, "whether the old session is in history")
    must_be(len(left), len(set(left)), "how often a session is in history")
    devices = [attribute(one, "device_id") for one in house.items("device_history")]
    must_be(devices, [DEVICE["app_installation_id"]], "the devices in history")


def refreshes(house: House) -> None:
    body = {"refresh_token": house.notes["first"]["refresh_token"], "device_id": DEVICE["app_installation_id"]}
    house.notes["told"] = house.ask("POST", "/auth/refresh", body)


def goes_on_after_refreshing(house: House) -> None:
    is_signed_in(house)
    told = house.notes["told"]
    body = {"refresh_token": told["refresh_token"], "device_id": DEVICE["app_installation_id"]}
    house.ask("POST", "/auth/refresh", body)
    _refreshes_refused = house.service.call("POST", "/auth/refresh", {**body, "device_id": "phone-9"})
    must_be(_refreshes_refused.status_code, 401, "what another phone is told")


def is_signed_out(house: House) -> None:
    (user,) = house.items("user")
    must_be(attribute(user, "current_session", "status"), "revoked", "the session")


def renames(house: House) -> None:
    asks(house, "PUT", "/user/profile", {"name": "Ada Lovelace"})


def withdraws(house: House) -> None:
    choice = {"consent_given": False, "consent_version": "1.0"}
    asks(house, "PUT", "/user/consents/terms_of_service", choice)


def has_withdrawn_once(house: House) -> None:
    told = asks(house, "GET", "/user/consents?history=true")
    must_be(told["consents"]["terms_of_service"]["consent_given"], False, "the consent")
    must_be(len(told["history"]), len(CONSENTS) - 1 + 1, "the entries of its history")
