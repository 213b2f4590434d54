"""Looks into a built package: what it holds, how large it is, and whether it is as promised."""

from __future__ import annotations

import subprocess
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

from deploy.packaging.interpreters import interpreter
from deploy.packaging.pruning import FROM_LAMBDA
from deploy.packaging.runtimes import Target

MOST_OF_DEPENDENCIES: Final = 40 * 1000 * 1000
"""What our own dependencies may take unpacked, bytecode included."""

MOST_OF_LAMBDA: Final = 250 * 1024 * 1024
"""What Lambda unpacks at most."""

OURS: Final = "our code"
CHALICE: Final = "chalice"
_UNCHECKED: Final = 0b01
"""The flags of bytecode that is good for a hash of its source, and believed without looking (PEP 552)."""

_NEVER: Final = ("tests/", "dev/", "deploy/", "bench/", ".chalice/", ".git", "requirements", "bin/")


@dataclass(frozen=True, slots=True)
class Package:
    """A built package. Sizes are bytes, unpacked."""

    archive: Path
    target: Target

    @property
    def sizes(self) -> dict[str, int]:
        """By distribution, with `our code` and `chalice`; a file belongs to what its first folder belongs to."""
        sizes: Counter[str] = Counter()
        with zipfile.ZipFile(self.archive) as archive:
            owners = _owners()
            for entry in archive.infolist():
                sizes[_owner(entry.filename, owners)] += entry.file_size
        return dict(sizes.most_common())

    @property
    def of_dependencies(self) -> int:
        """What our own dependencies take: without our code, Chalice's, and what Lambda's runtime brings too."""
        return sum(size for name, size in self.sizes.items() if name not in {OURS, CHALICE, *FROM_LAMBDA})

    def faults(self, *, is_deployed: bool = True) -> Iterator[str]:
        """Return what is not as promised, a sentence each; nothing if all is well. One that is never deployed, because
        it is for this machine's Python, may weigh what it weighs."""
        with zipfile.ZipFile(self.archive) as archive:
            names = archive.namelist()
            yield from (f"{name} has no place in it" for name in names if name.startswith(_NEVER) or "/tests/" in name)
            yield from self._bytecode_faults(archive, set(names))
            if {entry.date_time for entry in archive.infolist()} != {(1980, 1, 1, 0, 0, 0)}:
                yield "files carry dates"
            if sum(entry.file_size for entry in archive.infolist()) > MOST_OF_LAMBDA:
                yield "Lambda would not unpack it"
        if is_deployed and self.of_dependencies > MOST_OF_DEPENDENCIES:
            yield f"dependencies take {self.of_dependencies / 1e6:.1f} MB, {MOST_OF_DEPENDENCIES / 1e6:.0f} are allowed"

    def _bytecode_faults(self, archive: zipfile.ZipFile, names: set[str]) -> Iterator[str]:
        magic = _magic(self.target)
        for name in sorted(names):
            if name.endswith(".py") and _beside(name, self.target) not in names:
                yield f"{name} has no bytecode"
            if name.endswith(".pyc"):
                head = archive.read(name)[:8]
                if head[:4] != magic:
                    yield f"{name} is bytecode of another Python"
                if int.from_bytes(head[4:8], "little") != _UNCHECKED:
                    yield f"{name} is checked against its source"


def table(package: Package) -> str:
    """Write the sizes for people, largest first."""
    sizes = package.sizes
    lines = [f"{size / 1e6:8.2f} MB  {name}" for name, size in sizes.items() if size >= 50_000]
    small = sum(size for size in sizes.values() if size < 50_000)
    of_lambda = sum(size for name, size in sizes.items() if name in FROM_LAMBDA)
    return "\n".join(
        (
            *lines,
            f"{small / 1e6:8.2f} MB  the rest",
            "",
            f"{package.of_dependencies / 1e6:8.2f} MB  our own dependencies, {MOST_OF_DEPENDENCIES / 1e6:.0f} allowed",
            f"{of_lambda / 1e6:8.2f} MB  AWS's library, pinned; Lambda brings one of its own",
            f"{sum(sizes.values()) / 1e6:8.2f} MB  all of it, unpacked",
            f"{package.archive.stat().st_size / 1e6:8.2f} MB  packed, for {package.target.runtime} on "
            f"{package.target.machine}",
        )
    )


def _owners() -> Mapping[str, str]:
    """Return the distribution of each first folder or module, as it is installed beside this interpreter too."""
    return {module: found[0].replace("-", "_").lower() for module, found in packages_distributions().items()}


def _owner(name: str, owners: Mapping[str, str]) -> str:
    first = name.split("/", maxsplit=1)[0]
    if first in {"app.py", "chalicelib", "__pycache__"}:
        return OURS
    if first.endswith(".dist-info"):
        return first.partition("-")[0]
    # Libraries that came with a wheel stand beside it: `pillow.libs`.
    return owners.get(first.split(".")[0], first.removesuffix(".libs"))


def _beside(name: str, target: Target) -> str:
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}__pycache__/{file.removesuffix('.py')}.{target.tag}.pyc"


def _magic(target: Target) -> bytes:
    """Return the mark of the version's bytecode, from the interpreter that compiles it."""
    ask = "import importlib.util, sys; sys.stdout.buffer.write(importlib.util.MAGIC_NUMBER)"
    return subprocess.run([interpreter(target.python), "-I", "-S", "-c", ask], check=True, capture_output=True).stdout
