"""What there is before each case of a journey, and how everything is put back to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chalicelib.models.schema import table_definition
from dev.faults import Attempt
from tests.faults.house import House
from tests.faults.steady import Steady

_STALE: Final = "stale"


@dataclass
class Beginning:
    """What there is before each case of a journey."""

    at: datetime
    items: list[Any]
    objects: dict[str, bytes]
    messages: list[tuple[str, str]]
    events_seen: set[tuple[str, str]]
    failure: Exception | None = None
    """What the analyst fails with."""


def beginning_of(house: House) -> Beginning:
    """Remember how everything is."""
    waiting = [(name, message["Body"]) for name, message in house.messages()]
    now, seen = house.service.clock.now(), set(house.events_seen)
    return Beginning(now, house.items(), house.objects(), waiting, seen, house.analyst.failure)


def go_back(house: House, to: Beginning) -> None:
    """Put everything back, and take away what is new."""
    house.service.clock.instant, house.events_seen = to.at, set(to.events_seen)
    _put_items(house, to.items, house.items())
    there = house.objects()
    bucket = house.settings.bucket_name
    for key in there.keys() - to.objects.keys():
        house.cloud.s3.delete_object(Bucket=bucket, Key=key)
    for key, content in to.objects.items():
        if there.get(key) != content:
            house.cloud.s3.put_object(Bucket=bucket, Key=key, Body=content)
            house.events_seen |= {one for one in house.uploads() if one[0] in {key for key, _ in to.events_seen}}
    for name in house.in_use:
        house.cloud.sqs.purge_queue(QueueUrl=house.urls[name])
    house.in_use = {name for name, _ in to.messages}
    for name, body in to.messages:
        house.cloud.sqs.send_message(QueueUrl=house.urls[name], MessageBody=body)
    house.analyst = Steady(failure=to.failure)
    house.notes.pop("unforeseen", None)


def _put_items(house: House, wanted: list[Any], there: list[Any]) -> None:
    kept = {(item["PK"]["S"], item["SK"]["S"]) for item in wanted}
    unchanged = {json.dumps(item, sort_keys=True) for item in there}
    requests: list[Any] = [
        {"PutRequest": {"Item": item}} for item in wanted if json.dumps(item, sort_keys=True) not in unchanged
    ]
    requests += [
        {"DeleteRequest": {"Key": {"PK": item["PK"], "SK": item["SK"]}}}
        for item in there
        if (item["PK"]["S"], item["SK"]["S"]) not in kept
    ]
    for first in range(0, len(requests), 25):
        house.cloud.dynamodb.batch_write_item(RequestItems={house.settings.table_name: requests[first : first + 25]})


def keep_index_of(house: House, items: list[Any]) -> Callable[[Attempt], None]:
    """Keep a copy of the table as it is in `items`, and return what sends a question to that copy instead: its
    index then answers as it did before."""
    name = f"{house.settings.table_name}-{_STALE}"
    dynamodb = house.cloud.dynamodb
    if name in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=name)
    dynamodb.create_table(**table_definition(name))
    for first in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[first : first + 25]]
        dynamodb.batch_write_item(RequestItems={name: puts})

    def redirect(attempt: Attempt) -> None:
        body = json.loads(attempt.request.body) | {"TableName": name}
        attempt.request.body = json.dumps(body).encode()
        attempt.request.headers["Content-Length"] = str(len(attempt.request.body))

    return redirect
