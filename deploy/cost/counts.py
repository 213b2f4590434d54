"""What one journey takes of AWS, counted; and the file in which the counts of all journeys stand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

RECORDED: Final = Path(__file__).with_name("journeys.json")
"""Written by `python -m pytest tests/deploy/test_cost.py --record-journeys`; a test counts anew and compares."""


class Run(msgspec.Struct, kw_only=True):
    """One invocation of a function: where, how much was sent back, and how long its own work took on the machine where
    it was recorded, without waiting for AWS."""

    function: str
    is_request: bool = False
    sent_bytes: int = 0
    own_milliseconds: int = 0


class Counts(msgspec.Struct, kw_only=True):
    """What one journey takes. `calls` are AWS's operations by service, such as `dynamodb:GetItem`."""

    calls: dict[str, int] = msgspec.field(default_factory=dict)
    read_units: float = 0
    write_units: float = 0
    stored_bytes: int = 0
    log_lines: int = 0
    metric_lines: int = 0
    runs: list[Run] = msgspec.field(default_factory=list)

    def of(self, *operations: str) -> int:
        """Return how many calls of these operations there were."""
        return sum(self.calls.get(one, 0) for one in operations)


def read_recorded() -> Mapping[str, Counts]:
    """Return the recorded counts by the journey's name."""
    return msgspec.json.decode(RECORDED.read_bytes(), type=dict[str, Counts])


def write_recorded(counts: Mapping[str, Counts]) -> None:
    """Write the counts of all journeys."""
    plain: Any = msgspec.json.encode(counts)
    RECORDED.write_bytes(msgspec.json.format(plain, indent=2) + b"\n")


def comparable(counts: Counts) -> Any:
    """Return everything that is the same on every machine: all but the milliseconds, and bytes rounded, because ids and
    instants have a few digits more or less."""
    plain = msgspec.to_builtins(counts)
    plain["stored_bytes"] = round(counts.stored_bytes, -3)
    plain["runs"] = [(run.function, run.is_request, round(run.sent_bytes, -3)) for run in counts.runs]
    return plain
