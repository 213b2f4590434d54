"""The service on moto, with a legacy database beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pynamodb.connection.table import TableConnection

from dev.identity_provider import IdentityProvider
from dev.legacy.server import LegacyDatabase
from tests.api import service as whole
from tests.migration.service.world import World, moving


@pytest.fixture(scope="session")
def provider() -> Iterator[IdentityProvider]:
    """Google and Apple on loopback."""
    with IdentityProvider() as found:
        yield found


@pytest.fixture
def world(
    table: TableConnection,
    legacy_database: LegacyDatabase,
    provider: IdentityProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """The service at the beginning of its move."""
    with whole.running(provider, monkeypatch) as service, moving(service, legacy_database.dsn) as found:
        yield found
