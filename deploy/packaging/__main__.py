"""`make package`: builds both packages of a stage, looks into them, and prints what they weigh.

`python -m deploy.packaging [--stage dev] [--output build/package]`
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from deploy import chalice as ours
from deploy.packaging.dependencies import ROOT
from deploy.packaging.inspection import Package, table
from deploy.packaging.interpreters import InterpreterMissingError, interpreter
from deploy.packaging.runtimes import RUNTIMES, Target, of_stage, of_this_machine

FORMATS = ("cloudformation", "terraform")


def main(arguments: list[str]) -> int:
    """Build and look; return 1 after a line for each thing that is not as promised."""
    parser = argparse.ArgumentParser(prog="python -m deploy.packaging", description="Build the packages of a stage.")
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "package")
    options = parser.parse_args(arguments)
    ours.Factory.target = target = _target(options.stage)
    shutil.rmtree(options.output, ignore_errors=True)
    # Chalice asks for a region, to know how AWS is called there.
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    for form in FORMATS:
        command = ["--project-dir", str(ROOT), "package", "--stage", options.stage, "--pkg-format", form]
        if status := ours.main([*command, str(options.output.absolute() / form)], standalone_mode=False):
            return status
    package = Package(options.output / FORMATS[0] / "deployment.zip", target)
    faults = list(package.faults(is_deployed=target.runtime in RUNTIMES))
    for fault in faults[:20]:
        print(f"The package is not as promised: {fault}.", file=sys.stderr)
    print(table(package))
    print(f"Written to {os.path.relpath(options.output)}: {', '.join(FORMATS)}.")
    return 1 if faults else 0


def _target(stage: str) -> Target:
    """Return what the stage runs on, or this machine where no interpreter of the stage's is there to compile."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    target = of_stage(config, stage, os.environ)
    try:
        interpreter(target.python)
    except InterpreterMissingError as missing:
        print(f"{missing}\nBuilt for this machine's Python instead: it shows the same, and cannot be deployed.")
        return of_this_machine()
    return target


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
