"""What a person has with us, by the catalogue: counted, moved, removed. Every method is safe to run twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from chalicelib import errors
from chalicelib.clock import parse_iso
from chalicelib.gateways.owned_objects import OwnedObjects
from chalicelib.models import keys
from chalicelib.models.catalogue import KINDS, OBJECTS
from chalicelib.models.keys import Key
from chalicelib.models.kinds import AfterErasure, ItemKind
from chalicelib.models.states import JobState
from chalicelib.rules import Rules
from chalicelib.stores.consents import ConsentStore
from chalicelib.stores.erasures import Erasures
from chalicelib.stores.partitions import Partitions, StoredItem

_JOB: Final = "job"
_USER: Final = "user"
_GUARDS: Final = "guard"
_MOST_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Belongings:
    """Everything of one person. `kinds` is the catalogue; an item of a kind that it does not know is removed."""

    partitions: Partitions
    objects: OwnedObjects
    erasures: Erasures
    ledgers: ConsentStore
    rules: Rules
    kinds: Mapping[str, ItemKind] = field(default_factory=lambda: KINDS)

    def inventory(self, user_id: str, now: datetime) -> tuple[dict[str, dict[str, int]], datetime]:
        """Return what there is, by kind, and when nothing that was begun before can bring an object any more."""
        removed: Counter[str] = Counter()
        kept: Counter[str] = Counter()
        quiet_at = now
        for page in self._pages(user_id):
            for item in page:
                (kept if self._is_kept(item) else removed)[item.entity_type] += 1
                quiet_at = max(quiet_at, self._quiet_after(item, now))
            guards = [guard for item in page if not self._is_kept(item) for guard in self._guards_of(item)]
            removed[_GUARDS] += len(self.partitions.guards_held(guards, user_id))
        for prefix, kind in OBJECTS.items():
            removed[kind.name] += self.objects.count_versions(f"{prefix}{user_id}/")
        return {"removed": _found(removed), "kept": _found(kept)}, quiet_at

    def remove_jobs(self, user_id: str) -> None:
        """Remove the jobs: whoever works on one loses the claim to its result."""
        for page in self._pages(user_id):
            self.partitions.remove([item.key for item in page if item.entity_type == _JOB])

    def remove_objects(self, user_id: str) -> None:
        """Remove every version of every object."""
        for prefix in OBJECTS:
            self.objects.remove_all(f"{prefix}{user_id}/")

    def move_retained(self, user_id: str, retained_id: str) -> None:
        """Move what the law wants kept under a random key; guards that keep it single name that key then.

        The end of the ledger goes first: an entry that is lost on the way is missed.
        """
        self.ledgers.retain_chain(user_id, retained_id)
        partition = keys.retained_partition(retained_id)
        for page in self._pages(user_id):
            for item in page:
                if self._is_kept(item):
                    for guard in self._guards_of(item):
                        self.partitions.hand_guard_over(guard, user_id, retained_id)
                    self.partitions.move(item, partition, {user_id: retained_id})

    def remove_history(self, user_id: str, retained_id: str) -> None:
        """Remove everything but the profile and what was kept, guards before the items that name them."""
        self.move_retained(user_id, retained_id)
        for page in self._pages(user_id):
            gone = [item for item in page if item.entity_type != _USER and not self._is_kept(item)]
            for item in gone:
                for guard in self._guards_of(item):
                    self.partitions.remove_guard(guard, user_id)
            self.partitions.remove([item.key for item in gone])

    def remove_latecomers(self, user_id: str, retained_id: str) -> None:
        """Remove what came after its step, and see that nothing but the profile is left.

        Raises:
            Unavailable: something comes back as often as it is removed.
        """
        for _ in range(_MOST_ROUNDS):
            self.remove_objects(user_id)
            if all(item.entity_type == _USER for page in self._pages(user_id) for item in page):
                return
            self.remove_history(user_id, retained_id)
        raise errors.Unavailable(message="The partition of an erased person does not stay empty.")

    def remove_profile(self, user_id: str) -> None:
        """Remove the profile and the guards of its identity together. Nothing is done where it is gone.

        Raises:
            Unavailable: its guards change hands all the time.
        """
        for _ in range(_MOST_ROUNDS):
            profile = next((item for page in self._pages(user_id) for item in page), None)
            if profile is None:
                return
            guards = self.partitions.guards_held(self._guards_of(profile), user_id)
            if self.erasures.remove_profile(user_id, guards):
                return
        raise errors.Unavailable(message="The profile of an erased person does not hold still.")

    def _pages(self, user_id: str) -> Iterator[tuple[StoredItem, ...]]:
        return self.partitions.pages(keys.user_partition(user_id))

    def _is_kept(self, item: StoredItem) -> bool:
        kind = self.kinds.get(item.entity_type)
        return kind is not None and kind.after_erasure is AfterErasure.KEPT

    def _guards_of(self, item: StoredItem) -> list[Key]:
        kind = self.kinds.get(item.entity_type)
        return [] if kind is None else kind.guards(item.data)

    def _quiet_after(self, item: StoredItem, now: datetime) -> datetime:
        """When a job can bring no object any more: its worker's lease is over, and so is its upload form's life."""
        data: Mapping[str, Any] = item.data
        if item.entity_type != _JOB:
            return now
        quiet_at = now
        if data.get("state") != JobState.COMPLETED:
            quiet_at = parse_iso(item.values["updated_at"]) + self.rules.job_lease + self.rules.clock_skew
        if not data.get("is_inspected"):
            posted = parse_iso(data["uploaded_at"]) + self.rules.presigned_life + self.rules.clock_skew
            quiet_at = max(quiet_at, posted)
        return quiet_at


def _found(counted: Counter[str]) -> dict[str, int]:
    return {name: number for name, number in sorted(counted.items()) if number}
