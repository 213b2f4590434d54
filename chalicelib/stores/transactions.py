"""One way to write several items or none."""

from __future__ import annotations

from collections.abc import Callable

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.models.base import shared_connection
from chalicelib.stores.failures import REASON_CONDITION_FAILED, reasons_of, retried


class Cancelled(Exception):
    """A condition of the transaction failed, and nothing was written.

    `reasons` has one code per action, "ConditionalCheckFailed" or "None", ordered by PynamoDB: condition checks,
    deletes, puts, updates.
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__(", ".join(reasons))

    def failed(self, position: int) -> bool:
        """Whether the condition of the action at this position failed."""
        return self.reasons[position] == REASON_CONDITION_FAILED


def commit(build: Callable[[TransactWrite], None]) -> None:
    """Write what `build` adds, all or nothing. `build` runs again for each attempt and must add the same things
    each time.

    Raises:
        Cancelled: a condition failed.
        Unavailable: the items are too contended, or the table does not answer.
    """

    def attempt() -> None:
        with TransactWrite(connection=shared_connection().connection) as transaction:
            build(transaction)

    try:
        retried(attempt)
    except TransactWriteError as failure:
        reasons = reasons_of(failure)
        if REASON_CONDITION_FAILED in reasons:
            raise Cancelled(reasons) from failure
        raise
