"""Faults put below botocore: each is what AWS, or the way to it, would have done."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.gateways.object_store import ObjectStore
from dev.faults import Attempt, Fault, faults_of
from dev.faulty import SPARED, Faults, faults_wanted, now_and_then

ITEM = {"PK": {"S": "USER#1"}, "SK": {"S": "PROFILE"}}


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture
def client(table: TableConnection, settings: Settings) -> Iterator[Any]:
    found: Any = boto3.client("dynamodb", region_name=settings.region)
    yield found
    for item in found.scan(TableName=settings.table_name)["Items"]:  # They are of no kind that the fixture knows.
        found.delete_item(TableName=settings.table_name, Key={"PK": item["PK"], "SK": item["SK"]})


def once(fault: Fault) -> Faults:
    return Faults(lambda attempt: fault if attempt.is_first else None)


def always(fault: Fault) -> Faults:
    return Faults(lambda attempt: fault if fault in faults_of(attempt.operation) else None)


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LATE_ANSWER, Fault.BROKEN_AFTER])
def test_what_was_done_before_its_answer_got_lost_is_refused_when_botocore_repeats_it(
    client: Any, settings: Settings, fault: Fault
) -> None:
    with once(fault).in_force() as faults, pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.put_item(TableName=settings.table_name, Item=ITEM, ConditionExpression="attribute_not_exists(PK)")
    assert client.get_item(TableName=settings.table_name, Key=ITEM)["Item"] == ITEM
    assert faults.befell == {("dynamodb:PutItem", fault): 1}


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Fault.LOST_REQUEST, ReadTimeoutError),
        (Fault.THROTTLED, "ProvisionedThroughputExceededException"),
        (Fault.BROKEN, "InternalServerError"),
        (Fault.CONFLICT, "TransactionConflictException"),
    ],
)
def test_what_never_arrives_or_is_refused_changes_nothing(
    client: Any, settings: Settings, fault: Fault, raised: Any
) -> None:
    expected = pytest.raises(ClientError, match=raised) if isinstance(raised, str) else pytest.raises(raised)
    with always(fault).in_force(), expected:
        client.put_item(TableName=settings.table_name, Item=ITEM)
    assert "Item" not in client.get_item(TableName=settings.table_name, Key=ITEM)


def test_a_cancelled_transaction_says_which_of_its_parts_collided(client: Any, settings: Settings) -> None:
    put = {"Put": {"TableName": settings.table_name, "Item": ITEM}}
    with always(Fault.CONFLICT).in_force(), pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=[put])
    assert caught.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert [one["Code"] for one in caught.value.response["CancellationReasons"]] == ["TransactionConflict"]


def test_a_batch_is_half_done_and_names_the_rest(client: Any, settings: Settings) -> None:
    puts = [{"PutRequest": {"Item": ITEM | {"SK": {"S": str(number)}}}} for number in range(3)]
    with always(Fault.HALF_DONE).in_force():
        answer = client.batch_write_item(RequestItems={settings.table_name: puts})
    assert answer["UnprocessedItems"] == {settings.table_name: puts[1:]}
    assert len(client.scan(TableName=settings.table_name)["Items"]) == 1
    keys = [{"PK": ITEM["PK"], "SK": {"S": "0"}}, {"PK": ITEM["PK"], "SK": {"S": "1"}}]
    with always(Fault.HALF_DONE).in_force():
        read = client.batch_get_item(RequestItems={settings.table_name: {"Keys": keys}})
    assert len(read["Responses"][settings.table_name]) == 1
    assert read["UnprocessedKeys"][settings.table_name]["Keys"] == keys[1:]


def test_a_document_that_is_cut_off_is_no_document(table: TableConnection, settings: Settings) -> None:
    client: Any = boto3.client("s3", region_name=settings.region)
    client.create_bucket(Bucket=settings.bucket_name, CreateBucketConfiguration={"LocationConstraint": settings.region})
    objects = ObjectStore(settings.bucket_name, lambda: client)
    objects.put("results/a", b"x" * 1000, "text/plain")
    with always(Fault.CUT_OFF).in_force(), pytest.raises(errors.Unavailable):
        objects.get("results/a", 2000)
    assert objects.get("results/a", 2000) == b"x" * 1000


def test_what_stands_for_aws_meets_no_fault(client: Any, settings: Settings) -> None:
    from botocore.config import Config

    bridge: Any = boto3.client("dynamodb", region_name=settings.region, config=Config(user_agent_extra=SPARED))
    with Faults(lambda _: Fault.LOST_ANSWER).in_force() as faults:
        bridge.get_item(TableName=settings.table_name, Key=ITEM)
        with pytest.raises(ConnectionClosedError):
            client.get_item(TableName=settings.table_name, Key=ITEM)
    assert faults.befell.total() > 1


def test_one_call_in_so_many_meets_a_fault_and_half_of_those_at_every_attempt() -> None:
    def attempt(call: dict[str, Any]) -> Attempt:
        return Attempt("dynamodb:PutItem", None, None, None, lambda: None, call)

    plan, met, lasting = now_and_then(0.1, seed=1), 0, 0
    for _ in range(5_000):
        call: dict[str, Any] = {"retries": {"attempt": 1}}
        fault = plan(attempt(call))
        met += fault is not None
        call["retries"]["attempt"] = 2
        lasting += fault is not None and plan(attempt(call)) is fault
    assert 400 < met < 600
    assert 0.4 < lasting / met < 0.6


def test_a_process_says_at_its_end_which_faults_there_were(
    client: Any, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with faults_wanted({"SERENYA_FAULTS": "1", "SERENYA_FAULTS_SEED": "3"}):
        for _ in range(5):
            with suppress(ClientError, ReadTimeoutError):  # Half of the faults are over before botocore gives up.
                client.get_item(TableName=settings.table_name, Key=ITEM)
    told = json.loads(capsys.readouterr().out)
    assert told["event"] == "faults_befell"
    assert sum(told["faults"].values()) >= 5


@pytest.mark.parametrize("share", ["2", "-0.1"])
def test_a_share_that_is_none_is_refused(share: str) -> None:
    with pytest.raises(ValueError, match="a share of all calls"), faults_wanted({"SERENYA_FAULTS": share}):
        pass


def test_without_the_setting_nothing_is_touched(client: Any, settings: Settings) -> None:
    from botocore.endpoint import Endpoint

    before = Endpoint._do_get_response  # type: ignore[attr-defined]  # where faults would stand
    with faults_wanted({}):
        assert Endpoint._do_get_response is before  # type: ignore[attr-defined]  # as above
