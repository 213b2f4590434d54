"""Numbers for operators, as lines in CloudWatch's embedded metric format: no call, no wait, no ids of people."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from decimal import Decimal

from chalicelib.observe.log import correlation_id, log
from chalicelib.observe.registry import REGISTRY, Metric, namespace


def measure(values: Mapping[Metric, int | Decimal], **properties: str | int) -> None:
    """Write one line with some measured values, and what they were measured of.

    Properties that the registry names as dimensions become dimensions; the metrics of one line have the same ones. The
    others stand beside the numbers for queries to find (an analyst, a route, an outcome): never whose call it was. A
    line that cannot be written is logged and loses nothing else.
    """
    # 3 ms beside the logger; many requests never measure anything.
    from aws_lambda_powertools.metrics import EphemeralMetrics
    from aws_lambda_powertools.metrics.exceptions import MetricUnitError, MetricValueError, SchemaValidationError

    metrics = EphemeralMetrics(namespace=namespace(os.environ.get("SERENYA_STAGE", "none")))
    # Powertools would add it as a dimension, and an alarm would have to name it.
    metrics.service = ""
    dimensions = {name for metric in values for name in REGISTRY[metric].dimensions}
    try:
        for name, value in properties.items():
            if name in dimensions:
                metrics.add_dimension(name=name, value=str(value))
            else:
                metrics.add_metadata(key=name, value=value)
        metrics.add_metadata(key="correlation_id", value=correlation_id())
        for metric, number in values.items():
            metrics.add_metric(name=metric.value, unit=REGISTRY[metric].unit.value, value=float(number))
        metrics.flush_metrics(raise_on_empty_metrics=True)
    except (MetricUnitError, MetricValueError, SchemaValidationError) as error:
        log("metrics_not_written", level=logging.ERROR, error=error)
