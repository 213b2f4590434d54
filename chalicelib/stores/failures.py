"""What stores make of DynamoDB's failures: a refusal is an answer, silence is `Unavailable`, the rest is a defect."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from pynamodb.exceptions import PynamoDBException, TransactWriteError

from chalicelib import errors

T = TypeVar("T")

CONDITION_FAILED: Final = "ConditionalCheckFailedException"
REASON_CONDITION_FAILED: Final = "ConditionalCheckFailed"
_CANCELLED: Final = "TransactionCanceledException"
_CONFLICT: Final = "TransactionConflictException"
_REASON_CONFLICT: Final = "TransactionConflict"
_PASSING_CODES: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
        _CONFLICT,
    }
)
_PASSING_REASONS: Final = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", _REASON_CONFLICT})

_MOST_ATTEMPTS: Final = 8
_FIRST_WAIT_SECONDS: Final = 0.02
_LONGEST_WAIT_SECONDS: Final = 0.5


def code_of(failure: PynamoDBException) -> str | None:
    """Return DynamoDB's code for a refusal; None where there was no answer.

    PynamoDB's own `cause_response_code` breaks on a lost connection, whose exception carries `response = None`.
    """
    cause = failure.cause
    return str(cause.response["Error"]["Code"]) if isinstance(cause, ClientError) else None


def is_condition_failure(failure: PynamoDBException) -> bool:
    """Whether a single write was refused by its own condition."""
    return code_of(failure) == CONDITION_FAILED


@contextmanager
def translated() -> Iterator[None]:
    """Raise `Unavailable` where the table did not answer or asked for patience; let everything else through as it is.

    Raises:
        Unavailable: unreachable, throttled, or busy with another transaction on the same item.
    """
    try:
        yield
    except PynamoDBException as failure:
        if _is_passing(failure):
            raise errors.Unavailable(message="The table does not answer at the moment.") from failure
        raise


def retried(write: Callable[[], T]) -> T:
    """Run a conditional write again while it collides with a transaction on the same item, with growing, jittered
    waits.

    Botocore repeats what is throttled or lost, and knows nothing of collisions.

    Raises:
        Unavailable: it still collides after the last attempt, or the table does not answer.
    """
    with translated():
        for attempt in range(_MOST_ATTEMPTS):
            try:
                return write()
            except PynamoDBException as failure:
                if not _is_conflict(failure) or attempt == _MOST_ATTEMPTS - 1:
                    raise
                longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**attempt)
                time.sleep(random.uniform(0, longest))  # noqa: S311  # spreading load, not keeping a secret
        raise AssertionError("unreachable: the last attempt returns or raises")


def reasons_of(failure: TransactWriteError) -> tuple[str, ...]:
    """Return why a transaction was cancelled: one code per action, "None" for those that were fine.

    Empty if it was not cancelled but failed otherwise.
    """
    if code_of(failure) != _CANCELLED:
        return ()
    return tuple(reason.code if reason is not None else "None" for reason in failure.cancellation_reasons)


def _is_conflict(failure: PynamoDBException) -> bool:
    if isinstance(failure, TransactWriteError):
        reasons = reasons_of(failure)
        # A failed condition stays failed, whoever else was writing.
        return _REASON_CONFLICT in reasons and REASON_CONDITION_FAILED not in reasons
    return code_of(failure) == _CONFLICT


def _is_passing(failure: PynamoDBException) -> bool:
    if isinstance(failure, TransactWriteError) and (reasons := reasons_of(failure)):
        return REASON_CONDITION_FAILED not in reasons and bool(_PASSING_REASONS.intersection(reasons))
    code = code_of(failure)
    if code is not None:
        return code in _PASSING_CODES
    return isinstance(failure.cause, (BotoConnectionError, HTTPClientError))
