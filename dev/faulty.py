"""Lets faults of AWS befall the calls of a process, by a plan, below botocore's own retries.

Every attempt of every call in this process goes through `Faults`, whatever client makes it, and a plan says which of
them meets a fault. Clients that stand for AWS itself say so in their user agent and are left alone.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.endpoint import Endpoint

from dev.faults import Attempt, Fault, befall, faults_of

SPARED: Final = "serenya-event-bridge"
"""What a client says in its user agent that stands for AWS and meets no fault."""
BEFELL: Final = "faults_befell"
"""The name of the line in which a process says at its end which faults there were."""
_LASTING: Final = "serenya_lasting_fault"
Plan = Callable[[Attempt], Fault | None]
"""Says of an attempt what befalls it."""


@dataclass(slots=True)
class Faults:
    """Lets faults befall the calls of this process, by a plan, and counts them."""

    plan: Plan
    befell: Counter[tuple[str, Fault]] = field(default_factory=Counter)

    @contextmanager
    def in_force(self) -> Iterator[Faults]:
        """Let faults befall every client of this process until the block ends."""
        original = Endpoint._do_get_response  # type: ignore[attr-defined]  # where each attempt leaves botocore

        def attempted(endpoint: Any, request: Any, model: Any, context: dict[str, Any]) -> Any:
            def send() -> Any:
                return original(endpoint, request, model, context)

            if SPARED in str(request.headers.get("User-Agent", "")):
                return send()
            operation = f"{model.service_model.service_name}:{model.name}"
            attempt = Attempt(operation, request, model, endpoint, send, context)
            fault = self.plan(attempt)
            if fault is None:
                return send()
            self.befell[operation, fault] += 1
            return befall(attempt, fault)

        Endpoint._do_get_response = attempted  # type: ignore[attr-defined]
        try:
            yield self
        finally:
            Endpoint._do_get_response = original  # type: ignore[attr-defined]


def now_and_then(rate: float, seed: int) -> Plan:
    """Return a plan by which this share of all calls meets a fault, drawn from a seed: half of them once, half of them
    at every attempt that botocore makes."""
    dice, lock = random.Random(seed), threading.Lock()

    def plan(attempt: Attempt) -> Fault | None:
        if not attempt.is_first:
            lasting: Fault | None = attempt.call.get(_LASTING)
            return lasting
        with lock:
            if dice.random() >= rate:
                return None
            fault, is_lasting = dice.choice(faults_of(attempt.operation)), dice.random() < 0.5
        if is_lasting:
            attempt.call[_LASTING] = fault
        return fault

    return plan


@contextmanager
def faults_wanted(environment: Mapping[str, str]) -> Iterator[None]:
    """Let faults befall this process if `SERENYA_FAULTS` says what share of its calls (`0.01`), drawn from
    `SERENYA_FAULTS_SEED`; afterwards say in one line of JSON which ones there were. Nothing shipped reads either.

    Raises:
        ValueError: the share is none.
    """
    rate = float(environment.get("SERENYA_FAULTS") or 0)
    if not rate:
        yield
        return
    if not 0 < rate <= 1:
        raise ValueError(f"SERENYA_FAULTS must be a share of all calls such as 0.01, not {rate}.")
    faults = Faults(now_and_then(rate, int(environment.get("SERENYA_FAULTS_SEED") or 0)))
    with faults.in_force():
        yield
    befell = {f"{operation}, {fault}": count for (operation, fault), count in sorted(faults.befell.items())}
    print(json.dumps({"event": BEFELL, "faults": befell}), flush=True)
