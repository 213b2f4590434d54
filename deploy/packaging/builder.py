"""Builds the deployment package: dependencies of one target, our code, Chalice's runtime, and their bytecode."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import chalice

from deploy.packaging.archive import files_below, write
from deploy.packaging.bytecode import compile_modules
from deploy.packaging.dependencies import CACHE, dependencies
from deploy.packaging.runtimes import Target

_OF_CHALICE: Final = ("__init__.py", "app.py")
"""What a function needs of Chalice; the rest deploys."""

_LEFT_OUT: Final = frozenset({"__pycache__", ".DS_Store"})


class Packager:
    """Makes the package of one target. What Chalice asks for a package while it deploys or writes templates."""

    def __init__(self, target: Target, cache: Path = CACHE) -> None:
        self._target, self._cache = target, cache

    def create_deployment_package(self, project_dir: str, python_version: str) -> str:
        """Return the path of the zip, as Chalice wants it; `python_version` is the runtime that it names.

        Raises:
            PackagingError: dependencies could not be had, or a module could not be compiled.
        """
        if python_version != self._target.runtime:
            raise AssertionError(f"Chalice deploys for {python_version}, the package is for {self._target.runtime}.")
        return str(self.build(Path(project_dir)))

    def build(self, project: Path) -> Path:
        """Build the package of a project's folder, or find it already built."""
        with tempfile.TemporaryDirectory(prefix="serenya-package-") as temporary:
            ours = Path(temporary)
            for name, source in sorted(_our_files(project)):
                place = ours / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, place)
            compile_modules(ours, self._target.python)
            theirs = bytecode_alone(files_below(dependencies(project, self._target, self._cache)), self._target.tag)
            files = {**theirs, **files_below(ours)}
            archive = project / ".chalice" / "deployments" / f"{self._name(files)}.zip"
            if not archive.is_file():
                write(archive, files)
                self._remove_older(archive)
            return archive

    def _remove_older(self, newest: Path) -> None:
        """Remove what was built before for the same target: Chalice would keep each for ever."""
        for archive in newest.parent.glob(f"{self._target.runtime}-{self._target.machine}-*.zip"):
            if archive != newest:
                archive.unlink(missing_ok=True)

    def _name(self, files: dict[str, Path]) -> str:
        """Name it after its content, its target's first: whoever looks at the folder sees what is what."""
        digest = hashlib.sha256()
        for name in sorted(files):
            digest.update(f"{name}\0".encode())
            digest.update(hashlib.sha256(files[name].read_bytes()).digest())
        return f"{self._target.runtime}-{self._target.machine}-{digest.hexdigest()[:16]}"


def bytecode_alone(files: Mapping[str, Path], tag: str) -> dict[str, Path]:
    """Return dependencies with their bytecode in the place of their sources: half the size, and a look less per import.

    Tracebacks through them name the line, and do not show it. Ours keep their sources.
    """
    shipped = {}
    for name, path in files.items():
        if name.endswith(f".{tag}.pyc"):
            shipped[f"{name.removesuffix(f'.{tag}.pyc').replace('__pycache__/', '')}.pyc"] = path
        elif not name.endswith(".py"):
            shipped[name] = path
    return shipped


def _our_files(project: Path) -> Iterator[tuple[str, Path]]:
    yield "app.py", project / "app.py"
    for name in _OF_CHALICE:
        yield f"chalice/{name}", Path(chalice.__file__).with_name(name)
    # What stands in `vendor/` ships beside the application, as Chalice has it.
    for folder, above in (("chalicelib", project), ("vendor", project / "vendor")):
        for path in (project / folder).rglob("*"):
            relative = path.relative_to(above)
            if path.is_file() and not _LEFT_OUT.intersection(relative.parts):
                yield relative.as_posix(), path
