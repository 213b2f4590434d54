"""The move by hand: `python -m chalicelib.migration <command>`.

Commands that change anything only say what they would do, unless `--do` is given. The stage is the environment's
(`SERENYA_STAGE` and so on, as the service reads it); `--dsn` names a legacy database instead of the stage's secret.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence

from chalicelib import errors
from chalicelib.migration import postgres
from chalicelib.migration.command_words import BY_HAND, UNUSABLE, WRONG
from chalicelib.migration.commands import ATTESTABLE, COMMANDS
from chalicelib.migration.control import ChangedMeanwhile
from chalicelib.migration.gates import MoveRefused
from chalicelib.migration.installing import NotInstallable
from chalicelib.migration.moves import NoSuchMove
from chalicelib.migration.phases import Phase
from chalicelib.migration.ports import PhaseMoved
from chalicelib.wiring_backfill import operator

_UNAVAILABLE = 3


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; 3 where a side does not answer."""
    given = _parser().parse_args(arguments)
    try:
        return COMMANDS[given.command](
            operator(given.dsn, is_checked=not given.unchecked_certificate), given, sys.stdout
        )
    except MoveRefused as refused:
        for one in refused.refusals:
            sys.stderr.write(f"refused by {one.gate}: {one.reason}\n")
        return WRONG
    except (NoSuchMove, ChangedMeanwhile, NotInstallable, PhaseMoved) as refused:
        sys.stderr.write(f"refused: {refused}\n")
        return WRONG
    except ValueError as wrong:
        sys.stderr.write(f"{given.command}: {wrong}\n")
        return UNUSABLE
    except errors.Unavailable as trouble:
        sys.stderr.write(f"{given.command}: {trouble.message} Nothing is lost; try again.\n")
        return _UNAVAILABLE
    except Exception as failure:  # noqa: BLE001  # drivers share no class; what is not theirs is raised again
        return _explained(given.command, failure)


def _explained(command: str, failure: Exception) -> int:
    """Say what PostgreSQL said, in one line; anything else is a fault of ours, and is raised."""
    state = postgres.sqlstate(failure)
    if state is None and not postgres.is_unreachable(failure):
        raise failure
    said = str(failure).strip().splitlines()[0] if str(failure).strip() else type(failure).__name__
    hint = " Has `install` been run?" if state in {"42P01", "3F000", "42883"} else ""
    sys.stderr.write(f"{command}: PostgreSQL says: {said}.{hint}\n")
    return _UNAVAILABLE if postgres.is_unreachable(failure) else WRONG


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument("--dsn", help="the legacy database, instead of the stage's secret")
    common.add_argument(
        "--unchecked-certificate",
        action="store_true",
        help="with --dsn: let sslmode=require do, over which others may answer in the database's place",
    )
    common.add_argument("--json", action="store_true", help="for machines")
    common.add_argument("--do", action="store_true", help="really do it")
    common.add_argument("--run", default="main", help="the name of the backfill's run")
    common.add_argument("--by", default=getpass.getuser(), help="who does it, for the trail")
    common.add_argument("--reason", default=BY_HAND, help="why, for the trail")
    parser = argparse.ArgumentParser(prog="python -m chalicelib.migration", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        said = (command.__doc__ or "").strip().splitlines()[0]
        _options(name, commands.add_parser(name, parents=[common], help=said, description=said, allow_abbrev=False))
    return parser


def _options(name: str, parser: argparse.ArgumentParser) -> None:
    if name == "move":
        parser.add_argument("phase", choices=[str(one) for one in Phase])
        parser.add_argument("--percent", type=int, help="how many per cent read at home, in read_fallback")
        parser.add_argument("--least", type=int, metavar="READS", help="with --reason: let so few reads be enough")
    elif name == "preflight":
        parser.add_argument("--accept", metavar="WHY", help="with --do: let the gate through although something stops")
    elif name == "attest":
        parser.add_argument("figure", choices=ATTESTABLE)
    elif name == "backfill":
        parser.add_argument("--workers", type=int, default=4)
        parser.add_argument("--parts", type=int, default=64, choices=[1, 16, 64, 256])
        parser.add_argument("--lease", type=float, default=60, help="seconds that a silent worker keeps its part")
        parser.add_argument("--again", action="store_true", help="begin the run anew")
    elif name == "resume":
        parser.add_argument("--most", type=float, help="keys per second at most, for each process")
    elif name == "drain":
        parser.add_argument("--seconds", type=float, default=60.0)
    elif name == "verify":
        parser.add_argument("--json-to", metavar="FILE", help="write the report as JSON")
        parser.add_argument("--html-to", metavar="FILE", help="write the report as a page")
        parser.add_argument("--repair", action="store_true", help="with --do: copy anew what differs, and look again")
        parser.add_argument("--show-values", action="store_true", help="show personal data in the report")
    elif name == "events":
        parser.add_argument(
            "--bucket", required=True, help="where audit lines are kept; not the stage's, which forgets"
        )
        parser.add_argument("--prefix", default="legacy/processing_job_events/")
    elif name == "repair":
        parser.add_argument("keys", nargs="+", metavar="KEY")
    elif name == "remove":
        parser.add_argument("--lose-extras", action="store_true", help="let go of what stands beside the rows")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
