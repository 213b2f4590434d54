"""What the App Store did not sign, or not for us: refused, each with its code."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.gateways.app_store_roots import apple_roots
from dev.forgery import raw_token, unsigned
from dev.storefront.apple_certificates import SigningChain
from dev.storefront.apple_shop import AppleShop
from dev.storefront.words import Happening, VirtualClock
from tests.unit.gateways.app_store_world import ACCOUNT, World

Make = Callable[[World, str], bytes]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def signed(world: World) -> str:
    """A good signed payload."""
    return str(json.loads(world.after().body)["signedPayload"])


def body(signed: object) -> bytes:
    return json.dumps({"signedPayload": signed}).encode()


def claims_of(signed: str) -> dict[str, Any]:
    part = signed.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def header_of(signed: str) -> dict[str, Any]:
    part = signed.split(".", maxsplit=1)[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def edited(world: World, signed: str) -> bytes:
    head, _, signature = signed.split(".")
    claims = claims_of(signed)
    claims["data"]["status"] = 1
    claims["notificationUUID"] = "another"
    return body(f"{head}.{segment(claims)}.{signature}")


def of_another_root(world: World, signed: str) -> bytes:
    return body(SigningChain().sign(claims_of(signed)))


def under_the_real_chain(world: World, signed: str) -> bytes:
    """Signed by somebody's own key, with the App Store's certificates in the header."""
    return body(SigningChain().sign(claims_of(signed), x5c=world.shop.chain.header))


def with_the_root_swapped(world: World, signed: str) -> bytes:
    """A chain of one's own, whose last certificate is exchanged for the trusted root."""
    chain = SigningChain()
    return body(chain.sign(claims_of(signed), x5c=[*chain.header[:2], world.shop.chain.header[2]]))


def with_certificates_in_another_order(world: World, signed: str) -> bytes:
    return body(world.shop.chain.sign(claims_of(signed), x5c=world.shop.chain.header[::-1]))


def without_the_intermediate(world: World, signed: str) -> bytes:
    leaf, _, root = world.shop.chain.header
    return body(world.shop.chain.sign(claims_of(signed), x5c=[leaf, root]))


def without_certificates(world: World, signed: str) -> bytes:
    return body(world.shop.chain.sign(claims_of(signed), x5c=[]))


def with_certificates_that_are_none(world: World, signed: str) -> bytes:
    return body(world.shop.chain.sign(claims_of(signed), x5c=["AAAA", "BBBB", "CCCC"]))


def without_a_signature(world: World, signed: str) -> bytes:
    return body(unsigned(claims_of(signed), x5c=world.shop.chain.header))


def saying_another_algorithm(world: World, signed: str) -> bytes:
    header = header_of(signed) | {"alg": "HS256"}
    return body(raw_token(header, claims_of(signed), lambda _: b"x" * 32))


def with_an_empty_signature(world: World, signed: str) -> bytes:
    return body(signed.rpartition(".")[0] + ".")


def cut_in_the_payload(world: World, signed: str) -> bytes:
    return body(signed[: len(signed) // 2])


def cut_in_the_body(world: World, signed: str) -> bytes:
    return body(signed)[:-40]


def too_long(world: World, signed: str) -> bytes:
    return body(signed + "A" * 300_000)


def nested_without_end(world: World, signed: str) -> bytes:
    return b'{"signedPayload":' + b"[" * 100_000


FORGERIES: list[Make] = [
    edited,
    of_another_root,
    under_the_real_chain,
    with_the_root_swapped,
    with_certificates_in_another_order,
    without_the_intermediate,
    without_certificates,
    with_certificates_that_are_none,
    without_a_signature,
    saying_another_algorithm,
    with_an_empty_signature,
    cut_in_the_payload,
    cut_in_the_body,
    too_long,
    nested_without_end,
]


@pytest.mark.parametrize("make", FORGERIES, ids=lambda make: make.__name__)
def test_a_forgery_is_refused(world: World, signed: str, make: Make) -> None:
    with pytest.raises(errors.Unauthenticated) as refusal:
        world.store.verify(make(world, signed), {})
    assert refusal.value.code == "INVALID_SIGNATURE"


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b"{}", b'"x"', b'{"signedPayload": null}', b'{"signedPayload": 5}', b"\xff\xfe", b"{"],
)
def test_a_body_that_carries_nothing_signed_is_refused(world: World, content: bytes) -> None:
    with pytest.raises(errors.Unauthenticated) as refusal:
        world.store.verify(content, {})
    assert refusal.value.code == "INVALID_SIGNATURE"


@pytest.mark.parametrize("make", [make for make in FORGERIES if make is not cut_in_the_body])
def test_a_forged_transaction_is_no_purchase(world: World, make: Make) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    good = world.shop.signed_transaction(external_id)
    if make is edited:
        head, _, signature = good.split(".")
        forged = f"{head}.{segment(claims_of(good) | {'productId': 'app.serenya.family.yearly'})}.{signature}"
    elif make is nested_without_end:
        forged = "." * 1000
    else:
        forged = json.loads(make(world, good))["signedPayload"]
    with pytest.raises(errors.InvalidRequest) as refusal:
        world.store.claim(forged)
    assert refusal.value.code == "INVALID_PURCHASE"


def test_a_certificate_must_have_been_valid_when_it_signed(world: World) -> None:
    shop = AppleShop(VirtualClock())
    shop.chain = SigningChain(valid=(datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)))
    expired = world.gateway(roots=tuple(base64.b64encode(root).decode() for root in shop.roots()))
    shop.buy(ACCOUNT, "premium_monthly")
    [late] = shop.take_deliveries()
    with pytest.raises(errors.Unauthenticated) as refusal:
        expired.verify(late.body, {})
    assert refusal.value.code == "INVALID_SIGNATURE"


def test_a_certificate_may_have_expired_since(world: World) -> None:
    """The history goes back 180 days, and must be readable after Apple changed its certificates."""
    shop = AppleShop(VirtualClock())
    shop.chain = SigningChain(valid=(datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)))
    shop.buy(ACCOUNT, "premium_monthly")
    gateway = world.gateway(roots=tuple(base64.b64encode(root).decode() for root in shop.roots()))
    [delivery] = shop.take_deliveries()
    assert gateway.verify(delivery.body, {}).event_type == "SUBSCRIBED/INITIAL_BUY"


def test_a_certificate_without_apples_marks_signs_nothing() -> None:
    world = World()
    world.shop.chain = SigningChain(is_marked=False)
    with pytest.raises(errors.Unauthenticated) as refusal:
        world.gateway().verify(world.after().body, {})
    assert refusal.value.code == "INVALID_SIGNATURE"


def test_what_is_signed_is_not_apples_word_by_apples_own_root(world: World, signed: str) -> None:
    with pytest.raises(errors.Unauthenticated) as refusal:
        world.gateway(roots=()).verify(body(signed), {})
    assert refusal.value.code == "INVALID_SIGNATURE"


def test_the_root_is_the_one_that_apple_publishes() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    [root] = (x509.load_der_x509_certificate(one) for one in apple_roots())
    root.verify_directly_issued_by(root)
    assert root.subject.rfc4514_string() == "C=US,O=Apple Inc.,OU=Apple Certification Authority,CN=Apple Root CA - G3"
    published = "63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179"
    assert root.fingerprint(hashes.SHA256()).hex() == published


@pytest.mark.parametrize(
    "changes",
    [
        {"bundle_id": "app.somebody.else"},
        {"app_apple_id": 1},
        {"environment": "Sandbox", "app_apple_id": None},
    ],
    ids=["another bundle", "another app", "production's in the sandbox"],
)
def test_a_genuine_word_about_another_app_or_environment_is_refused(
    world: World, signed: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(errors.Unauthenticated) as refusal:
        world.gateway(**changes).verify(body(signed), {})
    assert refusal.value.code == "WRONG_ENVIRONMENT"


def test_the_sandbox_never_unlocks_production(world: World) -> None:
    sandbox = AppleShop(VirtualClock(), environment="Sandbox")
    sandbox.chain = world.shop.chain
    external_id = sandbox.buy(ACCOUNT, "premium_yearly")
    with pytest.raises(errors.Unauthenticated) as refusal:
        world.told(sandbox.take_deliveries()[0])
    assert refusal.value.code == "WRONG_ENVIRONMENT"
    with pytest.raises(errors.InvalidRequest) as no_purchase:
        world.store.claim(sandbox.signed_transaction(external_id))
    assert no_purchase.value.code == "INVALID_PURCHASE"


def test_a_production_envelope_around_a_sandbox_transaction_unlocks_nothing(world: World) -> None:
    sandbox = AppleShop(VirtualClock(), environment="Sandbox")
    sandbox.chain = world.shop.chain
    inner = sandbox.signed_transaction(sandbox.buy(ACCOUNT, "premium_yearly"))
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    data = world.shop.data_of(external_id, signedTransactionInfo=inner)
    with pytest.raises(errors.Unauthenticated) as refusal:
        world.told(world.shop.tell({"notificationType": "DID_RENEW", "data": data}))
    assert refusal.value.code == "WRONG_ENVIRONMENT"


def test_a_transaction_passed_off_as_a_notification_is_refused(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    with pytest.raises(errors.Unauthenticated):
        world.store.verify(body(world.shop.signed_transaction(external_id)), {})


def test_a_notification_passed_off_as_a_transaction_is_no_purchase(world: World, signed: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        world.store.claim(signed)


def test_when_certificates_cannot_be_checked_the_store_is_told_to_come_back() -> None:
    world = World()
    # Nobody answers on that port.
    world.shop.chain = SigningChain(ocsp_url="http://127.0.0.1:9/ocsp")
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    world.clock.advance(datetime.now(UTC) - world.clock.now())
    gateway = world.gateway(has_online_checks=True)
    with pytest.raises(errors.Unavailable):
        gateway.verify(world.last().body, {})
    with pytest.raises(errors.Unavailable):
        gateway.claim(world.shop.signed_transaction(external_id))


@pytest.mark.parametrize("environment", ["Xcode", "LocalTesting", "production", ""])
def test_no_environment_without_signatures_can_be_set(world: World, environment: str) -> None:
    with pytest.raises(ValueError, match="environment"):
        world.gateway(environment=environment)


def test_production_needs_the_apps_number(world: World) -> None:
    with pytest.raises(ValueError, match="Apple id"):
        world.gateway(app_apple_id=None)


def test_a_repeat_is_the_same_notice(world: World) -> None:
    delivery = world.after(Happening.RENEW)
    assert world.told(delivery) == world.told(delivery)
    assert world.told(delivery).event_id == delivery.event_id
