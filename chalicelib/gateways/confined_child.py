"""The first thing that a confined child runs, a script: it limits itself, then becomes the module it is told.

Arguments: module, CPU seconds, address space, bytes per file, open files, wall seconds, then the import path.
It imports nothing of ours and nothing heavy before the limits hold.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

OUT_OF_MEMORY_STATUS = 71
FAILED_STATUS = 70


def main(arguments: list[str]) -> None:
    """Become the module named in `arguments`, and end the process: 0, or a status and a line saying where."""
    module, cpu, memory, file_bytes, open_files, wall, *path = arguments
    _limit(int(cpu), int(memory), int(file_bytes), int(open_files), float(wall))
    sys.path[:] = path
    sys.argv[1:] = []
    try:
        import runpy

        runpy.run_module(module, run_name="__main__")
        sys.stdout.flush()
    except MemoryError:
        _leave(OUT_OF_MEMORY_STATUS)
    except BaseException as error:  # noqa: BLE001  # the last line of the process: whatever it was, the parent is told
        sys.stderr.write(f"confined: {_describe(error)}\n")
        sys.stderr.flush()
        _leave(FAILED_STATUS)
    _leave(0)


def _limit(cpu: int, memory: int, file_bytes: int, open_files: int, wall: float) -> None:
    # CPU time above the soft limit ends the process with SIGXCPU, which the parent can tell from a crash.
    for kind, soft, hard in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_FSIZE, file_bytes, file_bytes),
        (resource.RLIMIT_NOFILE, open_files, open_files),
        (resource.RLIMIT_AS, memory, memory),
    ):
        _, most = resource.getrlimit(kind)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)  # noqa: PLW2901  # a limit may be lowered, never raised
        resource.setrlimit(kind, (soft, hard))
    # Should the parent die before it can kill us: the alarm's default action ends the process, also inside C.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, wall + 1)


def _describe(error: BaseException) -> str:
    # Type and place alone: the text of an error may quote the document.
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_code.co_filename.rsplit("/", 1)[-1] if trace else "unknown"
    return f"{type(error).__name__} at {name}:{trace.tb_lineno if trace else 0}"


def _leave(status: int) -> None:
    # Without the interpreter's farewell: destructors of native libraries have nothing left to do but crash.
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
