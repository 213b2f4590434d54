"""What operators do by hand, each command a function: it writes to `out`, and returns the exit code.

0: done, or nothing is wrong · 1: something is wrong, or was refused, or is not finished · 2: nobody can do this so.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TextIO

from chalicelib.clock import iso
from chalicelib.migration.checkpoints import Orders
from chalicelib.migration.figures import ATTESTED, Figure
from chalicelib.migration.phases import ORDER, Phase, Side, moves_from
from chalicelib.migration.progress import Shown

DONE, WRONG, UNUSABLE = 0, 1, 2
_STOPPED: Final = 2
"""What a preflight returns where the move must not begin."""
_DRY: Final = "dry: nothing was changed; --do does it"

Command = Callable[[Any, Namespace, TextIO], int]
"""Takes an operator (`wiring_backfill.Operator`), the arguments, and where to write."""


def preflight(operator: Any, given: Namespace, out: TextIO) -> int:
    """Look for what is wrong with the legacy data. With --do the gate hears of it."""
    found = operator.preflight()
    _say(out, given, found.as_json(), found.as_text())
    if given.do:
        is_well = found.exit_code != _STOPPED
        operator.move.figures.tell(Figure.PREFLIGHT, number=len(found.defects), is_well=is_well)
    return int(found.exit_code)


def install(operator: Any, given: Namespace, out: TextIO) -> int:
    """Install the notes of changes in PostgreSQL."""
    if not given.do:
        return _dry(out, "would install schema migration, its triggers and indexes")
    operator.install()
    out.write("installed: changes of legacy tables are noted from now on\n")
    return DONE


def remove(operator: Any, given: Namespace, out: TextIO) -> int:
    """Remove everything of the engine from PostgreSQL."""
    phase = operator.move.control.refreshed().phase
    if phase not in (Phase.LEGACY, Phase.RETIRED):
        out.write(f"refused: in the phase {phase} PostgreSQL is part of the move\n")
        return WRONG
    beside = operator.move.changes.is_installed() and _beside(operator)
    if beside and phase is Phase.LEGACY and not given.lose_extras:
        out.write(
            f"refused: {beside:,} things stand beside the rows and would be lost; --lose-extras says that they may\n"
        )
        return WRONG
    if not given.do:
        return _dry(out, "would remove schema migration with everything in it, triggers and indexes")
    operator.remove()
    out.write("removed: nothing of the engine is left in PostgreSQL\n")
    return DONE


def status(operator: Any, given: Namespace, out: TextIO) -> int:
    """Say where the move stands."""
    move = operator.move
    standing, parts = move.control.refreshed(), operator.checkpoints(given.run).parts()
    is_installed = move.changes.is_installed()
    told: dict[str, Any] = {
        "phase": str(standing.phase),
        "percent": standing.percent,
        "is_killed": standing.is_killed,
        "moving_to": None if standing.moving is None else str(standing.moving.target),
        "moved_at": None if standing.moved_at is None else iso(standing.moved_at),
        "moved_by": standing.moved_by,
        "is_installed": is_installed,
        "backlog": move.changes.backlog() if is_installed else None,
        "set_aside": sum(one.is_set_aside for one in move.changes.troubles()) if is_installed else None,
        "marks": move.marks.count(),
        "parts_done": f"{sum(part.is_done for part in parts)}/{len(parts)}",
        "keys_done": sum(part.done for part in parts),
        "is_paused": operator.checkpoints(given.run).orders().is_paused,
    }
    for name, known in move.figures.known().items():
        well = "well" if known.is_well else "not well"
        told[f"figure {name}"] = f"{well}, {known.number}, {iso(known.at)} {known.note}".rstrip()
    for step in moves_from(standing.phase):
        refusals = move.gates.refusals(step, standing)
        why = "; ".join(f"{one.gate}: {one.reason}" for one in refusals) or "may be done"
        told[f"to {step.target}"] = why
    _say(out, given, told, "\n".join(f"{name:>24}  {value}" for name, value in told.items()) + "\n")
    return DONE


def move(operator: Any, given: Namespace, out: TextIO) -> int:
    """Move to a neighbouring phase, or set how many per cent read at home."""
    control, target = operator.move.control, Phase(given.phase)
    standing = control.refreshed()
    if target is standing.phase and given.percent is not None:
        if not given.do:
            return _dry(out, f"would set {given.percent} %")
        control.set_percent(given.percent, given.by, given.reason)
    else:
        if target is Phase.DUAL_WRITE and _is_loading(operator, given.run):
            out.write("refused: a backfill without conditions is at work; pause it, or let it end\n")
            return WRONG
        operator.move.mover.move(target, given.by, given.reason, is_dry=not given.do)
        if not given.do:
            return _dry(out, f"would move from {standing.phase} to {target}: every gate lets through")
    now = control.refreshed()
    out.write(f"{now.phase}{f' {now.percent} %' if now.phase is Phase.READ_FALLBACK else ''}\n")
    return DONE


def rollback(operator: Any, given: Namespace, out: TextIO) -> int:
    """Go back by one phase."""
    standing = operator.move.control.refreshed()
    back = [step.target for step in moves_from(standing.phase) if not step.is_forward]
    if not back:
        out.write(f"no way leads back from {standing.phase}\n")
        return WRONG
    given.phase, given.percent = str(max(back, key=ORDER.__getitem__)), None
    return move(operator, given, out)


def kill(operator: Any, given: Namespace, out: TextIO) -> int:
    """Have PostgreSQL answer everything within ten seconds."""
    if not given.do:
        return _dry(out, "would throw the kill switch")
    standing = operator.move.mover.kill(given.by, given.reason)
    out.write(f"killed: PostgreSQL answers everything; the phase is {standing.phase}\n")
    return DONE


def revive(operator: Any, given: Namespace, out: TextIO) -> int:
    """Take the kill switch back."""
    if not given.do:
        return _dry(out, "would take the kill switch back")
    operator.move.control.revive(given.by, given.reason)
    out.write("revived\n")
    return DONE


def mend(operator: Any, given: Namespace, out: TextIO) -> int:
    """Finish what a mover left half-way, and bring back what marks speak of."""
    if not given.do:
        return _dry(out, "would finish moves that were left half-way, and marks")
    out.write(f"{operator.move.mover.mend(given.by).phase}\n")
    return DONE


def attest(operator: Any, given: Namespace, out: TextIO) -> int:
    """Put one's name to what no code can see."""
    if not given.do:
        return _dry(out, f"would attest {given.figure}")
    operator.move.figures.tell(Figure(given.figure), note=given.by)
    out.write(f"{given.figure}: attested by {given.by}\n")
    return DONE


def backfill(operator: Any, given: Namespace, out: TextIO) -> int:
    """Copy everybody."""
    control, checkpoints = operator.move.control, operator.checkpoints(given.run)
    phase, total = control.refreshed().phase, _people(operator)
    if control.refreshed().primary is Side.HOME:
        out.write(f"refused: in the phase {phase} the data is at home\n")
        return WRONG
    lane = "by batches, because nobody writes on both sides yet" if phase is Phase.LEGACY else "under conditions"
    if not given.do:
        return _dry(out, f"would copy about {total:,} people and what is nobody's, {lane}")
    if given.again:
        checkpoints.forget()
    checkpoints.begin(given.parts)
    workers = operator.workers(given.run, given.workers, timedelta(seconds=given.lease))
    shown = Shown(out, total, sum(part.done for part in checkpoints.parts()), lambda: operator.pace.speed)
    try:
        progress = workers.run(shown.tell)
    except KeyboardInterrupt:
        workers.stopped.set()
        out.write("\nstopped; the same command goes on from here\n")
        return WRONG
    shown.end(progress)
    return _backfilled(operator, workers, phase, given, out)


def _backfilled(operator: Any, workers: Any, phase: Phase, given: Namespace, out: TextIO) -> int:
    failed = workers.failures
    if not workers.is_complete:
        out.write("not complete; the same command goes on from here\n")
        return WRONG
    if phase is not Phase.LEGACY:
        # What was loaded before anybody wrote on both sides is not yet all.
        operator.move.figures.tell(Figure.BACKFILL, number=failed, is_well=failed == 0, note=given.run)
    if failed:
        out.write(f"{failed:,} keys failed: `status` counts them, `drain` tries them again, the log says why\n")
    return WRONG if failed else DONE


def pause(operator: Any, given: Namespace, out: TextIO) -> int:
    """Have workers stop after the page in hand, wherever they run."""
    checkpoints = operator.checkpoints(given.run)
    checkpoints.order(Orders(True, checkpoints.orders().most_per_second))
    out.write("paused: workers stop within seconds\n")
    return DONE


def resume(operator: Any, given: Namespace, out: TextIO) -> int:
    """Have workers go on, at most so many keys a second each if that is said."""
    operator.checkpoints(given.run).order(Orders(False, given.most))
    out.write("resumed\n")
    return DONE


def drain(operator: Any, given: Namespace, out: TextIO) -> int:
    """Copy what notes speak of, until none waits."""
    changes = operator.move.changes
    if not given.do:
        return _dry(out, f"would copy what {changes.backlog():,} notes speak of")
    for trouble in changes.troubles():
        changes.take_up(trouble.key)
    left = operator.move.drainer.until_empty(given.seconds)
    out.write(f"{left:,} notes wait\n")
    return WRONG if left else DONE


def verify(operator: Any, given: Namespace, out: TextIO) -> int:
    """Compare both sides, all of it; repair with --repair --do."""
    from chalicelib.migration.verify.page import page_of
    from chalicelib.migration.verify.report import report_of

    connection = operator.connection()
    try:
        verifier = operator.verifier(connection)
        found = verifier.verify()
        if given.repair and given.do and not found.is_clean:
            for key in sorted({one.key for one in found.differences}):
                operator.move.copier.repair(key)
            found = verifier.verify()
    finally:
        connection.close()
    report = report_of(found, is_open=given.show_values)
    for name, text in ((given.json_to, json.dumps(report, indent=1)), (given.html_to, page_of(report))):
        if name is not None:
            Path(name).write_text(text, encoding="utf-8")
    differing = len(found.differences)
    operator.move.figures.tell(
        Figure.VERIFICATION, number=differing, is_well=found.is_clean, note=str(report.get("seal", ""))
    )
    word = "clean" if found.is_clean else "not clean"
    said = {"is_clean": found.is_clean, "differences": differing, "keys": found.keys, "items": found.items}
    _say(out, given, said, f"{word}: {differing:,} differences in {found.items:,} items of {found.keys:,} keys\n")
    return DONE if found.is_clean else WRONG


def repair(operator: Any, given: Namespace, out: TextIO) -> int:
    """Copy some keys anew, whatever their revision."""
    if not given.do:
        return _dry(out, f"would copy {len(given.keys):,} keys anew")
    for key in given.keys:
        out.write(f"{key} {operator.move.copier.repair(key)}\n")
    return DONE


def report(operator: Any, given: Namespace, out: TextIO) -> int:
    """Tell the history of the move."""
    history = [
        {
            "at": None if one.moved_at is None else iso(one.moved_at),
            "phase": str(one.phase),
            "percent": one.percent,
            "is_killed": one.is_killed,
            "by": one.moved_by,
            "reason": one.reason,
        }
        for one in reversed(operator.move.control.history())
    ]
    lines = [f"{one['at']}  {one['phase']:<14} {one['by']}: {one['reason']}" for one in history]
    _say(out, given, {"history": history}, "\n".join(lines) + "\n")
    return DONE


COMMANDS: Final[Mapping[str, Command]] = {
    "preflight": preflight,
    "install": install,
    "status": status,
    "move": move,
    "rollback": rollback,
    "kill": kill,
    "revive": revive,
    "mend": mend,
    "attest": attest,
    "backfill": backfill,
    "pause": pause,
    "resume": resume,
    "drain": drain,
    "verify": verify,
    "repair": repair,
    "report": report,
    "remove": remove,
}
ATTESTABLE: Final = tuple(str(one) for one in ATTESTED)


def _say(out: TextIO, given: Namespace, told: Mapping[str, Any], text: str) -> None:
    out.write(json.dumps(told, default=str) + "\n" if given.json else text if text.endswith("\n") else text + "\n")


def _dry(out: TextIO, what: str) -> int:
    out.write(f"{what}\n{_DRY}\n")
    return DONE


def _people(operator: Any) -> int:
    return _count(operator, "SELECT count(*) FROM users")


def _beside(operator: Any) -> int:
    return _count(operator, "SELECT count(*) FROM migration.extras")


def _count(operator: Any, sql: str) -> int:
    with operator.move.pool.transaction(is_read_only=True) as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


def _is_loading(operator: Any, run: str) -> bool:
    now = operator.clock.now()
    parts = operator.checkpoints(run).parts()
    return any(part.attempt and part.lease_until is not None and part.lease_until > now for part in parts)
