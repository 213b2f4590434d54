"""Limits over HTTP: who is counted, what a refusal says, and what attackers cost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chalice.local import LocalGateway

from chalicelib import config, wiring
from dev import forgery
from tests.api.service import Service, refused, succeeded
from tests.rooms.identity_questions import counted, stored

ADDRESS = "203.0.113.7"


@pytest.fixture
def from_address(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The address that calls come from, as API Gateway says it; the local gateway knows one alone."""
    current = [ADDRESS]
    original = LocalGateway._generate_lambda_event

    def generate(*arguments: object) -> dict[str, object]:
        event: dict[str, object] = original(*arguments)  # type: ignore[arg-type]  # whatever it is called with
        context = event["requestContext"]
        assert isinstance(context, dict)
        context["identity"]["sourceIp"] = current[0]
        return event

    monkeypatch.setattr(LocalGateway, "_generate_lambda_event", generate)
    yield current


def _garbage_refresh(service: Service) -> int:
    answer = service.call("POST", "/auth/refresh", {"refresh_token": "garbage", "device_id": "phone-1"})
    return answer.status_code


def test_the_eleventh_refresh_of_an_address_in_a_minute_is_told_when_to_come_back(service: Service) -> None:
    assert [_garbage_refresh(service) for _ in range(10)] == [401] * 10
    answer = service.call("POST", "/auth/refresh", {"refresh_token": "garbage", "device_id": "phone-1"})

    refused(answer, 429, "RATE_LIMIT_EXCEEDED")
    seconds = int(answer.headers["Retry-After"])
    service.clock.instant = service.clock.instant.replace(second=0)
    assert 1 <= seconds <= 61
    service.clock.advance(config.settings().secret_life)
    assert _garbage_refresh(service) == 401


def test_sign_ins_and_refreshes_are_counted_apart(service: Service) -> None:
    assert [_garbage_refresh(service) for _ in range(11)][-1] == 429

    service.sign_in()


def test_an_address_cannot_be_claimed_in_a_header(service: Service, from_address: list[str]) -> None:
    answers = [
        service.call("POST", "/auth/refresh", {"refresh_token": "x", "device_id": "p"}, headers={name: f"192.0.2.{n}"})
        for n in range(6)
        for name in ("X-Forwarded-For", "X-Real-IP")
    ]

    assert [one.status_code for one in answers] == [401] * 10 + [429] * 2


def test_addresses_are_counted_apart_and_an_ipv6_network_as_one(service: Service, from_address: list[str]) -> None:
    from_address[0] = "2001:db8:1:2::1"
    assert [_garbage_refresh(service) for _ in range(10)] == [401] * 10
    from_address[0] = "2001:db8:1:2:ffff::9"
    assert _garbage_refresh(service) == 429
    from_address[0] = "2001:db8:1:3::1"
    assert _garbage_refresh(service) == 401


def test_no_address_is_stored(service: Service, from_address: list[str]) -> None:
    for _ in range(11):
        _garbage_refresh(service)
    found = stored("limit")

    assert found
    assert ADDRESS not in str(stored())


def test_a_user_is_counted_wherever_they_call_from(service: Service, from_address: list[str]) -> None:
    token = service.sign_in()["access_token"]
    statuses = []
    for number in range(21):
        from_address[0] = f"198.51.100.{number}"
        statuses.append(service.call("GET", "/subscriptions/current", token=token).status_code)

    assert statuses == [200] * 20 + [429]


def test_one_user_does_not_use_up_what_another_one_may(service: Service) -> None:
    tokens = [
        service.sign_in(claims={"sub": f"sub-{name}", "email": f"{name}@example.com"})["access_token"] for name in "ab"
    ]
    for _ in range(21):
        service.call("GET", "/subscriptions/current", token=tokens[0])

    succeeded(service.call("GET", "/subscriptions/current", token=tokens[1]))


def test_garbage_tokens_cost_no_question_to_the_table_however_many(service: Service) -> None:
    good = service.sign_in()["access_token"]
    secret = wiring.rooms().token_keys.current()
    garbage = [
        "garbage",
        good[:-4] + "AAAA",
        forgery.unsigned({"sub": "user-1"}, kid=secret.kid),
        forgery.signed_with_secret({"sub": "user-1"}, b"k" * 32, kid=secret.kid),
        forgery.signed_with_secret({"sub": "user-1"}, b"k" * 32, kid="invented"),
    ]
    with counted() as asked:
        answers = [service.call("GET", "/user/profile", token=token) for token in garbage * 50]

    assert {one.status_code for one in answers} == {401}
    assert asked == []


def test_a_spent_minute_costs_no_question_to_the_table(service: Service) -> None:
    token = service.sign_in()["access_token"]
    while service.call("GET", "/subscriptions/current", token=token).status_code == 200:
        pass
    while _garbage_refresh(service) == 401:
        pass
    with counted() as asked:
        answers = [service.call("GET", "/subscriptions/current", token=token) for _ in range(50)]
        statuses = [_garbage_refresh(service) for _ in range(50)]

    assert {one.status_code for one in answers} == {429}
    assert set(statuses) == {429}
    assert asked == []


def test_garbage_refresh_tokens_cost_one_write_for_three_calls_until_the_minute_is_spent(service: Service) -> None:
    wiring.rooms()
    with counted() as asked:
        for _ in range(100):
            _garbage_refresh(service)

    assert set(asked) == {"UpdateItem"}
    assert len(asked) <= 4
