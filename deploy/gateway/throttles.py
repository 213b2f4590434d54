"""How much API Gateway lets through, derived from what one person may do: it stops floods before they cost anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chalicelib.web.api import Endpoint

BURST_SECONDS: Final = 2
"""A burst may be as large as what is let through in so many seconds."""

Method = tuple[str, str]
"""A path as it is declared, such as `/auth/google`, and an HTTP method."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """Requests a second, and how many may come at once. API Gateway counts them for each method by itself."""

    rate: int
    burst: int


def of_rate(rate: int) -> Throttle:
    """Return the throttle of so many requests a second."""
    return Throttle(rate=rate, burst=rate * BURST_SECONDS)


def throttles(endpoints: Iterable[Endpoint], stage: Throttle) -> Mapping[Method, Throttle]:
    """Return the throttle of each method that is narrower than the stage's.

    What one subject may call in a minute, everybody together may call in a second: sixty people who are all at their
    limit. The service itself counts per person; this bounds what a flood from many addresses can cost.
    """
    narrower: dict[Method, Throttle] = {}
    for endpoint in endpoints:
        if endpoint.limit is not None and endpoint.limit.calls < stage.rate:
            narrower |= {(path, endpoint.method): of_rate(endpoint.limit.calls) for path in endpoint.paths}
    return narrower
