"""Renders `docs/data.md` from the models and their catalogue."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from pynamodb.attributes import Attribute, MapAttribute

from chalicelib.models.base import Item
from chalicelib.models.catalogue import KINDS
from chalicelib.models.schema import table_definition


def data_page() -> str:
    """Return the page: the table, its indexes, and every attribute of every kind of item."""
    return "\n".join([*_head(), *(line for name in KINDS for line in _section(name))]) + "\n"


def _head() -> Iterator[str]:
    definition = table_definition("serenya-<stage>")
    yield "# The data"
    yield ""
    yield "Generated from `chalicelib/models/` by `make generate`; `make check` fails when it is stale."
    yield ""
    yield "One DynamoDB table, `serenya-<stage>`, on demand. Keys `PK` and `SK` (text). Every item has `entity_type`,"
    yield "`created_at`, `updated_at` (ISO 8601, UTC, `Z`); ephemeral ones have `ttl` (epoch seconds)."
    yield ""
    yield "| index | partition key | sort key | projection | for |"
    yield "|---|---|---|---|---|"
    for index, purpose in zip(definition["GlobalSecondaryIndexes"], _PURPOSES, strict=True):
        partition, sort = (key["AttributeName"] for key in sorted(index["KeySchema"], key=lambda one: one["KeyType"]))
        projection = index["Projection"]["ProjectionType"]
        yield f"| `{index['IndexName']}` | `{partition}` | `{sort}` | {projection} | {purpose} |"


_PURPOSES = (
    "a profile by the hash of its e-mail",
    "a profile by its identity at the provider",
    "what is due: `USAGE_DUE#<date>#<shard>` for counted uses, `JOB_DUE#<date>#<shard>` for unfinished jobs",
)


def _section(entity_type: str) -> Iterator[str]:
    kind = KINDS[entity_type]
    yield ""
    yield f"## `{entity_type}`"
    yield ""
    yield f"{kind.purpose}"
    yield ""
    yield f"* key: `{kind.key}`"
    yield f"* kept: {kind.retention} ({kind.lifetime}: {_TTL[kind.lifetime]})"
    yield f"* personal: {'yes' if kind.is_personal else 'no'}"
    rows = list(_rows(kind.model))
    if rows:
        yield ""
        yield "| attribute | type | may be absent |"
        yield "|---|---|---|"
        yield from rows


_TTL = {"lasting": "never a `ttl`", "ephemeral": "always a `ttl`", "either": "a `ttl` on some"}


def _rows(model: type[Any], prefix: str = "") -> Iterator[str]:
    shared = set(Item.get_attributes()) if not prefix else set()
    for name, attribute in sorted(model.get_attributes().items()):
        if name in shared:
            continue
        path = f"{prefix}{attribute.attr_name}"
        yield f"| `{path}` | {_type_name(attribute)} | {'yes' if attribute.null else 'no'} |"
        if isinstance(attribute, MapAttribute):
            yield from _rows(type(attribute), f"{path}.")


def _type_name(attribute: Attribute[Any]) -> str:
    states = getattr(attribute, "states", None)
    if states is not None:
        return " \\| ".join(f"`{state}`" for state in states)
    plain = type(attribute).__name__.removesuffix("Attribute")
    if isinstance(attribute, MapAttribute):
        text = inspect.getdoc(type(attribute)) or ""
        return f"map: {text.split('.')[0].lower()}"
    return {"Unicode": "text", "Number": "number", "Boolean": "boolean", "Instant": "instant", "Date": "date"}.get(
        plain, plain.lower()
    )
