"""Which ids an event names, in every shape and version in which Stripe writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.gateways import stripe_events

THINGS: list[tuple[str, Mapping[str, Any], Mapping[str, str]]] = [
    ("a subscription", {"object": "subscription", "id": "sub_1"}, {"subscription": "sub_1"}),
    (
        "an invoice",
        {"object": "invoice", "id": "in_1", "parent": {"subscription_details": {"subscription": "sub_1"}}},
        {"invoice": "in_1", "subscription": "sub_1"},
    ),
    (
        "an invoice with an expanded subscription",
        {"object": "invoice", "id": "in_1", "parent": {"subscription_details": {"subscription": {"id": "sub_1"}}}},
        {"invoice": "in_1", "subscription": "sub_1"},
    ),
    (
        "an invoice before 2025-03-31",
        {"object": "invoice", "id": "in_1", "subscription": "sub_1", "charge": "ch_1", "payment_intent": "pi_1"},
        {"invoice": "in_1", "subscription": "sub_1", "charge": "ch_1", "payment_intent": "pi_1"},
    ),
    ("an invoice by hand", {"object": "invoice", "id": "in_1", "parent": None}, {"invoice": "in_1"}),
    (
        "a charge",
        {"object": "charge", "id": "ch_1", "payment_intent": "pi_1"},
        {"charge": "ch_1", "payment_intent": "pi_1"},
    ),
    (
        "a charge before 2025-03-31",
        {"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "invoice": "in_1"},
        {"charge": "ch_1", "payment_intent": "pi_1", "invoice": "in_1"},
    ),
    (
        "a refund",
        {"object": "refund", "id": "re_1", "charge": "ch_1", "payment_intent": None},
        {"id": "re_1", "charge": "ch_1"},
    ),
    (
        "a dispute",
        {"object": "dispute", "id": "du_1", "charge": "ch_1", "payment_intent": "pi_1"},
        {"id": "du_1", "charge": "ch_1", "payment_intent": "pi_1"},
    ),
    (
        "a session",
        {"object": "checkout.session", "id": "cs_1", "subscription": "sub_1", "invoice": "in_1"},
        {"id": "cs_1", "subscription": "sub_1", "invoice": "in_1"},
    ),
    (
        "a schedule",
        {"object": "subscription_schedule", "id": "sub_sched_1", "subscription": "sub_1"},
        {"id": "sub_sched_1", "subscription": "sub_1"},
    ),
    (
        "a schedule that was released",
        {"object": "subscription_schedule", "id": "s_1", "subscription": None, "released_subscription": "sub_1"},
        {"id": "s_1", "subscription": "sub_1"},
    ),
    ("an invoice payment", {"object": "invoice_payment", "id": "inpay_1", "invoice": "in_1"}, {
        "id": "inpay_1", "invoice": "in_1"}),
    ("ids that are none", {"object": "charge", "id": 7, "invoice": "", "payment_intent": ["pi_1"]}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("thing", "named"), [row[1:] for row in THINGS], ids=[row[0] for row in THINGS])
def test_an_event_names_what_leads_to_its_subscription(thing: Mapping[str, Any], named: Mapping[str, str]) -> None:
    assert stripe_events.names_in({"data": {"object": thing}}) == named


@pytest.mark.parametrize("event", [{}, {"data": None}, {"data": {}}, {"data": {"object": "sub_1"}}])
def test_an_event_about_nothing_names_nothing(event: Mapping[str, Any]) -> None:
    assert stripe_events.names_in(event) == {}


@pytest.mark.parametrize("created", [None, "2026-03-14T09:30:00Z", -5, 2**39, 2**60])
def test_an_event_without_a_date_happened_when_it_was_signed(created: Any) -> None:
    signed_at = datetime(2026, 3, 14, tzinfo=UTC)
    event = {"id": "evt_1", "type": "invoice.paid", "created": created, "data": {}}

    assert stripe_events.notice_of(event, signed_at).happened_at == signed_at


@pytest.mark.parametrize("text", ["evt_\ud800", "evt_\x00", "evt_\n"])
@pytest.mark.parametrize("name", ["id", "type"])
def test_an_event_that_no_key_could_be_made_of_is_none(name: str, text: str) -> None:
    event = {"id": "evt_1", "type": "invoice.paid", "livemode": False, name: text}
    assert stripe_events.decoded(json.dumps(event).encode()) is None


def test_every_type_that_is_asked_for_is_known_and_listed_once() -> None:
    assert set(stripe_events.ASKED_FOR) <= stripe_events.KNOWN
    assert len(set(stripe_events.ASKED_FOR)) == len(stripe_events.ASKED_FOR)
