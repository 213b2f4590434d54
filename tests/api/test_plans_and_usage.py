"""Plans for everybody, usage for its owner, over HTTP."""

from __future__ import annotations

import json

import pytest

from tests.api.service import SAMPLE, Service, succeeded


@pytest.mark.parametrize("path", ["/subscriptions/plans", "/subscriptions/tiers"])
def test_plans_are_shown_to_whoever_asks_with_exact_prices(service: Service, path: str) -> None:
    answer = service.call("GET", path)
    assert answer.status_code == 200
    plans = json.loads(answer.body, parse_float=str)["plans"]
    assert [(plan["plan_id"], plan["price"]) for plan in plans] == [
        ("free", "0.00"),
        ("premium_monthly", "9.99"),
        ("premium_yearly", "99.99"),
        ("family_monthly", "19.99"),
        ("family_yearly", "199.99"),
    ]


def test_usage_counts_what_its_owner_handed_in(service: Service) -> None:
    token = service.sign_in()["access_token"]
    service.upload(token, SAMPLE.read_bytes())
    usage = succeeded(service.call("GET", "/subscriptions/usage", token=token))
    current = succeeded(service.call("GET", "/subscriptions/current", token=token))
    assert (usage["documents_used"], usage["documents_limit"]) == (1, 5)
    assert (usage["chat_messages_used"], usage["chat_messages_limit"]) == (0, 50)
    assert usage["period_end"] == current["usage"]["resets_at"]
