"""Faults of AWS: answers that are lost, late, refused, broken off or half done, each as botocore would meet it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.endpoint import convert_to_response_dict
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError


class Fault(StrEnum):
    """What befalls one attempt of a call."""

    LOST_ANSWER = "lost answer"
    """AWS did it, and the connection closed before it said so."""
    LATE_ANSWER = "late answer"
    """AWS did it, and said so when nobody listened any more."""
    LOST_REQUEST = "lost request"
    """AWS never heard of it; the time ran out."""
    THROTTLED = "throttled"
    BROKEN = "broken"
    """An error of AWS's own, and nothing was done."""
    BROKEN_AFTER = "broken after"
    """An error of AWS's own, and it was done all the same ("may have succeeded", says DynamoDB's page on errors)."""
    CONFLICT = "conflict"
    """Somebody else's transaction holds the item."""
    HALF_DONE = "half done"
    """A batch of which AWS did the first half and names the rest."""
    CUT_OFF = "cut off"
    """The answer's body ends in the middle."""


_WRITES: Final = frozenset(
    {
        *("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:TransactWriteItems"),
        *("dynamodb:BatchWriteItem", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjects"),
        *("sqs:SendMessage", "sqs:SendMessageBatch"),
    }
)
_CONFLICTING: Final = frozenset(
    {
        *("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:TransactWriteItems"),
        *("dynamodb:TransactGetItems", "s3:PutObject"),
    }
)
_BATCHES: Final = frozenset(
    {"dynamodb:BatchWriteItem", "dynamodb:BatchGetItem", "s3:DeleteObjects", "sqs:SendMessageBatch"}
)
_THROTTLES: Final = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "s3": (503, "SlowDown"),
    "sqs": (400, "RequestThrottled"),
    "secretsmanager": (400, "ThrottlingException"),
}
_BROKEN: Final = {
    "dynamodb": (500, "InternalServerError"),
    "s3": (500, "InternalError"),
    "sqs": (500, "InternalFailure"),
    "secretsmanager": (500, "InternalServiceError"),
}


def faults_of(operation: str) -> tuple[Fault, ...]:
    """Return what can befall an operation, such as `dynamodb:PutItem`. To lose the answer of what only reads is to lose
    the request."""
    done = (Fault.LOST_ANSWER, Fault.LATE_ANSWER, Fault.BROKEN_AFTER) if operation in _WRITES else ()
    found = [*done, Fault.LOST_REQUEST, Fault.THROTTLED, Fault.BROKEN]
    found += [Fault.CONFLICT] if operation in _CONFLICTING else []
    found += [Fault.HALF_DONE] if operation in _BATCHES else []
    found += [Fault.CUT_OFF] if operation == "s3:GetObject" else []
    return tuple(found)


@dataclass(slots=True)
class Attempt:
    """One attempt of one call, on its way out."""

    operation: str
    request: Any
    model: Any
    endpoint: Any
    send: Callable[[], Any]
    call: dict[str, Any]
    """What botocore keeps of the call: the same for all its attempts."""

    @property
    def is_first(self) -> bool:
        """Whether the call was not tried before."""
        return bool(self.call.get("retries", {}).get("attempt", 1) == 1)

    def answered(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> Any:
        """Return an answer that AWS did not give, read as botocore reads any."""
        response = AWSResponse(self.request.url, status, HTTPHeaders.from_dict(headers or {}), _Raw(body))
        parser = self.endpoint._response_parser_factory.create_parser(self.model.service_model.resolved_protocol)
        as_dict = convert_to_response_dict(response, self.model)
        parsed = parser.parse(as_dict, self.model.output_shape)
        if status >= 300:
            self.endpoint._add_modeled_error_fields(as_dict, parsed, self.model, parser)
        return (response, parsed), None

    def refused(self, status: int, code: str, **more: Any) -> Any:
        """Return an error in the service's own words."""
        service = self.operation.partition(":")[0]
        if service == "s3":
            text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>a fault</Message></Error>"
            return self.answered(status, text.encode(), {"Content-Type": "application/xml"})
        body = json.dumps({"__type": f"com.amazonaws.{service}#{code}", "message": "a fault", **more}).encode()
        return self.answered(status, body, {"Content-Type": "application/x-amz-json-1.0"})


class _Raw(BytesIO):
    """A body as urllib3 hands it to botocore."""

    def stream(self, amt: int = 1024, **_: Any) -> Iterator[bytes]:
        """Return it piece by piece."""
        while piece := self.read(amt):
            yield piece


def befall(attempt: Attempt, fault: Fault) -> Any:
    """Answer an attempt as this fault has it answered: what `Endpoint._do_get_response` returns."""
    service, url = attempt.operation.partition(":")[0], attempt.request.url
    match fault:
        case Fault.LOST_ANSWER:
            attempt.send()
            return None, ConnectionClosedError(endpoint_url=url)
        case Fault.LATE_ANSWER:
            attempt.send()
            return None, ReadTimeoutError(endpoint_url=url)
        case Fault.LOST_REQUEST:
            return None, ReadTimeoutError(endpoint_url=url)
        case Fault.THROTTLED:
            return attempt.refused(*_THROTTLES[service])
        case Fault.BROKEN:
            return attempt.refused(*_BROKEN[service])
        case Fault.BROKEN_AFTER:
            attempt.send()
            return attempt.refused(*_BROKEN[service])
        case Fault.CONFLICT:
            return _conflict(attempt)
        case Fault.HALF_DONE:
            return _half_done(attempt)
        case Fault.CUT_OFF:
            return _cut_off(attempt)


def _conflict(attempt: Attempt) -> Any:
    if attempt.operation == "s3:PutObject":
        return attempt.refused(409, "ConditionalRequestConflict")
    if "Transact" not in attempt.operation:
        return attempt.refused(400, "TransactionConflictException")
    parts = json.loads(attempt.request.body)["TransactItems"]
    reasons = [{"Code": "None"}] * (len(parts) - 1) + [{"Code": "TransactionConflict", "Message": "a fault"}]
    return attempt.refused(400, "TransactionCanceledException", CancellationReasons=reasons)


def _half_done(attempt: Attempt) -> Any:
    """Do the first half of a batch; of one part, none."""
    if attempt.operation == "s3:DeleteObjects":
        # Nothing is deleted and every key named: to cut XML in two would be to write a parser.
        from xml.etree import ElementTree

        keys = [one.text for one in ElementTree.fromstring(attempt.request.body).iter() if one.tag.endswith("Key")]
        errors = "".join(f"<Error><Key>{key}</Key><Code>InternalError</Code></Error>" for key in keys)
        return attempt.answered(200, f"<DeleteResult>{errors}</DeleteResult>".encode())
    sent = json.loads(attempt.request.body)
    if attempt.operation == "sqs:SendMessageBatch":
        done, left = _split(sent["Entries"])
        failed = [{"Id": one["Id"], "SenderFault": False, "Code": "InternalError"} for one in left]
        return _part_done(attempt, sent | {"Entries": done}, {"Failed": failed}, is_any=bool(done))
    ((table, asked),) = sent["RequestItems"].items()
    if attempt.operation == "dynamodb:BatchWriteItem":
        done, left = _split(asked)
        return _part_done(
            attempt, sent | {"RequestItems": {table: done}}, {"UnprocessedItems": {table: left}}, is_any=bool(done)
        )
    done, left = _split(asked["Keys"])
    unprocessed = {"UnprocessedKeys": {table: asked | {"Keys": left}}}
    without = {"Responses": {}, **unprocessed}
    return _part_done(
        attempt,
        sent | {"RequestItems": {table: asked | {"Keys": done}}},
        unprocessed if done else without,
        is_any=bool(done),
    )


def _split(parts: list[Any]) -> tuple[list[Any], list[Any]]:
    middle = len(parts) // 2
    return parts[:middle], parts[middle:]


def _part_done(attempt: Attempt, sent: dict[str, Any], left: dict[str, Any], *, is_any: bool) -> Any:
    if not is_any:
        return attempt.answered(200, json.dumps(left).encode())
    body = json.dumps(sent).encode()
    attempt.request.body = body
    attempt.request.headers["Content-Length"] = str(len(body))
    found, failure = attempt.send()
    if found is not None:
        found[1].update(left)
    return found, failure


def _cut_off(attempt: Attempt) -> Any:
    """Answer with the headers of the object, and half of its bytes."""
    from botocore.response import StreamingBody

    found, failure = attempt.send()
    if found is not None and "Body" in found[1]:
        content = found[1]["Body"].read()
        # A length that the bytes do not reach is how botocore notices.
        found[1]["Body"] = StreamingBody(BytesIO(content[: len(content) // 2]), content_length=len(content))
    return found, failure
