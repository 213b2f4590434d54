"""What operators do by hand, each command a function: it writes to `out`, and returns the exit code.

0: done, or nothing is wrong · 1: something is wrong, or was refused, or is not finished · 2: nobody can do this so.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TextIO

from chalicelib.clock import iso
from chalicelib.migration import data_commands
from chalicelib.migration.command_words import BY_HAND, DONE, WRONG, Command, dry, say
from chalicelib.migration.figures import ATTESTED, COUNTED, Figure, Known
from chalicelib.migration.gates import LEAST_READS
from chalicelib.migration.phases import ORDER, Phase, moves_from

_STOPPED: Final = 2
"""What a preflight returns where the move must not begin."""


def preflight(operator: Any, given: Namespace, out: TextIO) -> int:
    """Look for what is wrong with the legacy data. With --do the gate hears of it; what stops the move
    can be accepted, with a reason."""
    found = operator.preflight()
    say(out, given, found.as_json(), found.as_text())
    if given.do:
        is_well = found.exit_code != _STOPPED or given.accept is not None
        note = "" if given.accept is None else f"accepted by {given.by}: {given.accept}"
        operator.move.figures.tell(Figure.PREFLIGHT, number=len(found.defects), is_well=is_well, note=note)
    return int(found.exit_code)


def install(operator: Any, given: Namespace, out: TextIO) -> int:
    """Install the notes of changes in PostgreSQL."""
    if not given.do:
        return dry(out, "would install schema migration, its triggers and indexes")
    operator.move.changes.install()
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
        return dry(out, "would remove schema migration with everything in it, triggers and indexes")
    operator.move.changes.remove()
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
        told[f"figure {name}"] = _shown(name, known, standing.version)
    for step in moves_from(standing.phase):
        refusals = move.gates.refusals(step, standing)
        why = "; ".join(f"{one.gate}: {one.reason}" for one in refusals) or "may be done"
        told[f"to {step.target}"] = why
    say(out, given, told, "\n".join(f"{name:>24}  {value}" for name, value in told.items()) + "\n")
    return DONE


def move(operator: Any, given: Namespace, out: TextIO) -> int:
    """Move to a neighbouring phase, or set how many per cent read at home."""
    control, target = operator.move.control, Phase(given.phase)
    standing = control.refreshed()
    if given.percent is not None and not target is standing.phase is Phase.READ_FALLBACK:
        out.write(
            f"refused: the phase is {standing.phase}, and per cent are set in {Phase.READ_FALLBACK} alone; "
            "move there first, without --percent\n"
        )
        return WRONG
    if given.percent is not None:
        if not given.do:
            return dry(out, f"would set {given.percent} %")
        control.set_percent(given.percent, given.by, given.reason)
    else:
        mover, reason = _asking(operator.move, given)
        mover.move(target, given.by, reason, is_dry=not given.do)
        if not given.do:
            return dry(out, f"would move from {standing.phase} to {target}: every gate lets through")
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
    given.phase, given.percent, given.least = str(max(back, key=ORDER.__getitem__)), None, None
    return move(operator, given, out)


def kill(operator: Any, given: Namespace, out: TextIO) -> int:
    """Have PostgreSQL answer everything within ten seconds."""
    if not given.do:
        return dry(out, "would throw the kill switch")
    standing = operator.move.mover.kill(given.by, given.reason)
    out.write(f"killed: PostgreSQL answers everything; the phase is {standing.phase}\n")
    return DONE


def revive(operator: Any, given: Namespace, out: TextIO) -> int:
    """Take the kill switch back."""
    if not given.do:
        return dry(out, "would take the kill switch back")
    operator.move.control.revive(given.by, given.reason)
    out.write("revived\n")
    return DONE


def mend(operator: Any, given: Namespace, out: TextIO) -> int:
    """Finish what a mover left half-way, and bring back what marks speak of."""
    if not given.do:
        return dry(out, "would finish moves that were left half-way, and marks")
    out.write(f"{operator.move.mover.mend(given.by).phase}\n")
    return DONE


def attest(operator: Any, given: Namespace, out: TextIO) -> int:
    """Put one's name to what no code can see."""
    if not given.do:
        return dry(out, f"would attest {given.figure}")
    operator.move.figures.tell(Figure(given.figure), note=given.by)
    out.write(f"{given.figure}: attested by {given.by}\n")
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
    say(out, given, {"history": history}, "\n".join(lines) + "\n")
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
    "backfill": data_commands.backfill,
    "pause": data_commands.pause,
    "resume": data_commands.resume,
    "drain": data_commands.drain,
    "verify": data_commands.verify,
    "repair": data_commands.repair,
    "report": report,
    "events": data_commands.events,
    "remove": remove,
}
ATTESTABLE: Final = tuple(str(one) for one in ATTESTED)


def _beside(operator: Any) -> int:
    with operator.move.pool.transaction(is_read_only=True) as cursor:
        cursor.execute("SELECT count(*) FROM migration.extras")
        return int(cursor.fetchone()[0])


def _shown(name: Figure, known: Known, version: int) -> str:
    """What is counted has no well or not: how many in all, and how many of them since the last move."""
    if name in COUNTED:
        return (
            f"{known.number}, of them {known.by_version.get(version, 0)} since the last move, the last {iso(known.at)}"
        )
    well = "well" if known.is_well else "not well"
    return f"{well}, {known.number}, {iso(known.at)} {known.note}".rstrip()


def _asking(move: Any, given: Namespace) -> tuple[Any, str]:
    """Return the mover whose gates ask for as many reads as is said, and the reason with it.

    Raises:
        ValueError: fewer are to be enough, and nobody says why.
    """
    if given.least is None:
        return move.mover, given.reason
    if given.least < 1 or given.reason == BY_HAND:
        raise ValueError("--least is 1 or more, and wants a --reason of its own")
    gates = replace(move.gates, least_reads=given.least)
    return replace(move.mover, gates=gates), f"{given.reason} (after {given.least} reads instead of {LEAST_READS})"
