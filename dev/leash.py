"""Runs a module as a child that cannot outlive its parent: `python dev/leash.py MODULE [ARGUMENT …]`.

The parent holds the other end of standard input. When the parent is gone, however it went, that pipe closes, and
everything in this process group ends. (`PR_SET_PDEATHSIG` does the same on Linux alone, and follows the thread that
forked, not the process.) Stands on the standard library alone, because it also runs in the embedded cloud's virtual
environment.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def end_with_parent() -> None:
    """Wait until the parent is gone, then end this process and what it started. There is nothing to save."""
    while os.read(0, 4096):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> None:
    """Start watching, then run the module in this process as if it were started alone."""
    threading.Thread(target=end_with_parent, name="leash", daemon=True).start()
    sys.argv = sys.argv[1:]
    # The folder of this script is not where its modules are looked for; the working directory is.
    sys.path[0] = os.getcwd()  # noqa: PTH109  # what Python puts there is text
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
