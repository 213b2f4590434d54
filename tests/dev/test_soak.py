"""The soak, for two minutes: mixed load with faults, and a ledger that is exact at its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.children import ROOT

pytestmark = [pytest.mark.second_engine, pytest.mark.prove, pytest.mark.timeout(1500)]


def test_two_minutes_of_everything_at_once_leave_the_ledger_exact(tmp_path: Path) -> None:
    command = [str(ROOT / "dev" / "start"), sys.executable, "-m", "bench.soak", "--minutes", "2", "--seed", "7"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SERENYA_"))}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=kept | {"SERENYA_RUN_FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The ledger is exact, the queues are empty." in done.stdout
