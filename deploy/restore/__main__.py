"""Erases from a restored table whoever was erased since: `python -m deploy.restore --stage prod --to TABLE [--apply]`.

With `--forget-marks` it takes the marks of a move out of a table that was restored in the middle of one, and erases
nobody.

To be run between the restoration and the first request that the restored table answers; says how many it is about, and
writes nothing without `--apply`. Run it again after any interruption, and until nobody waits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from chalicelib.clock import SystemClock
from chalicelib.config import Settings
from chalicelib.models.base import connect
from chalicelib.stores.erasures import Erasures
from chalicelib.stores.users import Users
from deploy.release.place import Refused, find_place, understood
from deploy.restore.known import Known, known_of
from deploy.restore.moving import forget_marks, require_at_rest
from deploy.restore.reapply import KeptBack, Reapplication, scan
from deploy.stages import DEPLOYED


def main(arguments: Sequence[str]) -> int:
    """Do what was asked: 0 when nobody who was erased is left, 3 when somebody still is, 1 with a reason."""
    asked = _parsed(arguments)
    try:
        with understood():
            place = find_place(asked.stage)
            return run(asked, place.settings, place.client("dynamodb"))
    except (Refused, ValueError, OSError) as refusal:
        print(refusal, file=sys.stderr)
        return 1


def run(asked: argparse.Namespace, settings: Settings, client: Any) -> int:
    """Compare the two tables, and, with `--apply`, erase.

    Raises:
        Refused: a table is not there, the restored one is the one that is in use, or one is in the middle of a move.
    """
    source = asked.source or settings.table_name
    if asked.to == settings.table_name and asked.source is None:
        raise Refused(f"{asked.to} is the table in use. Say --from with the table that knows who was erased.")
    _require_table(client, asked.to)
    if asked.forget_marks:
        return _forget_marks(asked, client)
    if not asked.is_alone:
        require_at_rest(client, *(one for one in (source, asked.to) if one != "nothing" and _is_there(client, one)))
    known = _known(client, None if asked.source == "nothing" else source, asked.audit_log)
    work = _work(settings, client, asked.to)
    affected = work.affected(known)
    print(
        f"{len(known.tombstones)} tombstones, {len(known.receipts)} receipts, {len(known.audited)} lines of the trail."
    )
    print(f"{len(affected)} people in {asked.to} were erased, or asked to be.")
    if not asked.apply:
        print("Nothing was written. Say --apply to erase them again.")
        return 3 if affected else 0
    done = work.apply(known, lambda number: print(f"\r{number} of {len(affected)}", end="", file=sys.stderr))
    print(f"Erased: {done.erased}. Waiting for a worker's or a form's time to be over: {done.waiting}.", end=" ")
    print(f"Not begun: {done.failed}.")
    return 3 if done.waiting or done.failed else 0


def _known(client: Any, source: str | None, audit_logs: Sequence[Path]) -> Known:
    lines = [line for path in audit_logs for line in path.read_text(encoding="utf-8").splitlines()]
    if source is None and not audit_logs:
        raise Refused("Say at least one of --from and --audit-log: otherwise nobody knows who was erased.")
    try:
        return known_of(() if source is None else scan(client, source), lines)
    except client.exceptions.ResourceNotFoundException as absent:
        raise Refused(f"There is no table {source}. With --from nothing the audit trail alone is asked.") from absent


def _forget_marks(asked: argparse.Namespace, client: Any) -> int:
    number = forget_marks(client, asked.to, is_applied=asked.apply)
    print(f"{number} marks {'were' if asked.apply else 'would be'} taken out of {asked.to}.")
    return 3 if number and not asked.apply else 0


def _require_table(client: Any, table: str) -> None:
    if not _is_there(client, table):
        raise Refused(f"There is no table {table}.")


def _is_there(client: Any, table: str) -> bool:
    try:
        client.describe_table(TableName=table)
    except client.exceptions.ResourceNotFoundException:
        return False
    return True


def _work(settings: Settings, client: Any, table: str) -> Reapplication:
    from chalicelib import wiring

    clock = SystemClock()
    saga = replace(wiring.build(settings, clock).erasure_saga, queue=KeptBack())
    connect(table, settings.region)
    return Reapplication(client, table, saga, Erasures(), Users(), clock, settings.rules)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.restore", description=__doc__)
    parser.add_argument("--stage", required=True, choices=DEPLOYED)
    parser.add_argument("--to", required=True, help="the restored table")
    parser.add_argument(
        "--from", dest="source", help="the table that knows who was erased; the stage's own, or `nothing` if it is lost"
    )
    parser.add_argument(
        "--audit-log", type=Path, action="append", default=[], help="lines of the audit trail, as JSON; repeatable"
    )
    parser.add_argument(
        "--is-alone", action="store_true", help="go on in the middle of a move, because PostgreSQL is lost as well"
    )
    parser.add_argument(
        "--forget-marks", action="store_true", help="take the marks of a move out of the restored table, and no more"
    )
    parser.add_argument("--apply", action="store_true", help="do it, instead of saying whom it is about")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
