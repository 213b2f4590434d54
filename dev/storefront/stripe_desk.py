"""The API of the simulated Stripe: forms, a bearer key, idempotency keys, pages, and errors in Stripe's words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from dev.storefront.stripe_ledger import StripeLedger, Thing, shown
from dev.storefront.stripe_life import StripeLife
from dev.storefront.words import HttpAnswer

PREFIX: Final = "/stripe/v1/"
"""The address of this API is that of the server and `/stripe`."""
_SESSION_SECONDS: Final = 24 * 3600
_MOST_TYPES: Final = 20
_MOST_KEY_CHARACTERS: Final = 255
Params = Mapping[str, str]


class RefusedError(Exception):
    """An error as Stripe words it."""

    def __init__(self, status: int, message: str, code: str | None = None, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.answer = _json(status, {"error": {"type": kind, "code": code, "message": message}})


class StripeDesk:
    """Answers calls. Not safe under threads: the shop locks.

    `faults` are statuses that the next calls are answered with, whatever they ask; `calls` counts what was asked.
    """

    def __init__(self, ledger: StripeLedger, life: StripeLife, api_key: str, page_url: str) -> None:
        self._ledger = ledger
        self._life = life
        self.api_key = api_key
        self._page_url = page_url
        self._kept: dict[str, tuple[str, HttpAnswer]] = {}
        self.faults: list[int] = []
        self.calls: list[str] = []

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer | None:
        """Answer a call; None for another store's path."""
        address = urlsplit(target)
        if not address.path.startswith(PREFIX):
            return None
        path = address.path.removeprefix(PREFIX)
        self.calls.append(f"{method} {path}")
        if self.faults:
            return RefusedError(self.faults.pop(0), "as you wished", kind="api_error").answer
        try:
            if headers.get("authorization") != f"Bearer {self.api_key}":
                raise RefusedError(401, "Invalid API Key provided")
            params = _pairs(body.decode() if method == "POST" else address.query)
            return self._once(method, path, params, headers.get("idempotency-key"))
        except RefusedError as refused:
            return refused.answer

    def _once(self, method: str, path: str, params: Params, key: str | None) -> HttpAnswer:
        """Answer, and give the same key the same answer for ever after, as long as it asks for the same."""
        if key is None or method == "GET":
            return _json(200, self._called(method, path, params))
        if len(key) > _MOST_KEY_CHARACTERS:
            raise RefusedError(400, "Idempotency-Key is too long")
        asked = json.dumps([method, path, sorted(params.items())])
        if key not in self._kept:
            self._kept[key] = asked, _json(200, self._called(method, path, params))
        before, kept = self._kept[key]
        if before != asked:
            raise RefusedError(400, "Keys can only be used with the same parameters", kind="idempotency_error")
        return kept

    def _called(self, method: str, path: str, params: Params) -> Thing:
        match method, path.split("/"):
            case "GET", ["subscriptions", thing_id]:
                return self._subscription(self._the("subscription", thing_id), params)
            case "POST", ["subscriptions", thing_id]:
                return self._changed(self._the("subscription", thing_id), params)
            case "DELETE", ["subscriptions", thing_id]:
                return self._ended(self._the("subscription", thing_id), params)
            case "POST", ["subscription_schedules", thing_id, "release"]:
                self._life.release(self._the("subscription_schedule", thing_id))
                return shown(self._the("subscription_schedule", thing_id))
            case "POST", ["checkout", "sessions"]:
                return shown(self._session(params))
            case "GET", [plural, thing_id] if plural in ("invoices", "charges"):
                return _included(self._the(plural.removesuffix("s"), thing_id), params, "")
            case "GET", [plural] if plural in _LISTS:
                return self._listed(plural, params)
        raise RefusedError(404, f"Unrecognized request URL ({method}: {path})")

    def _the(self, kind: str, thing_id: str) -> Thing:
        thing = self._ledger.find(kind, thing_id)
        if thing is None:
            raise RefusedError(404, f"No such {kind}: '{thing_id}'", "resource_missing")
        return thing

    def _subscription(self, subscription: Thing, params: Params) -> Thing:
        found = shown(subscription)
        if found["schedule"] is not None and "schedule" in params.values():
            found["schedule"] = shown(self._ledger.the("subscription_schedule", found["schedule"]))
        return found

    def _changed(self, subscription: Thing, params: Params) -> Thing:
        self._require_running(subscription)
        asked = params.get("cancel_at_period_end")
        if asked is None:
            raise RefusedError(400, "This simulated Stripe changes nothing else")
        if subscription["schedule"] is not None:
            raise RefusedError(400, "The subscription is managed by the subscription schedule")
        subscription["cancellation_details"] = _details(params)
        self._life.cancel_at_end(subscription, is_ending=asked == "true")
        return self._subscription(subscription, params)

    def _ended(self, subscription: Thing, params: Params) -> Thing:
        self._require_running(subscription)
        subscription["cancellation_details"] = _details(params)
        subscription["cancel_at_period_end"] = False
        self._life.end(subscription)
        return self._subscription(subscription, params)

    def _require_running(self, subscription: Thing) -> None:
        if subscription["ended_at"] is not None:
            raise RefusedError(404, f"No such subscription: '{subscription['id']}'", "resource_missing")

    def _session(self, params: Params) -> Thing:
        price = params.get("line_items[0][price]", "")
        if params.get("mode") != "subscription" or not params.get("success_url"):
            raise RefusedError(400, "Missing required param", "parameter_missing")
        if price not in self._ledger.prices:
            raise RefusedError(400, f"No such price: '{price}'", "resource_missing")
        session = self._ledger.write(
            "checkout.session",
            "cs_test",
            mode="subscription",
            status="open",
            payment_status="unpaid",
            client_reference_id=params.get("client_reference_id"),
            metadata=_under("metadata", params),
            success_url=params["success_url"],
            cancel_url=params.get("cancel_url"),
            expires_at=self._ledger.seconds() + _SESSION_SECONDS,
            subscription=None,
            _price=price,
            _metadata=_under("subscription_data[metadata]", params),
        )
        session["url"] = f"{self._page_url}/{session['id']}"
        return session

    def _listed(self, plural: str, params: Params) -> Thing:
        kind, fits = _LISTS[plural]
        if sum(name.startswith("types[") for name in params) > _MOST_TYPES:
            raise RefusedError(400, "types has too many elements")
        things: Iterable[Thing] = reversed(self._ledger.events) if kind == "event" else self._ledger.all(kind)
        found = [thing for thing in things if fits(thing, params) and _is_in_time(thing, params)]
        if (after := params.get("starting_after")) is not None:
            ids = [thing["id"] for thing in found]
            found = found[ids.index(after) + 1 :] if after in ids else []
        limit = int(params.get("limit", "10"))
        if not 1 <= limit <= 100:
            raise RefusedError(400, "Invalid limit", "parameter_invalid_integer")
        page = [_included(thing, params, "data.") for thing in found[:limit]]
        return {"object": "list", "url": f"/v1/{plural}", "has_more": len(found) > limit, "data": page}


_LISTS: Final[Mapping[str, tuple[str, Callable[[Thing, Params], bool]]]] = {
    "invoices": (
        "invoice",
        lambda one, asked: one["parent"]["subscription_details"]["subscription"] == asked.get("subscription"),
    ),
    "charges": ("charge", lambda one, asked: one["customer"] == asked.get("customer")),
    "disputes": ("dispute", lambda one, asked: one["charge"] == asked.get("charge")),
    "invoice_payments": (
        "invoice_payment",
        lambda one, asked: one["payment"]["payment_intent"] == asked.get("payment[payment_intent]"),
    ),
    "events": ("event", lambda one, asked: one["type"] in _values("types", asked)),
}


def _is_in_time(thing: Thing, params: Params) -> bool:
    since, before = params.get("created[gte]"), params.get("created[lt]")
    return (since is None or thing["created"] >= int(since)) and (before is None or thing["created"] < int(before))


def _included(thing: Thing, params: Params, prefix: str) -> Thing:
    """Leave out what Stripe includes only where it is asked to."""
    found, asked = shown(thing), params.values()
    for name in ("payments", "refunds"):
        if name in found and f"{prefix}{name}" not in asked:
            del found[name]
    return found


def _details(params: Params) -> dict[str, Any]:
    return {"feedback": params.get("cancellation_details[feedback]"), "comment": None}


def _under(name: str, params: Params) -> dict[str, str]:
    return {key[len(name) + 1 : -1]: value for key, value in params.items() if key.startswith(f"{name}[")}


def _values(name: str, params: Params) -> list[str]:
    return [value for key, value in params.items() if key.startswith(f"{name}[")]


def _pairs(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _json(status: int, content: Any) -> HttpAnswer:
    return HttpAnswer(status, json.dumps(content).encode())
