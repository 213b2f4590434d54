"""The functions of billing with nothing replaced: real secrets, queues and HTTP to the simulated stores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import wiring
from chalicelib.billing.billing_contract import CheckoutRequest, PurchaseRequest
from chalicelib.clock import SystemClock
from chalicelib.config import Settings
from chalicelib.models.keys import PROVIDER_SUBSCRIPTION_PREFIX, billing_live_key, user_key, user_partition
from chalicelib.models.profile import UserItem
from chalicelib.models.provider_subscription import ProviderSubscriptionItem
from chalicelib.models.states import Tier
from chalicelib.web.request import Caller
from deploy.resources import declare
from dev.provision import create_key_set, put_given
from dev.stage import environment_of, ports_from
from dev.storefront.opening import Storefront
from tests.rooms.documents_world import a_user
from tests.support import test_settings


@pytest.fixture(scope="module")
def storefront() -> Iterator[Storefront]:
    one = Storefront("http://127.0.0.1:9")  # nobody listens there: every notification is lost
    one.start()
    yield one
    one.stop()


@pytest.fixture
def settings(storefront: Storefront) -> Settings:
    """The stage `test`, which sells in all three stores."""
    local = environment_of(ports_from({"STOREFRONT_PORT": storefront.server.url.rsplit(":", 1)[-1]}))
    selling = {name: value for name, value in local.items() if name.startswith(("APP_STORE_", "PLAY_", "STRIPE_"))}
    return test_settings(**selling, APP_STORE_ROOTS=storefront.root())


@pytest.fixture
def rooms(table: TableConnection, settings: Settings, storefront: Storefront) -> wiring.Rooms:
    secrets = boto3.client("secretsmanager", region_name=settings.region)
    resources = declare(settings)
    create_key_set(resources.token_keys, secrets)
    for name, value in storefront.secrets().items():
        put_given(getattr(resources, name), value, secrets)
    boto3.client("sqs", region_name=settings.region).create_queue(QueueName=settings.billing_looks_queue)
    return wiring.build(settings, SystemClock())


def in_another_process(settings: Settings) -> wiring.Rooms:
    """Rooms that have read no secret yet."""
    return wiring.build(settings, SystemClock())


def bought(storefront: Storefront, store: str, user_id: str) -> dict[str, Any]:
    """Somebody buys a plan, and the store's word of it is lost."""
    a_user(user_id, datetime.now(UTC), tier=Tier.FREE).save()
    asked = {"provider": store, "plan_id": "premium_monthly", "account": user_id}
    controls = storefront.server._server.controls
    assert controls is not None
    return controls.answer("POST", "/control/buy", {}, asked)


def messages(settings: Settings) -> list[str]:
    sqs = boto3.client("sqs", region_name=settings.region)
    url = sqs.get_queue_url(QueueName=settings.billing_looks_queue)["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [one["Body"] for one in found]


def test_the_sweep_finds_purchases_that_nobody_told_us_of_and_hands_over_what_is_to_be_looked_at(
    rooms: wiring.Rooms, settings: Settings, storefront: Storefront
) -> None:
    buyers = {store: f"3f2b9c1e-0000-4000-8000-{number:012d}" for number, store in enumerate(("apple", "stripe"))}
    for store, user_id in buyers.items():
        bought(storefront, store, user_id)
    rooms.billing.reconciliation.sweep()
    for user_id in buyers.values():
        assert UserItem.get(*user_key(user_id)).data.current_subscription.tier is Tier.PREMIUM

    places = {store: place_of(user_id, store) for store, user_id in buyers.items()}
    for store, item in places.items():
        # Its paid time ran out unheard, a while ago.
        overdue = billing_live_key(store, 0, datetime.now(UTC) - settings.rules.billing_overdue_hurry / 2, "x")
        index: Any = ProviderSubscriptionItem
        item.update(actions=[index.gsi3_pk.set(overdue.pk), index.gsi3_sk.set(overdue.sk)])
    rooms.billing.reconciliation.sweep()
    batches = messages(settings)
    assert {json.loads(one)["provider"]: json.loads(one)["places"] for one in batches} == {
        store: [[item.pk, item.sk]] for store, item in places.items()
    }
    for batch in batches:
        in_another_process(settings).billing.looks.look_at_batch(batch)


def test_a_purchase_on_google_play_is_handed_in_and_looked_at(
    rooms: wiring.Rooms, settings: Settings, storefront: Storefront
) -> None:
    user_id = "3f2b9c1e-0000-4000-8000-000000000007"
    token = bought(storefront, "google", user_id)["external_id"]
    request = PurchaseRequest(provider="google", purchase_token=token, product_id="serenya_premium")
    answer = rooms.billing.purchases.claim(Caller(user_id, f"session-of-{user_id}"), request)
    assert answer.subscription.tier == "premium"
    in_another_process(settings).billing.looks.look_at_batch(look_at(user_id, "google"))


def test_a_checkout_is_opened_at_stripe(rooms: wiring.Rooms) -> None:
    user_id = "3f2b9c1e-0000-4000-8000-000000000008"
    a_user(user_id, datetime.now(UTC), tier=Tier.FREE).save()
    caller = Caller(user_id, f"session-of-{user_id}")
    opened = rooms.billing.checkout.open(caller, CheckoutRequest(plan_id="premium_monthly"), None)
    assert opened.checkout_url.startswith("http")


def place_of(user_id: str, store: str) -> ProviderSubscriptionItem:
    """What is kept of somebody's one subscription at a store."""
    prefix = f"{PROVIDER_SUBSCRIPTION_PREFIX}{store}#"
    [item] = ProviderSubscriptionItem.query(
        user_partition(user_id), ProviderSubscriptionItem.sk.startswith(prefix), consistent_read=True
    )
    return item


def look_at(user_id: str, store: str) -> str:
    """The message that has it looked at."""
    item = place_of(user_id, store)
    return json.dumps({"version": 1, "provider": store, "places": [[item.pk, item.sk]]})
