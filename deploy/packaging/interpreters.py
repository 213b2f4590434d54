"""Finds an interpreter of a runtime's version: bytecode is good for one version of Python alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_ASK = "import sys; print(f'{sys.version_info.major}.{sys.version_info.minor} {sys.version_info.releaselevel}')"


class InterpreterMissingError(Exception):
    """There is none on this machine. The text says how to get one."""


def interpreter(python: str) -> Path:
    """Return an interpreter of that version, such as `3.13`; this process's own where it is one.

    Raises:
        InterpreterMissingError: none was found. Bytecode of another version would be ignored, or wrong.
    """
    for candidate in _candidates(python):
        if _version(candidate) == f"{python} final":
            return candidate
    raise InterpreterMissingError(
        f"The bytecode of the package must be compiled by Python {python}, which the stage runs on, and this machine "
        f"has none. Install it (`uv python install {python}`, or as python{python} on the PATH) and try again."
    )


def _candidates(python: str) -> Iterator[Path]:
    if f"{sys.version_info.major}.{sys.version_info.minor}" == python:
        yield Path(sys.executable)
    name = f"python{python}"
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield Path(folder) / name
    # pyenv's and uv's own, which need not be on the path.
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions"
    managed = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", home / ".local" / "share" / "uv" / "python"))
    for root in (pyenv, managed):
        yield from sorted(root.glob(f"*/bin/{name}"), reverse=True)


def _version(candidate: Path) -> str | None:
    """Return `3.13 final`; None where it is not there or, as pyenv's stand-ins, does not run."""
    if not candidate.is_file():
        return None
    asked = subprocess.run([candidate, "-I", "-S", "-c", _ASK], check=False, capture_output=True, text=True)
    return asked.stdout.strip() if asked.returncode == 0 else None
