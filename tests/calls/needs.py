"""What one call of an AWS client asks of IAM: pairs of an action and the part of a resource that it touches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from chalicelib.config import APP_NAME
from deploy.permissions import Need, key_prefix

_EQUALITY: Final = re.compile(r"(#?[\w.-]+) = (:[\w.-]+)")
_PARTITION_KEYS: Final = frozenset({"PK", "GSI1PK", "GSI2PK", "GSI3PK"})
_SINGLE: Final = frozenset({"GetItem", "PutItem", "UpdateItem", "DeleteItem"})
_PARTS: Final[Mapping[str, str]] = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_OBJECT_ACTIONS: Final[Mapping[str, str]] = {
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "PutObject": "PutObject",
    "DeleteObject": "DeleteObject",
}
_ABSENT: Final = frozenset({"NoSuchKey", "404"})


def needs_of(service: str, operation: str, sent: Mapping[str, Any]) -> set[Need]:
    """Return what a call needs before anybody knows its answer. What is not known here is named as it is, so that it
    shows up as something that no policy allows."""
    readers = {
        "dynamodb": needs_of_table,
        "s3": _of_bucket,
        "sqs": _of_queue,
        "secretsmanager": _of_secret,
        "bedrock-runtime": _of_model,
    }
    reader = readers.get(service)
    return {Need(f"{service}:{operation}", "*")} if reader is None else set(reader(operation, sent))


def needs_of_absence(service: str, operation: str, error_code: str) -> set[Need]:
    """Return what an answer "no such object" needs: S3 says 403 instead to whoever may not list the bucket."""
    is_absence = service == "s3" and operation in {"GetObject", "HeadObject"} and error_code in _ABSENT
    return {Need("s3:ListBucket", "bucket")} if is_absence else set()


def need_of_form(key: str) -> Need:
    """Return what a presigned POST needs: it is allowed what its signer is allowed."""
    return Need("s3:PutObject", _objects(key))


def needs_of_table(operation: str, sent: Mapping[str, Any]) -> Iterable[Need]:
    """Yield what a call of DynamoDB needs."""
    if operation in _SINGLE:
        yield _item(operation, sent.get("Key") or sent["Item"])
    elif operation == "Query":
        where = f"index {sent['IndexName']}" if "IndexName" in sent else "table"
        yield Need("dynamodb:Query", f"{where} {key_prefix(_partition_asked_for(sent))}")
    elif operation == "BatchGetItem":
        for request in sent["RequestItems"].values():
            yield from (_item(operation, key) for key in request["Keys"])
    elif operation == "BatchWriteItem":
        for requests in sent["RequestItems"].values():
            for one in requests:
                yield _item(
                    operation, one["DeleteRequest"]["Key"] if "DeleteRequest" in one else one["PutRequest"]["Item"]
                )
    elif operation in {"TransactWriteItems", "TransactGetItems"}:
        for item in sent["TransactItems"]:
            ((part, detail),) = item.items()
            yield _item(_PARTS[part], detail.get("Key") or detail["Item"])
    else:
        yield Need(f"dynamodb:{operation}", "*")


def _item(action: str, key: Mapping[str, Any]) -> Need:
    return Need(f"dynamodb:{action}", f"table {key_prefix(key['PK']['S'])}")


def _partition_asked_for(sent: Mapping[str, Any]) -> str:
    names = sent.get("ExpressionAttributeNames", {})
    for name, placeholder in _EQUALITY.findall(sent["KeyConditionExpression"]):
        if names.get(name, name) in _PARTITION_KEYS:
            return str(sent["ExpressionAttributeValues"][placeholder]["S"])
    raise AssertionError(f"no partition key in {sent['KeyConditionExpression']}")


def _of_bucket(operation: str, sent: Mapping[str, Any]) -> Iterable[Need]:
    if operation in _OBJECT_ACTIONS:
        action = _OBJECT_ACTIONS[operation] + ("Version" if "VersionId" in sent else "")
        yield Need(f"s3:{action}", _objects(sent["Key"]))
    elif operation == "DeleteObjects":
        for one in sent["Delete"]["Objects"]:
            # S3's reference: always `DeleteObject`, and for a version `DeleteObjectVersion` as well.
            yield Need("s3:DeleteObject", _objects(one["Key"]))
            if "VersionId" in one:
                yield Need("s3:DeleteObjectVersion", _objects(one["Key"]))
    elif operation in {"ListObjectsV2", "ListObjectVersions"}:
        action = "ListBucket" if operation == "ListObjectsV2" else "ListBucketVersions"
        yield Need(f"s3:{action}", _objects(sent["Prefix"]))
    else:
        yield Need(f"s3:{operation}", "*")


def _objects(key: str) -> str:
    return f"objects {key.split('/', 1)[0]}/"


def _of_queue(operation: str, sent: Mapping[str, Any]) -> Iterable[Need]:
    name = sent["QueueName"] if "QueueName" in sent else sent["QueueUrl"].rsplit("/", 1)[-1]
    if not name.startswith(f"{APP_NAME}-"):
        return  # A test has given its own queue a name of its own.
    queue = f"queue {_without_stage(name, '-')}"
    action = operation.removesuffix("Batch")
    yield Need(f"sqs:{action}", queue)
    if action == "SendMessage":
        # Asked for once in a process, where another function of the same test may have asked before.
        yield Need("sqs:GetQueueUrl", queue)


def _of_secret(operation: str, sent: Mapping[str, Any]) -> Iterable[Need]:
    yield Need(f"secretsmanager:{operation}", f"secret {_without_stage(sent['SecretId'], '/')}")


def _of_model(operation: str, sent: Mapping[str, Any]) -> Iterable[Need]:
    """Converse asks for the same permission as InvokeModel."""
    yield Need("bedrock:InvokeModel" if operation == "Converse" else f"bedrock:{operation}", "model")


def _without_stage(name: str, separator: str) -> str:
    """What a name is called in every stage: names are `serenya<separator><stage><separator>…`."""
    return name.split(separator, 2)[-1]
