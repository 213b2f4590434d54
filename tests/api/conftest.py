"""The whole service, once per test, on moto; the identity provider once per run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pynamodb.connection.table import TableConnection

from dev.identity_provider import IdentityProvider
from tests.api import service as whole


@pytest.fixture(scope="session")
def provider() -> Iterator[IdentityProvider]:
    """Google and Apple on loopback."""
    with IdentityProvider() as found:
        yield found


@pytest.fixture
def service(
    table: TableConnection, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[whole.Service]:
    """The service on moto."""
    with whole.running(provider, monkeypatch) as found:
        yield found
