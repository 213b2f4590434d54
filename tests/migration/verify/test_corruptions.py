"""Corruptions are found, all of them and nothing else, while people write."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.migration.verify.run import Verification
from chalicelib.migration.verify.settling import Patience
from dev.legacy.server import LegacyDatabase
from tests.migration.verify.corruption import plant
from tests.migration.verify.world import World, moved

WRITES = (
    "UPDATE users SET name = md5(random()::text) WHERE id = %s",
    "UPDATE users SET last_login_at = now() WHERE id = %s",
    "UPDATE user_sessions SET last_accessed_at = now(), status = 'revoked' WHERE user_id = %s",
    "DELETE FROM user_sessions WHERE user_id = %s",
    "UPDATE consent_records SET consent_given = NOT consent_given WHERE user_id = %s",
    "UPDATE payments SET payment_status = 'refunded' WHERE user_id = %s",
    "UPDATE user_devices SET device_name = md5(random()::text) WHERE user_id = %s",
    "UPDATE subscriptions SET end_date = now() + interval '1 month' * random() WHERE user_id = %s",
)


@contextmanager
def _writing(world: World, people: list[str]) -> Iterator[list[int]]:
    """Have other programs write without pause, and a drainer behind them; yield how many wrote."""
    ended, written = threading.Event(), [0]
    dice = random.Random(7)

    def write() -> None:
        while not ended.is_set():
            world.sql(dice.choice(WRITES), dice.choice(people))
            written[0] += 1
            ended.wait(0.005)

    def drain() -> None:
        while not ended.is_set():
            world.drain()
            ended.wait(0.01)

    threads = [threading.Thread(target=write), threading.Thread(target=drain)]
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _people_in(found: Verification) -> set[str]:
    return {one.key for one in found.differences}


def _check(world: World, corruptions: int, seed: int) -> None:
    planted = list(plant(world, world.people[: len(world.people) // 2], corruptions, seed))
    writers = world.people[len(world.people) // 2 :]
    with _writing(world, writers) as written:
        found = world.verify(Patience(rounds=60, wait_seconds=0.1))

    assert written[0] > 10
    by_person: dict[str, set[str]] = {}
    for one in found.differences:
        by_person.setdefault(one.key, set()).add(one.place)
    ghosts = {key for key in by_person if key not in world.people}
    wanted = {key for kind, key in planted if kind != "bring_somebody_back"}
    moved_guards = sum(kind == "mix_up_a_guard" for kind, _ in planted)
    missed = [(kind, key) for kind, key in planted if kind != "bring_somebody_back" and key not in by_person]
    assert missed == []
    assert len(ghosts) == sum(kind == "bring_somebody_back" for kind, _ in planted)
    # Who was given somebody else's guard has one too many, and nothing else.
    invented = by_person.keys() - wanted - ghosts
    assert len(invented) <= moved_guards
    assert all(place.startswith(("GUARD#", "guards ")) for key in invented for place in by_person[key])
    assert found.settled.unsettled == set()


@pytest.mark.second_engine
def test_corruptions_of_every_kind_are_found_and_none_invented_while_people_write(
    second_engine: TableConnection, legacy_database: LegacyDatabase
) -> None:
    with moved(second_engine, legacy_database, 60, seed=3) as world:
        _check(world, 18, seed=1)


@pytest.mark.prove
@pytest.mark.second_engine
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fifty_corruptions_are_found_and_none_invented_while_people_write(
    second_engine: TableConnection, legacy_database: LegacyDatabase, seed: int
) -> None:
    with moved(second_engine, legacy_database, 400, seed=seed) as world:
        _check(world, 50, seed)
