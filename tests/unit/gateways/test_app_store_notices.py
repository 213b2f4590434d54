"""Every type of notification that the App Store sends: what is read from it, and what is kept."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.gateways.app_store_words import NOTIFICATION_TYPES
from chalicelib.gateways.provider_facts import Facts, Phase
from chalicelib.models.states import PaymentStatus
from dev.storefront.apple_subscriptions import milliseconds
from dev.storefront.words import Happening
from tests.unit.gateways.app_store_world import ACCOUNT, World, payment, renewal, subscription, term

PREMIUM, FAMILY = "app.serenya.premium.monthly", "app.serenya.family.monthly"


@pytest.fixture
def world() -> World:
    return World()


# What happened, the notification, then: phase, whether it will renew, the product in force, the next one.
STORIES = [
    ((), "SUBSCRIBED/INITIAL_BUY", Phase.ACTIVE, True, PREMIUM, None),
    ((Happening.RENEW,), "DID_RENEW", Phase.ACTIVE, True, PREMIUM, None),
    ((Happening.CANCEL,), "DID_CHANGE_RENEWAL_STATUS/AUTO_RENEW_DISABLED", Phase.ACTIVE, False, PREMIUM, None),
    (
        (Happening.CANCEL, Happening.UNCANCEL),
        "DID_CHANGE_RENEWAL_STATUS/AUTO_RENEW_ENABLED",
        Phase.ACTIVE,
        True,
        PREMIUM,
        None,
    ),
    ((Happening.CANCEL, Happening.EXPIRE), "EXPIRED/VOLUNTARY", Phase.EXPIRED, False, PREMIUM, None),
    ((Happening.FAIL_INTO_GRACE,), "DID_FAIL_TO_RENEW/GRACE_PERIOD", Phase.GRACE, True, PREMIUM, None),
    ((Happening.FAIL_INTO_GRACE, Happening.RECOVER), "DID_RENEW/BILLING_RECOVERY", Phase.ACTIVE, True, PREMIUM, None),
    ((Happening.FAIL_INTO_RETRY,), "DID_FAIL_TO_RENEW", Phase.RETRY, True, PREMIUM, None),
    ((Happening.FAIL_INTO_GRACE, Happening.FAIL_INTO_RETRY), "GRACE_PERIOD_EXPIRED", Phase.RETRY, True, PREMIUM, None),
    ((Happening.FAIL_INTO_RETRY, Happening.RECOVER), "DID_RENEW/BILLING_RECOVERY", Phase.ACTIVE, True, PREMIUM, None),
    ((Happening.FAIL_INTO_RETRY, Happening.EXPIRE), "EXPIRED/BILLING_RETRY", Phase.EXPIRED, False, PREMIUM, None),
    (
        (Happening.CANCEL, Happening.EXPIRE, Happening.RESUBSCRIBE),
        "SUBSCRIBED/RESUBSCRIBE",
        Phase.ACTIVE,
        True,
        PREMIUM,
        None,
    ),
    ((Happening.UPGRADE,), "DID_CHANGE_RENEWAL_PREF/UPGRADE", Phase.ACTIVE, True, FAMILY, None),
    (
        (Happening.UPGRADE, Happening.DOWNGRADE),
        "DID_CHANGE_RENEWAL_PREF/DOWNGRADE",
        Phase.ACTIVE,
        True,
        FAMILY,
        PREMIUM,
    ),
    ((Happening.UPGRADE, Happening.DOWNGRADE, Happening.RENEW), "DID_RENEW", Phase.ACTIVE, True, PREMIUM, None),
    ((Happening.REFUND,), "REFUND", Phase.EXPIRED, False, PREMIUM, None),
    ((Happening.REFUND, Happening.REVERSE_REFUND), "REFUND_REVERSED", Phase.ACTIVE, False, PREMIUM, None),
]


@pytest.mark.parametrize(("story", "event_type", "phase", "will_renew", "product", "next_product"), STORIES)
def test_what_happens_is_read_from_its_notification(
    world: World,
    story: tuple[Happening, ...],
    event_type: str,
    phase: Phase,
    will_renew: bool,
    product: str,
    next_product: str | None,
) -> None:
    delivery = world.after(*story)
    notice, facts = world.told(delivery), world.facts(delivery)
    assert (notice.event_type, notice.is_known, notice.raw) == (event_type, True, None)
    assert notice.event_id == delivery.event_id
    assert timedelta(0) < world.clock.now() - notice.happened_at < timedelta(seconds=1)
    found = renewal(facts)
    assert (found.phase, found.will_renew, found.next_product) == (phase, will_renew, next_product)
    assert (term(facts).product, subscription(facts).account) == (product, ACCOUNT)
    assert (found.cancelled_at is None) == will_renew


def test_every_word_of_one_subscription_is_about_it(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_yearly")
    for happening in (
        Happening.UPGRADE,
        Happening.DOWNGRADE,
        Happening.RENEW,
        Happening.CANCEL,
        Happening.EXPIRE,
        Happening.RESUBSCRIBE,
    ):
        world.shop.happen(external_id, happening)
    deliveries = world.shop.take_deliveries()
    assert {subscription(world.facts(one)).external_id for one in deliveries} == {external_id}
    assert len({world.told(one).event_id for one in deliveries}) == len(deliveries) == 7


@pytest.mark.parametrize(
    ("kind", "subtype"), [(kind, subtype) for kind, subtypes in NOTIFICATION_TYPES.items() for subtype in subtypes]
)
def test_every_type_and_subtype_of_the_list_is_known(world: World, kind: str, subtype: str | None) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    word: dict[str, Any] = {"notificationType": kind, "data": world.shop.data_of(external_id)}
    notice = world.told(world.shop.tell(word if subtype is None else word | {"subtype": subtype}))
    assert (notice.is_known, notice.raw) == (True, None)
    assert notice.event_type == (kind if subtype is None else f"{kind}/{subtype}")
    # Whatever the type: the signed transaction and renewal information say how things stand.
    assert term(world.store.read(notice)).product == PREMIUM


def test_the_list_holds_every_type_and_subtype_that_apples_library_knows() -> None:
    from appstoreserverlibrary.models.NotificationTypeV2 import NotificationTypeV2
    from appstoreserverlibrary.models.Subtype import Subtype

    assert set(NOTIFICATION_TYPES) >= {one.value for one in NotificationTypeV2}
    subtypes = {subtype for known in NOTIFICATION_TYPES.values() for subtype in known}
    assert subtypes >= {one.value for one in Subtype}


APP = {"bundleId": "app.serenya", "appAppleId": 6_480_000_001, "environment": "Production"}
WITHOUT_A_SUBSCRIPTION = {
    "TEST": {"notificationType": "TEST", "data": APP},
    "an extension for all": {
        "notificationType": "RENEWAL_EXTENSION",
        "subtype": "SUMMARY",
        "summary": APP | {"requestIdentifier": "1", "productId": PREMIUM, "succeededCount": 2, "failedCount": 0},
    },
    "a token for purchases elsewhere": {
        "notificationType": "EXTERNAL_PURCHASE_TOKEN",
        "subtype": "CREATED",
        "externalPurchaseToken": {
            "externalPurchaseId": "9f7e",
            "tokenCreationDate": 1_700_000_000_000,
            "appAppleId": APP["appAppleId"],
            "bundleId": APP["bundleId"],
        },
    },
    "a consent that was withdrawn": {
        "notificationType": "RESCIND_CONSENT",
        "appData": APP | {"signedAppTransactionInfo": "a.b.c"},
    },
}


@pytest.mark.parametrize("word", WITHOUT_A_SUBSCRIPTION.values(), ids=WITHOUT_A_SUBSCRIPTION.keys())
def test_a_word_about_no_subscription_is_known_and_says_nothing(world: World, word: dict[str, Any]) -> None:
    notice = world.told(world.shop.tell(word))
    assert notice.is_known
    assert world.store.read(notice) == Facts()


def test_a_sandbox_token_for_purchases_elsewhere_is_refused_in_production(world: World) -> None:
    word = WITHOUT_A_SUBSCRIPTION["a token for purchases elsewhere"]
    token: Any = word["externalPurchaseToken"]
    with pytest.raises(errors.Unauthenticated) as refusal:
        world.told(world.shop.tell(word | {"externalPurchaseToken": token | {"externalPurchaseId": "SANDBOX_1"}}))
    assert refusal.value.code == "WRONG_ENVIRONMENT"


def test_something_that_is_no_subscription_is_none_of_ours(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    bought = world.shop.signed_of(*_bought(world, external_id), type="Consumable")
    data = world.shop.data_of(external_id, signedTransactionInfo=bought)
    del data["signedRenewalInfo"]
    notice = world.told(world.shop.tell({"notificationType": "ONE_TIME_CHARGE", "data": data}))
    assert (notice.is_known, world.store.read(notice)) == (True, Facts())


def test_an_unknown_type_is_kept_and_changes_nothing(world: World) -> None:
    delivery = world.after(Happening.UNKNOWN_NEWS)
    notice = world.told(delivery)
    assert (notice.event_type, notice.is_known) == ("SOMETHING_NEW/NEVER_HEARD_OF", False)
    assert world.store.read(notice) == Facts()
    assert notice.raw is not None
    assert notice.raw.encode() in delivery.body


def test_an_unknown_subtype_is_kept_and_its_transaction_read_all_the_same(world: World) -> None:
    """Otherwise somebody who paid would wait for their renewal until we learned Apple's new word."""
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    word = {"notificationType": "DID_RENEW", "subtype": "BY_PIGEON", "data": world.shop.data_of(external_id)}
    notice = world.told(world.shop.tell(word))
    assert (notice.event_type, notice.is_known) == ("DID_RENEW/BY_PIGEON", True)
    assert notice.raw is not None
    assert term(world.store.read(notice)).product == PREMIUM


@pytest.mark.parametrize(
    "changes",
    [
        {"purchaseDate": None},
        {"expiresDate": None},
        {"expiresDate": 2**62},
        {"purchaseDate": -1},
        {"originalTransactionId": ""},
        {"transactionId": None},
        {"productId": None},
        {"signedDate": None},
        {"price": -9990},
        {"price": "much"},
        {"price": 10**60},
        {"currency": "dollars"},
        {"currency": "€"},
        {"originalTransactionId": "1"},
    ],
    ids=str,
)
def test_a_genuine_word_of_another_form_is_kept_as_unknown(world: World, changes: dict[str, Any]) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    broken = world.shop.signed_of(*_bought(world, external_id), **changes)
    data = world.shop.data_of(external_id, signedTransactionInfo=broken)
    notice = world.told(world.shop.tell({"notificationType": "DID_RENEW", "data": data}))
    assert (notice.is_known, world.store.read(notice)) == (False, Facts())
    assert notice.event_type == "DID_RENEW"
    assert notice.raw is not None


def test_a_genuine_envelope_of_another_form_is_kept_as_unknown(world: World) -> None:
    delivery = world.shop.tell({"notificationType": "DID_RENEW", "data": {"appAppleId": "not a number"}})
    notice = world.told(delivery)
    assert (notice.event_type, notice.is_known) == ("unreadable", False)
    # It has no id that could be read; a repeat has the same one all the same.
    assert notice.event_id == world.told(delivery).event_id


def test_a_refund_of_an_old_transaction_leaves_the_present_term_alone(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    bought = world.facts(world.last())
    world.shop.happen(external_id, Happening.RENEW)
    present = world.facts(world.last())
    world.shop.refund(external_id, world.shop.transaction_ids(external_id)[0])
    refund = world.facts(world.last())
    assert payment(refund).transaction_id == payment(bought).transaction_id
    assert payment(refund).status is PaymentStatus.REFUNDED
    assert payment(refund).version > payment(bought).version
    # The refunded term is older than the one in force, however late Apple speaks of it.
    assert term(bought).version < term(refund).version < term(present).version
    assert renewal(refund).phase is Phase.ACTIVE


def test_an_extended_term_ends_later(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    before = world.facts(world.last())
    world.shop.extend(external_id, 10)
    after = world.facts(world.last())
    assert term(after).ends_at == term(before).ends_at + timedelta(days=10)
    assert term(after).version > term(before).version


def test_old_notices_are_not_refused(world: World) -> None:
    """A replay changes nothing, for its versions are old; a late one may be the only one."""
    delivery = world.after()
    world.clock.advance(timedelta(days=900))
    assert world.told(delivery).happened_at < world.clock.now() - timedelta(days=899)


def test_later_words_have_greater_versions(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    for happening in (
        Happening.CANCEL,
        Happening.UNCANCEL,
        Happening.RENEW,
        Happening.UPGRADE,
        Happening.REFUND,
        Happening.REVERSE_REFUND,
    ):
        world.shop.happen(external_id, happening)
    told = [world.facts(delivery) for delivery in world.shop.take_deliveries()]
    assert sorted(told, key=lambda facts: term(facts).version) == told
    assert sorted(told, key=lambda facts: renewal(facts).version) == told
    assert milliseconds(renewal(told[0]).version.about) == 0


def _bought(world: World, external_id: str) -> tuple[Any, Any]:
    found = world.shop._subscriptions[external_id]
    return found, found.last


def test_apples_library_is_imported_with_the_first_word_and_not_before() -> None:
    script = (
        "import sys; from chalicelib.gateways import app_store; from chalicelib.config import AppStore; "
        "from chalicelib.rules import Rules; app_store.AppStore(AppStore('a', {}, app_apple_id=1), None, '', None, "
        "Rules()); print({'appstoreserverlibrary', 'requests', 'OpenSSL', 'cattrs', 'jwt'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
