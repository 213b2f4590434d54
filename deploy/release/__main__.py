"""The commands: `python -m deploy.release plan|deploy|rollback|destroy --stage dev`. The Makefile calls them.

Exits with 0; 1 and a sentence if it may not or cannot be done; 2 for other arguments; 3 if a release was taken back.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from deploy.release.place import Refused, find_place, understood
from deploy.release.steps import Deployment


def main(arguments: Sequence[str]) -> int:
    """Do what was asked, and return the exit code."""
    from deploy.release.shift import WentBack

    asked = _parsed(arguments)
    try:
        with understood():
            deployment = Deployment(find_place(asked.stage), _say, is_forced=bool(os.environ.get("FORCE")))
            commands: dict[str, Callable[[], None]] = {
                "plan": deployment.plan,
                "deploy": deployment.deploy,
                "rollback": deployment.roll_back,
                "destroy": deployment.destroy,
            }
            commands[asked.command]()
    except WentBack as outcome:
        print(outcome, file=sys.stderr)
        return 3
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped. `make {asked.command}` goes on; `make rollback` gives a release up.", file=sys.stderr)
        return 130
    return 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.release", description="Deploy a stage, and take it back.")
    parser.add_argument("command", choices=("plan", "deploy", "rollback", "destroy"))
    parser.add_argument("--stage", required=True, help="dev or prod")
    return parser.parse_args(arguments)


def _say(sentence: str) -> None:
    print(sentence, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
