"""Bytecode beside every module: Lambda's file system takes none, so that without it each cold start compiles anew.

PEP 552's unchecked hashes: the interpreter believes them without looking at the source, neither its date nor its
content. It holds for one version of Python, whose interpreter compiles it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from deploy.packaging.interpreters import interpreter

HOME: Final = "/var/task"
"""Where Lambda unpacks a package; what tracebacks name, and the only path that stands in bytecode."""

_SEED: Final = "0"
_COMPILER: Final = Path(__file__).with_name("compile_modules.py")


class BytecodeError(Exception):
    """A module could not be compiled. The text names it."""


def compile_modules(folder: Path, python: str) -> None:
    """Write `__pycache__` for every module in a folder, with an interpreter of that version.

    The same modules give the same bytes: one fresh process compiles them in one order.

    Raises:
        InterpreterMissingError: this machine has no such interpreter.
        BytecodeError: a module is not Python of that version.
    """
    done = subprocess.run(
        [interpreter(python), "-S", "-B", "-X", "utf8", _COMPILER, HOME],
        cwd=folder,
        env={"PYTHONHASHSEED": _SEED},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise BytecodeError(done.stderr.strip())
