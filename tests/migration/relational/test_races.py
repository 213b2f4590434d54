"""Many at once on PostgreSQL: exactly as many pass as may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError
from pynamodb.connection.table import TableConnection

from tests.support import ask

PROFILE = {"PK": {"S": "USER#1"}, "SK": {"S": "PROFILE"}}
KIND = {"entity_type": {"S": "guard"}}
CALLERS = 50
LIMIT = 5


def _all_at_once(work: Any, callers: int = CALLERS) -> list[Any]:
    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(work, range(callers)))


def _refused(operation: str, **asked: Any) -> str | None:
    try:
        ask(operation, **asked)
    except ClientError as refusal:
        return str(refusal.response["Error"]["Code"])
    return None


def test_of_fifty_at_once_five_are_counted(relational_engine: TableConnection) -> None:
    table = relational_engine.table_name
    ask("PutItem", TableName=table, Item={**PROFILE, **KIND, "data": {"M": {"used": {"N": "0"}}}})

    def count(_: int) -> str | None:
        return _refused(
            "UpdateItem",
            TableName=table,
            Key=PROFILE,
            UpdateExpression="SET #d.used = #d.used + :one",
            ConditionExpression="#d.used < :limit",
            ExpressionAttributeNames={"#d": "data"},
            ExpressionAttributeValues={":one": {"N": "1"}, ":limit": {"N": str(LIMIT)}},
        )

    outcomes = _all_at_once(count)
    assert outcomes.count(None) == LIMIT
    assert set(outcomes) == {None, "ConditionalCheckFailedException"}
    found = ask("GetItem", TableName=table, Key=PROFILE)["Item"]
    assert found["data"]["M"]["used"] == {"N": str(LIMIT)}


def test_of_twenty_first_sign_ins_with_one_identity_one_makes_an_account(relational_engine: TableConnection) -> None:
    table = relational_engine.table_name

    def sign_up(number: int) -> str | None:
        user = {"PK": {"S": f"USER#{number}"}, "SK": {"S": "PROFILE"}, **KIND, "data": {"M": {}}}
        guard = {
            "PK": {"S": "GUARD#EXTERNAL#google#ada"},
            "SK": {"S": "GUARD"},
            **KIND,
            "data": {"M": {"user_id": {"S": str(number)}}},
        }
        is_free = "attribute_not_exists(PK)"
        puts = [{"Put": {"TableName": table, "Item": one, "ConditionExpression": is_free}} for one in (user, guard)]
        return _refused("TransactWriteItems", TransactItems=puts)

    outcomes = _all_at_once(sign_up, 20)
    assert outcomes.count(None) == 1
    assert set(outcomes) == {None, "TransactionCanceledException"}
    people = [item for item in ask("Scan", TableName=table)["Items"] if item["PK"]["S"].startswith("USER#")]
    assert len(people) == 1


def test_a_guard_that_changes_hands_goes_to_its_new_owner_and_no_further(relational_engine: TableConnection) -> None:
    table = relational_engine.table_name
    key = {"PK": {"S": "GUARD#TRANSACTION#apple#1"}, "SK": {"S": "GUARD"}}
    ask("PutItem", TableName=table, Item={**key, **KIND, "data": {"M": {"user_id": {"S": "ada"}}}})

    def hand_over(number: int) -> str | None:
        return _refused(
            "UpdateItem",
            TableName=table,
            Key=key,
            UpdateExpression="SET #d.user_id = :new",
            ConditionExpression="#d.user_id = :old",
            ExpressionAttributeNames={"#d": "data"},
            ExpressionAttributeValues={":old": {"S": "ada"}, ":new": {"S": f"owner-{number}"}},
        )

    outcomes = _all_at_once(hand_over, 20)
    assert outcomes.count(None) == 1
    winner = f"owner-{outcomes.index(None)}"
    assert ask("GetItem", TableName=table, Key=key)["Item"]["data"]["M"]["user_id"] == {"S": winner}


def test_connections_that_broke_while_nobody_used_them_cost_no_caller_anything(
    relational_engine: TableConnection, relational: Any
) -> None:
    table = relational_engine.table_name
    ask("PutItem", TableName=table, Item={**PROFILE, **KIND})
    relational.pool.close()
    _all_at_once(lambda _: ask("GetItem", TableName=table, Key=PROFILE), 5)
    with relational.pool.transaction() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    relational.pool._idle.pop().close()  # The one that did it, which is whole.
    assert ask("GetItem", TableName=table, Key=PROFILE)["Item"]["PK"] == PROFILE["PK"]
