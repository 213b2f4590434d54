"""What the bucket says of new objects, whichever way it came: as S3's own notification or through EventBridge."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote_plus

from chalice.app import S3Event

CREATED: Final = "Object Created"
"""EventBridge's `detail-type` of what S3 calls `s3:ObjectCreated:*`."""

_REASONS: Final = {
    "PutObject": "Put",
    "POST Object": "Post",
    "CopyObject": "Copy",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
}


class UploadEvent(S3Event):
    """New objects as records of S3, also those that a rule of EventBridge hands on."""

    def _extract_attributes(self, event_dict: dict[str, Any]) -> None:
        """Read nothing yet: a record that is not understood must not lose the others."""

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records, in the shape of S3's notifications, whose keys are URL-encoded."""
        event = self.to_dict()
        return [_record(event)] if "detail" in event else event.get("Records", [])


def pattern(bucket: str, prefix: str) -> dict[str, Any]:
    """Return the pattern of a rule that is set off by what a notification for `s3:ObjectCreated:*` would be."""
    detail = {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": prefix}]}}
    return {"source": ["aws.s3"], "detail-type": [CREATED], "detail": detail}


def _record(event: dict[str, Any]) -> dict[str, Any]:
    """Turn an event of EventBridge into a record. It gives keys as they are; S3 encodes them.

    Source: "Event structure" of Amazon S3 for EventBridge, and "Event message structure" of its notifications.
    """
    detail = event["detail"]
    thing = detail["object"]
    described = {"key": quote_plus(thing["key"], safe="/")}
    for theirs, ours in (("size", "size"), ("etag", "eTag"), ("version-id", "versionId"), ("sequencer", "sequencer")):
        if theirs in thing:
            described[ours] = thing[theirs]
    return {
        "eventSource": "aws:s3",
        "awsRegion": event.get("region"),
        "eventTime": event.get("time"),
        "eventName": f"ObjectCreated:{_REASONS.get(detail.get('reason'), 'Unknown')}",
        "s3": {"bucket": {"name": detail["bucket"]["name"]}, "object": described},
    }
