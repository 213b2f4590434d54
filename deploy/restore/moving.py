"""A table that is restored in the middle of a move: what it says of the move is old, and must not be acted upon."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.migration import places
from chalicelib.migration.phases import Phase
from chalicelib.migration.standing import read
from deploy.release.place import Refused
from deploy.restore.reapply import scan

_MARKS: Final = places.marks_partition(0).removesuffix("0")
_AT_REST: Final = (Phase.LEGACY, Phase.RETIRED)
"""Phases in which one side alone has what is true."""


def phase_of(client: Any, table: str) -> Phase:
    """Return the phase that a table says; `legacy` where no move was begun."""
    key = {"PK": {"S": places.PHASE[0]}, "SK": {"S": places.PHASE[1]}}
    return read(client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")).phase


def require_at_rest(client: Any, *tables: str) -> None:
    """Refuse tables that are in the middle of a move.

    Raises:
        Refused: one of them is; the text says what to do instead.
    """
    for table in tables:
        phase = phase_of(client, table)
        if phase not in _AT_REST:
            raise Refused(
                f"{table} says that the stage is in the middle of a move ({phase}). PostgreSQL has what is true: go "
                "back to it (docs/operations.md, “Restore in the middle of a move”). If PostgreSQL is lost as well, "
                "say --is-alone."
            )


def forget_marks(client: Any, table: str, *, is_applied: bool) -> int:
    """Take the marks out of a restored table, if `is_applied`, and return how many there are.

    A mark has whoever finds it bring to PostgreSQL what the table holds; of a restored table that is older than what
    PostgreSQL has. Safe to run again.
    """
    keys = [{"PK": item["PK"], "SK": item["SK"]} for item in scan(client, table) if item["PK"]["S"].startswith(_MARKS)]
    for key in keys if is_applied else ():
        client.delete_item(TableName=table, Key=key)
    return len(keys)
