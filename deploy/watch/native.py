"""What AWS measures by itself, free of charge, and we look at."""

from __future__ import annotations

from typing import Final

from chalicelib.config import Settings
from deploy.release.names import api_name
from deploy.resources import declare
from deploy.watch.declared import Watched

API_STAGE: Final = "api"
"""Chalice's `api_gateway_stage`; a test compares it with `.chalice/config.json`."""


def api(settings: Settings, name: str, statistic: str) -> Watched:
    """Return a metric of API Gateway."""
    return Watched("AWS/ApiGateway", name, statistic, {"ApiName": api_name(settings.stage), "Stage": API_STAGE})


def table(settings: Settings, name: str, statistic: str = "Sum") -> Watched:
    """Return a metric of the table, without its indexes."""
    return Watched("AWS/DynamoDB", name, statistic, {"TableName": settings.table_name})


def all_functions(name: str, statistic: str = "Sum") -> Watched:
    """Return a metric of all functions of the account together: Lambda gives it without dimensions."""
    return Watched("AWS/Lambda", name, statistic)


def function(function_name: str, name: str, statistic: str) -> Watched:
    """Return a metric of one function."""
    return Watched("AWS/Lambda", name, statistic, {"FunctionName": function_name})


def waiting(queue_name: str) -> Watched:
    """Return how many messages wait in a queue."""
    return Watched("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", {"QueueName": queue_name})


def age(queue_name: str) -> Watched:
    """Return for how many seconds the oldest message of a queue has waited."""
    return Watched("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", {"QueueName": queue_name})


def dead_letters(settings: Settings) -> tuple[Watched, ...]:
    """Return what waits in each queue of dead letters."""
    return tuple(waiting(queue.dead_letter_name) for queue in declare(settings).queues)
