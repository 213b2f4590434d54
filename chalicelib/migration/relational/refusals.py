"""DynamoDB's refusals, as botocore raises them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from chalicelib.migration.relational.values import Value

CONDITION_FAILED: Final = "The conditional request failed"


class NotAnswered(Exception):
    """An operation, or a part of one, that the stores do not use and that is therefore not answered here: a defect of
    whoever asks."""


def refusal(operation: str, code: str, message: str, **more: Any) -> ClientError:
    """Return what botocore raises for an error code."""
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400, "HTTPHeaders": {}, "RetryAttempts": 0},
        **more,
    }
    return ClientError(response, operation)


def condition_failed(operation: str, item: Mapping[str, Value] | None = None) -> ClientError:
    """Return the refusal of a single write by its condition, with the item where that was asked for."""
    more = {} if item is None else {"Item": item}
    return refusal(operation, "ConditionalCheckFailedException", CONDITION_FAILED, **more)


def invalid(operation: str, message: str) -> ClientError:
    """Return the refusal of a request that makes no sense, or does not fit the item."""
    return refusal(operation, "ValidationException", message)


def throttled(operation: str) -> ClientError:
    """Return what asks the caller for patience."""
    message = "The level of configured provisioned throughput for the table was exceeded."
    return refusal(operation, "ProvisionedThroughputExceededException", message)


def cancelled(reasons: Sequence[Mapping[str, Any]]) -> ClientError:
    """Return the refusal of a transaction, with a reason for each of its actions, in their order."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return refusal(
        "TransactWriteItems",
        "TransactionCanceledException",
        message,
        Message=message,
        CancellationReasons=[dict(reason) for reason in reasons],
    )
