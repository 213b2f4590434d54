"""A purchase that the app hands in becomes the caller's, once, whoever tells of it first; nobody else's is taken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.billing_contract import PurchaseRequest
from chalicelib.config import Settings
from chalicelib.gateways.provider_facts import Facts
from chalicelib.models import keys
from chalicelib.models.profile import Biometric
from chalicelib.models.states import AccountStatus, BiometricType, PaymentStatus, Tier
from chalicelib.observe import audit
from chalicelib.stores.erasures import Beginning, Erasures
from tests.rooms.billing_world import APPLE, GOOGLE, NOW, BillingWorld, of_store
from tests.unit.billing.people import caller_of
from tests.unit.billing.words import BOUGHT, EXTERNAL_ID, payment, seen


@pytest.fixture
def world(any_engine_for_long: TableConnection, settings: Settings) -> BillingWorld:
    found = BillingWorld(settings)
    found.settle("ada", "bob")
    return found


def refused(world: BillingWorld, user_id: str, purchase: str, code: str) -> None:
    """Check that a purchase is refused and that nothing was changed."""
    before = world.state()
    with pytest.raises(errors.ServiceError) as refusal:
        world.claim(user_id, purchase)
    assert refusal.value.code == code
    assert world.state() == before


def test_a_purchase_of_nobody_becomes_the_callers(world: BillingWorld) -> None:
    world.sell("signed", seen(), payment())
    answer = world.claim("ada", "signed")

    assert (answer.subscription.tier, answer.subscription.plan_id) == (Tier.PREMIUM, "premium_monthly")
    assert [item.data.user_id for item in world.paid("ada")] == ["ada"]
    decided_by = world.plan("ada").decided_by
    assert decided_by.event_type == "purchase"
    assert decided_by.event_id is None


def test_a_purchase_handed_in_twice_changes_nothing(world: BillingWorld) -> None:
    world.sell("signed", seen(), payment())
    world.claim("ada", "signed")
    before, revision = world.state(), world.user("ada").data.billing_revision
    world.clock.advance(timedelta(hours=1))

    assert world.claim("ada", "signed").subscription.tier is Tier.PREMIUM
    assert (world.state(), world.user("ada").data.billing_revision) == (before, revision)


def test_what_the_store_told_before_waits_for_its_person(world: BillingWorld) -> None:
    old = [payment(transaction_id=f"in_{n}", purchased_at=BOUGHT + timedelta(days=n)) for n in range(2, 15)]
    for number, one in enumerate(old):
        world.notices.apply(world.notice(f"e{number}", of_store(APPLE, Facts((seen(number),), (one,)))))
    assert {item.ttl is None for item in world.items("UNCLAIMED#")} == {False}
    assert world.plan("ada").tier is Tier.FREE

    world.sell("signed", seen(), payment())
    world.claim("ada", "signed")
    assert world.items("UNCLAIMED#") == []
    paid = world.paid("ada")
    assert [item.data.provider_transaction_id for item in paid] == [f"in_{n}" for n in range(14, 0, -1)]
    assert {item.ttl for item in paid} == {None}
    assert world.plan("ada").decided_by.event_id == "e12"


def test_a_notice_after_the_purchase_reaches_the_one_who_claimed_it(world: BillingWorld) -> None:
    world.sell("signed", seen())
    world.claim("ada", "signed")
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(3),), (payment(3),)))))

    assert world.plan("ada").decided_by.event_id == "e1"
    assert len(world.paid("ada")) == 1
    assert world.items("UNCLAIMED#") == []


def test_one_payment_whoever_tells_of_it_first(world: BillingWorld) -> None:
    world.sell("signed", seen(), payment())
    world.claim("ada", "signed")
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(1),), (payment(1),)))))
    assert len(world.paid("ada")) == 1


def test_a_purchase_of_another_living_account_is_refused(world: BillingWorld) -> None:
    world.sell("signed", seen(), payment())
    world.claim("bob", "signed")
    refused(world, "ada", "signed", "PURCHASE_OWNED_BY_ANOTHER_ACCOUNT")


def test_a_purchase_that_the_store_names_another_account_for_is_refused(world: BillingWorld) -> None:
    world.sell("signed", seen(account="bob"), payment())
    refused(world, "ada", "signed", "PURCHASE_OWNED_BY_ANOTHER_ACCOUNT")


def test_the_store_s_word_for_whose_it_is_beats_a_claim(world: BillingWorld) -> None:
    world.sell("signed", seen(), payment())
    world.claim("ada", "signed")
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(5, account="bob"),)))))

    assert (world.plan("ada").tier, world.plan("bob").tier) == (Tier.FREE, Tier.PREMIUM)


def test_a_name_that_is_nobodys_leaves_a_purchase_free_and_is_not_kept(world: BillingWorld) -> None:
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(account="nobody-here"),)))))
    world.sell("signed", seen(1, account="nobody-here"))
    assert "nobody-here" not in world.state()

    assert world.claim("ada", "signed").subscription.tier is Tier.PREMIUM
    assert "nobody-here" not in world.state()


def erase(world: BillingWorld, user_id: str) -> None:
    """Begin somebody's erasure, as the privacy room does."""
    user = world.user(user_id)
    beginning = Beginning(
        name=f"erasure-of-{user_id}", user_id=user_id, session_id=user.data.current_session.session_id,
        is_by_caller=True, subscription=user.data.current_subscription, billing_revision=user.data.billing_revision,
        retained_id=f"retained-{user_id}", at=NOW, due_at=NOW, ttl=int(NOW.timestamp()) + 1,
    )  # fmt: skip
    assert Erasures().begin(beginning)


def test_a_purchase_of_somebody_erased_can_be_claimed(world: BillingWorld) -> None:
    world.sell("signed", seen(1, account="bob"), payment())
    world.claim("bob", "signed")
    erase(world, "bob")
    world.claim("ada", "signed")

    assert world.plan("ada").tier is Tier.PREMIUM
    assert world.subscriptions("bob") == []
    assert world.application.subscriptions.owner_of(APPLE, EXTERNAL_ID) == "ada"
    [claimed] = world.subscriptions("ada")
    assert "bob" not in str(claimed.to_simple_dict())
    assert [item.data.user_id for item in world.paid("bob")] == ["bob"]  # what they paid is still theirs
    assert world.paid("ada") == []


def test_nothing_new_comes_to_somebody_who_is_being_erased(world: BillingWorld) -> None:
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(account="bob"),), (payment(),)))))
    erase(world, "bob")
    renewed = payment(9, transaction_id="in_2", purchased_at=NOW)
    world.notices.apply(world.notice("e2", of_store(APPLE, Facts((seen(9, account="bob"),), (renewed,)))))

    assert [item.data.provider_transaction_id for item in world.paid("bob")] == ["in_1"]
    waiting = world.items("UNCLAIMED#")
    assert len(waiting) == 2
    assert "bob" not in str([item.to_simple_dict() for item in waiting])


def test_a_refund_after_an_erasure_finds_the_retained_payment(world: BillingWorld) -> None:
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(account="bob"),), (payment(),)))))
    [item] = world.paid("bob")
    erase(world, "bob")
    partitions_of(world).move_retained("bob", "retained-bob")
    refund = payment(9, status=PaymentStatus.REFUNDED)
    world.notices.apply(world.notice("e2", of_store(APPLE, Facts((), (refund,)))))

    [kept] = world.items("RETAINED#")
    assert (kept.sk, kept.data.payment_status) == (item.sk, PaymentStatus.REFUNDED)
    assert kept.data.user_id == "retained-bob"
    assert world.items("UNCLAIMED#") == []


def test_a_refund_between_reading_and_moving_a_payment_is_not_lost(
    world: BillingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(account="bob"),), (payment(),)))))
    erase(world, "bob")
    belongings = partitions_of(world)
    notice = world.notice("e2", of_store(APPLE, Facts((), (payment(9, status=PaymentStatus.REFUNDED),))))
    move = type(belongings.partitions).move

    def late(self: Any, item: Any, *where: Any) -> bool:
        if item.entity_type == "payment" and not world.application.events.find(APPLE, "e2"):
            deliver(world, notice)
        return bool(move(self, item, *where))

    monkeypatch.setattr(type(belongings.partitions), "move", late)
    for _ in range(3):
        belongings.move_retained("bob", "retained-bob")
        deliver(world, notice)

    [kept] = world.items("RETAINED#")
    assert (kept.data.payment_status, kept.data.user_id) == (PaymentStatus.REFUNDED, "retained-bob")


def deliver(world: BillingWorld, notice: Any) -> bool:
    """Deliver once; a store repeats what is not taken."""
    try:
        return world.notices.apply(notice)
    except errors.Unavailable:
        return False


def partitions_of(world: BillingWorld):  # type: ignore[no-untyped-def]  # typed by what it stands for
    """The erasure's steps, without a bucket."""
    from typing import cast

    from chalicelib.privacy.erasure_steps import Belongings
    from chalicelib.stores.consents import ConsentStore
    from chalicelib.stores.partitions import Partitions

    return Belongings(Partitions(), cast(Any, None), Erasures(), ConsentStore(), world.settings.rules)


def test_a_google_purchase_is_acknowledged(world: BillingWorld) -> None:
    facts = of_store(GOOGLE, Facts((seen(needs_acknowledgement=True),)))
    world.google.sold["token"] = facts
    request = PurchaseRequest(provider="google", purchase_token="token", product_id="premium")
    world.purchases.claim(caller_of("ada"), request)
    assert world.google.acknowledged == [EXTERNAL_ID]


@pytest.mark.parametrize(
    "wrong",
    [
        {"provider": "apple"},
        {"provider": "apple", "signed_transaction": ""},
        {"provider": "apple", "signed_transaction": "unheard of"},
        {"provider": "apple", "purchase_token": "token", "product_id": "premium"},
        {"provider": "google", "purchase_token": "token"},
        {"provider": "google", "signed_transaction": "signed"},
        {"provider": "stripe", "signed_transaction": "signed"},
        {"provider": "internal", "signed_transaction": "signed"},
        {"provider": "", "signed_transaction": "signed"},
    ],
)
def test_what_is_no_purchase_is_refused(world: BillingWorld, wrong: dict[str, str]) -> None:
    before = world.state()
    with pytest.raises(errors.InvalidRequest) as refusal:
        world.purchases.claim(caller_of("ada"), PurchaseRequest(**wrong))
    assert (refusal.value.code, world.state()) == ("INVALID_PURCHASE", before)


def test_a_purchase_with_an_amount_that_cannot_be_so_is_refused(world: BillingWorld) -> None:
    from decimal import Decimal

    from chalicelib.money import Money

    world.sell("signed", seen(), payment(money=Money(Decimal("9.999"), "USD")))
    refused(world, "ada", "signed", "INVALID_PURCHASE")


def test_a_store_that_does_not_answer_is_no_fault_of_the_caller(world: BillingWorld) -> None:
    world.apple.is_down = True
    refused(world, "ada", "signed", "PROVIDER_UNAVAILABLE")


def test_who_is_registered_proves_that_it_is_them(world: BillingWorld) -> None:
    user = world.user("ada")
    at = {"created_at": NOW, "updated_at": NOW}
    user.data.current_biometric = Biometric(
        device_id="device", registration_id="r", biometric_type=BiometricType.FACE, public_key="MFkw",
        is_verified=True, **at,
    )  # fmt: skip
    user.save()
    world.sell("signed", seen())
    refused(world, "ada", "signed", "BIOMETRIC_REQUIRED")


def test_purchases_leave_their_lines_in_the_trail(world: BillingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, object]] = []
    monkeypatch.setattr(audit, "log", lambda event, **fields: lines.append((event, fields["user"])))
    ada, bob = audit.hashed("ada"), audit.hashed("bob")
    world.sell("signed", seen(), payment())
    world.claim("ada", "signed")
    with pytest.raises(errors.Conflict):
        world.claim("bob", "signed")
    refund = payment(2, status=PaymentStatus.REFUNDED)
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(5, account="bob"),), (refund,)))))

    assert lines == [
        ("purchase_claimed", ada),
        ("purchase_refused", bob),
        ("purchase_withdrawn", ada),
        ("purchase_transferred", bob),
        ("payment_refunded", ada),
    ]


def test_a_suspended_account_keeps_what_it_has(world: BillingWorld) -> None:
    user = world.user("ada")
    user.data.account_status = AccountStatus.SUSPENDED
    user.save()
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(account="ada"),)))))
    assert world.plan("ada").tier is Tier.PREMIUM
    assert keys.digest_of(EXTERNAL_ID) == world.plan("ada").external_subscription_id_hash
