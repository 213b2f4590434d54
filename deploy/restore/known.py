"""Who was erased, as far as anybody knows: tombstones and receipts of the table that was in use, and the audit trail.

None of them names a person. A tombstone and a line of the trail carry each a hash of the person's id, and an id is
found again by hashing those of the restored table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chalicelib.models.keys import tombstone_key
from chalicelib.observe.audit import AuditEvent, hashed

RawItem = Mapping[str, Any]
_EVENTS: Final = frozenset({AuditEvent.ERASURE_REQUESTED.value, AuditEvent.ERASURE_COMPLETED.value})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of erasures. `running` are those that were not done yet: their name by the person's id."""

    tombstones: tuple[RawItem, ...] = ()
    receipts: tuple[RawItem, ...] = ()
    running: Mapping[str, str] = field(default_factory=dict)
    audited: frozenset[str] = frozenset()

    def is_erased(self, user_id: str) -> bool:
        """Whether somebody was erased, or had asked to be."""
        marks = {item["PK"]["S"] for item in self.tombstones}
        return tombstone_key(user_id).pk in marks or user_id in self.running or hashed(user_id) in self.audited


def known_of(items: Iterable[RawItem], audit_lines: Iterable[str] = ()) -> Known:
    """Read what a table and lines of the audit trail know.

    Raises:
        ValueError: a line of the trail is no JSON; what cannot be read might name somebody.
    """
    tombstones, receipts, running = [], [], {}
    for item in items:
        kind = item["entity_type"]["S"]
        if kind == "tombstone":
            tombstones.append(item)
        elif kind == "erasure" and "verification_hash" in item["data"]["M"]:
            receipts.append(item)
        elif kind == "erasure":
            running[item["data"]["M"]["user_id"]["S"]] = item["PK"]["S"].removeprefix("ERASURE#")
    return Known(tuple(tombstones), tuple(receipts), running, frozenset(_audited(audit_lines)))


def _audited(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if line.strip():
            said = json.loads(line)
            if said.get("event") in _EVENTS and said.get("user"):
                yield str(said["user"])
