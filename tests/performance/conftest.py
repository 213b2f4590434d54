"""The world in which requests and events are counted: a stage that sells, and that has Apple's key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import wiring
from chalicelib.billing.doors import Stores
from chalicelib.config import settings
from dev.identity_provider import APPLE, IdentityProvider
from tests.api import service as whole
from tests.api.conftest import provider
from tests.api.service import Service
from tests.api.test_billing import Market, market
from tests.performance.world import World

__all__ = ["market", "provider"]


@pytest.fixture
def service(
    table: TableConnection,
    provider: IdentityProvider,
    monkeypatch: pytest.MonkeyPatch,  # the fixture
) -> Iterator[Service]:
    """The service in a stage that has a key of Sign in with Apple."""
    monkeypatch.setenv("HAS_APPLE_SIGN_IN_KEY", "true")
    monkeypatch.setenv("APPLE_AUTH_URL", f"{provider.issuer(APPLE)}/auth")
    with whole.running(provider, monkeypatch) as found:
        provider.apple_tokens.now = lambda: found.clock.now().timestamp()
        region = settings().region
        secrets = boto3.client("secretsmanager", region_name=region)
        data_keys = {"current": {"kid": "d1", "secret": "d" * 43}, "previous": None}
        secrets.create_secret(Name=settings().data_keys_secret, SecretString=json.dumps(data_keys))
        secrets.create_secret(
            Name=settings().apple_sign_in_secret, SecretString=json.dumps(provider.apple_tokens.secret())
        )
        boto3.client("sqs", region_name=region).create_queue(QueueName=settings().billing_looks_queue)
        yield found


@pytest.fixture
def world(market: Market) -> Iterator[World]:  # the fixture
    """People, and stores whose subscriptions can be looked at."""
    billing = wiring.rooms().billing
    stores = Stores(market.apple, market.google, market.stripe)
    asked: Any = lambda: stores.providers  # noqa: E731  # what the rooms take: something to call
    looks = replace(billing.looks, providers=asked, books=billing.notices)
    reconciliation = replace(billing.reconciliation, providers=asked, receiver=billing.notices)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(billing, "looks", looks)
        patch.setattr(billing, "reconciliation", reconciliation)
        found = World(market)
        with found.watching():
            yield found
