"""Policies with one permission less, and the one call that needs just that permission."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError

from deploy.emulated.deployment import Deployment
from deploy.emulated.policies import SEND, SEND_BATCH, emulated_policy

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AccessDeniedError", "403"})
_ONCE: Final = Config(retries={"total_max_attempts": 1})


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """One action on one resource in the policy of one function."""

    function: str
    action: str
    resource: str

    def __str__(self) -> str:
        """As a line of a report."""
        return f"{self.function}: {self.action} on {self.resource}"


def permissions_of(deployment: Deployment, function: str) -> Iterator[Permission]:
    """Yield every permission of a function."""
    for statement in policy_of(deployment, function)["Statement"]:
        for action in statement["Action"]:
            if action == SEND_BATCH:
                continue
            for resource in statement["Resource"]:
                yield Permission(function, action, resource)


def policy_of(deployment: Deployment, function: str) -> dict[str, Any]:
    """Return a function's policy as it was deployed."""
    return emulated_policy(function, deployment.settings)


_NOTHING: Final = {"Sid": "Nothing", "Effect": "Deny", "Action": ["*"], "Resource": ["*"]}
"""A policy has a statement at least."""


def without(document: Mapping[str, Any], *permissions: Permission) -> dict[str, Any]:
    """Return a policy without these permissions, and otherwise the same."""
    gone = {(one.action, one.resource) for one in permissions}
    gone |= {(SEND_BATCH, one.resource) for one in permissions if one.action == SEND}
    left: list[dict[str, Any]] = []
    for statement in document["Statement"]:
        actions: dict[tuple[str, ...], list[str]] = {}
        for action in statement["Action"]:
            resources = tuple(one for one in statement["Resource"] if (action, one) not in gone)
            actions.setdefault(resources, []).append(action)
        for number, (resources, allowed) in enumerate(actions.items()):
            if resources:
                named = {"Sid": f"{statement['Sid']}{'x' * number}", "Action": allowed, "Resource": list(resources)}
                left.append({**statement, **named})
    return {**document, "Statement": left or [_NOTHING]}


def put_policy(deployment: Deployment, function: str, document: Mapping[str, Any]) -> None:
    """Give a function's role this policy in place of its own."""
    iam, role = deployment.client("iam"), deployment.role_name(function)
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def is_known_here(permission: Permission) -> bool:
    """Whether the emulated cloud can be asked about a permission: of logs it names the group, where AWS names the
    stream; and a model's inference profile it takes for the model itself."""
    return not permission.action.startswith("logs:") and ":inference-profile/" not in permission.resource


class AsRole:
    """Calls the cloud with the role of a function."""

    def __init__(self, deployment: Deployment, function: str) -> None:
        self.deployment = deployment
        arn = f"arn:aws:iam::{deployment.settings.account_id}:role/{deployment.role_name(function)}"
        given = deployment.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        self.session = Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def may(self, permission: Permission) -> bool:
        """Whether the role is let do the one call that needs a permission; what else becomes of it is no matter."""
        return self.may_call(permission.action, permission.resource)

    def may_call(self, action: str, resource: str) -> bool:
        """The same of an action and a resource."""
        service, _, name = action.partition(":")
        try:
            getattr(self, f"_{service}")(name, resource)
        except ClientError as refusal:
            return refusal.response["Error"]["Code"] not in _DENIED
        return True

    def _client(self, service: str, region: str = "") -> Any:
        region = region or self.deployment.settings.region
        make: Any = self.session.client
        return make(service, region_name=region, endpoint_url=self.deployment.cloud_url, config=_ONCE)

    def _dynamodb(self, name: str, resource: str) -> None:
        client, table = self._client("dynamodb"), self.deployment.settings.table_name
        key = {"PK": {"S": "USER#nobody"}, "SK": {"S": "NOTHING"}}
        condition = {"ConditionExpression": "attribute_not_exists(PK)"}
        if name == "Query":
            index = {"IndexName": resource.rsplit("/", 1)[1]} if "/index/" in resource else {}
            attribute = f"{resource.rsplit('/', 1)[1][:4]}PK" if index else "PK"
            asked = {"ExpressionAttributeNames": {"#pk": attribute}, "ExpressionAttributeValues": {":pk": {"S": "x"}}}
            client.query(TableName=table, KeyConditionExpression="#pk = :pk", **asked, **index)
        elif name == "BatchGetItem":
            client.batch_get_item(RequestItems={table: {"Keys": [key]}})
        elif name == "BatchWriteItem":
            client.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": key}}]})
        elif name == "ConditionCheckItem":
            check = {"TableName": table, "Key": key, **condition}
            client.transact_write_items(TransactItems=[{"ConditionCheck": check}])
        elif name == "PutItem":
            client.put_item(TableName=table, Item=key, ConditionExpression="attribute_exists(PK)")
        else:
            {
                "GetItem": client.get_item,
                "UpdateItem": client.update_item,
                "DeleteItem": client.delete_item,
                "Scan": client.scan,
            }[name](TableName=table, **({} if name == "Scan" else {"Key": key}))

    def _s3(self, name: str, resource: str) -> None:
        client = self._client("s3")
        bucket, _, prefix = resource.removeprefix("arn:aws:s3:::").partition("/")
        key = prefix.replace("*", "nobody/nothing")
        if name == "ListBucket":
            client.list_objects_v2(Bucket=bucket, Prefix="uploads/")
        elif name == "ListBucketVersions":
            client.list_object_versions(Bucket=bucket, Prefix="uploads/")
        elif name == "PutObject":
            client.put_object(Bucket=bucket, Key=key, Body=b"")
            self.deployment.client("s3").delete_object(Bucket=bucket, Key=key)
        elif name == "DeleteObjectVersion":
            client.delete_object(Bucket=bucket, Key=key, VersionId="null")
        else:
            {"GetObject": client.get_object, "DeleteObject": client.delete_object}[name](Bucket=bucket, Key=key)

    def _sqs(self, name: str, resource: str) -> None:
        client, queue = self._client("sqs"), resource.rsplit(":", 1)[1]
        if name == "GetQueueUrl":
            client.get_queue_url(QueueName=queue)
            return
        url = self.deployment.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
        calls = {
            "SendMessage": lambda: client.send_message(QueueUrl=url, MessageBody="{}", DelaySeconds=900),
            "ReceiveMessage": lambda: client.receive_message(QueueUrl=url),
            "DeleteMessage": lambda: client.delete_message(QueueUrl=url, ReceiptHandle="none"),
            "GetQueueAttributes": lambda: client.get_queue_attributes(QueueUrl=url),
        }
        calls[name]()

    def _secretsmanager(self, _: str, resource: str) -> None:
        name = resource.rsplit(":secret:", 1)[1].removesuffix("-??????")
        self._client("secretsmanager").get_secret_value(SecretId=name)

    def _bedrock(self, _: str, resource: str) -> None:
        """The service asks by Converse, for which AWS wants `bedrock:InvokeModel`; the emulated cloud wants an action
        of the call's own name, which IAM does not have."""
        region, model = resource.split(":")[3], resource.rsplit("/", 1)[1]
        self._client("bedrock-runtime", region).invoke_model(modelId=model, body=b"{}")
