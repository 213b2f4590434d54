"""Expressions evaluated here give what DynamoDB gives: held against two engines, with random items and expressions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pynamodb.connection.table import TableConnection

from chalicelib.migration.relational import evaluating, reading, requests
from chalicelib.migration.relational.expressions import NO_SUCH_PATH, WRONG_TYPE, condition_of, holds
from chalicelib.migration.relational.grammar import InvalidExpression
from chalicelib.migration.relational.refusals import invalid
from tests.migration.relational.random_requests import ITEMS, conditions, ranges, updates

KEY = {"PK": {"S": "USER#1"}, "SK": {"S": "PROFILE"}}
KIND = {"entity_type": {"S": "guard"}}
PLACE = ("USER#1", "PROFILE")
QUICK = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))


class Both:
    """A real engine, and the evaluation in this process, asked the same."""

    def __init__(self, table: TableConnection) -> None:
        self.table, self.client = table, table.connection.client
        self.said = ""

    def ask(self, operation: str, **asked: Any) -> Any:
        client: Any = self.client
        return client._make_api_call(operation, {"TableName": self.table.table_name, **asked})

    def put(self, item: dict[str, Any]) -> dict[str, Any]:
        whole = {**KEY, **KIND, **item}
        self.ask("PutItem", Item=whole)
        return whole

    def outcome(self, operation: str, **asked: Any) -> Any:
        """What the engine makes of a write: the item as it is then, or the code of the refusal."""
        try:
            self.ask(operation, **asked)
        except ClientError as refusal:
            return refusal.response["Error"]["Code"]
        return canonical(self.ask("GetItem", Key=KEY, ConsistentRead=True).get("Item"))

    def ours(self, operation: str, item: dict[str, Any], **asked: Any) -> Any:
        """What this process makes of it."""
        try:
            try:
                writes = requests.writes_in(operation, {"TableName": "t", **asked})
                return canonical(evaluating.after(operation, writes, {PLACE: item})[PLACE])
            except InvalidExpression as failure:
                raise invalid(operation, str(failure)) from failure
        except ClientError as refusal:
            self.said = refusal.response["Error"]["Message"]
            return refusal.response["Error"]["Code"]


def canonical(value: Any) -> Any:
    """The same for values that DynamoDB does not tell apart."""
    if isinstance(value, dict):
        if set(value) == {"N"}:
            return ("N", Decimal(value["N"]))
        if set(value) <= {"SS", "NS"} and value:
            ((kind, parts),) = value.items()
            return (kind, frozenset(map(Decimal, parts)) if kind == "NS" else frozenset(parts))
        return {name: canonical(part) for name, part in value.items()}
    return [canonical(part) for part in value] if isinstance(value, list) else value


@pytest.fixture(params=[pytest.param("second_engine", marks=pytest.mark.second_engine), "table"])
def both(request: pytest.FixtureRequest) -> Both:
    return Both(request.getfixturevalue(request.param))


def _same_conditions(both: Both, item: dict[str, Any], asked: dict[str, Any]) -> None:
    whole = both.put(item)
    expected = both.outcome("DeleteItem", Key=KEY, **asked)
    assert both.ours("DeleteItem", whole, Key=KEY, **asked) == expected, asked


def _same_updates(both: Both, item: dict[str, Any], asked: dict[str, Any]) -> None:
    # DynamoDB refuses paths of which one leads through another; the engines here accept some.
    assume(not _overlap([action.path for action in requests.writes_in("UpdateItem", {"Key": KEY, **asked})[0].actions]))
    whole = both.put(item)
    expected, ours = both.outcome("UpdateItem", Key=KEY, **asked), both.ours("UpdateItem", whole, Key=KEY, **asked)
    # DynamoDB refuses to count with what is no number, and to remove what has no place; the second engine takes an
    # empty text for nothing, and lets go of what is not there.
    is_lenient = (
        ours == "ValidationException" and both.said in {WRONG_TYPE, NO_SUCH_PATH} and isinstance(expected, dict)
    )
    assume(not is_lenient)
    assert ours == expected, (item, asked)


def _overlap(paths: list[Any]) -> bool:
    return any(
        one[: len(other)] == other for number, other in enumerate(paths) for one in paths[:number] + paths[number + 1 :]
    )


@pytest.mark.second_engine
@QUICK
@given(item=ITEMS, asked=conditions())
def test_a_condition_holds_where_it_holds_in_the_engine(second_engine: Any, item: Any, asked: Any) -> None:
    _same_conditions(Both(second_engine), item, asked)


@pytest.mark.second_engine
@QUICK
@given(item=ITEMS, asked=updates())
def test_an_update_leaves_what_the_engine_leaves(second_engine: Any, item: Any, asked: Any) -> None:
    _same_updates(Both(second_engine), item, asked)


# Not on moto, to which what is not there equals NULL, and which fails where it compares a number with a text.
@pytest.mark.prove
@pytest.mark.second_engine
@LONG
@given(item=ITEMS, asked=conditions())
def test_conditions_hold_where_they_hold_in_the_engine(second_engine: Any, item: Any, asked: Any) -> None:
    _same_conditions(Both(second_engine), item, asked)


@pytest.mark.prove
@pytest.mark.second_engine
@LONG
@given(item=ITEMS, asked=updates())
def test_updates_leave_what_the_engine_leaves(second_engine: Any, item: Any, asked: Any) -> None:
    _same_updates(Both(second_engine), item, asked)


@QUICK
@given(
    sorts=st.sets(st.sampled_from(["A", "A#1", "A#2", "A#22", "B", "b", "Ä", "Z"])),
    wanted=ranges(),
    limit=st.none() | st.integers(1, 4),
    is_forward=st.booleans(),
)
def test_a_query_gives_the_pages_that_the_engine_gives(
    both: Both, sorts: set[str], wanted: Any, limit: int | None, is_forward: bool
) -> None:
    items: list[Any] = [{"PK": {"S": "USER#1"}, "SK": {"S": sort}, **KIND} for sort in sorts]
    for item in both.ask("Query", KeyConditionExpression="PK = :p", ExpressionAttributeValues={":p": KEY["PK"]})[
        "Items"
    ]:
        both.ask("DeleteItem", Key={"PK": item["PK"], "SK": item["SK"]})
    for item in items:
        both.ask("PutItem", Item=item)
    text, values = wanted
    asked: dict[str, Any] = {
        "KeyConditionExpression": f"PK = :p AND {text}" if text else "PK = :p",
        "ExpressionAttributeValues": {":p": KEY["PK"], **values},
        "ScanIndexForward": is_forward,
    }
    if limit is not None:
        asked["Limit"] = limit
    for _ in range(10):
        theirs = both.ask("Query", **asked)
        ours = reading.page(asked, reading.Shown(asked), items, reading.TABLE_KEYS, is_index=False)
        assert (ours["Items"], ours["Count"]) == (theirs["Items"], theirs["Count"])
        if not ours.get("LastEvaluatedKey"):
            break
        asked["ExclusiveStartKey"] = ours["LastEvaluatedKey"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#a =",
        "#a = :x AND",
        "#a ! :x",
        "#q = :x",
        "#a = :y",
        "attribute_exists(:x)",
        "#a = :x :x",
        "SET #a = :x",
        "size(#a)",
        "((#a = :x))",
        "NOT ((#a = :x AND attribute_exists(#a)))",
    ],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    given = {"ExpressionAttributeNames": {"#a": "a"}, "ExpressionAttributeValues": {":x": {"S": "a"}}}
    with pytest.raises(InvalidExpression):
        condition_of(text, given, set())


@pytest.mark.parametrize(
    "text", ["(#a = :x)", "((#a = :x) OR #a = :x)", "(#a = :x OR (#a = :x))", "NOT (#a = :x) AND (NOT (#a = :x))"]
)
def test_parentheses_that_hold_something_are_taken(text: str) -> None:
    given = {"ExpressionAttributeNames": {"#a": "a"}, "ExpressionAttributeValues": {":x": {"S": "a"}}}
    condition_of(text, given, set())


def test_a_condition_on_nothing_asks_of_an_empty_item() -> None:
    condition = condition_of("attribute_not_exists(PK)", {}, set())
    assert holds(condition, {})
    assert not holds(condition, KEY)
