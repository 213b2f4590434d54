"""How much of the service the tests run, line and branch: measured part by part, so that a kill loses one part alone.

Run: `python -m bench.covered` (the whole suite but the proofs); `--part tests/unit` (the others are kept);
`--judge` (measure nothing, say what stands). Ends with 1 where a limit is missed: of all lines and branches
together, or of a file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.result_files import Result, write_result

ROOT: Final = Path(__file__).resolve().parent.parent
KEPT: Final = ROOT / "build" / "coverage"
OF_ALL: Final = 90.0
OF_A_FILE: Final = 75.0
PARTS: Final = (
    "tests/unit",
    "tests/stores",
    "tests/rooms",
    "tests/api",
    "tests/events",
    "tests/migration",
    "tests/dev",
    "tests/reports",
    "tests/injections",
    "tests/operations",
    "tests/architecture",
    "tests/deploy",
)


@dataclass(frozen=True, slots=True)
class Share:
    """What of one file is run, in per cent: lines and branches together."""

    name: str
    per_cent: float
    lines_missed: int


def data_of(part: str) -> Path:
    """Return where the measurements of a part of the suite are kept."""
    return KEPT / part.replace("/", "-")


def measure(part: str, workers: int, marks: str = "not prove") -> int:
    """Run a part of the suite under coverage, in place of what was kept of it; return pytest's status."""
    folder = data_of(part)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-m", marks, "--timeout", "600", part]
    command += ["-n", str(workers), "--dist", "worksteal"] if workers else []
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "COVERAGE_FILE": str(folder / "data")}, check=False)
    return done.returncode


def shares() -> tuple[float, list[Share]]:
    """Combine what is kept, and return the share of all, and of every file, the worst first.

    Raises: FileNotFoundError: nothing was measured.
    """
    import coverage

    kept = sorted(str(path) for path in KEPT.glob("tests-*/data.*"))
    if not kept:
        raise FileNotFoundError(f"nothing in {KEPT.relative_to(ROOT)}")
    measured = coverage.Coverage(data_file=str(KEPT / "combined"), config_file=str(ROOT / "pyproject.toml"))
    measured.combine(kept, keep=True)
    measured.save()
    # A part may have been measured before a file was renamed.
    measured.json_report(outfile=str(KEPT / "combined.json"), ignore_errors=True)
    return _read(KEPT / "combined.json")


def _read(report: Path) -> tuple[float, list[Share]]:
    import json

    said = json.loads(report.read_text(encoding="utf-8"))
    of_files = [
        Share(name, found["summary"]["percent_covered"], found["summary"]["missing_lines"])
        for name, found in said["files"].items()
    ]
    return said["totals"]["percent_covered"], sorted(of_files, key=lambda share: (share.per_cent, share.name))


def verdict(of_all: float, of_files: list[Share]) -> list[str]:
    """Return a sentence for every limit that is missed; none: all hold."""
    missed = [
        f"{share.name}: {share.per_cent:.1f} %, below {OF_A_FILE:.0f} %"
        for share in of_files
        if share.per_cent < OF_A_FILE
    ]
    return [*([f"all: {of_all:.1f} %, below {OF_ALL:.0f} %"] if of_all < OF_ALL else []), *missed]


def result(of_all: float, of_files: list[Share]) -> Result:
    """Return what the page on performance shows: the whole, and the files that are run least."""
    worst = of_files[0]
    return Result(
        title="Coverage",
        command="make coverage",
        said=[
            f"Of all lines and branches of `chalicelib`, {len(of_files)} files, the tests run {of_all:.1f} % (limit "
            f"{OF_ALL:.0f} %); of the file that is run least {worst.per_cent:.1f} % (limit {OF_A_FILE:.0f} %). What is "
            "left out, and why, stands in `pyproject.toml`."
        ],
        columns=["the ten least run", "%", "lines missed"],
        rows=[[share.name, round(share.per_cent, 1), share.lines_missed] for share in of_files[:10]],
    )


def main(arguments: list[str]) -> int:
    """Measure, print the worst files and what misses its limit; 1 if anything does, or a test failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.covered", description="Measure what the tests run.")
    parser.add_argument("--part", action="append", help="a folder of tests; the others are kept as they are")
    parser.add_argument("--quick", action="store_true", help="only the quick tests: no more is run than all would")
    parser.add_argument("--judge", action="store_true", help="measure nothing, say what stands")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    marks = "not prove and not thorough" if options.quick else "not prove"
    parts = [] if options.judge else options.part or PARTS
    failed = [part for part in parts if measure(part, options.workers, marks)]
    of_all, of_files = shares()
    print(f"Lines and branches of {len(of_files)} files: {of_all:.1f} % run. The worst:")
    for share in of_files[:15]:
        print(f"  {share.per_cent:5.1f} %  {share.lines_missed:4d} lines missed  {share.name}")
    complaints = [*(f"{part}: tests failed" for part in failed), *verdict(of_all, of_files)]
    if not (options.judge or options.part or options.quick or failed):
        write_result("coverage", result(of_all, of_files))
    print("\n".join(complaints) or f"At least {OF_ALL:.0f} % of all and {OF_A_FILE:.0f} % of every file: both hold.")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
