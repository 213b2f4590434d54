"""IAM policies, one per function, rendered from `deploy/permissions.py`: no wildcard action, no wildcard resource."""

from __future__ import annotations

from typing import Any

from chalicelib.config import Settings
from deploy.permissions import Permissions


def policy(function: str, needs: Permissions, settings: Settings) -> dict[str, Any]:
    """Return the policy document of one function in one stage. Chalice adds nothing, so logging stands here as well."""
    statements = [_logs(function, settings)]
    if needs.table:
        statements.append(_allow("Table", _named("dynamodb", needs.table), [_table(settings)]))
    for index, actions in needs.indexes.items():
        statements.append(
            _allow(index.replace("-", ""), _named("dynamodb", actions), [f"{_table(settings)}/index/{index}"])
        )
    for prefix, actions in needs.objects.items():
        objects = f"arn:aws:s3:::{settings.bucket_name}/{prefix}*"
        statements.append(_allow(prefix.strip("/").capitalize(), _named("s3", actions), [objects]))
    if needs.reads_objects:
        statements.append(_allow("Bucket", ["s3:ListBucket"], [f"arn:aws:s3:::{settings.bucket_name}"]))
    for sid, action, prefixes in (
        ("List", "s3:ListBucket", () if needs.reads_objects else needs.lists),
        ("ListVersions", "s3:ListBucketVersions", needs.lists_versions),
    ):
        if prefixes:
            allowed = _allow(sid, [action], [f"arn:aws:s3:::{settings.bucket_name}"])
            statements.append(allowed | {"Condition": {"StringLike": {"s3:prefix": [f"{one}*" for one in prefixes]}}})
    if needs.sends_to:
        queues = [_queue(getattr(settings, name), settings) for name in needs.sends_to]
        statements.append(_allow("Send", ["sqs:GetQueueUrl", "sqs:SendMessage"], queues))
    if needs.receives_from:
        source = _queue(getattr(settings, needs.receives_from), settings)
        receive = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        statements.append(_allow("Receive", receive, [source]))
    if needs.reads_token_keys:
        secret = _secret(settings.token_keys_secret, settings)
        statements.append(_allow("TokenKeys", ["secretsmanager:GetSecretValue"], [secret]))
    if needs.reads_secrets:
        secrets = [_secret(getattr(settings, name), settings) for name in needs.reads_secrets]
        statements.append(_allow("Secrets", ["secretsmanager:GetSecretValue"], secrets))
    if needs.asks_models:
        statements += _models(settings)
    return {"Version": "2012-10-17", "Statement": statements}


def _models(settings: Settings) -> list[dict[str, Any]]:
    """Allow what the stage's analysts need: the named model where it may run, the key of the other API, or nothing."""
    statements = []
    if "bedrock" in settings.analysts:
        # Converse asks for the same permission as InvokeModel. Answers are not streamed.
        arns = settings.models.bedrock.arns(settings.account_id)
        statements.append(_allow("Models", ["bedrock:InvokeModel"], arns))
    if "anthropic" in settings.analysts:
        secret = _secret(settings.anthropic_secret, settings)
        statements.append(_allow("ModelKey", ["secretsmanager:GetSecretValue"], [secret]))
    return statements


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": sorted(resources)}


def _named(service: str, actions: tuple[str, ...]) -> list[str]:
    return [f"{service}:{action}" for action in actions]


def _place(settings: Settings) -> str:
    return f"{settings.region}:{settings.account_id}"


def _table(settings: Settings) -> str:
    return f"arn:aws:dynamodb:{_place(settings)}:table/{settings.table_name}"


def _queue(name: str, settings: Settings) -> str:
    return f"arn:aws:sqs:{_place(settings)}:{name}"


def _secret(name: str, settings: Settings) -> str:
    """Secrets Manager adds six characters of its own to a name."""
    return f"arn:aws:secretsmanager:{_place(settings)}:secret:{name}-??????"


def _logs(function: str, settings: Settings) -> dict[str, Any]:
    """A Lambda function's own log group, by Lambda's naming: `/aws/lambda/<app>-<stage>[-<function>]`."""
    name = f"serenya-{settings.stage}" if function == "api_handler" else f"serenya-{settings.stage}-{function}"
    group = f"arn:aws:logs:{_place(settings)}:log-group:/aws/lambda/{name}"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    return _allow("Logs", actions, [group, f"{group}:log-stream:*"])
