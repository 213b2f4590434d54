"""What each deployed function does to which part of which resource: its IAM policy is made from this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from chalicelib.config import Settings
from chalicelib.models import keys
from chalicelib.models.catalogue import OBJECTS
from deploy import moving


class Need(NamedTuple):
    """One action on one part of a resource, as `dynamodb:GetItem` on `table USER#`."""

    action: str
    place: str


def key_prefix(partition_key: str) -> str:
    """Return the part of a partition key that says what stands there: `USER#` of `USER#<id>`; of guards, and of what
    the move keeps for itself, their kind as well."""
    words = partition_key.split("#")
    depth = 2 if words[0] in {"GUARD", "MIGRATION"} else 1
    return "#".join(words[:depth]) + ("#" if len(words) > depth else "")


@dataclass(frozen=True, slots=True)
class Permissions:
    """One function's needs. An empty one is a thing that it never touches.

    `table` maps the beginning of a partition key to DynamoDB actions on what stands there; a transaction needs the
    actions of its parts. `indexes` maps an index to the beginnings of its partition keys that are queried.
    `objects` maps a prefix of the bucket to S3 actions; who reads objects may also list the bucket, because without
    that S3 answers 403 for an absent object, which is not to be told from a refusal. `lists` names prefixes whose keys
    are listed (covered by that), `lists_versions` those whose versions. `sends_to` names queues by their setting,
    `receives_from` the queue that feeds the function; `reads_secrets` names secrets by their setting: those of a
    provider are granted where the stage has that provider. `reads_whole_table` is whether it scans. `asks_models` is
    whether it asks the language models that the stage names, if it names any.
    """

    table: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    objects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    lists_versions: tuple[str, ...] = ()
    sends_to: tuple[str, ...] = ()
    receives_from: str | None = None
    reads_whole_table: bool = False
    reads_secrets: tuple[str, ...] = ()
    asks_models: bool = False

    @property
    def reads_objects(self) -> bool:
        """Whether it asks for objects that may be absent."""
        return any("GetObject" in actions for actions in self.objects.values())

    def needs(self, settings: Settings) -> set[Need]:
        """Return everything that the function's code asks for, where a stage has all providers and models."""
        found = {
            Need(f"dynamodb:{one}", f"table {prefix}") for prefix, actions in self.table.items() for one in actions
        }
        found |= {
            Need("dynamodb:Query", f"index {index} {one}") for index, asked in self.indexes.items() for one in asked
        }
        found |= {Need(f"s3:{one}", f"objects {prefix}") for prefix, actions in self.objects.items() for one in actions}
        found |= {Need("s3:ListBucket", f"objects {prefix}") for prefix in self.lists}
        found |= {Need("s3:ListBucketVersions", f"objects {prefix}") for prefix in self.lists_versions}
        if self.reads_objects:
            found.add(Need("s3:ListBucket", "bucket"))
        for name in self.sends_to:
            queue = getattr(settings, name).split("-", 2)[-1]
            found |= {Need(f"sqs:{action}", f"queue {queue}") for action in SENDING}
        for name in (*self.reads_secrets, *(("anthropic_secret",) if self.asks_models else ())):
            found.add(Need("secretsmanager:GetSecretValue", f"secret {getattr(settings, name).split('/', 2)[-1]}"))
        if self.reads_whole_table:
            found.add(Need("dynamodb:Scan", "*"))
        if self.asks_models:
            found.add(Need("bedrock:InvokeModel", "model"))
        return found


SENDING: Final = ("GetQueueUrl", "SendMessage")
"""A queue's address is asked for by its name."""

RECEIVING: Final = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
"""What Lambda does with the function's role at the queue that feeds it."""

LOGGING: Final = ("CreateLogStream", "PutLogEvents")
"""What Lambda does with the function's role in the function's own log group. The group is made with the stage's
resources, so that it has a retention; Lambda, if it could make one, would make one that keeps everything for ever."""

NETWORKING: Final = (
    "CreateNetworkInterface",
    "DescribeNetworkInterfaces",
    "DescribeSubnets",
    "DeleteNetworkInterface",
    "AssignPrivateIpAddresses",
    "UnassignPrivateIpAddresses",
)
"""What Lambda does with the function's role where the function stands in subnets of ours."""

_STORES: Final = ("app_store_secret", "play_store_secret", "stripe_secret")
_READ_AND_DELETE: Final = ("GetObject", "DeleteObject")
_WHOLE_OBJECT: Final = ("GetObject", "PutObject", "DeleteObject")

_LANES: Final = ("priority_queue", "retries_queue", "priority_backlog_queue", "backlog_queue")
"""The queues that documents wait in; which one is decided whenever one is sent on."""

_ASKING_MODELS: Final = {"SWITCH#": ("GetItem",), "SPENDING#": ("UpdateItem",)}
"""Whether models are turned on, and what they cost for one person on one day."""

_ANALYSIS: Final = Permissions(
    table={"USER#": ("GetItem", "PutItem", "UpdateItem", "DeleteItem"), **_ASKING_MODELS},
    objects={
        "uploads/": _READ_AND_DELETE,
        "prepared/": _WHOLE_OBJECT,
        "requests/": ("DeleteObject",),
        "results/": _WHOLE_OBJECT,
        "failures/": _WHOLE_OBJECT,
    },
    sends_to=_LANES,
    asks_models=True,
)

_ENTERING: Final[Mapping[str, tuple[str, ...]]] = {
    "USER#": ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
    "UNCLAIMED#": ("Query", "PutItem", "DeleteItem", "ConditionCheckItem"),
    "GUARD#SUBSCRIPTION#": ("GetItem", "PutItem", "DeleteItem", "ConditionCheckItem"),
    "GUARD#TRANSACTION#": ("GetItem", "PutItem", "ConditionCheckItem"),
    "ERASURE#": ("ConditionCheckItem",),
    "RETAINED#": ("GetItem", "PutItem"),
}
"""What entering a store's word takes: it moves what was nobody's to its owner, who must not be erased meanwhile, and
enters refunds of payments that are kept after an erasure."""

_NOTICES: Final = {"GUARD#EVENT#": ("GetItem", "PutItem")}
"""Each notice of a store is taken once."""

_MOVERS: Final[Mapping[str, Permissions]] = {
    "move_people": Permissions(
        table=moving.MOVE_PEOPLE,
        reads_whole_table=True,
        sends_to=("migration_queue",),
        receives_from="migration_queue",
    ),
    "tend_move": Permissions(table=moving.TEND_MOVE),
}
"""What functions of the move do where there is one; elsewhere they refuse every call, and can do nothing."""

FUNCTIONS: Final[dict[str, Permissions]] = {
    "api_handler": Permissions(
        table={
            **_ENTERING,
            **_NOTICES,
            **_ASKING_MODELS,
            "USER#": ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
            "GUARD#EMAIL#": ("GetItem", "BatchGetItem", "PutItem", "DeleteItem"),
            "GUARD#EXTERNAL#": ("GetItem", "BatchGetItem", "PutItem"),
            "GUARD#SUBSCRIPTION#": ("GetItem", "BatchGetItem", "PutItem", "DeleteItem", "ConditionCheckItem"),
            "GUARD#TRANSACTION#": ("GetItem", "BatchGetItem", "PutItem", "ConditionCheckItem"),
            "ERASURE#": ("GetItem", "PutItem", "ConditionCheckItem"),
            "LIMIT#": ("UpdateItem",),
        },
        objects={
            # A presigned form or link is allowed what its signer is allowed.
            "uploads/": _WHOLE_OBJECT,
            # An export links to what lies under every prefix.
            "prepared/": _READ_AND_DELETE,
            "requests/": _WHOLE_OBJECT,
            "results/": _READ_AND_DELETE,
            "failures/": _READ_AND_DELETE,
            "exports/": ("GetObject", "PutObject"),
        },
        lists=tuple(OBJECTS),
        sends_to=(*_LANES, "chat_queue", "erasures_queue"),
        reads_secrets=(
            "token_keys_secret",
            "data_keys_secret",
            "apple_sign_in_secret",
            "play_store_secret",
            "stripe_secret",
        ),
        asks_models=True,
    ),
    "document_uploaded": Permissions(
        table={"USER#": ("GetItem", "PutItem", "UpdateItem")},
        # It looks for pages and clean copies, and removes what nobody waits for.
        objects={
            "uploads/": _READ_AND_DELETE,
            "prepared/": _READ_AND_DELETE,
            "requests/": ("DeleteObject",),
            "results/": ("DeleteObject",),
            "failures/": ("DeleteObject",),
        },
        sends_to=_LANES,
    ),
    "analyse_priority": replace(_ANALYSIS, receives_from="priority_queue"),
    # Reports are written here as well, from what was sent for them.
    "retry_analysis": replace(
        _ANALYSIS, receives_from="retries_queue", objects={**_ANALYSIS.objects, "requests/": _READ_AND_DELETE}
    ),
    "analyse_priority_backlog": replace(_ANALYSIS, receives_from="priority_backlog_queue"),
    "analyse_backlog": replace(_ANALYSIS, receives_from="backlog_queue"),
    "answer_question": Permissions(
        table={"USER#": ("GetItem", "UpdateItem", "DeleteItem"), **_ASKING_MODELS},
        objects={"requests/": _READ_AND_DELETE, "results/": _WHOLE_OBJECT},
        sends_to=("chat_queue",),
        receives_from="chat_queue",
        asks_models=True,
    ),
    "sweep_jobs": Permissions(
        table={"USER#": ("GetItem", "PutItem", "UpdateItem")},
        indexes={keys.DUE_INDEX: ("JOB_DUE#",)},
        objects={
            "uploads/": _READ_AND_DELETE,
            "prepared/": ("DeleteObject",),
            "requests/": ("DeleteObject",),
            "results/": _READ_AND_DELETE,
            "failures/": ("PutObject", "DeleteObject"),
        },
        sends_to=(*_LANES, "chat_queue"),
    ),
    "sweep_usage": Permissions(
        table={"SWEEP#": ("GetItem", "PutItem")},
        indexes={keys.DUE_INDEX: ("USAGE_DUE#",)},
        sends_to=("resets_queue",),
    ),
    "reset_usage_batch": Permissions(table={"USER#": ("UpdateItem",)}, receives_from="resets_queue"),
    "carry_erasure_on": Permissions(
        table={
            "USER#": ("GetItem", "Query", "UpdateItem", "DeleteItem", "BatchWriteItem"),
            "GUARD#EMAIL#": ("BatchGetItem", "DeleteItem"),
            "GUARD#EXTERNAL#": ("BatchGetItem", "DeleteItem"),
            "GUARD#SUBSCRIPTION#": ("BatchGetItem", "UpdateItem", "DeleteItem"),
            "GUARD#TRANSACTION#": ("UpdateItem",),
            "ERASURE#": ("GetItem", "UpdateItem"),
            "RETAINED#": ("PutItem",),
        },
        objects=dict.fromkeys(OBJECTS, ("DeleteObject", "DeleteObjectVersion")),
        lists_versions=tuple(OBJECTS),
        sends_to=("erasures_queue",),
        receives_from="erasures_queue",
        reads_secrets=("apple_sign_in_secret", "data_keys_secret"),
    ),
    "sweep_erasures": Permissions(indexes={keys.DUE_INDEX: ("ERASURE_DUE",)}, sends_to=("erasures_queue",)),
    "sweep_billing": Permissions(
        table={**_ENTERING, **_NOTICES, "SWEEP#": ("GetItem", "PutItem")},
        indexes={keys.DUE_INDEX: ("BILLING_LIVE#",)},
        sends_to=("billing_looks_queue",),
        reads_secrets=_STORES,
    ),
    "reconcile_subscriptions": Permissions(table=_ENTERING, receives_from="billing_looks_queue", reads_secrets=_STORES),
    "move_people": Permissions(),
    "tend_move": Permissions(),
}
"""By the name of the deployed function; Chalice calls the one behind API Gateway `api_handler`."""


def needs_of(function: str, settings: Settings) -> Permissions:
    """Return what a function needs in a stage: while people move, and for a release after, what the move adds as
    well."""
    if not settings.has_legacy_rights:
        return FUNCTIONS[function]
    needs = _MOVERS.get(function, FUNCTIONS[function])
    ways = set() if function in _MOVERS else moving.ways(needs.table, needs.indexes)
    if not (ways or function in _MOVERS):
        return needs
    gathered = moving.GATHERED.get(function, {})
    table = moving.joined(needs.table, gathered, *(moving.DOOR[way] for way in ways))
    return replace(needs, table=table, reads_secrets=(*needs.reads_secrets, "legacy_secret"))
