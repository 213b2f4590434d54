"""Commands of operators that copy and compare data."""

from __future__ import annotations

import json
import logging
from argparse import Namespace
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from chalicelib import errors
from chalicelib.migration import places
from chalicelib.migration.checkpoints import Orders, begun_at
from chalicelib.migration.command_words import DONE, WRONG, dry, say
from chalicelib.migration.figures import Figure
from chalicelib.migration.phases import Phase, Side
from chalicelib.migration.ports import Key, PhaseMoved
from chalicelib.migration.progress import Shown
from chalicelib.observe.log import log


def backfill(operator: Any, given: Namespace, out: TextIO) -> int:
    """Copy everybody."""
    control, checkpoints = operator.move.control, operator.checkpoints(given.run)
    phase, total = control.refreshed().phase, operator.people()
    if control.refreshed().primary is Side.HOME:
        out.write(f"refused: in the phase {phase} the data is at home\n")
        return WRONG
    lane = "by batches, because nobody writes on both sides yet" if phase is Phase.LEGACY else "under conditions"
    if not given.do:
        return dry(out, f"would copy about {total:,} people and what is nobody's, {lane}")
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
    if not workers.is_complete:
        out.write("not complete; the same command goes on from here\n")
        return WRONG
    # Those that failed at first, and were copied since, are in no trouble any more.
    failed = min(workers.failures, len(operator.move.changes.troubles())) if workers.failures else 0
    if phase is not Phase.LEGACY:
        # What was loaded before anybody wrote on both sides is not yet all.
        began_at = begun_at(operator.checkpoints(given.run).parts())
        operator.move.figures.tell(
            Figure.BACKFILL, number=failed, is_well=failed == 0, note=given.run, began_at=began_at
        )
    if failed:
        out.write(f"{failed:,} keys failed: `status` counts them, `drain` tries them again, the log says why\n")
    return WRONG if failed else DONE


def pause(operator: Any, given: Namespace, out: TextIO) -> int:
    """Have workers stop after the page in hand, wherever they run."""
    if not given.do:
        return dry(out, "would have the workers stop after the page in hand")
    checkpoints = operator.checkpoints(given.run)
    checkpoints.order(Orders(True, checkpoints.orders().most_per_second))
    out.write("paused: workers stop within seconds\n")
    return DONE


def resume(operator: Any, given: Namespace, out: TextIO) -> int:
    """Have workers go on, at most so many keys a second each if that is said."""
    if not given.do:
        most = "as fast as the table takes it" if given.most is None else f"{given.most:g} keys a second at most"
        return dry(out, f"would have the workers go on, {most}")
    operator.checkpoints(given.run).order(Orders(False, given.most))
    out.write("resumed\n")
    return DONE


def drain(operator: Any, given: Namespace, out: TextIO) -> int:
    """Copy what notes speak of, until none waits, and the keys that could not be copied before."""
    changes = operator.move.changes
    if not given.do:
        in_trouble = f", and {len(changes.troubles()):,} keys in trouble"
        return dry(out, f"would copy what {changes.backlog():,} notes speak of{in_trouble}")
    for trouble in changes.troubles():
        _try_again(operator, trouble.key)
    left = operator.move.drainer.until_empty(given.seconds)
    out.write(f"{left:,} notes wait\n")
    troubles = changes.troubles()
    for one in troubles:
        out.write(f"{one.key} cannot be copied: {one.problem}\n")
    _tell_of_backfill(operator, len(troubles))
    return WRONG if left or troubles else DONE


def _try_again(operator: Any, key: Key) -> None:
    """Copy a key that is in trouble: that it was copied settles it, and else it stays there. The backfill's have no
    note that would bring them up again."""
    try:
        operator.move.copier.copy(key)
    except (errors.Unavailable, PhaseMoved):
        raise
    except Exception as trouble:  # noqa: BLE001  # anything that one holding brings up is its own
        operator.move.changes.failed(key, f"{type(trouble).__name__}: {trouble}")
        log("copy_failed", level=logging.ERROR, error=trouble, key_hash=places.hashed(key))


def _tell_of_backfill(operator: Any, troubles: int) -> None:
    """Tell the gate how many keys of a backfill that is through are still in trouble."""
    known = operator.move.figures.known().get(Figure.BACKFILL)
    if known is not None and not known.is_well:
        number = min(known.number, troubles)
        operator.move.figures.tell(
            Figure.BACKFILL,
            number=number,
            is_well=number == 0,
            note=known.note,
            began_at=known.true_at,
            epoch=known.epoch,
        )


def verify(operator: Any, given: Namespace, out: TextIO) -> int:
    """Compare both sides, all of it; repair with --repair --do."""
    from chalicelib.migration.verify.page import page_of
    from chalicelib.migration.verify.repairing import repair as repaired
    from chalicelib.migration.verify.report import report_of

    connection = operator.connection()
    try:
        verifier = operator.verifier(connection)
        began_at, epoch = operator.move.figures.clock.now(), operator.move.control.refreshed().epoch
        found = verifier.verify()
        if given.repair and given.do and not found.is_clean:
            for key, problem in repaired(verifier, found, operator.move.copier.repair).failed.items():
                out.write(f"{key} cannot be repaired: {problem}\n")
            began_at, epoch = operator.move.figures.clock.now(), operator.move.control.refreshed().epoch
            found = verifier.verify()
    finally:
        connection.close()
    report = report_of(found, is_open=given.show_values)
    for name, text in ((given.json_to, json.dumps(report, indent=1)), (given.html_to, page_of(report))):
        if name is not None:
            Path(name).write_text(text, encoding="utf-8")
    differing = len(found.differences)
    operator.move.figures.tell(
        Figure.VERIFICATION,
        number=differing,
        is_well=found.is_clean,
        note=str(report.get("seal", "")),
        began_at=began_at,
        epoch=epoch,
    )
    word = "clean" if found.is_clean else "not clean"
    said = {"is_clean": found.is_clean, "differences": differing, "keys": found.keys, "items": found.items}
    say(out, given, said, f"{word}: {differing:,} differences in {found.items:,} items of {found.keys:,} keys\n")
    return DONE if found.is_clean else WRONG


def repair(operator: Any, given: Namespace, out: TextIO) -> int:
    """Copy some keys anew, whatever their revision."""
    if not given.do:
        return dry(out, f"would copy {len(given.keys):,} keys anew")
    for key in given.keys:
        out.write(f"{key} {operator.move.copier.repair(key)}\n")
    return DONE


def events(operator: Any, given: Namespace, out: TextIO) -> int:
    """Keep the trail of old jobs as audit lines in a bucket."""
    connection = operator.connection()
    try:
        found = operator.event_pages(connection)
        objects = lines = 0
        for page in found:
            if given.do:
                operator.keep_object(given.bucket, given.prefix + page.name, page.content)
            objects, lines = objects + 1, lines + page.lines
    finally:
        connection.close()
    word = "kept" if given.do else "would keep"
    say(out, given, {"objects": objects, "lines": lines}, f"{word} {lines:,} lines in {objects:,} objects\n")
    return DONE if given.do else dry(out, f"in {given.bucket}")
