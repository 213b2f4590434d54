"""Transactions and single writes: refused, colliding, throttled, unanswered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from pynamodb.connection.table import TableConnection
from pynamodb.exceptions import (
    CancellationReason,
    GetError,
    PynamoDBException,
    TransactWriteError,
    UpdateError,
    VerboseClientError,
)
from pynamodb.transactions import TransactWrite

from chalicelib import errors
from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.guard import GuardData, GuardItem
from chalicelib.stores import failures
from chalicelib.stores.failures import retried, translated
from chalicelib.stores.transactions import Cancelled, commit

LOST = (EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError, ConnectionClosedError)
"""How botocore says that no answer came. Unlike a refusal, these carry no response."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_LONGEST_WAIT_SECONDS", 0.001)


def _guard(name: str, user_id: str = "u") -> GuardItem:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    key = keys.guard_key(keys.GuardKind.EMAIL, name)
    return GuardItem(key.pk, key.sk, created_at=now, updated_at=now, data=GuardData(user_id=user_id))


def _refused(code: str) -> UpdateError:
    return UpdateError("refused", ClientError({"Error": {"Code": code, "Message": ""}}, "UpdateItem"))


def _cancelled(*codes: str) -> TransactWriteError:
    reasons = [CancellationReason(code) if code != "None" else None for code in codes]
    response = {"Error": {"Code": "TransactionCanceledException", "Message": ""}}
    return TransactWriteError(
        "cancelled", VerboseClientError(response, "TransactWriteItems", cancellation_reasons=reasons)
    )


class _Fails:
    """A write that fails as it is told to, once for each failure, and then succeeds."""

    def __init__(self, *failures_to_come: PynamoDBException) -> None:
        self.failures = list(failures_to_come)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "written"


def _two_guards(first: str, second: str) -> Callable[[TransactWrite], None]:
    def build(transaction: TransactWrite) -> None:
        for name in (first, second):
            transaction.save(_guard(name), condition=Item.pk.does_not_exist())

    return build


def test_a_transaction_writes_everything_or_nothing_and_says_why(any_engine: TableConnection) -> None:
    commit(_two_guards("a", "b"))
    with pytest.raises(Cancelled) as refusal:
        commit(_two_guards("c", "b"))
    assert refusal.value.reasons == ("None", "ConditionalCheckFailed")
    assert (refusal.value.failed(0), refusal.value.failed(1)) == (False, True)
    with pytest.raises(GuardItem.DoesNotExist):
        GuardItem.get(*keys.guard_key(keys.GuardKind.EMAIL, "c"))


@pytest.mark.parametrize(
    "collision", [_refused("TransactionConflictException"), _cancelled("None", "TransactionConflict")]
)
def test_a_collision_is_tried_again(collision: PynamoDBException) -> None:
    write = _Fails(collision, collision, collision)
    assert retried(write) == "written"
    assert write.calls == 4


def test_endless_collisions_end_in_come_back_later() -> None:
    write = _Fails(*[_cancelled("TransactionConflict")] * 50)
    with pytest.raises(errors.Unavailable) as refusal:
        retried(write)
    assert write.calls == 8
    assert refusal.value.retry_after_seconds


@pytest.mark.parametrize(
    "refusal",
    [
        _refused("ConditionalCheckFailedException"),
        _refused("ValidationException"),
        _cancelled("ConditionalCheckFailed", "None"),
        _cancelled("ConditionalCheckFailed", "TransactionConflict"),
        _cancelled("ValidationError"),
    ],
)
def test_what_would_fail_again_is_not_tried_again(refusal: PynamoDBException) -> None:
    write = _Fails(refusal)
    with pytest.raises(type(refusal)):
        retried(write)
    assert write.calls == 1


@pytest.mark.parametrize(
    "failure",
    [
        _refused("ThrottlingException"),
        _refused("ProvisionedThroughputExceededException"),
        _refused("InternalServerError"),
        _cancelled("None", "ThrottlingError"),
        *(GetError("no answer", lost(endpoint_url="https://dynamodb.test")) for lost in LOST),
        GetError("no answer", HTTPClientError(error="broken pipe")),
        TransactWriteError("no answer", ReadTimeoutError(endpoint_url="https://dynamodb.test")),
    ],
)
def test_a_table_that_does_not_answer_is_unavailable(failure: PynamoDBException) -> None:
    with pytest.raises(errors.Unavailable) as refusal, translated():
        raise failure
    assert refusal.value.__cause__ is failure


def test_a_defect_of_ours_stays_one() -> None:
    with pytest.raises(UpdateError), translated():
        raise _refused("ValidationException")
