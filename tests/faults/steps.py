"""Steps that several journeys take: signing in, asking, settling; and how a step says that something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.api.service import CONSENTS, DEVICE
from tests.faults.house import House, Wrong

Act = Callable[[House], Any]
PERSON: Final = {"sub": "ada", "email": "ada@example.org"}


def nothing(_: House) -> None:
    """Do nothing."""


def settles(house: House) -> None:
    """Whatever is under way comes to its end."""
    house.settle()


def carries_on(house: House) -> None:
    """What S3 tells and what waits in queues is carried to the functions, once."""
    house.carry()


def signs_in(house: House, device: Mapping[str, str] = DEVICE, **claims: Any) -> dict[str, Any]:
    """Sign in, with the same token however often it is asked."""
    token = house.notes.setdefault(f"id token for {device}", house.service.id_token(**{**PERSON, **claims}))
    body = {"provider": "google", "id_token": token, "consent_acknowledgments": CONSENTS, "device_info": device}
    told = house.ask("POST", "/auth/oauth-onboarding", body)
    house.notes["told"] = told
    return told


def settled(house: House) -> None:
    """Somebody has signed up."""
    house.notes.clear()
    house.analyst.failure = None
    house.notes["first"] = signs_in(house)


def asks(house: House, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    return house.ask(method, path, body, token=house.notes["told"]["access_token"], **headers)


def profile(house: House) -> dict[str, Any]:
    found: dict[str, Any] = asks(house, "GET", "/user/profile")["user"]
    return found


def used(house: House) -> int:
    return int(asks(house, "GET", "/subscriptions/usage")["documents_used"])


def must_be(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise Wrong(f"{what}: {found!r}, not {expected!r}")
