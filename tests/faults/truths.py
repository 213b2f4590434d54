"""What must be so after every case, whatever was asked and whatever befell it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from chalicelib.models.catalogue import KINDS
from chalicelib.models.kinds import Lifetime
from tests.faults.house import House, Wrong, attribute

_OPEN = {"uploaded", "processing", "retrying"}


def everything_holds(house: House) -> None:
    """Look at the whole table.

    Raises:
        Wrong: two profiles of one person, a guard of nobody, a unit too many or too few, a job that nobody looks after,
            a payment twice, a lifetime where there may be none, an error that nobody foresaw.
    """
    items = house.items()
    by_type: dict[str, list[Any]] = {}
    for item in items:
        by_type.setdefault(item["entity_type"]["S"], []).append(item)
    _require(house.notes.get("unforeseen", []) == [], f"unforeseen: {house.notes.get('unforeseen')}")
    _one_profile(by_type)
    for user in by_type.get("user", []):
        _units(user, by_type)
    _jobs(by_type)
    _payments(by_type)
    _lifetimes(items)


def _one_profile(found: dict[str, list[Any]]) -> None:
    users = {attribute(user, "id"): user for user in found.get("user", [])}
    identities = [attribute(user, "external_id") for user in users.values()]
    _require(len(identities) == len(set(identities)), f"profiles of one person: {identities}")
    kinds = Counter(
        (attribute(guard, "user_id"), guard["PK"]["S"].split("#")[1])
        for guard in found.get("guard", [])
        if guard["PK"]["S"].split("#")[1] in {"EMAIL", "EXTERNAL_IDENTITY", "EXTERNAL"}
    )
    for (owner, kind), count in kinds.items():
        _require(owner in users, f"a guard of {kind} for nobody: {owner}")
        _require(count == 1, f"{count} guards of {kind} for {owner}")
    _require(len(kinds) == 2 * len(users), f"guards {dict(kinds)} for {len(users)} profiles")


def _units(user: Any, found: dict[str, list[Any]]) -> None:
    owner = user["PK"]["S"]
    period = user["data"]["M"]["current_subscription"]["M"]["usage_current_period"]["M"]
    began = period["period_start"]["S"]

    def held(kind: str, entity_type: str) -> int:
        return sum(
            bool(attribute(one, "has_unit")) and attribute(one, "unit_period_start") == began
            for one in found.get(entity_type, [])
            if one["PK"]["S"] == owner and (entity_type != "job" or attribute(one, "kind") == kind)
        )

    is_cleaned = any(attribute(job, "state") == "cleaned" for job in found.get("job", []))
    if is_cleaned or ("GSI3PK" not in user and int(period["documents_processed"]["N"]) == 0):
        return  # Cleaned up: nothing says any more what it held. Reset: what holds a unit holds one of another month.
    documents, messages = held("result", "job"), held("chat", "job") + held("", "message_unit")
    counted = int(period["documents_processed"]["N"]), int(period.get("chat_messages_used", {"N": "0"}).get("N", 0))
    _require(counted == (documents, messages), f"counted {counted}, held {(documents, messages)}")


def _jobs(found: dict[str, list[Any]]) -> None:
    for job in found.get("job", []):
        state, is_listed = attribute(job, "state"), "GSI3PK" in job
        _require(state not in _OPEN, f"a job that does not end: {attribute(job, 'job_id')} is {state}")
        _require(not is_listed, f"a job that is {state} and still listed as due")


def _payments(found: dict[str, list[Any]]) -> None:
    names = Counter(attribute(one, "provider_transaction_id") for one in found.get("payment", []))
    _require(all(count == 1 for count in names.values()), f"paid more than once: {names}")


def _lifetimes(items: list[Any]) -> None:
    for item in items:
        lifetime = KINDS[item["entity_type"]["S"]].lifetime
        if lifetime is not Lifetime.EITHER:
            is_right = ("ttl" in item) == (lifetime is Lifetime.EPHEMERAL)
            _require(is_right, f"the lifetime of {item['PK']['S']} {item['SK']['S']}")


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise Wrong(otherwise)
