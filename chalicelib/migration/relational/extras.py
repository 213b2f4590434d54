"""Whole items in the engine's own table `migration.extras`: all there is for what has no rows, and for tests."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.migration.ports import ItemKey, Key, RawItem
from chalicelib.migration.postgres import Cursor, rows

_HIDDEN: Final = "S0"
"""A text with a NUL, which PostgreSQL cannot hold, as base64."""
_BINARY: Final = frozenset({"B", "BS"})

_PUT: Final = """
INSERT INTO migration.extras (pk, sk, key, item, gsi3pk, gsi3sk)
SELECT pk, sk, %s, item::jsonb, gsi3pk, gsi3sk
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) AS one (pk, sk, item, gsi3pk, gsi3sk)
ON CONFLICT (pk, sk) DO UPDATE SET key = excluded.key, item = excluded.item,
    gsi3pk = excluded.gsi3pk, gsi3sk = excluded.gsi3sk
"""
_REMOVE: Final = """
DELETE FROM migration.extras AS held USING unnest(%s::text[], %s::text[]) AS gone (pk, sk)
WHERE held.pk = gone.pk AND held.sk = gone.sk AND held.key = %s
"""
_DUE: Final = "SELECT pk, sk, gsi3pk, gsi3sk FROM migration.extras WHERE gsi3pk = %s"
_INDEXED: Final = "SELECT pk, sk, item->%s->>'S', item->%s->>'S' FROM migration.extras WHERE item->%s->>'S' = %s"
_KEYS: Final = """
SELECT DISTINCT key COLLATE "C" AS one FROM migration.extras WHERE key COLLATE "C" > %s ORDER BY 1 LIMIT %s
"""


def to_json(item: RawItem) -> str:
    """Write an item so that jsonb holds it and `from_json` gives it back."""
    return json.dumps({name: _coded(value, _encoded) for name, value in item.items()}, ensure_ascii=False)


def from_json(text: str) -> dict[str, Any]:
    """Read what `to_json` wrote."""
    return {name: _coded(value, _decoded) for name, value in json.loads(text).items()}


@dataclass(frozen=True, slots=True)
class Extras:
    """Implements `ports.Rows` without any rows. `index_keys` names partition and sort key of each index."""

    index_keys: Mapping[str, tuple[str, str]]
    due_index: str

    def holders(self, cursor: Any, partitions: Sequence[str]) -> Mapping[str, Key]:
        """Return who holds these partitions."""
        return dict(rows(cursor, "SELECT pk, key FROM migration.extras WHERE pk = ANY(%s)", (list(partitions),)))

    def indexed(self, cursor: Any, index: str, partition: str) -> Sequence[RawItem]:
        """Return what stands in a partition of an index."""
        name, sort = self.index_keys[index]
        attributes = ("PK", "SK", name, sort)
        if index == self.due_index:
            found = rows(cursor, _DUE, (partition,))
        else:
            found = rows(cursor, _INDEXED, (name, sort, name, partition))
        return [{one: {"S": text} for one, text in zip(attributes, row, strict=True)} for row in found]

    def items(self, cursor: Any, keys: Sequence[Key]) -> Mapping[Key, Mapping[ItemKey, RawItem]]:
        """Return what is held under each of the keys."""
        held: dict[Key, dict[ItemKey, RawItem]] = {key: {} for key in keys}
        found = rows(cursor, "SELECT key, pk, sk, item FROM migration.extras WHERE key = ANY(%s)", (list(held),))
        for key, pk, sk, item in found:
            held[key][pk, sk] = from_json(item)
        return held

    def save(self, cursor: Any, key: Key, before: Mapping[ItemKey, RawItem], after: Mapping[ItemKey, RawItem]) -> None:
        """Write the difference, by one statement for what goes and one for what comes."""
        gone = [one for one in before if one not in after]
        come = {one: item for one, item in after.items() if before.get(one) != item}
        if gone:
            # What was handed to another key meanwhile, in this same transaction, is theirs.
            _run(cursor, _REMOVE, [pk for pk, _ in gone], [sk for _, sk in gone], key)
        if come:
            due = {name: [item.get(name, {}).get("S") for item in come.values()] for name in ("GSI3PK", "GSI3SK")}
            texts = [to_json(item) for item in come.values()]
            _run(cursor, _PUT, key, [pk for pk, _ in come], [sk for _, sk in come], texts, due["GSI3PK"], due["GSI3SK"])

    def keys(self, cursor: Any, after: Key | None, limit: int) -> Sequence[Key]:
        """Return keys in their order, which is that of their bytes."""
        return [key for (key,) in rows(cursor, _KEYS, (after or "", limit))]


def _run(cursor: Cursor, sql: str, *params: Any) -> None:
    cursor.execute(sql, params)


def _coded(value: Mapping[str, Any], code: Callable[[str, Any], tuple[str, Any]]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == "M":
        return {kind: {name: _coded(part, code) for name, part in content.items()}}
    if kind == "L":
        return {kind: [_coded(part, code) for part in content]}
    kind, content = code(kind, content)
    return {kind: content}


def _encoded(kind: str, content: Any) -> tuple[str, Any]:
    if kind == "S" and "\0" in content:
        return _HIDDEN, base64.b64encode(content.encode()).decode()
    if kind in _BINARY:
        return kind, [_text(one) for one in content] if kind == "BS" else _text(content)
    return kind, list(content) if kind in {"SS", "NS"} else content


def _decoded(kind: str, content: Any) -> tuple[str, Any]:
    if kind == _HIDDEN:
        return "S", base64.b64decode(content).decode()
    if kind in _BINARY:
        return kind, [base64.b64decode(one) for one in content] if kind == "BS" else base64.b64decode(content)
    return kind, content


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
