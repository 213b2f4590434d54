"""Sizes of items, and what writing them takes, by DynamoDB's rules."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.migration.sizes import size_of, write_units

KEY: dict[str, Any] = {"PK": {"S": "USER#1"}, "SK": {"S": "PROFILE"}}
KEY_SIZE = len("PKUSER#1SKPROFILE")


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"S": ""}, 0),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"B": b"abc"}, 3),
        ({"N": "7"}, 2),
        ({"N": "1234"}, 3),
        ({"N": "-1234.5"}, 5),
        ({"N": "1000000"}, 2),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}]}, 3 + 1 + 2),
        ({"M": {}}, 3),
        ({"M": {"ab": {"BOOL": False}}}, 3 + 1 + 2 + 1),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "22"]}, 4),
    ],
)
def test_values_have_the_size_that_the_documentation_gives(value: dict[str, Any], size: int) -> None:
    assert size_of({**KEY, "x": value}) == KEY_SIZE + 1 + size


@pytest.mark.parametrize(("size", "units"), [(1, 1), (1024, 1), (1025, 2), (10_240, 10)])
def test_a_write_takes_a_unit_for_each_kilobyte_and_two_in_a_transaction(size: int, units: int) -> None:
    item = {**KEY, "x": {"S": "a" * (size - KEY_SIZE - 1)}} if size > KEY_SIZE else KEY

    assert write_units(item, in_transaction=False) == units
    assert write_units(item, in_transaction=True) == 2 * units


def test_an_item_in_an_index_takes_a_unit_more_for_its_entry() -> None:
    item = {**KEY, "GSI1PK": {"S": "a"}, "GSI1SK": {"S": "b"}, "GSI3PK": {"S": "without its other half"}}

    assert write_units(item, in_transaction=True) == 2 + 1
