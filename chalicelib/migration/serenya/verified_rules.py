"""What an item says beyond its columns, and what that must be: rules over the item itself, apart from the mapping.

Each rule gives the attributes that follow from others, by name; `None` says that there must be none. What is neither a
column's nor a rule's is there only because the service put it there, and then stands beside the rows too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from chalicelib.clock import iso, parse_iso
from chalicelib.ids import derived_id, email_hash
from chalicelib.migration.ports import RawItem
from chalicelib.models import keys
from chalicelib.rules import Rules

Raw = Mapping[str, Any]
Expected = tuple[dict[str, Raw | None], dict[str, Raw | None]]
"""Attributes beside `data`, and in it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An item that is judged, and whose it is."""

    key: str
    item: RawItem
    rules: Rules

    @property
    def data(self) -> Raw:
        """The entity itself."""
        data: Raw = self.item["data"]["M"]
        return data


Rule = Callable[[Subject], Expected]

RELAY: Final = "@privaterelay.appleid.com"
FREE: Final = "internal"
_LONGEST: Final = 900


def text_in(part: Raw, name: str) -> str | None:
    """Return a text of a map."""
    found = part.get(name)
    return found.get("S") if found is not None else None


def of_user(subject: Subject) -> Expected:
    """A profile's index keys, hash and relay mark follow from its address and identity."""
    data = subject.data
    email = text_in(data, "email")
    hashed = email_hash(email)
    external = f"USER_EXTERNAL#{text_in(data, 'auth_provider')}#{text_in(data, 'external_id')}"
    beside = {
        "SK": _text("PROFILE"),
        "ttl": None,
        "GSI1PK": _text(f"USER_EMAIL#{hashed}") if hashed else None,
        "GSI1SK": _text("PROFILE") if hashed else None,
        "GSI2PK": _text(external),
        "GSI2SK": _text("PROFILE"),
    }
    is_relay = email is not None and email.strip().casefold().endswith(RELAY)
    length = len(data.get("consents", {}).get("M", {}))
    chain = data.get("consent_chain")
    is_whole = chain["M"].get("length") == {"N": str(length)} if chain else length == 0
    inside: dict[str, Raw | None] = {
        "email_hash": _text(hashed) if hashed else None,
        "is_private_email": {"BOOL": is_relay},
        # Counted here, and checked link by link in a lane of its own.
        "consent_chain": chain if is_whole else _text("<as long as there are consents>"),
    }
    return beside, inside


def of_free_plan(key: str, created_at: Raw) -> dict[str, Raw | None]:
    """Whoever pays nothing has the free plan, from the day on which they came."""
    return {
        "subscription_id": _text(derived_id("free-plan", key)),
        "subscription_status": _text("active"),
        "tier": _text("free"),
        "provider": _text(FREE),
        "start_date": created_at,
        "created_at": created_at,
        "updated_at": created_at,
    }


def of_session_history(subject: Subject) -> Expected:
    """A session that is over stands under the instant of its last change, and is forgotten in the end."""
    data = subject.data
    name = text_in(data, "session_id") or ""
    unique = name if len(name.encode()) <= _LONGEST else derived_id(name)
    return _history("SESSION", unique, data, subject.rules), {"refresh_generation": {"N": "0"}}


def of_device_history(subject: Subject) -> Expected:
    """A device that is not in use."""
    data = subject.data
    return _history("DEVICE", derived_id(text_in(data, "device_id") or ""), data, subject.rules), {}


def of_subscription_history(subject: Subject) -> Expected:
    """A subscription that is over: whatever was paid for was premium, and nobody counts its units."""
    data = subject.data
    start = data.get("start_date")
    unused = {"documents_processed": {"N": "0"}, "last_updated": data.get("updated_at")}
    usage = {"M": unused | {"period_start": start, "period_end": start}}
    inside: dict[str, Raw | None] = {"tier": _text("premium"), "usage_current_period": usage}
    return _history("SUBSCRIPTION", text_in(data, "subscription_id") or "", data, subject.rules), inside


def of_payment(subject: Subject) -> Expected:
    """A payment's key, versions and hash follow from what it says; nothing is "processed" of which nothing came."""
    data = subject.data
    paid, payment_id = data.get("purchased_at"), text_in(data, "payment_id") or ""
    day = (text_in(data, "purchased_at") or "")[:10]
    came = None if text_in(data, "payment_status") in {"pending", "failed"} else data.get("told_at")
    transaction = (text_in(data, "provider_transaction_id") or "").encode()
    inside: dict[str, Raw | None] = {
        "user_id": _text(subject.key),
        "provider_transaction_id_hash": _text(hashlib.sha256(transaction).hexdigest()),
        "processed_at": came,
        "came_at": came,
        "version": {"M": {"about": paid, "seen_at": paid, "digest": _text("carried_over")}},
        "cause": {"M": {"happened_at": paid, "event_id": _text(payment_id[13:]), "event_type": _text("carried_over")}},
        "revision": {"N": "1"},
    }
    return {"SK": _text(f"PAYMENT#{day}#{payment_id}"), "created_at": paid, "ttl": None}, inside


def of_job(subject: Subject) -> Expected:
    """A job that came from a row was never claimed here; an unfinished one is due at its deadline."""
    data = subject.data
    name, uploaded = text_in(data, "job_id") or "", data.get("uploaded_at")
    deadline = iso(parse_iso(text_in(data, "uploaded_at") or "") + subject.rules.job_deadline)
    due = None
    if text_in(data, "state") in {"uploaded", "processing", "retrying"}:
        due = keys.job_due_key(parse_iso(deadline), keys.shard_of(name, subject.rules.job_due_shards), name)
    inside: dict[str, Raw | None] = {
        "user_id": _text(subject.key),
        "kind": _text("result"),
        "is_inspected": {"BOOL": False},
        "is_priority": {"BOOL": False},
        "attempt": {"N": "0"},
        "manual_retries": {"N": "0"},
        "deadline_at": _text(deadline),
    }
    beside = {
        "SK": _text(f"JOB#{name}"),
        "created_at": uploaded,
        "updated_at": data.get("finished_at") or data.get("started_at") or uploaded,
        "GSI3PK": _text(due.pk) if due else None,
        "GSI3SK": _text(due.sk) if due else None,
    }
    return beside, inside


def of_consent_entry(subject: Subject) -> Expected:
    """An entry of the ledger stands in its order, and its links are checked in a lane of their own."""
    data = subject.data
    at, sequence = data.get("changed_at"), int(data["sequence"]["N"])
    sort_key = f"CONSENT#{text_in(data, 'changed_at')}#{sequence:08d}"
    return {"SK": _text(sort_key), "created_at": at, "updated_at": at, "ttl": None}, {}


def of_guard(subject: Subject) -> Expected:
    """A guard is put once."""
    return {"SK": _text("GUARD"), "updated_at": subject.item.get("created_at"), "ttl": None}, {
        "user_id": _text(subject.key)
    }


RULES: Final[Mapping[str, Rule]] = {
    "user": of_user,
    "session_history": of_session_history,
    "device_history": of_device_history,
    "subscription_history": of_subscription_history,
    "payment": of_payment,
    "job": of_job,
    "consent_entry": of_consent_entry,
    "guard": of_guard,
}
"""By the kind of item."""


def _history(kind: str, unique: str, data: Raw, rules: Rules) -> dict[str, Raw | None]:
    at = text_in(data, "updated_at") or ""
    stamp = data.get("updated_at")
    expires = {"N": str(_expiry(at, rules.history_life))}
    return {"SK": _text(f"{kind}#{at}#{unique}"), "created_at": stamp, "updated_at": stamp, "ttl": expires}


def _expiry(at: str, life: timedelta) -> int:
    return int((parse_iso(at) + life).timestamp())


def _text(value: str) -> Raw:
    return {"S": value}
