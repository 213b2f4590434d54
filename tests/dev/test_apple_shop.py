"""The simulated App Store: what can happen when, what it tells and holds to be so, and whom its server answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import jwt
import pytest

from chalicelib import config
from chalicelib.models.states import Tier
from dev.storefront.apple_api import PAGE
from dev.storefront.apple_shop import AppleShop
from dev.storefront.words import Happening, HttpAnswer, VirtualClock
from tests.support import ENVIRONMENT
from tests.unit.gateways.app_store_world import ACCOUNT, World, term

RUNNING = {Happening.RENEW, Happening.FAIL_INTO_GRACE, Happening.FAIL_INTO_RETRY, Happening.UNKNOWN_NEWS}
# What happened to a premium_monthly subscription, and then: what can happen, the tier, whether it will renew.
STATES: list[tuple[tuple[Happening, ...], set[Happening], Tier, bool]] = [
    ((), RUNNING | {Happening.CANCEL, Happening.UPGRADE, Happening.REFUND}, Tier.PREMIUM, True),
    (
        (Happening.UPGRADE,),
        RUNNING | {Happening.CANCEL, Happening.DOWNGRADE, Happening.REFUND},
        Tier.FAMILY,
        True,
    ),
    ((Happening.UPGRADE, Happening.DOWNGRADE), RUNNING | {Happening.CANCEL, Happening.REFUND}, Tier.FAMILY, True),
    (
        (Happening.CANCEL,),
        {Happening.UNCANCEL, Happening.EXPIRE, Happening.UPGRADE, Happening.REFUND, Happening.UNKNOWN_NEWS},
        Tier.PREMIUM,
        False,
    ),
    (
        (Happening.CANCEL, Happening.EXPIRE),
        {Happening.RESUBSCRIBE, Happening.REFUND, Happening.UNKNOWN_NEWS},
        Tier.FREE,
        False,
    ),
    (
        (Happening.FAIL_INTO_GRACE,),
        {Happening.RECOVER, Happening.FAIL_INTO_RETRY, Happening.UNKNOWN_NEWS},
        Tier.PREMIUM,
        True,
    ),
    (
        (Happening.FAIL_INTO_GRACE, Happening.FAIL_INTO_RETRY),
        {Happening.RECOVER, Happening.EXPIRE, Happening.UNKNOWN_NEWS},
        Tier.FREE,
        True,
    ),
    (
        (Happening.FAIL_INTO_RETRY,),
        {Happening.RECOVER, Happening.EXPIRE, Happening.UNKNOWN_NEWS},
        Tier.FREE,
        True,
    ),
    (
        (Happening.REFUND,),
        {Happening.REVERSE_REFUND, Happening.RESUBSCRIBE, Happening.UNKNOWN_NEWS},
        Tier.FREE,
        False,
    ),
    (
        (Happening.REFUND, Happening.REVERSE_REFUND),
        {Happening.UNCANCEL, Happening.EXPIRE, Happening.UPGRADE, Happening.REFUND, Happening.UNKNOWN_NEWS},
        Tier.PREMIUM,
        False,
    ),
]


@pytest.fixture
def world() -> World:
    return World()


def lived(world: World, *happenings: Happening, plan_id: str = "premium_monthly", is_shared: bool = False) -> str:
    external_id = world.shop.buy(ACCOUNT, plan_id, is_shared=is_shared)
    for happening in happenings:
        assert world.shop.happen(external_id, happening) == external_id
    return external_id


@pytest.mark.parametrize(("story", "possible", "tier", "will_renew"), STATES)
def test_what_can_happen_follows_from_what_happened(
    world: World, story: tuple[Happening, ...], possible: set[Happening], tier: Tier, will_renew: bool
) -> None:
    external_id = lived(world, *story)
    assert {one for one in Happening if world.shop.can(external_id, one)} == possible
    truth = world.shop.truth(external_id)
    assert (truth.tier, truth.will_renew, truth.account) == (tier, will_renew, ACCOUNT)
    for impossible in set(Happening) - possible:
        with pytest.raises(ValueError, match="cannot happen"):
            world.shop.happen(external_id, impossible)


def test_a_shared_subscription_can_be_taken_away_by_the_family(world: World) -> None:
    external_id = lived(world, plan_id="family_monthly", is_shared=True)
    assert not any(world.shop.can(external_id, one) for one in (Happening.REFUND, Happening.DOWNGRADE))
    assert world.shop.truth(external_id).tier is Tier.FAMILY
    assert world.shop.truth(external_id).account is None  # whose account is named is who paid
    world.shop.happen(external_id, Happening.STOP_SHARING)
    assert world.shop.truth(external_id).tier is Tier.FREE
    assert not world.shop.can(external_id, Happening.RESUBSCRIBE)


def test_time_alone_ends_what_is_paid(world: World) -> None:
    external_id = lived(world, Happening.CANCEL)
    world.clock.advance(timedelta(days=32))
    assert world.shop.truth(external_id).tier is Tier.FREE
    assert not world.shop.can(external_id, Happening.UNCANCEL)


def test_the_grace_period_ends_by_itself(world: World) -> None:
    external_id = lived(world, Happening.FAIL_INTO_GRACE)
    world.clock.advance(timedelta(days=15))
    assert world.shop.truth(external_id).tier is Tier.PREMIUM
    world.clock.advance(timedelta(days=2))
    assert world.shop.truth(external_id).tier is Tier.FREE


@pytest.mark.parametrize("plan_id", ["free", "premium", "premium_weekly", ""])
def test_only_what_is_for_sale_can_be_bought(world: World, plan_id: str) -> None:
    with pytest.raises(ValueError, match="sells"):
        world.shop.buy(None, plan_id)


@pytest.mark.parametrize(
    ("plan_id", "ends"),
    [
        ("premium_monthly", ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]),
        ("family_yearly", ["2028-01-31", "2029-01-31", "2030-01-31", "2031-01-31"]),
    ],
)
def test_terms_end_on_the_last_day_of_short_months_and_do_not_drift(plan_id: str, ends: list[str]) -> None:
    world = World()
    world.clock.advance(datetime(2027, 1, 31, 12, tzinfo=UTC) - world.clock.now())
    external_id = lived(world, Happening.RENEW, Happening.RENEW, Happening.RENEW, plan_id=plan_id)
    told = [term(world.facts(delivery)) for delivery in world.shop.take_deliveries()]
    assert [one.ends_at.date().isoformat() for one in told] == ends
    assert {one.anchor_at for one in told} == {told[0].began_at}
    assert all(one.ends_at == later.began_at for one, later in pairwise(told))
    assert world.shop.truth(external_id).until == told[-1].ends_at


def test_a_later_purchase_may_name_another_account(world: World) -> None:
    external_id = lived(world, Happening.CANCEL, Happening.EXPIRE)
    world.shop.hand_over(external_id, "9b2c1f66-0000-4000-8000-000000000002")
    assert world.shop.truth(external_id).account == ACCOUNT
    world.shop.happen(external_id, Happening.RESUBSCRIBE)
    assert world.shop.truth(external_id).account == "9b2c1f66-0000-4000-8000-000000000002"


def test_days_that_were_given_move_every_later_term(world: World) -> None:
    external_id = lived(world)
    before = world.shop.truth(external_id).until
    world.shop.extend(external_id, 5)
    world.shop.happen(external_id, Happening.RENEW)
    after = world.shop.truth(external_id).until
    assert before is not None
    assert after is not None
    assert (after - before).days in range(33, 37)


def test_a_part_can_be_refunded(world: World) -> None:
    external_id = lived(world)
    world.shop.refund(external_id, world.shop.transaction_ids(external_id)[0], percentage=50_000)
    [paid] = world.facts(world.last()).payments
    assert (str(paid.refunded), str(paid.money.amount)) == ("5.00", "9.99")
    assert world.shop.truth(external_id).tier is Tier.FREE


def test_a_stage_can_be_set_to_the_shop_by_its_environment(world: World) -> None:
    shop = AppleShop(world.clock, environment="Sandbox")
    stage = config.load({**ENVIRONMENT, **shop.environment_variables("http://127.0.0.1:4321/")})
    assert stage.app_store == shop.settings("http://127.0.0.1:4321")
    assert stage.app_store_secret == "serenya/test/app-store"


BAD_ENVIRONMENTS: list[tuple[dict[str, str], str]] = [
    ({"APP_STORE_ENVIRONMENT": "Production"}, "APP_STORE_ROOTS"),
    ({"APP_STORE_ENVIRONMENT": "LocalTesting"}, "APP_STORE_ENVIRONMENT"),
    ({"APP_STORE_ENVIRONMENT": "Xcode"}, "APP_STORE_ENVIRONMENT"),
]


@pytest.mark.parametrize(("changes", "named"), BAD_ENVIRONMENTS)
def test_a_stage_cannot_be_set_to_trust_others(world: World, changes: Mapping[str, str], named: str) -> None:
    variables = world.shop.environment_variables("http://127.0.0.1:4321")
    with pytest.raises(ValueError, match=named):
        config.load({**ENVIRONMENT, **variables, **changes})


def test_production_must_name_the_app_and_goes_by_apples_root() -> None:
    variables = {**ENVIRONMENT, "APP_STORE_BUNDLE_ID": "app.serenya", "APP_STORE_PRODUCTS": "a.b=premium_monthly"}
    with pytest.raises(ValueError, match="APP_STORE_APP_ID"):
        config.load(variables)
    stage = config.load({**variables, "APP_STORE_APP_ID": "12"}).app_store
    assert stage == config.AppStore("app.serenya", {"a.b": "premium_monthly"}, app_apple_id=12)
    assert config.load(ENVIRONMENT).app_store is None


def asked(shop: AppleShop, token: str, method: str = "GET", path: str = "v1/subscriptions/1", body: Any = None) -> int:
    headers = {"authorization": f"Bearer {token}"}
    answer = shop.answer(method, f"/inApps/{path}", headers, json.dumps(body).encode())
    assert answer is not None
    return answer.status


def token_of(shop: AppleShop, now: datetime, key: str | None = None, kid: str | None = None, **changes: Any) -> str:
    at = int(now.timestamp())
    usual = {"iss": shop.api.issuer_id, "iat": at, "exp": at + 300, "aud": "appstoreconnect-v1", "bid": shop.bundle_id}
    headers = {"kid": kid or shop.api.key_id}
    return jwt.encode(usual | changes, key or shop.secret()["private_key"], algorithm="ES256", headers=headers)


def test_only_our_app_is_answered(world: World) -> None:
    shop, now = world.shop, world.clock.now()
    assert asked(shop, token_of(shop, now)) == 404
    other = AppleShop(VirtualClock())
    at = int(now.timestamp())
    refused = [
        "",
        "x.y.z",
        jwt.encode({"iss": shop.api.issuer_id}, "", algorithm="none"),
        token_of(shop, now, key=other.secret()["private_key"]),
        token_of(shop, now, kid="OTHER"),
        token_of(shop, now, aud="apple"),
        token_of(shop, now, iss="somebody"),
        token_of(shop, now, bid="app.somebody.else"),
        token_of(shop, now, exp=at + 3601),
        token_of(shop, now - timedelta(hours=1)),
    ]
    assert {asked(shop, token) for token in refused} == {401}


def test_the_history_is_asked_for_as_apple_wants_it(world: World) -> None:
    shop, now = world.shop, world.clock.now()
    for _ in range(PAGE + 1):
        shop.buy(None, "premium_monthly")
    token, end = token_of(shop, now), int(now.timestamp() * 1000) + 60_000

    def history(span: Any, query: str = "") -> int:
        return asked(shop, token, "POST", f"v1/notifications/history{query}", span)

    good = {"startDate": end - 100_000, "endDate": end}
    assert history(good) == 200
    assert history(good, f"?paginationToken={end - 100_000}.{end}.{PAGE}") == 200
    assert history(good, "?paginationToken=1.2.3") == 400
    assert history({"startDate": end, "endDate": end}) == 400
    assert history({"startDate": end - 181 * 86_400_000, "endDate": end}) == 400
    assert history(None) == 400
    assert asked(shop, token, "DELETE", "v1/notifications/history") == 404


def test_another_stores_path_is_not_answered(world: World) -> None:
    assert world.shop.answer("GET", "/v1/subscriptions/1", {}, b"") is None
    world.shop.api.trouble = HttpAnswer(500, b"")
    assert world.shop.answer("GET", "/inApps/v1/subscriptions/1", {}, b"") == HttpAnswer(500, b"")


def test_many_buy_at_once(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        bought = list(pool.map(lambda _: world.shop.buy(None, "premium_monthly"), range(40)))
    deliveries = world.shop.take_deliveries()
    assert len(set(bought)) == len({one.event_id for one in deliveries}) == 40
    assert world.shop.take_deliveries() == []
