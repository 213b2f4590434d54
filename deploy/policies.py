"""IAM policies, one per function, rendered from `deploy/permissions.py`: no wildcard action, no wildcard resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from chalicelib.config import Settings
from deploy.permissions import LOGGING, NETWORKING, RECEIVING, SENDING, Permissions
from deploy.release.names import log_group

_OF_TRANSACTIONS: Final = ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
"""What a transaction is made of. AWS documents that each part needs its own action, and not whether the keys that a
condition sees are that part's or the whole transaction's; so these four share one list of keys, which is right both
ways."""


def policy(
    function: str, needs: Permissions, settings: Settings, *, is_traced: bool = False, is_in_vpc: bool = False
) -> dict[str, Any]:
    """Return the policy document of one function in one stage. Chalice adds nothing, so logging stands here as well,
    and what X-Ray and a network of ours take where the stage asks for them."""
    statements = [
        _logs(function, settings),
        *_items(needs, settings),
        *_indexes(needs, settings),
        *_objects(needs, settings),
        *_queues(needs, settings),
        *_secrets(needs, settings),
    ]
    if needs.reads_whole_table:
        statements.append(_allow("Scan", ["dynamodb:Scan"], [_table(settings)]))
    if needs.asks_models:
        statements += _models(settings)
    if is_traced:
        statements.append(_tracing(settings))
    if is_in_vpc:
        statements.append(_network(settings))
    return {"Version": "2012-10-17", "Statement": statements}


def _items(needs: Permissions, settings: Settings) -> Iterable[dict[str, Any]]:
    """Allow actions on items whose partition key begins as declared.

    Each action stands in one statement alone: a batch may hold keys of several kinds, and all of them have to match in
    the same statement (`ForAllValues`). That operator holds as well where a request names no key at all; of what is
    granted here nothing can do that, because there is no Scan and no PartiQL among it: who scans has a statement that
    says so.
    """
    prefixes: dict[str, set[str]] = {}
    for prefix, actions in needs.table.items():
        for action in actions:
            prefixes.setdefault(action, set()).add(prefix)
    in_transactions = set().union(*(prefixes.get(action, set()) for action in _OF_TRANSACTIONS))
    together: dict[frozenset[str], list[str]] = {}
    for action, own in prefixes.items():
        together.setdefault(frozenset(in_transactions if action in _OF_TRANSACTIONS else own), []).append(action)
    for number, (begin, allowed) in enumerate(sorted(together.items(), key=lambda one: sorted(one[1]))):
        statement = _allow(f"Items{number or ''}", _named("dynamodb", allowed), [_table(settings)])
        yield statement | _leading(begin)


def _indexes(needs: Permissions, settings: Settings) -> Iterable[dict[str, Any]]:
    """Allow queries of an index; the leading key is the index's own partition key then."""
    for index, prefixes in needs.indexes.items():
        arn = f"{_table(settings)}/index/{index}"
        yield _allow(index.replace("-", ""), ["dynamodb:Query"], [arn]) | _leading(prefixes)


def _leading(prefixes: Iterable[str]) -> dict[str, Any]:
    keys = [f"{prefix}*" if prefix.endswith("#") else prefix for prefix in sorted(prefixes)]
    return {"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}}


def _objects(needs: Permissions, settings: Settings) -> Iterable[dict[str, Any]]:
    bucket = f"arn:aws:s3:::{settings.bucket_name}"
    for prefix, actions in needs.objects.items():
        yield _allow(prefix.strip("/").capitalize(), _named("s3", actions), [f"{bucket}/{prefix}*"])
    if needs.reads_objects:
        # Without a condition on the prefix: asking for an object names none.
        yield _allow("Bucket", ["s3:ListBucket"], [bucket])
    for sid, action, prefixes in (
        ("List", "s3:ListBucket", () if needs.reads_objects else needs.lists),
        ("ListVersions", "s3:ListBucketVersions", needs.lists_versions),
    ):
        if prefixes:
            condition = {"StringLike": {"s3:prefix": [f"{one}*" for one in prefixes]}}
            yield _allow(sid, [action], [bucket]) | {"Condition": condition}


def _queues(needs: Permissions, settings: Settings) -> Iterable[dict[str, Any]]:
    if needs.sends_to:
        queues = [_queue(getattr(settings, name), settings) for name in needs.sends_to]
        yield _allow("Send", _named("sqs", SENDING), queues)
    if needs.receives_from:
        source = _queue(getattr(settings, needs.receives_from), settings)
        yield _allow("Receive", _named("sqs", RECEIVING), [source])


def _secrets(needs: Permissions, settings: Settings) -> Iterable[dict[str, Any]]:
    """Allow reading the secrets that the stage has: what it does not sell or sign in with has none."""
    absent = {name for name, is_there in _providers(settings).items() if not is_there}
    names = [name for name in needs.reads_secrets if name not in absent]
    if names:
        arns = [_secret(getattr(settings, name), settings) for name in names]
        yield _allow("Secrets", ["secretsmanager:GetSecretValue"], arns)


def _providers(settings: Settings) -> Mapping[str, bool]:
    """Which secrets depend on the stage, and whether it has them."""
    return {
        "apple_sign_in_secret": settings.has_apple_sign_in_key,
        "app_store_secret": settings.app_store is not None,
        "play_store_secret": settings.play_store is not None,
        "stripe_secret": settings.stripe is not None,
        "legacy_secret": settings.has_legacy_rights,
    }


def _models(settings: Settings) -> Iterable[dict[str, Any]]:
    """Allow what the stage's analysts need: the named model where it may run, the key of the other API, or nothing."""
    if "bedrock" in settings.analysts:
        # Converse asks for the same permission as InvokeModel. Answers are not streamed.
        yield _allow("Models", ["bedrock:InvokeModel"], settings.models.bedrock.arns(settings.account_id))
    if "anthropic" in settings.analysts:
        secret = _secret(settings.anthropic_secret, settings)
        yield _allow("ModelKey", ["secretsmanager:GetSecretValue"], [secret])


def _tracing(settings: Settings) -> dict[str, Any]:
    """Allow sending traces. AWS knows no resource for these two actions but `*`; so they are bound to the region."""
    allowed = _allow("Traces", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"])
    return allowed | _in_region(settings)


def _network(settings: Settings) -> dict[str, Any]:
    """Allow what Lambda does, as the function, to put it into subnets: without it none is made (AWS, "Giving Lambda
    functions access to resources in an Amazon VPC"). Interfaces have no names before they are there, and those that
    describe know no resource but `*`; so they are bound to the region."""
    return _allow("Network", _named("ec2", NETWORKING), ["*"]) | _in_region(settings)


def _in_region(settings: Settings) -> dict[str, Any]:
    return {"Condition": {"StringEquals": {"aws:RequestedRegion": settings.region}}}


def _allow(sid: str, actions: Iterable[str], resources: Iterable[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": sorted(resources)}


def _named(service: str, actions: Iterable[str]) -> list[str]:
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
    group = f"arn:aws:logs:{_place(settings)}:log-group:{log_group(settings.stage, function)}"
    # As Lambda's console writes it for a function's own role: the group's streams, the making of one included.
    return _allow("Logs", _named("logs", LOGGING), [f"{group}:*"])
