"""Shows how far a backfill has come: a bar on a terminal, JSON lines anywhere else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TextIO

from chalicelib.migration.workers import Progress

_WIDTH: Final = 30
_LINE_EVERY_SECONDS: Final = 5.0


@dataclass(slots=True)
class Shown:
    """Writes progress. `total` is how many keys there are, as far as is known; `before` how many were done before."""

    out: TextIO
    total: int
    before: int = 0
    speed_limit: Callable[[], float | None] = lambda: None
    monotonic: Callable[[], float] = time.monotonic
    _began: float | None = None
    _told: float = float("-inf")
    _recent: list[tuple[float, int]] = field(default_factory=list)

    def tell(self, progress: Progress) -> None:
        """Show it, if it is time."""
        now = self.monotonic()
        self._began = now if self._began is None else self._began
        self._recent = [(at, keys) for at, keys in self._recent if now - at < 10] or [(now, progress.keys)]
        self._recent.append((now, progress.keys))
        if self.out.isatty():
            self.out.write(f"\r{self._bar(progress)}\x1b[K")
            self.out.flush()
        elif now - self._told >= _LINE_EVERY_SECONDS:
            self._told = now
            self._line("backfill_progress", progress)

    def end(self, progress: Progress) -> None:
        """Show how it ended."""
        if self.out.isatty():
            self.out.write(f"\r{self._bar(progress)}\x1b[K\n")
        else:
            self._line("backfill_ended", progress)
        self.out.flush()

    @property
    def rate(self) -> float:
        """Keys per second, over the last ten seconds."""
        (first, before), (last, after) = self._recent[0], self._recent[-1]
        return (after - before) / (last - first) if last > first else 0.0

    def eta_seconds(self, progress: Progress) -> float | None:
        """How long it still takes at this rate; None where nothing moves."""
        left = max(0, self.total - self.before - progress.keys)
        return left / self.rate if self.rate > 0 else None

    def _bar(self, progress: Progress) -> str:
        share = min(1.0, (self.before + progress.keys) / max(1, self.total))
        filled = int(share * _WIDTH)
        eta = self.eta_seconds(progress)
        ends = "paused" if progress.is_paused else "ETA -" if eta is None else f"ETA {_clock(eta)}"
        limit = self.speed_limit()
        held = "" if limit is None else f" (at most {limit:,.0f}/s)"
        counts = " ".join(f"{name} {count:,}" for name, count in sorted(progress.counts.items()))
        return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {share:4.0%} {self.rate:,.0f} keys/s{held} {ends} {counts}"

    def _line(self, event: str, progress: Progress) -> None:
        began = self.monotonic() if self._began is None else self._began
        said = {
            "event": event,
            "keys": progress.keys,
            "before": self.before,
            "total": self.total,
            "items": progress.items,
            "keys_per_second": round(self.rate, 1),
            "eta_seconds": None if (eta := self.eta_seconds(progress)) is None else round(eta),
            "seconds": round(self.monotonic() - began, 1),
            "is_paused": progress.is_paused,
            "most_per_second": self.speed_limit(),
            **progress.counts,
        }
        self.out.write(json.dumps(said) + "\n")
        self.out.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
