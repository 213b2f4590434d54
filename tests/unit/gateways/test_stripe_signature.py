"""Who sent an event, and when: genuine ones, forged ones, and genuine ones at the wrong time."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import config, errors
from chalicelib.gateways.provider_facts import Facts
from chalicelib.gateways.stripe import Stripe
from chalicelib.rules import Rules
from dev.storefront.stripe_shop import signature
from tests.support import SettableClock
from tests.unit.gateways.stripe_world import Held

PRESENT, PREVIOUS, FOREIGN = "whsec_present", "whsec_previous", "whsec_foreign"
EVENT: Mapping[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "created": 1_773_480_000,
    "livemode": False,
    "type": "customer.subscription.updated",
    "data": {"object": {"id": "sub_1", "object": "subscription", "status": "active"}},
}
BODY = json.dumps(EVENT, indent=2).encode()
TOLERANCE = int(Rules().stripe_signature_tolerance.total_seconds())


@pytest.fixture
def held() -> Held:
    return Held({"api_key": "sk_test", "webhook_secret": PRESENT, "previous_webhook_secret": None})


@pytest.fixture
def gateway(held: Held, clock: SettableClock) -> Stripe:
    settings = config.Stripe(products={}, success_url="a:b", cancel_url="a:b", api_url="http://127.0.0.1:1")
    return Stripe(settings, held, "stripe", clock, Rules())


@pytest.fixture
def now(clock: SettableClock) -> int:
    return int(clock.now().timestamp())


def _header(seconds: int, *signatures: str) -> str:
    return ",".join([f"t={seconds}", *(f"v1={one}" for one in signatures)])


def test_an_event_that_stripe_signed_just_now_is_its_own(gateway: Stripe, now: int) -> None:
    notice = gateway.verify(BODY, {"stripe-signature": _header(now, signature(PRESENT, now, BODY))})

    assert (notice.event_id, notice.event_type, notice.is_known) == ("evt_1", "customer.subscription.updated", True)
    assert notice.payload == {"subscription": "sub_1"}
    assert int(notice.happened_at.timestamp()) == EVENT["created"]


FORGERIES: Mapping[str, Callable[[int], tuple[bytes, str | None]]] = {
    "no header": lambda now: (BODY, None),
    "an empty header": lambda now: (BODY, ""),
    "nonsense": lambda now: (BODY, "t,v1,=,=="),
    "no time": lambda now: (BODY, f"v1={signature(PRESENT, now, BODY)}"),
    "no signature": lambda now: (BODY, f"t={now}"),
    "an empty signature": lambda now: (BODY, f"t={now},v1="),
    "a short signature": lambda now: (BODY, _header(now, signature(PRESENT, now, BODY)[:-1])),
    "a signature that is no ASCII": lambda now: (BODY, _header(now, "é" * 64)),
    "another secret": lambda now: (BODY, _header(now, signature(FOREIGN, now, BODY))),
    "the previous secret once it is over": lambda now: (BODY, _header(now, signature(PREVIOUS, now, BODY))),
    "another scheme": lambda now: (BODY, f"t={now},v0={signature(PRESENT, now, BODY)}"),
    "another time beside the signed one": lambda now: (
        BODY,
        f"t={now},t={now - 9999},v1={signature(PRESENT, now - 9999, BODY)}",
    ),
    "the time moved to now": lambda now: (BODY, _header(now, signature(PRESENT, now - 9999, BODY))),
    "a time of another script": lambda now: (BODY, f"t={'٣' * 10},v1={signature(PRESENT, now, BODY)}"),
    "a negative time": lambda now: (BODY, f"t=-{now},v1={signature(PRESENT, now, BODY)}"),
    "a truncated body": lambda now: (BODY[:-10], _header(now, signature(PRESENT, now, BODY))),
    "an edited body": lambda now: (BODY.replace(b"sub_1", b"sub_2"), _header(now, signature(PRESENT, now, BODY))),
    "a body written anew": lambda now: (
        json.dumps(json.loads(BODY)).encode(),
        _header(now, signature(PRESENT, now, BODY)),
    ),
    "a signature of the body alone": lambda now: (BODY, _header(now, signature(PRESENT, 0, BODY))),
    "too many signatures": lambda now: (BODY, _header(now, *["0" * 64] * 17, signature(PRESENT, now, BODY))),
    "a header without end": lambda now: (BODY, _header(now, *["0" * 64] * 200)),
    "stale": lambda now: (BODY, _header(now - TOLERANCE - 1, signature(PRESENT, now - TOLERANCE - 1, BODY))),
    "of the future": lambda now: (BODY, _header(now + TOLERANCE + 1, signature(PRESENT, now + TOLERANCE + 1, BODY))),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_stripe_did_not_sign_just_now_is_refused(gateway: Stripe, now: int, forgery: str) -> None:
    body, header = FORGERIES[forgery](now)
    with pytest.raises(errors.Unauthenticated, match="INVALID_SIGNATURE"):
        gateway.verify(body, {} if header is None else {"stripe-signature": header})


def test_a_large_body_is_gone_through_once_for_each_secret(
    gateway: Stripe, held: Held, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[bytes] = []
    plain = hmac.new

    def counted(key: bytes, message: bytes, kind: Any) -> hmac.HMAC:
        hashed.append(key)
        return plain(key, message, kind)

    monkeypatch.setattr("chalicelib.gateways.stripe_signature.hmac.new", counted)
    with pytest.raises(errors.Unauthenticated):
        gateway.verify(BODY, {"stripe-signature": _header(now, *["0" * 64] * 16)})
    # Once by the secret as it is kept, and once by the one that was read anew.
    assert hashed == [PRESENT.encode()] * 2


@pytest.mark.parametrize("seconds", [-TOLERANCE, TOLERANCE])
def test_a_clock_may_be_wrong_by_the_tolerance(gateway: Stripe, now: int, seconds: int) -> None:
    header = _header(now + seconds, signature(PRESENT, now + seconds, BODY))
    assert gateway.verify(BODY, {"stripe-signature": header}).event_id == "evt_1"


def test_the_tolerance_is_five_minutes() -> None:
    assert Rules().stripe_signature_tolerance == timedelta(minutes=5)


@pytest.mark.parametrize("signers", [(PREVIOUS,), (PRESENT,), (FOREIGN, PREVIOUS), (PREVIOUS, PRESENT)])
def test_while_the_secret_is_rolled_either_will_do(
    gateway: Stripe, held: Held, now: int, signers: tuple[str, ...]
) -> None:
    held.value["previous_webhook_secret"] = PREVIOUS
    header = _header(now, *(signature(secret, now, BODY) for secret in signers))

    assert gateway.verify(BODY, {"stripe-signature": header}).event_id == "evt_1"


def test_a_secret_that_was_rolled_a_moment_ago_is_found(gateway: Stripe, held: Held, now: int) -> None:
    held.stale = {"webhook_secret": PREVIOUS}
    header = _header(now, signature(PRESENT, now, BODY))

    assert gateway.verify(BODY, {"stripe-signature": header}).event_id == "evt_1"


@pytest.mark.parametrize("secret", [{}, {"webhook_secret": ""}, {"webhook_secret": None}, {"webhook_secret": 7}])
def test_without_a_secret_nothing_can_be_told(gateway: Stripe, held: Held, now: int, secret: dict[str, Any]) -> None:
    held.value = secret
    with pytest.raises(errors.Unavailable):
        gateway.verify(BODY, {"stripe-signature": _header(now, signature("", now, BODY))})


@pytest.mark.parametrize("change", [{"livemode": True}, {"account": "acct_another"}])
def test_another_mode_or_account_is_another_environment(gateway: Stripe, now: int, change: dict[str, Any]) -> None:
    body = json.dumps({**EVENT, **change}).encode()
    with pytest.raises(errors.Unauthenticated, match="WRONG_ENVIRONMENT"):
        gateway.verify(body, {"stripe-signature": _header(now, signature(PRESENT, now, body))})


UNREADABLE = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"null",
    b"{",
    b"[" * 100_000,
    b'{"id": "evt_1"}',
    b'{"id": 1, "type": "a"}',
    json.dumps({**EVENT, "livemode": "false"}).encode(),
    json.dumps({**EVENT, "id": "e" * 300}).encode(),
]


@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_is_genuine_and_cannot_be_read_is_kept_as_unknown(gateway: Stripe, now: int, body: bytes) -> None:
    notice = gateway.verify(body, {"stripe-signature": _header(now, signature(PRESENT, now, body))})

    assert (notice.event_type, notice.is_known) == ("malformed", False)
    assert notice.raw
    assert len(notice.event_id) < 100
    assert gateway.read(notice) == Facts()


def test_a_type_that_nobody_knows_is_kept_with_its_ids_alone(gateway: Stripe, now: int) -> None:
    thing = {"id": "cus_1", "object": "customer", "email": "jane@example.com", "name": "Jane Roe"}
    body = json.dumps({**EVENT, "type": "customer.created", "data": {"object": thing}}).encode()
    notice = gateway.verify(body, {"stripe-signature": _header(now, signature(PRESENT, now, body))})

    assert not notice.is_known
    assert json.loads(notice.raw or "") == {"type": "customer.created", "id": "cus_1"}
    assert gateway.read(notice) == Facts()
