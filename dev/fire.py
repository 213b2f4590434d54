"""`make reset-usage`: fires a declared schedule now, through the running service, with the event of AWS."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from chalicelib.config import APP_NAME
from dev.bridge import inbox_name, rule_name
from dev.event_shapes import scheduled_event
from dev.ministack import is_healthy
from dev.provision import session_without_account
from dev.stage import STAGE, Ports, settings_of
from dev.supervision import CommandFailedError


def fire(function: str, ports: Ports) -> str:
    """Send the scheduled event of a function, and return a sentence about it.

    Raises:
        CommandFailedError: nothing runs, or no such schedule is declared.
    """
    if not is_healthy(ports.cloud):
        raise CommandFailedError(f"Nothing answers at {ports.cloud_url}. Start the service with `make run` first.")
    session = session_without_account(settings_of(ports).region)
    events = session.client("events", endpoint_url=ports.cloud_url)
    sqs = session.client("sqs", endpoint_url=ports.cloud_url)
    try:
        rule = events.describe_rule(Name=rule_name(APP_NAME, STAGE, function))
        inbox = sqs.get_queue_url(QueueName=inbox_name(APP_NAME, STAGE))["QueueUrl"]
    except (events.exceptions.ResourceNotFoundException, sqs.exceptions.QueueDoesNotExist) as error:
        raise CommandFailedError(f"No schedule of a function {function!r} is known: is the bridge up?") from error
    event = scheduled_event(rule["Arn"], datetime.now(UTC))
    sqs.send_message(QueueUrl=inbox, MessageBody=json.dumps(event))
    return f"{function} was fired; what it did stands in .run/service.log (beside `make cloud`: .run/bridge.log)."
