"""Numbers for operators, as lines in CloudWatch's embedded metric format: no call, no wait, no ids of people."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from chalicelib.observe.log import log

NAMESPACE: Final = "Serenya"
COUNT: Final = "Count"
MILLISECONDS: Final = "Milliseconds"
NONE: Final = "None"
"""CloudWatch has no unit for money."""


def measure(values: Mapping[str, tuple[int | Decimal, str]], **dimensions: str) -> None:
    """Write one line with some measured values (number and unit) and what they were measured of.

    Dimensions are few and closed (an analyst, a kind of prompt, an outcome): each combination is a metric that is paid
    for, and none may say whose call it was. A line that cannot be written is logged and loses nothing else.
    """
    # 3 ms beside the logger; many requests never measure anything.
    from aws_lambda_powertools.metrics import EphemeralMetrics
    from aws_lambda_powertools.metrics.exceptions import MetricUnitError, MetricValueError, SchemaValidationError

    metrics = EphemeralMetrics(namespace=NAMESPACE)
    try:
        for name, value in dimensions.items():
            metrics.add_dimension(name=name, value=value)
        for name, (number, unit) in values.items():
            metrics.add_metric(name=name, unit=unit, value=float(number))
        metrics.flush_metrics()
    except (MetricUnitError, MetricValueError, SchemaValidationError) as error:
        log("metrics_not_written", level=logging.ERROR, error=error)
