"""Real processes that are killed at random moments, and everybody arrives once all the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.migration.phases import Phase
from chalicelib.migration.standing import Standing
from dev.children import ROOT
from dev.legacy.server import LegacyDatabase
from tests.migration.backfill.world import World

pytestmark = pytest.mark.second_engine


def _started(world: World, lease_seconds: float = 8) -> subprocess.Popen[str]:
    command = [
        *(sys.executable, "-m", "chalicelib.migration", "backfill", "--do", "--dsn", world.dsn),
        *("--parts", "16", "--workers", "2", "--lease", str(lease_seconds)),
    ]
    return subprocess.Popen(
        command, cwd=ROOT, env=dict(os.environ), text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def _killed_at_random(world: World, kills: int, dice: random.Random) -> int:
    """Start the backfill so often and kill it in the middle; return how many were killed at work."""
    in_the_middle = 0
    for _ in range(kills):
        child = _started(world)
        assert child.stdout is not None
        child.stdout.readline()  # The first word comes when the workers have begun.
        time.sleep(dice.uniform(0, 1.2))
        child.send_signal(signal.SIGKILL)
        in_the_middle += child.wait() == -signal.SIGKILL
        if all(part.is_done for part in world.operator.checkpoints().parts()):
            world.operator.checkpoints().forget()
    return in_the_middle


def _arrived(world: World) -> None:
    child = _started(world)
    said, _ = child.communicate(timeout=600)
    assert child.returncode == 0, said
    assert world.items() == world.expected()
    assert world.is_verified()


@pytest.mark.parametrize("phase", [Phase.LEGACY, Phase.BACKFILL])
def test_a_backfill_that_is_killed_goes_on_where_it_was(
    second_engine: TableConnection, legacy_database: LegacyDatabase, phase: Phase
) -> None:
    world = World.made(legacy_database, second_engine, 150)
    control = world.operator.move.control
    if phase is not Phase.LEGACY:
        control.change(control.refreshed(), replace(Standing(), phase=phase, moved_by="test", reason="test"))
    assert _killed_at_random(world, 1, random.Random(1)) >= 1
    _arrived(world)


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("phase", [Phase.LEGACY, Phase.BACKFILL])
def test_killed_at_thirty_random_moments_everybody_arrives_exactly_once(
    second_engine: TableConnection, legacy_database: LegacyDatabase, phase: Phase
) -> None:
    world = World.made(legacy_database, second_engine, 600)
    control = world.operator.move.control
    if phase is not Phase.LEGACY:
        control.change(control.refreshed(), replace(Standing(), phase=phase, moved_by="test", reason="test"))
    assert _killed_at_random(world, 30, random.Random(7)) >= 25
    _arrived(world)
