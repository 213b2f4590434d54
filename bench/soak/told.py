"""How a soak is told: a line a minute, a table at its end, and the files from which docs/performance.md is made."""

from __future__ import annotations

import json
import platform
import statistics
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dev.children import ROOT
from dev.faulty import BEFELL

if TYPE_CHECKING:
    from bench.soak.run import Outcome

RESULTS: Final = ROOT / "bench" / "results" / "soak.json"
PLOT: Final = ROOT / "docs" / "performance" / "soak.svg"


def line(outcome: Outcome, seconds: float) -> str:
    """Say in one line how far it is."""
    tally, memory = outcome.tally, outcome.memory.samples
    answers = ", ".join(f"{count} × {status}" for status, count in sorted(tally.answers.items()))
    size = f"{memory[-1][1]:.0f} MiB" if memory else "?"
    people = len(outcome.crowd.people)
    return f"  {seconds / 60:5.1f} min   {people} people, {sum(tally.acts.values())} acts, {size}   answers: {answers}"


def faults_in(log: Path) -> dict[str, int]:
    """Read which faults befell the service from the last line that says so."""
    lines = [text for text in log.read_text(errors="replace").splitlines() if f'"{BEFELL}"' in text]
    return dict(json.loads(lines[-1])["faults"]) if lines else {}


def rows(outcome: Outcome) -> list[tuple[str, str]]:
    """Return what was found, in words and figures."""
    tally, seconds = outcome.tally, sorted(outcome.tally.seconds) or [0.0]
    sizes = [size for _, size in outcome.memory.samples]
    kinds: Counter[str] = Counter()
    for name, count in outcome.faults.items():
        kinds[name.partition(", ")[2]] += count
    return [
        ("minutes of load, then of coming to an end", f"{outcome.wanted.minutes:g}, {outcome.drain_seconds / 60:.1f}"),
        ("people", f"{len(outcome.crowd.people)}"),
        (
            "turns (who has nothing to do in theirs does nothing)",
            ", ".join(f"{count} {name}" for name, count in sorted(tally.acts.items())),
        ),
        ("answers by status", ", ".join(f"{count} × {one}" for one, count in sorted(tally.answers.items()))),
        ("ratio of the 99th percentile to the median", f"{_p99(seconds) / (statistics.median(seconds) or 1):.0f}"),
        ("months ended, and reset", f"{outcome.resets}"),
        (
            "faults of AWS",
            f"{sum(outcome.faults.values())}: " + ", ".join(f"{n} {k}" for k, n in sorted(kinds.items())),
        ),
        ("memory after the warm-up, last quarter to first", f"{outcome.drift:+.1%}"),
        ("memory at most, to the first sample", f"{max(sizes, default=0) / (sizes or [1])[0]:.2f}"),
        ("messages that wait for their time (answers to be forgotten)", f"{outcome.set_aside}"),
        ("entries of the ledger compared", ", ".join(f"{count} {name}" for name, count in outcome.compared.items())),
        ("complaints", f"{len(outcome.complaints)}"),
    ]


def table(outcome: Outcome) -> str:
    """Write the verdict."""
    found = rows(outcome)
    width = max(len(name) for name, _ in found)
    lines = ["", *(f"  {name:<{width}}   {value}" for name, value in found), ""]
    lines += [f"  COMPLAINT: {one}" for one in outcome.complaints[:40]]
    lines.append("The soak failed." if outcome.complaints else "The ledger is exact, the queues are empty.")
    return "\n".join(lines)


def keep(outcome: Outcome) -> None:
    """Write the figures and the plot into the repository."""
    content: dict[str, Any] = {
        "title": "Soak",
        "command": f"make soak MINUTES={outcome.wanted.minutes:g}",
        "said": [
            f"The local service with the event bridge, {outcome.wanted.rate:g} acts a second of people who sign in, "
            f"upload, ask, buy and leave; {outcome.wanted.faults:.0%} of the service's calls of AWS met a fault (seed "
            f"{outcome.wanted.seed}), half of those at every attempt of botocore.",
            "At the end the table was compared with the book that the driver kept of every answer.",
            f"Measured on {datetime.now(UTC).date().isoformat()} with Python {platform.python_version()}.",
        ],
        "columns": ["what", "found"],
        "rows": [list(row) for row in rows(outcome)],
        "plots": ["performance/soak.svg"],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _plot(outcome)


def _plot(outcome: Outcome) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "serenya"
    from matplotlib import pyplot

    first = outcome.memory.samples[0][1]
    figure, axes = pyplot.subplots(figsize=(8, 3.2), layout="constrained")
    minutes = [at / 60 for at, _ in outcome.memory.samples]
    axes.plot(minutes, [size / first for _, size in outcome.memory.samples], color="#1f5f8b")
    axes.set(xlabel="minutes of load", ylabel="memory, of that at the start", ylim=(0, None))
    axes.set_title("Memory of the service's process under mixed load with faults")
    axes.grid(alpha=0.3)
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})
    pyplot.close(figure)


def _p99(ordered: list[float]) -> float:
    return ordered[int(len(ordered) * 0.99)]
