"""Whether the service answers: without a question to anything else, so that a probe costs nothing and blames nobody
else."""

from __future__ import annotations

import time
from dataclasses import dataclass

from chalicelib.clock import Clock
from chalicelib.config import VERSION
from chalicelib.web.contract import HealthAnswer
from chalicelib.web.response import WithStatus


@dataclass(frozen=True, slots=True)
class Health:
    """Answers probes."""

    clock: Clock

    def show(self) -> HealthAnswer:
        """Return that we are here."""
        return HealthAnswer(status="healthy", timestamp=self.clock.now(), version=VERSION)

    def check(self) -> WithStatus[HealthAnswer]:
        """Return the same with the time that it took, in milliseconds, as `X-Response-Time`."""
        started = time.perf_counter()
        answer = self.show()
        milliseconds = (time.perf_counter() - started) * 1000
        return WithStatus(answer, headers={"X-Response-Time": f"{milliseconds:.3f}ms"})
