"""What bytecode in the package saves at a cold start, on the built package, unpacked as Lambda unpacks it.

Run: `python -m bench.bytecode` (9 starts of each kind, in turns); `--quick`: 3. Medians, wall clock. The package is
built for this machine's Python: what is compared is the same on any. `-B` and folders that cannot be written stand for
Lambda's file system, which takes no bytecode.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.packaging.archive import files_below
from deploy.packaging.builder import Packager
from deploy.packaging.dependencies import ROOT, dependencies
from deploy.packaging.runtimes import Target, of_this_machine

MEASURES: Final = {
    "app.py and the first DynamoDB client": """
import app
from chalicelib.models.base import connect
connect("serenya-dev", "eu-central-1").connection.client
""",
    "the child process that inspects a document": """
from pathlib import Path
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.documents.inspection import _examine, InspectionLimits
started = time.perf_counter()  # the process, not what its parent imports
_examine(FileType.PDF, Path(sys.argv[2]).read_bytes(), InspectionLimits())
""",
}
_MEASURED: Final = """
import sys, time
sys.path[:0] = [sys.argv[1]]
started = time.perf_counter()
{code}
print(time.perf_counter() - started)
"""
_DOCUMENT: Final = ROOT / "tests" / "hostile" / "fifty-pages-linearized.pdf"


@dataclass(frozen=True, slots=True)
class Saving:
    """Median seconds of one thing, with and without bytecode in the package."""

    what: str
    with_bytecode: float
    without: float

    @property
    def ratio(self) -> float:
        """How many times as long it takes without."""
        return self.without / self.with_bytecode


@contextmanager
def unpacked() -> Iterator[tuple[Path, Path]]:
    """Build the package and unpack it twice, as it ships and with sources alone; nobody may write beside it."""
    target = of_this_machine()
    with tempfile.TemporaryDirectory(prefix="serenya-bytecode-") as temporary:
        shipped, bare = Path(temporary) / "shipped", Path(temporary) / "bare"
        with zipfile.ZipFile(Packager(target).build(ROOT)) as archive:
            archive.extractall(shipped)
        _without_bytecode(shipped, bare, target)
        for folder in (shipped, bare):
            _make_read_only(folder)
        try:
            yield shipped, bare
        finally:
            for folder in (shipped, bare):
                _make_read_only(folder, is_undone=True)


def measure(rounds: int) -> list[Saving]:
    """Measure in turns, so that a busy moment of the machine meets both."""
    with unpacked() as (shipped, bare):
        return [_compare(what, code, shipped, bare, rounds) for what, code in MEASURES.items()]


def _without_bytecode(shipped: Path, bare: Path, target: Target) -> None:
    """Write the same package with sources alone."""
    shutil.copytree(shipped, bare, ignore=shutil.ignore_patterns("*.pyc", "__pycache__"))
    for name, path in files_below(dependencies(ROOT, target)).items():
        if name.endswith(".py"):
            place = bare / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def _make_read_only(folder: Path, *, is_undone: bool = False) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755 if is_undone else 0o555)


def _compare(what: str, code: str, shipped: Path, bare: Path, rounds: int) -> Saving:
    times: dict[Path, list[float]] = {shipped: [], bare: []}
    for number in range(rounds + 1):
        for folder, taken in times.items():
            seconds = _seconds(code, folder)
            if number:  # the first start of each reads the disk
                taken.append(seconds)
    return Saving(what, statistics.median(times[shipped]), statistics.median(times[bare]))


def _seconds(code: str, folder: Path) -> float:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    environment = {
        **config["stages"]["dev"]["environment_variables"],
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
    }
    script = _MEASURED.format(code=code)
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-B", "-c", script, folder, _DOCUMENT],
        env=environment,
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.splitlines()[-1])


def main(arguments: list[str]) -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.bytecode", description="Measure what bytecode saves.")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    for one in measure(3 if options.quick else 9):
        print(
            f"{one.what}: {one.with_bytecode * 1000:.0f} ms with bytecode, {one.without * 1000:.0f} ms without: "
            f"{one.ratio:.1f} times as long"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
