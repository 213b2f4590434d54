"""What each deployed function does to which part of which resource: its IAM policy is made from this."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from chalicelib.config import Settings
from chalicelib.models import keys
from chalicelib.models.catalogue import OBJECTS


@dataclass(frozen=True, slots=True)
class Permissions:
    """One function's needs. An empty tuple is a thing that it never touches.

    `table` and `indexes` are DynamoDB actions; a transaction needs the actions of its parts. `objects` maps a prefix of
    the bucket to S3 actions; who reads objects may also list the bucket, because without that S3 answers 403 for an
    absent object, which is not to be told from a refusal. `lists` names prefixes whose keys are listed (covered by
    that), `lists_versions` those whose versions. `sends_to` names queues by their setting, `receives_from` the queue
    that feeds the function; `reads_secrets` names secrets beside the token keys by their setting.
    `asks_models` is whether it asks the language models that the stage names, if it names any.
    """

    table: tuple[str, ...] = ()
    indexes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    objects: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    lists_versions: tuple[str, ...] = ()
    sends_to: tuple[str, ...] = ()
    receives_from: str | None = None
    reads_token_keys: bool = False
    reads_secrets: tuple[str, ...] = ()
    asks_models: bool = False

    @property
    def reads_objects(self) -> bool:
        """Whether it asks for objects that may be absent."""
        return any("GetObject" in actions for actions in self.objects.values())


_STORES: Final = ("app_store_secret", "play_store_secret", "stripe_secret")
_READ_AND_DELETE: Final = ("GetObject", "DeleteObject")
_WHOLE_OBJECT: Final = ("GetObject", "PutObject", "DeleteObject")

_LANES: Final = ("priority_queue", "retries_queue", "priority_backlog_queue", "backlog_queue")
"""The queues that documents wait in; which one is decided whenever one is sent on."""

_ANALYSIS: Final = Permissions(
    table=("GetItem", "PutItem", "UpdateItem", "DeleteItem"),
    objects={
        "uploads/": _READ_AND_DELETE,
        "prepared/": _WHOLE_OBJECT,
        "requests/": _READ_AND_DELETE,
        "results/": _WHOLE_OBJECT,
        "failures/": _WHOLE_OBJECT,
    },
    sends_to=_LANES,
    asks_models=True,
)

_BILLING: Final = (
    "GetItem",
    "BatchGetItem",
    "Query",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "ConditionCheckItem",
)
"""What applying a store's word takes: it moves what was nobody's to its owner, who must not be erased meanwhile."""

MOVING: Final = ("BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
"""What every function that asks the table does there too, for as long as its stage has a legacy database: it reads the
phase, copies what it wrote to the other side, and marks what it is about to write."""

FUNCTIONS: Final[dict[str, Permissions]] = {
    "api_handler": Permissions(
        table=_BILLING,
        objects={
            # A presigned POST is allowed what its signer is allowed.
            "uploads/": _WHOLE_OBJECT,
            "prepared/": _READ_AND_DELETE,
            "requests/": _WHOLE_OBJECT,
            "results/": _READ_AND_DELETE,
            "failures/": _READ_AND_DELETE,
            "exports/": ("GetObject", "PutObject"),
        },
        lists=tuple(OBJECTS),
        sends_to=(*_LANES, "chat_queue", "erasures_queue"),
        reads_token_keys=True,
        reads_secrets=("apple_sign_in_secret", "data_keys_secret", *_STORES),
        asks_models=True,
    ),
    "document_uploaded": Permissions(
        table=("GetItem", "PutItem", "UpdateItem"),
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
    "retry_analysis": replace(_ANALYSIS, receives_from="retries_queue"),
    "analyse_priority_backlog": replace(_ANALYSIS, receives_from="priority_backlog_queue"),
    "analyse_backlog": replace(_ANALYSIS, receives_from="backlog_queue"),
    "answer_question": Permissions(
        table=("GetItem", "UpdateItem", "DeleteItem"),
        objects={"requests/": _READ_AND_DELETE, "results/": _WHOLE_OBJECT},
        sends_to=("chat_queue",),
        receives_from="chat_queue",
        asks_models=True,
    ),
    "sweep_jobs": Permissions(
        table=("GetItem", "PutItem", "UpdateItem", "DeleteItem"),
        indexes={keys.DUE_INDEX: ("Query",)},
        objects={
            "uploads/": _READ_AND_DELETE,
            "prepared/": ("DeleteObject",),
            "requests/": ("DeleteObject",),
            "results/": _READ_AND_DELETE,
            "failures/": _WHOLE_OBJECT,
        },
        sends_to=(*_LANES, "chat_queue"),
    ),
    "sweep_usage": Permissions(
        table=("GetItem", "PutItem"),
        indexes={keys.DUE_INDEX: ("Query",)},
        sends_to=("resets_queue",),
    ),
    "reset_usage_batch": Permissions(table=("UpdateItem",), receives_from="resets_queue"),
    "carry_erasure_on": Permissions(
        table=("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"),
        objects=dict.fromkeys(OBJECTS, ("DeleteObject", "DeleteObjectVersion")),
        lists_versions=tuple(OBJECTS),
        sends_to=("erasures_queue",),
        receives_from="erasures_queue",
        reads_secrets=("apple_sign_in_secret", "data_keys_secret"),
    ),
    "sweep_erasures": Permissions(indexes={keys.DUE_INDEX: ("Query",)}, sends_to=("erasures_queue",)),
    "sweep_billing": Permissions(
        table=_BILLING,
        indexes={keys.DUE_INDEX: ("Query",)},
        sends_to=("billing_looks_queue",),
        reads_secrets=_STORES,
    ),
    "reconcile_subscriptions": Permissions(table=_BILLING, receives_from="billing_looks_queue", reads_secrets=_STORES),
    "move_people": Permissions(
        table=tuple(sorted((*MOVING, "BatchWriteItem", "Scan"))),
        sends_to=("migration_queue",),
        receives_from="migration_queue",
    ),
    "tend_move": Permissions(table=MOVING),
}
"""By the name of the deployed function; Chalice calls the one behind API Gateway `api_handler`."""


def needs_of(function: str, settings: Settings) -> Permissions:
    """Return what a function needs in a stage."""
    needs = FUNCTIONS[function]
    if function in {"move_people", "tend_move"} and not settings.has_legacy_database:
        # They do nothing there, and must not be able to read the whole table for nothing.
        return Permissions(receives_from=needs.receives_from)
    if not settings.has_legacy_database or not (needs.table or needs.indexes):
        return needs
    secrets = (*needs.reads_secrets, "legacy_secret")
    return replace(needs, table=tuple(sorted({*needs.table, *MOVING})), reads_secrets=secrets)
