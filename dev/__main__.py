"""The commands behind `make`: `python -m dev run|demo|cloud|token|buy PLAN STORE|fire FUNCTION`."""

import os
import signal
import sys

_leaving: list[bool] = []


def leave(*_: object) -> None:
    """End at once: Ctrl-C came before anything was started. A second signal in the meantime says nothing more."""
    if not _leaving:
        _leaving.append(True)
        os.write(1, b"\nStopped. Nothing was started.\n")
    os._exit(130)


if __name__ == "__main__":
    # Before any import that takes time: from here on, Ctrl-C ends in a sentence and not in a traceback.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)

    from dev.commands import main

    sys.exit(main(sys.argv[1:]))
