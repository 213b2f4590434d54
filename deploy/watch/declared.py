"""The shapes of what is watched: a metric with its statistic, an alarm on it, a chart of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from chalicelib.config import Settings
from chalicelib.observe.registry import Metric, namespace


class Missing(StrEnum):
    """What a period without a value says to an alarm (CloudWatch's `TreatMissingData`)."""

    NOT_BREACHING = "notBreaching"
    BREACHING = "breaching"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Watched:
    """One metric of CloudWatch, and the statistic that is looked at: `Sum`, `Maximum`, `Average`, `p95`."""

    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, str] = field(default_factory=dict)

    @property
    def dimension_list(self) -> list[dict[str, str]]:
        """The dimensions as CloudWatch wants them."""
        return [{"Name": name, "Value": value} for name, value in self.dimensions.items()]

    def row(self, label: str) -> list[Any]:
        """The metric as a dashboard wants it."""
        flat = [part for pair in self.dimensions.items() for part in pair]
        return [self.namespace, self.name, *flat, {"stat": self.statistic, "label": label}]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm. It goes off when the value is at or above `threshold` in `datapoints` of the last `periods`.

    `means` says what it says when it goes off, `todo` what an operator does then: the former stands in its description,
    both on the operators' page. The values of several metrics are added up.
    """

    key: str
    watched: tuple[Watched, ...]
    threshold: float
    period: timedelta
    means: str
    todo: str
    periods: int = 1
    datapoints: int | None = None
    missing: Missing = Missing.NOT_BREACHING
    # Whether a release is taken back when it goes off while a new version gets its first calls.
    takes_release_back: bool = False


def ours(settings: Settings, metric: Metric, statistic: str = "Sum") -> Watched:
    """Return a metric of our own registry, in a stage."""
    return Watched(namespace(settings.stage), metric.value, statistic)
