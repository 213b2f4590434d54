"""The pinned dependencies of one target as a folder: wheels alone, pruned, with bytecode; made once and kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from deploy.packaging import elf
from deploy.packaging.bytecode import compile_modules
from deploy.packaging.interpreters import interpreter
from deploy.packaging.pruning import is_kept
from deploy.packaging.runtimes import Target

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / "build" / "dependencies"

BUILT_HERE: Final = ("enum-compat",)
"""Published as source alone, and pure Python. Everything else comes as a wheel: what is built here would be linked with
the libraries of this machine, and not load on Lambda."""


class PackagingError(Exception):
    """The package cannot be built. The text says why."""


def dependencies(project: Path, target: Target, cache: Path = CACHE) -> Path:
    """Return the folder with a target's dependencies; made if the requirements, the pruning or the interpreter changed.

    Raises:
        PackagingError: a requirement has no wheel for the target, or the registry does not answer.
        InterpreterMissingError, BytecodeError: see `compile_modules`.
    """
    kept = cache / _name(project, target)
    if not kept.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".making-") as temporary:
            made = Path(temporary) / "made"
            _install(project / "requirements.txt", target, made)
            _prune(made)
            compile_modules(made, target.python)
            try:
                made.rename(kept)
            except OSError:
                # Somebody else made it at the same time.
                if not kept.is_dir():
                    raise
    return kept


def _name(project: Path, target: Target) -> str:
    """Name it after all that it is made of."""
    made_of = hashlib.sha256((project / "requirements.txt").read_bytes())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        made_of.update(source.read_bytes())
    version = subprocess.run([interpreter(target.python), "-VV"], check=True, capture_output=True).stdout
    made_of.update(version)
    return f"{target.runtime}-{target.platform}-{made_of.hexdigest()[:16]}"


def _install(requirements: Path, target: Target, folder: Path) -> None:
    """Unpack what is pinned, for the target's markers and machine; nothing of this one decides.

    Road not taken: Chalice's own builder. It evaluates markers for the interpreter that runs it, and where a wheel
    wants a newer C library than Lambda has it builds one here, without a word, from what this machine has.
    """
    from uv import find_uv_bin

    options = ["--target", str(folder), "--no-deps", "--only-binary", ":all:", "--link-mode", "copy"]
    for name in BUILT_HERE:
        options += ["--no-binary", name]
    options += ["--python-version", target.python, "--python-platform", target.platform]
    done = subprocess.run(
        [find_uv_bin(), "pip", "install", "--quiet", *options, "--requirements", requirements],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "UV_NO_PROGRESS": "1"},
    )
    if done.returncode != 0:
        raise PackagingError(
            f"Not every requirement has a wheel for {target.runtime}, {target.platform}:\n{done.stderr.strip()}"
        )


def _prune(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif not is_kept(path.relative_to(folder).as_posix()):
            path.unlink()
        elif path.suffix == ".so" or ".so." in path.name:
            _compact(path)
    shutil.rmtree(folder / "bin", ignore_errors=True)


def _compact(library: Path) -> None:
    content = library.read_bytes()
    if elf.is_library(content):
        library.write_bytes(elf.compacted(content))
