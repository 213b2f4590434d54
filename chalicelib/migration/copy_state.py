"""What is known of the copy of one holding, and the plan that makes the items say what a holding says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.clock import iso
from chalicelib.migration import places
from chalicelib.migration.conditions import Absent, AllOf, AnyOf, Condition, Equals
from chalicelib.migration.layout import Layout
from chalicelib.migration.ports import Holding, ItemKey, Key, RawItem
from chalicelib.migration.table import Action, Delete, Put


@dataclass(frozen=True, slots=True)
class Pending:
    """A copy in several steps that was begun: by whom, and what it brings."""

    token: str
    revision: int


@dataclass(frozen=True, slots=True)
class CopyState:
    """The item that stands beside a copy. `revision` is the one that was copied last, None before the first."""

    revision: int | None = None
    pending: Pending | None = None
    is_buried: bool = False

    def has(self, revision: int) -> bool:
        """Whether the items are those of this revision or of a later one: whoever reads them now reads nothing
        older."""
        return self.revision is not None and self.revision >= revision and self.pending is None


def read_state(item: RawItem | None) -> CopyState:
    """Read the state of a copy; there is none before the first."""
    if item is None:
        return CopyState()
    pending = item.get("pending", {}).get("M")
    return CopyState(
        revision=int(item["revision"]["N"]) if "revision" in item else None,
        pending=None if pending is None else Pending(pending["token"]["S"], int(pending["revision"]["N"])),
        is_buried="buried_at" in item,
    )


def written_state(key: Key, state: CopyState, at: datetime) -> Mapping[str, Any]:
    """Return the item that says so."""
    values: dict[str, Any] = {}
    if state.revision is not None:
        values["revision"] = {"N": str(state.revision)}
    if state.pending is not None:
        revision = {"N": str(state.pending.revision)}
        values["pending"] = {"M": {"token": {"S": state.pending.token}, "revision": revision}}
    if state.is_buried:
        values["buried_at"] = {"S": iso(at)}
    return places.engine_item(places.copy_key(key), at, values)


def is_still(state: CopyState) -> Condition:
    """Protects from another copier that was quicker: what is written was worked out from what stood there."""
    revision = None if state.revision is None else {"N": str(state.revision)}
    token = None if state.pending is None else {"S": state.pending.token}
    conditions: list[Condition] = [Equals(("revision",), revision), Equals(("pending", "token"), token)]
    if not state.is_buried:
        conditions.append(Equals(("buried_at",), None))
    return AllOf(tuple(conditions))


def planned(layout: Layout, holding: Holding, present: Mapping[ItemKey, RawItem]) -> list[Action]:
    """Return the writes that turn what is present into what the holding says.

    What lies outside is taken away first: it is found through items that name it, and must not outlive them if the copy
    is interrupted. It is put and taken only as long as it is nobody else's.
    """
    inside = set(layout.partitions_of(holding.key))
    is_own = AnyOf((Absent(), Equals(layout.owner_path, {"S": holding.key})))
    gone = [key for key in present if key not in holding.items]
    gone.sort(key=lambda key: key[0] in inside)
    actions: list[Action] = [Delete(key, None if key[0] in inside else is_own) for key in gone]
    for key, item in holding.items.items():
        if present.get(key) != item:
            actions.append(Put(item, None if key[0] in inside else is_own))
    return actions


def in_steps(actions: Sequence[Action], most_actions: int, most_bytes: int) -> Iterator[list[Action]]:
    """Return actions in as few transactions as they fit in."""
    step: list[Action] = []
    size = 0
    for action in actions:
        weight = _weight(action.item) if isinstance(action, Put) else 0
        if step and (len(step) == most_actions or size + weight > most_bytes):
            yield step
            step, size = [], 0
        step.append(action)
        size += weight
    if step:
        yield step


def _weight(value: Any) -> int:
    """About how many bytes a value takes, rather more than less."""
    if isinstance(value, Mapping):
        return 3 + sum(len(str(name).encode()) + _weight(part) for name, part in value.items())
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, Iterable):
        return 3 + sum(1 + _weight(part) for part in value)
    return 1
