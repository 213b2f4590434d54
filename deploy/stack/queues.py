"""The queues in the template, each with its dead-letter queue."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from deploy.resources import Queue
from deploy.stack.parts import Part, logical_id, resource, without_prefix


def queues(declared: Iterable[Queue], prefix: str) -> Part:
    """Return every queue and its dead-letter queue; only that queue may send there."""
    found: Part = {}
    for queue in declared:
        found |= _pair(queue, logical_id(without_prefix(queue.name, prefix)))
    return found


def _pair(queue: Queue, name: str) -> Part:
    source, dead_letters = f"{name}Queue", f"{name}DeadLetters"
    return {
        source: resource(
            "AWS::SQS::Queue",
            {
                "QueueName": queue.name,
                "VisibilityTimeout": _seconds(queue.visibility),
                "MessageRetentionPeriod": _seconds(queue.retention),
                "SqsManagedSseEnabled": True,
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": [dead_letters, "Arn"]},
                    "maxReceiveCount": queue.max_receives,
                },
            },
        ),
        dead_letters: resource(
            "AWS::SQS::Queue",
            {
                "QueueName": queue.dead_letter_name,
                "MessageRetentionPeriod": _seconds(queue.dead_letter_retention),
                "SqsManagedSseEnabled": True,
            },
        ),
    }


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
