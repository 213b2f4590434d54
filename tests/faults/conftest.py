"""The house that faults befall: the whole service on an embedded cloud of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from dev.identity_provider import IdentityProvider
from dev.testing import embedded_cloud
from tests.faults.house import House, open_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    logging.disable(logging.CRITICAL)
    with embedded_cloud() as endpoint, IdentityProvider() as provider, open_house(endpoint, provider) as found:
        yield found
    logging.disable(logging.NOTSET)
