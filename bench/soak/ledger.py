"""Holds the table against the driver's own book: people, units, answers, payments, and nobody who was erased."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bench.soak.person import Person
from chalicelib.billing.tiers import plans
from chalicelib.models import keys

Stored = dict[str, Any]


@dataclass
class Ledger:
    """Every item of the table, by its partition."""

    items: Sequence[Stored]
    compared: Counter[str] = field(default_factory=Counter)
    """How many of each kind of entry were compared."""

    def __post_init__(self) -> None:
        self._of: dict[str, list[Stored]] = {}
        for item in self.items:
            self._of.setdefault(item["PK"]["S"], []).append(item)

    def differences(self, people: Sequence[Person]) -> list[str]:
        """Return every entry in which table and book differ, in words; none where both are the same."""
        told = [*self._of_people(people)]
        for person in people:
            told += self._of_erased(person) if person.book.is_erased else self._of_person(person)
        return told

    def _of_people(self, people: Sequence[Person]) -> Iterator[str]:
        there = {item["PK"]["S"] for item in self.items if item["entity_type"]["S"] == "user"}
        ours = {keys.user_partition(one.user_id) for one in people if not one.book.is_erased}
        yield from self._entry("profiles", "all", sorted(there), sorted(ours))

    def _of_person(self, person: Person) -> Iterator[str]:
        items = self._of.get(keys.user_partition(person.user_id), [])
        profiles = [one for one in items if one["entity_type"]["S"] == "user"]
        if len(profiles) != 1:
            yield f"{person.email} has {len(profiles)} profiles"
            return
        data = profiles[0]["data"]["M"]
        period = data["current_subscription"]["M"]["usage_current_period"]["M"]
        who, book = person.email, person.book
        counted = [state for state in book.documents.values() if state in {"completed", "cleaned"}]
        answered = book.questions + sum(state == "complete" for state in book.later.values())
        yield from self._entry("documents counted", who, _number(period, "documents_processed"), len(counted))
        yield from self._entry("questions counted", who, _number(period, "chat_messages_used"), answered)
        yield from self._entry("sessions in use", who, data["current_session"]["M"]["status"]["S"], "active")
        jobs = [one["data"]["M"]["job_id"]["S"] for one in items if one["entity_type"]["S"] == "job"]
        yield from self._entry("documents known twice", who, len(jobs), len(set(jobs)))
        paid = [one["data"]["M"] for one in items if one["entity_type"]["S"] == "payment"]
        wanted = sorted(_price(plan_id) for _, plan_id, _ in book.purchases)
        yield from self._entry("payments", who, sorted(Decimal(one["amount"]["S"]) for one in paid), wanted)
        tier = data["current_subscription"]["M"]["tier"]["S"]
        yield from self._entry("tiers", who, tier, "premium" if book.purchases else "free")

    def _of_erased(self, person: Person) -> Iterator[str]:
        left = [item["PK"]["S"] for item in self.items if person.user_id in json.dumps(item)]
        yield from self._entry("erased people", person.email, left, [])

    def _entry(self, what: str, who: str, found: object, expected: object) -> Iterator[str]:
        self.compared[what] += 1
        if found != expected:
            yield f"{what} of {who}: {found} in the table, {expected} in the book"


def unsettled(people: Sequence[Person]) -> list[str]:
    """Return the documents and questions that have not ended, or ended in a way that nothing here called for."""
    left = [
        f"{person.email}: {job_id} is {state}"
        for person in people
        if not person.book.is_erased
        for job_id, state in {**person.book.documents, **person.book.later}.items()
        if state not in {"completed", "cleaned", "complete"}
    ]
    return sorted(left)


def erasing(items: Sequence[Stored]) -> list[str]:
    """Return the erasures that are under way."""
    statuses = [(item["PK"]["S"], item["data"]["M"].get("status", {}).get("S")) for item in items if _is_erasure(item)]
    return [name for name, status in statuses if status not in {None, "completed"}]


def _is_erasure(item: Stored) -> bool:
    return bool(item["entity_type"]["S"] == "erasure")


def stored(call: Any, table_name: str) -> list[Stored]:
    """Read the whole table."""
    found: list[Stored] = []
    more: dict[str, Any] = {}
    while True:
        page = call.scan(TableName=table_name, ConsistentRead=True, **more)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return found
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _number(period: Mapping[str, Any], name: str) -> int:
    """Return a count; who never did anything that is counted has none."""
    return int(period.get(name, {}).get("N", 0))


def _price(plan_id: str) -> Decimal:
    (plan,) = [one for one in plans() if one.plan_id == plan_id]
    return plan.price.amount
