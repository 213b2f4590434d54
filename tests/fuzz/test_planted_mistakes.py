"""The state machine finds mistakes that are put into the service: a check that finds none may look at nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.identity.sessions import SessionRule
from chalicelib.models.base import Item
from chalicelib.models.job import JobItem
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.usage import UsageStore
from dev.identity_provider import IdentityProvider
from tests.fuzz.test_machine import run
from tests.fuzz.world import World, world

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as found:
        yield found


@pytest.fixture
def place(table: TableConnection, provider: IdentityProvider) -> Iterator[World]:
    with world(provider) as found:
        yield found


def a_unit_is_not_given_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UsageStore, "add_release", lambda self, transaction, job, at: None)


def a_session_that_was_replaced_goes_on(patch: pytest.MonkeyPatch) -> None:
    original = SessionRule.require_live

    def careless(self: SessionRule, user: Any, caller: Any) -> Any:
        if user is not None and user.data.current_session is not None:
            return user
        return original(self, user, caller)

    patch.setattr(SessionRule, "require_live", careless)


def a_job_is_found_whoever_asks(patch: pytest.MonkeyPatch) -> None:
    original = JobStore.find_with_owner

    def careless(self: JobStore, user_id: str, job_id: str) -> Any:
        user, job = original(self, user_id, job_id)
        others = (one for one in Item.scan() if isinstance(one, JobItem) and one.data.job_id == job_id)
        return user, job or next(others, None)

    patch.setattr(JobStore, "find_with_owner", careless)


@pytest.mark.parametrize(
    ("plant", "complaint"),
    [
        (a_unit_is_not_given_back, "documents, questions and limit are shown as"),
        (a_session_that_was_replaced_goes_on, "a session that is over still answers"),
        (a_job_is_found_whoever_asks, "somebody else's job is shown"),
    ],
)
def test_a_planted_mistake_is_found(
    place: World, plant: Callable[[pytest.MonkeyPatch], None], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError) as found:
        run(place, runs=200, steps=15, is_shrunk=False)
    assert complaint in str(found.value)
