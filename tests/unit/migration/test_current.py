"""Which of several rows is the current one: each rule, its ties, and choices that hold while their rule does."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.migration.serenya.current import Choice, Current, Part, current_of, name_of
from chalicelib.migration.serenya.rows import PersonRows
from tests.unit.migration.rows import AS_OF, BEFORE, LATER, biometric, device, session, subscription

PHONE, TABLET = device("phone"), device("tablet")


def current(choices: Any = None, **rows: Any) -> Current:
    given: dict[str, Any] = {name: tuple(found) for name, found in rows.items()}
    return current_of(PersonRows(**given), AS_OF, choices)


def test_nothing_is_current_of_nothing() -> None:
    assert current() == Current(ruled=dict.fromkeys(Part))
    assert [str(part) for part in Part] == ["session", "device", "biometric", "subscription"]


@pytest.mark.parametrize(
    ("sessions", "wins"),
    [
        ([session("a")], "a"),
        ([session("a", status="active"), session("b", status="revoked")], "a"),
        ([session("a", status="expired")], None),
        ([session("a", expires_at=AS_OF)], None),
        ([session("a", expires_at="2026-03-01T00:00:00.000001Z")], "a"),
        ([session("a", last_accessed_at=BEFORE), session("b", last_accessed_at=AS_OF)], "b"),
        ([session("b", last_accessed_at=BEFORE), session("a", created_at=AS_OF)], "a"),
        ([session("a", last_accessed_at=AS_OF, created_at=BEFORE), session("b", created_at=BEFORE)], "a"),
        ([session("a", created_at=BEFORE), session("b")], "a"),
        ([session("b"), session("a")], "b"),
    ],
)
def test_of_sessions_that_live_the_one_used_last_is_current(sessions: list[Any], wins: str | None) -> None:
    for order in (sessions, sessions[::-1]):
        found = current(sessions=order)
        assert (found.session.session_id if found.session else None) == found.ruled[Part.SESSION] == wins


@pytest.mark.parametrize(
    ("devices", "wins"),
    [
        ([device("a", status="inactive")], None),
        ([device("a"), device("b", status="revoked")], "a"),
        ([device("b", last_active_at=BEFORE), device("a", last_active_at=AS_OF)], "a"),
        ([device("a", last_active_at=BEFORE), device("b")], "a"),
        ([device("a"), device("b")], "b"),
    ],
)
def test_without_a_session_the_device_used_last_is_current(devices: list[Any], wins: str | None) -> None:
    for order in (devices, devices[::-1]):
        found = current(devices=order)
        assert (found.device.device_id if found.device else None) == found.ruled[Part.DEVICE] == wins


def test_the_device_of_the_session_is_current_whatever_its_status() -> None:
    rows: dict[str, Any] = {"devices": [device("phone", status="revoked"), device("tablet", last_active_at=LATER)]}
    assert current(sessions=[session("a")], **rows).device == rows["devices"][0]
    assert current(sessions=[session("a", device_id="row-gone")], **rows).device == rows["devices"][1]


@pytest.mark.parametrize(
    ("registrations", "wins"),
    [
        ([biometric("a")], "a"),
        ([biometric("a", is_active=True), biometric("b", is_active=False)], "a"),
        ([biometric("a", is_active=False)], None),
        ([biometric("a", device_id="row-tablet")], None),
        ([biometric("a", is_verified=True), biometric("b", last_verified_at=LATER)], "a"),
        ([biometric("a", last_verified_at=AS_OF), biometric("b", last_verified_at=BEFORE)], "a"),
        ([biometric("a", last_verified_at=BEFORE), biometric("b")], "a"),
        ([biometric("a", is_verified=False), biometric("b", is_verified=None)], "b"),
    ],
)
def test_of_registrations_on_the_current_device_the_proved_one_is_current(
    registrations: list[Any], wins: str | None
) -> None:
    for order in (registrations, registrations[::-1]):
        found = current(devices=[PHONE, TABLET], sessions=[session("s")], biometrics=order)
        assert (found.biometric.registration_id if found.biometric else None) == wins
    assert current(biometrics=registrations).biometric is None


@pytest.mark.parametrize(
    ("plans", "wins"),
    [
        ([subscription("a", end_date=BEFORE)], "a"),
        ([subscription("a", end_date=AS_OF), subscription("b", end_date=LATER)], "b"),
        ([subscription("a"), subscription("b")], "b"),
        ([subscription("a", subscription_status="cancelled")], "a"),
        ([subscription("a", subscription_status="cancelled", end_date=AS_OF)], None),
        ([subscription("a", end_date=BEFORE), subscription("b", subscription_status="cancelled")], "a"),
        ([subscription("a", subscription_status="expired"), subscription("b", subscription_status="pending")], None),
        ([subscription("a", subscription_status=None)], None),
    ],
)
def test_the_active_plan_that_lasts_longest_is_current_else_one_that_is_paid_up(
    plans: list[Any], wins: str | None
) -> None:
    for order in (plans, plans[::-1]):
        found = current(subscriptions=order)
        assert (found.subscription.external_subscription_id if found.subscription else None) == wins
        assert found.ruled[Part.SUBSCRIPTION] == (None if wins is None else f"apple#{wins}")


def test_a_plan_is_named_by_its_store_and_its_id_there() -> None:
    assert name_of(subscription("a", provider="google")) == "google#a"
    plans = [subscription("a", provider="apple"), subscription("a", provider="google")]
    assert current(subscriptions=plans).subscription == plans[1]


def test_a_choice_holds_while_its_rule_says_the_same() -> None:
    rows: dict[str, Any] = {"devices": [PHONE, TABLET], "sessions": [session("a"), session("b")]}
    assert current(**rows).ruled[Part.SESSION] == "b"
    chosen = current({Part.SESSION: Choice("b", "a")}, **rows)
    assert (chosen.session, chosen.ruled[Part.SESSION]) == (rows["sessions"][0], "b")
    assert current({Part.SESSION: Choice("b", None)}, **rows).session is None
    assert current({Part.SESSION: Choice("a", "a")}, **rows).session == rows["sessions"][1]
    assert current({Part.DEVICE: Choice("phone", "tablet")}, **rows).device == TABLET
    plans = [subscription("a"), subscription("b")]
    held = {Part.SUBSCRIPTION: Choice("apple#b", "apple#a")}
    assert current(held, subscriptions=plans).subscription == plans[0]


def test_the_registration_follows_the_device_that_was_chosen() -> None:
    rows: dict[str, Any] = {"devices": [PHONE, TABLET], "sessions": [session("a")]}
    on_tablet = biometric("t", device_id="row-tablet")
    found = current({Part.DEVICE: Choice("phone", "tablet")}, biometrics=[biometric("p"), on_tablet], **rows)
    assert found.biometric == on_tablet
