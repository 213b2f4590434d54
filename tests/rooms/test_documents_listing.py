"""The list of jobs: newest first, page by page, each caller's own, with cursors that are good for nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.documents.listing import JobListing
from chalicelib.identity.sessions import SessionRule
from chalicelib.models.states import Tier
from chalicelib.stores.job_lists import JobLists
from chalicelib.web.cursor import Cursors
from chalicelib.web.request import Caller
from tests.rooms.documents_world import World, empty_bucket, make_bucket, shown
from tests.support import SettableClock

KEY = b"a key of the test that is long enough"


@pytest.fixture
def world(any_engine_for_long: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[World]:
    make_bucket(settings)
    world = World(settings, clock)
    world.caller = world.add_user(world.user_id, tier=Tier.PREMIUM)
    yield world
    empty_bucket(settings)


def listing(world: World) -> JobListing:
    cursors = Cursors(lambda: (KEY,))
    return JobListing(world.users, SessionRule(world.clock), JobLists(), cursors, world.clock, world.settings.rules)


def page(world: World, **query: str) -> dict[str, Any]:
    return shown(listing(world).page(world.caller, query))


def uploaded(world: World, count: int, *, seconds: int = 1) -> list[str]:
    """Upload documents; the newest one's id comes first."""
    jobs = []
    for number in range(count):
        jobs.append(world.uploaded(timestamp=str(number)))
        world.clock.advance(timedelta(seconds=seconds))
    return jobs[::-1]


def test_jobs_come_newest_first_each_once_page_by_page(world: World) -> None:
    jobs = uploaded(world, 7)
    seen: list[str] = []
    query: dict[str, str] = {"limit": "3"}
    sizes = []
    while True:
        found = page(world, **query)
        sizes.append(len(found["jobs"]))
        seen += [job["job_id"] for job in found["jobs"]]
        if found["next_cursor"] is None:
            break
        query["cursor"] = found["next_cursor"]
    assert (seen, sizes) == (jobs, [3, 3, 1])
    assert page(world, limit="7")["next_cursor"] is None


def test_jobs_of_one_instant_are_all_seen_and_new_ones_move_no_page(world: World) -> None:
    jobs = set(uploaded(world, 4, seconds=0))
    first = page(world, limit="2")
    world.clock.advance(timedelta(seconds=1))
    newer = world.uploaded(timestamp="newer")
    second = page(world, limit="2", cursor=first["next_cursor"])
    seen = [job["job_id"] for job in first["jobs"] + second["jobs"]]
    assert (len(seen), set(seen)) == (4, jobs)
    assert page(world)["jobs"][0]["job_id"] == newer


def test_a_job_says_where_it_stands(world: World) -> None:
    world.analyst.steps = [errors.NotMedical()]
    failed = world.uploaded(timestamp="1")
    world.deliver_event(failed)
    world.clock.advance(timedelta(seconds=1))
    waiting = world.uploaded(timestamp="2")
    first, second = page(world)["jobs"]
    assert first == {
        "job_id": waiting,
        "content_type": "result",
        "status": "processing",
        "retry_count": 0,
        "uploaded_at": first["uploaded_at"],
        "finished_at": None,
        "progress": 10,
    }
    assert (second["job_id"], second["status"], second["error_code"]) == (failed, "failed", "INVALID_MEDICAL_DOCUMENT")
    assert second["finished_at"].endswith("Z")
    assert "progress" not in second


def test_what_was_removed_or_has_expired_is_not_listed(world: World) -> None:
    first, second = uploaded(world, 2)
    world.library.clean_up(world.caller, first)
    assert [job["job_id"] for job in page(world)["jobs"]] == [second]
    world.clock.advance(timedelta(days=2))
    user = world.users.by_id(world.user_id)
    assert user is not None
    assert JobLists().newest(world.user_id, world.clock.now(), 10) == []


def test_nobody_sees_another_ones_jobs_or_turns_their_pages(world: World) -> None:
    uploaded(world, 3)
    cursor = page(world, limit="1")["next_cursor"]
    other = world.another()
    assert page(other)["jobs"] == []
    with pytest.raises(errors.InvalidRequest) as refused:
        page(other, cursor=cursor)
    assert refused.value.code == "INVALID_CURSOR"


@pytest.mark.parametrize("cursor", ["", "x", "A" * 2000, "ümlaut", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_cursor_that_is_not_ours_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        page(world, cursor=cursor)
    assert refused.value.code == "INVALID_CURSOR"


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "ten", "٣", "9" * 50])
def test_a_limit_is_a_number_from_1_to_100(world: World, limit: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        page(world, limit=limit)
    assert refused.value.code == "INVALID_LIMIT"


def test_a_revoked_session_lists_nothing(world: World) -> None:
    with pytest.raises(errors.Unauthenticated):
        listing(world).page(Caller(world.user_id, "another-session"), {})
