"""Which command does what."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

USAGE: Final = "Usage: python -m dev run|demo|cloud|token|buy PLAN STORE|fire FUNCTION"


def main(arguments: Sequence[str]) -> int:
    """Do what was asked, and return the exit code: 0, 1 with a sentence, 2 for a command that does not exist."""
    from dev.stage import ports_from

    # A proxy cannot reach our loopback.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    try:
        ports = ports_from(os.environ)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    match list(arguments):
        case ["run"]:
            from dev.run import run
            from dev.supervision import supervise

            return supervise(lambda session: run(session, ports))
        case ["demo"]:
            from dev.run import demo
            from dev.supervision import supervise

            return supervise(lambda session: demo(session, ports))
        case ["cloud"]:
            from dev.cloud import cloud
            from dev.supervision import supervise

            return supervise(lambda session: cloud(session, ports))
        case ["token"]:
            from dev.journey import TERMINAL_EMAIL, Backend

            # Somebody else than the demonstration's user, whose session a second sign-in would end.
            return _said(lambda: str(Backend(ports).sign_in(TERMINAL_EMAIL)["access_token"]))
        case ["buy", plan_id, store]:
            from dev.buying import buy

            return _said(lambda: buy(plan_id, store, ports, print))
        case ["fire", function]:
            from dev.fire import fire

            return _said(lambda: fire(function, ports))
        case _:
            print(USAGE, file=sys.stderr)
            return 2


def _said(answer: Callable[[], str | None]) -> int:
    from dev.supervision import CommandFailedError

    try:
        text = answer()
    except CommandFailedError as error:
        print(error, file=sys.stderr)
        return 1
    if text is not None:
        print(text)
    return 0
