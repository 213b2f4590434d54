"""The battlefield, once per file, and what writes down what is tried on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dev.identity_provider import IdentityProvider
from tests.attack.battlefield import Battlefield, battlefield
from tests.attack.record import Tried


@pytest.fixture(scope="session")
def provider() -> Iterator[IdentityProvider]:
    """Google and Apple on loopback."""
    with IdentityProvider() as found:
        yield found


@pytest.fixture(scope="module")
def field(provider: IdentityProvider) -> Iterator[Battlefield]:
    """The service on moto with real signatures of all three stores, somebody with everything, and somebody else."""
    with battlefield(provider) as found:
        yield found


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Iterator[Tried]:
    """Takes down what a test tries; a test that failed has its failure, and no second one about the record."""
    found = Tried(request.module.SECTION, request.node.name)
    failed_before = request.session.testsfailed
    yield found
    if request.session.testsfailed == failed_before:
        found.close()
