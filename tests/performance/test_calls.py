"""What each request and each event takes of AWS: as recorded, and within its budget."""

from __future__ import annotations

import os
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from bench.budgets import BUDGETS, PROMISES, Promise, complaints, kept
from bench.calls import Row, difference, read_record, row_of, write_record
from deploy.cost.watch import Asked, round_trips
from deploy.permissions import FUNCTIONS
from deploy.release.names import API_FUNCTION
from tests.performance import of_documents, of_functions, of_people, of_trade
from tests.performance.world import Case, World

CASES = (*of_people.CASES, *of_documents.CASES, *of_trade.CASES, *of_functions.CASES)


@pytest.mark.timeout(900)
def test_every_row_is_as_recorded(world: World) -> None:
    found: list[Row] = []
    for case in CASES:
        found.append(row_of(case.of, case.name, world.counted(case)))
    if os.environ.get("RECORD_CALLS"):
        write_record(found)
    recorded = read_record()
    assert [one.name for one in recorded] == [one.name for one in found]
    differences = [difference(before, now) for before, now in zip(recorded, found, strict=True)]
    assert [one for one in differences if one] == [], "if this is right: python -m bench.calls"


def test_every_route_and_every_function_has_a_row() -> None:
    from app import api

    routes = {f"{one.method} {one.paths[0]}" for one in api.endpoints}
    assert {row.of for row in read_record()} == routes | set(FUNCTIONS) - {API_FUNCTION}


def test_every_row_is_within_its_budget_and_no_budget_is_idle() -> None:
    assert complaints(read_record()) == []


@pytest.mark.parametrize("promise", PROMISES, ids=[one.said for one in PROMISES])
def test_what_was_promised_is_kept(promise: Promise) -> None:
    rows = kept(promise, read_record())
    assert {one.case for one in rows} >= set(promise.cases)
    assert rows
    assert max(BUDGETS[row.name].calls for row in rows) <= promise.calls


def test_a_row_above_its_budget_is_told_and_so_is_a_budget_far_above_its_row() -> None:
    rows = read_record()
    profile = next(row for row in rows if row.name == "GET /user/profile: usual")
    others = [row for row in rows if row is not profile]
    dearer = replace(profile, calls={"dynamodb:GetItem": 2}, read_units=5.0)
    assert complaints([*others, dearer]) == [
        "GET /user/profile: usual: 2 calls, allowed are 1",
        "GET /user/profile: usual: 5 read_units, allowed are 1",
    ]
    cheaper = replace(profile, calls={})
    assert complaints([*others, cheaper]) == [
        "GET /user/profile: usual: 1 calls are allowed, 0 taken: the budget holds nothing"
    ]
    assert complaints(others) == ["GET /user/profile: usual: a budget without a row"]


def test_a_row_that_differs_from_the_record_is_told() -> None:
    row = read_record()[0]
    assert difference(row, replace(row, sent_bytes=row.sent_bytes + 20)) is None
    changes: list[dict[str, Any]] = [
        {"sent_bytes": row.sent_bytes * 2},
        {"round_trips": 9},
        {"calls": {}},
        {"write_units": 0},
    ]
    for change in changes:
        assert difference(row, replace(row, **change)) is not None


def test_calls_that_run_beside_each_other_are_waited_for_once() -> None:
    def asked(begun: float, ended: float) -> Asked:
        return Asked("dynamodb:GetItem", begun, ended)

    assert round_trips([]) == 0
    assert round_trips([asked(0, 1), asked(1, 2), asked(2, 3)]) == 3
    assert round_trips([asked(0, 1), asked(0.1, 0.9), asked(0.5, 2)]) == 1
    assert round_trips([asked(0, 10), asked(1, 2), asked(3, 4)]) == 2


def test_a_call_is_weighed_as_it_goes_over_the_wire(world: World) -> None:
    client: Any = boto3.client("s3", region_name=world.settings.region)
    place = {"Bucket": world.settings.bucket_name, "Key": "results/1"}

    def act(_: World) -> Any:
        def run() -> None:
            client.put_object(**place, Body=b"x" * 1000)
            client.head_object(**place)
            client.get_object(**place)["Body"].read()

        return run

    put, head, got = world.counted(Case("GET /x", "x", act))
    assert (put.sent_bytes, head.received_bytes, got.received_bytes) == (1000, 0, 1000)
    assert {one.requests for one in (put, head, got)} == {1}


def test_what_a_filter_leaves_out_is_read_all_the_same(world: World) -> None:
    client: Any = boto3.client("dynamodb", region_name=world.settings.region)
    table = world.settings.table_name
    for number in range(5):
        large = {"PK": {"S": "USER#1"}, "SK": {"S": f"JOB#{number}"}, "entity_type": {"S": "job"}}
        client.put_item(TableName=table, Item={**large, "ttl": {"N": "1"}, "x": {"S": "y" * 4000}})
    question = {
        "TableName": table, "KeyConditionExpression": "PK = :p", "FilterExpression": "#x = :x",
        "ExpressionAttributeNames": {"#x": "x"}, "ConsistentRead": True,
        "ExpressionAttributeValues": {":p": {"S": "USER#1"}, ":x": {"S": "nothing"}},
    }  # fmt: skip
    [filtered, counted, whole] = world.counted(
        Case("GET /x", "x", lambda _: lambda: [
            client.query(**question), client.query(**question, Select="COUNT"),
            client.query(**{name: one for name, one in question.items() if name == "TableName"} | {
                "KeyConditionExpression": "PK = :p", "ConsistentRead": True,
                "ExpressionAttributeValues": {":p": {"S": "USER#1"}},
            }),
        ])
    )  # fmt: skip
    assert filtered.read_units == counted.read_units == whole.read_units == 5
