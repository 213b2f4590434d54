"""How often each route may be called: the contract's numbers, route by route."""

from __future__ import annotations

import app as page
from chalicelib.web.limits import Limit

USER, ADDRESS = False, True

CONTRACT: dict[str, Limit | None] = {
    "general": Limit("general", 100, USER),
    "sign-in": Limit("sign_in", 10, ADDRESS),
    "refresh": Limit("refresh", 10, ADDRESS),
    "upload": Limit("upload", 5, USER),
    "status": Limit("status", 200, USER),
    "result": Limit("result", 100, USER),
    "doctor report": Limit("doctor_report", 5, USER),
    "chat prompts": Limit("chat_prompts", 50, USER),
    "chat messages": Limit("chat_messages", 30, USER),
    "subscriptions": Limit("subscriptions", 20, USER),
    # The contract says nothing of these. Nobody is known there, so that addresses are counted.
    "public": Limit("public", 100, ADDRESS),
    # These answer without asking anybody, and counting would ask: a probe must not fail because the table does.
    "none": None,
    "webhook": Limit("webhook", 600, ADDRESS),
}
"""The contract's "Limits per user and minute", and what is counted."""

ROUTES = {
    "POST /auth/oauth-onboarding": "sign-in",
    "POST /auth/refresh": "refresh",
    "POST /api/v1/process/upload": "upload",
    "POST /api/v1/process/upload-url": "upload",
    "GET /api/v1/process/status/{job_id}": "status",
    "GET /api/v1/process/result/{job_id}": "result",
    "POST /api/v1/process/doctor-report": "doctor report",
    "GET /chat/prompts": "chat prompts",
    "POST /chat/messages": "chat messages",
    "POST /api/v1/chat/messages": "chat messages",
    "GET /api/v1/chat/jobs/{job_id}/status": "status",
    "GET /subscriptions/current": "subscriptions",
    "DELETE /subscriptions/current": "subscriptions",
    "GET /subscriptions/usage": "subscriptions",
    "POST /subscriptions/purchases": "subscriptions",
    "POST /subscriptions/checkout": "subscriptions",
    "GET /subscriptions/plans": "public",
    "GET /gdpr/erasure-status/{id}": "public",
    "GET /health": "none",
    "GET /health/check": "none",
    "GET /openapi.json": "none",
    "GET /docs": "none",
    "POST /webhooks/apple-identity": "webhook",
    "POST /webhooks/apple": "webhook",
}
"""Routes with a limit of their own; every other one is `general`."""


def test_every_route_has_the_limit_of_the_contract() -> None:
    declared = {f"{one.method} {one.paths[0]}": one.limit for one in page.api.endpoints}

    assert declared == {route: CONTRACT[ROUTES.get(route, "general")] for route in declared}


def test_where_nobody_is_known_addresses_are_counted() -> None:
    counted = [one for one in page.api.endpoints if one.limit is not None]

    assert all(one.limit.is_per_address == one.guard.is_public for one in counted if one.limit is not None)
    assert all(one.guard.is_public for one in page.api.endpoints if one.limit is None)


def test_limits_that_share_a_name_share_their_number() -> None:
    limits = {one.limit for one in page.api.endpoints if one.limit is not None}

    assert len({limit.name for limit in limits}) == len(limits)


def test_an_alias_is_counted_with_its_route() -> None:
    (sign_in,) = [one for one in page.api.endpoints if "/auth/google" in one.paths]

    assert sign_in.paths[0] == "/auth/oauth-onboarding"
