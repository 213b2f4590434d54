"""The service on the second engine, under a stage of its own for each test, with a legacy database beside it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import boto3
import pytest

from chalicelib.models import base
from chalicelib.models.schema import table_definition
from dev.identity_provider import IdentityProvider
from dev.legacy.server import LegacyDatabase
from tests.api import service as whole
from tests.migration.service.sides import Dsn
from tests.migration.service.world import World, moving
from tests.support import ENVIRONMENT

Opened = Callable[[timedelta], AbstractContextManager[World]]


@pytest.fixture(scope="session")
def provider() -> Iterator[IdentityProvider]:
    """Google and Apple on loopback."""
    with IdentityProvider() as found:
        yield found


@pytest.fixture
def opened(
    second_cloud: str,
    legacy_database: LegacyDatabase,
    provider: IdentityProvider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Opened:
    """Open a service at the beginning of its move; its processes believe what they read of the phase for a time."""

    @contextmanager
    def of(kept_for: timedelta) -> Iterator[World]:
        stage, region = f"test{uuid.uuid4().hex[:8]}", ENVIRONMENT["AWS_DEFAULT_REGION"]
        monkeypatch.setenv("AWS_ENDPOINT_URL", second_cloud)
        monkeypatch.setenv("SERENYA_STAGE", stage)
        client = boto3.client("dynamodb", region_name=region)
        client.create_table(**table_definition(f"serenya-{stage}"))
        with whole.running(provider, monkeypatch) as service:
            try:
                with moving(service, Dsn(legacy_database.dsn), caplog, kept_for=kept_for) as found:
                    yield found
            finally:
                client.delete_table(TableName=f"serenya-{stage}")
                base.Item._connection = None

    return of


@pytest.fixture
def world(opened: Opened) -> Iterator[World]:
    """The service at the beginning of its move; every process looks at the phase each time."""
    with opened(timedelta(0)) as found:
        yield found


@pytest.fixture
def forgetful_world(opened: Opened) -> Iterator[World]:
    """The same, whose processes believe for a second what they read of the phase."""
    with opened(timedelta(seconds=1)) as found:
        yield found
