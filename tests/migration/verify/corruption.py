"""Corruptions of every kind, planted in the table past everything, each in a person of its own."""

from __future__ import annotations

import copy
import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from tests.migration.verify.world import World

Corrupt = Callable[[World, str, random.Random], bool]
"""Corrupts what is held of a person; false where there is nothing to corrupt in this way."""


def _profile(world: World, key: str) -> dict[str, Any]:
    return copy.deepcopy(world.items(key)[f"USER#{key}", "PROFILE"])


def _some(world: World, key: str, *beginnings: str) -> list[tuple[str, str]]:
    return [place for place in sorted(world.items(key)) if place[1].startswith(beginnings)]


def change_an_attribute(world: World, key: str, dice: random.Random) -> bool:
    profile = _profile(world, key)
    texts = [name for name, value in profile["data"]["M"].items() if "S" in value and name != "id"]
    name = dice.choice(sorted(texts))
    profile["data"]["M"][name] = {"S": profile["data"]["M"][name]["S"] + "x"}
    world.put(profile)
    return True


def lose_an_attribute(world: World, key: str, dice: random.Random) -> bool:
    profile = _profile(world, key)
    del profile["data"]["M"][dice.choice(["name", "account_status", "email_verified", "external_id"])]
    world.put(profile)
    return True


def lose_an_item(world: World, key: str, dice: random.Random) -> bool:
    places = _some(world, key, "PAYMENT#", "SESSION#", "DEVICE#", "SUBSCRIPTION#", "CONSENT#")
    if places:
        world.delete(dice.choice(places))
    return bool(places)


def have_an_item_too_many(world: World, key: str, dice: random.Random) -> bool:
    places = _some(world, key, "PAYMENT#", "SESSION#", "DEVICE#")
    if not places:
        return False
    place = dice.choice(places)
    another = copy.deepcopy(world.items(key)[place])
    another["SK"] = {"S": f"{place[1]}-again"}
    world.put(another)
    return True


def lose_a_person(world: World, key: str, dice: random.Random) -> bool:
    for place in world.items(key):
        world.delete(place)
    return True


def bring_somebody_back(world: World, key: str, dice: random.Random) -> bool:
    """Somebody who is nowhere in the legacy database stands at home."""
    ghost = str(uuid.UUID(int=dice.getrandbits(128), version=4))
    profile = _profile(world, key)
    profile["PK"] = {"S": f"USER#{ghost}"}
    profile["data"]["M"]["id"] = {"S": ghost}
    world.put(profile)
    return True


def mix_up_a_guard(world: World, key: str, dice: random.Random) -> bool:
    """A guard is lost, or says that it belongs to somebody else."""
    data = _profile(world, key)["data"]["M"]
    place = f"GUARD#EXTERNAL#{data['auth_provider']['S']}#{data['external_id']['S']}"
    if dice.random() < 0.5:
        world.delete((place, "GUARD"))
        return True
    found = world.move.table.get((place, "GUARD"))
    assert found is not None
    other = copy.deepcopy(dict(found))
    other["data"] = {"M": {"user_id": {"S": dice.choice([one for one in world.people if one != key])}}}
    world.put(other)
    return True


def leave_a_stale_copy(world: World, key: str, dice: random.Random) -> bool:
    """What stands at home is what was there before the last change, of which nobody noted that it was not copied."""
    before = world.items(key)
    world.sql("UPDATE users SET family_name = %s WHERE id = %s", f"New {dice.random()}", key)
    world.copy([key])
    for item in before.values():
        world.put(item)
    return True


def write_a_value_of_another_type(world: World, key: str, dice: random.Random) -> bool:
    profile = _profile(world, key)
    data = profile["data"]["M"]
    choice = dice.randrange(3)
    if choice == 0:
        data["email_verified"] = {"S": str(data["email_verified"]["BOOL"]).lower()}
    elif choice == 1:
        data["current_subscription"]["M"]["usage_current_period"]["M"]["documents_processed"] = {"S": "0"}
    else:
        data["note"] = {"S": "something that nobody put there"}
    world.put(profile)
    return True


KINDS: tuple[Corrupt, ...] = (
    change_an_attribute,
    lose_an_attribute,
    lose_an_item,
    have_an_item_too_many,
    lose_a_person,
    bring_somebody_back,
    mix_up_a_guard,
    leave_a_stale_copy,
    write_a_value_of_another_type,
)


def plant(world: World, people: list[str], count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Corrupt so many people, each kind in turn; yield kind and person."""
    dice, waiting = random.Random(seed), list(people)
    dice.shuffle(waiting)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        while not kind(world, key := waiting.pop(), dice):
            pass
        yield kind.__name__, key
