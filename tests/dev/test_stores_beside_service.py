"""The simulated stores beside the whole service, over real HTTP on the embedded cloud: `make buy`, one life in each
store, notifications that are lost, and the reconciliation that finds them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from dev.children import ROOT
from dev.fire import fire
from dev.journey import Backend
from dev.stage import Ports
from tests.dev.test_whole_run import command, wait_for

pytestmark = [pytest.mark.second_engine, pytest.mark.timeout(240)]

LIVES = {
    "apple": ("cancel", "uncancel", "upgrade", "unknown_news", "refund", "reverse_refund"),
    "google": ("cancel", "uncancel", "upgrade", "unknown_news", "cancel"),
    "stripe": ("cancel", "uncancel", "upgrade", "dispute", "win_dispute", "unknown_news", "refund"),
}
"""Nothing of it waits for the end of a term: the stores' clock goes with the service's."""


@dataclass
class Run:
    """`make run`, with its stores."""

    ports: Ports
    folder: Path
    said: Path

    def control(self, method: str, what: str, **asked: Any) -> dict[str, Any]:
        query: dict[str, Any] = {"fields": asked} if method == "GET" else {"json": asked}
        answer = urllib3.request(method, f"{self.ports.storefront_url}/control/{what}", **query, timeout=20)
        assert answer.status == 200, answer.data
        return dict(answer.json())

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What the service logged of an event."""
        texts = (self.folder / "service.log").read_text().splitlines()
        found = [json.loads(text) for text in texts if text.startswith("{")]
        return [one for one in found if one.get("event") == event]

    def count(self, event: str, field: str) -> int:
        """The sum of a number over all lines of an event."""
        return sum(int(one[field]) for one in self.lines(event))

    def reconcile(self) -> None:
        """Fire the reconciliation, and wait until every store was asked and every look was done."""
        before = {event: len(self.lines(event)) for event in ("billing_swept", "billing_looked")}
        fire("sweep_billing", self.ports)
        wait_for(lambda: len(self.lines("billing_swept")) >= before["billing_swept"] + 3, self.said, 30)
        handed_over = self.count("billing_swept", "subscriptions_handed_over")
        wait_for(lambda: self.count("billing_looked", "subscriptions") >= handed_over, self.said, 30)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        with command("run", folder) as (_, ports, said):
            wait_for(lambda: "Press Ctrl-C" in said.read_text(), said, 90)
            yield Run(ports, folder, said)


def buyer(run: Run, name: str) -> tuple[Backend, str]:
    backend = Backend(run.ports)
    return backend, str(backend.sign_in(f"{name}@google.example")["user"]["id"])


def make_buy(run: Run, token: str, plan: str, store: str) -> subprocess.CompletedProcess[str]:
    ports = run.ports
    chosen = {
        "PORT": str(ports.service),
        "CLOUD_PORT": str(ports.cloud),
        "IDENTITY_PROVIDER_PORT": str(ports.identity_provider),
        "STOREFRONT_PORT": str(ports.storefront),
        "TOKEN": token,
    }
    asked = [sys.executable, "-m", "dev", "buy", plan, store]
    return subprocess.run(asked, cwd=ROOT, env=os.environ | chosen, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("store", list(LIVES))
def test_a_life_in_a_store_is_told_over_http_and_shown_as_the_store_holds_it(run: Run, store: str) -> None:
    backend, user_id = buyer(run, f"life-{store}")
    run.control("POST", "weather", repeats=0.5, seed=7)
    bought = run.control("POST", "buy", provider=store, plan_id="premium_monthly", account=user_id)
    external_id = bought["external_id"]
    for happening in ("bought", *LIVES[store]):
        if happening != "bought":
            happened = run.control("POST", "happen", provider=store, external_id=external_id, happening=happening)
            external_id = happened["external_id"]
            assert all(one["status"] == 200 for one in happened["deliveries"]), happening
        truth = run.control("GET", "truth", provider=store, external_id=external_id)
        shown = backend.subscription()
        assert shown["tier"] == truth["tier"], happening
        if truth["tier"] != "free":
            assert (shown["provider"], shown["auto_renew"]) == (store, truth["will_renew"]), happening


@pytest.mark.parametrize("store", list(LIVES))
def test_buying_makes_the_local_user_premium_through_a_signed_notification(run: Run, store: str) -> None:
    run.control("POST", "weather")
    backend, _ = buyer(run, f"buyer-{store}")
    done = make_buy(run, backend.access_token, "premium_monthly", store)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "before   Free (free" in done.stdout
    assert any(line.strip().startswith("after    Premium Monthly (premium, active") for line in lines)
    assert backend.subscription()["tier"] == "premium"


@pytest.mark.parametrize(
    ("plan", "store", "sentence"),
    [
        ("gold", "apple", "PLAN must be one of premium_monthly, premium_yearly, family_monthly, family_yearly"),
        ("", "apple", "PLAN must be one of"),
        ("premium_monthly", "amazon", "PROVIDER must be one of apple, google, stripe, not 'amazon'."),
    ],
)
def test_a_plan_or_store_that_there_is_not_is_refused_in_a_sentence(
    run: Run, plan: str, store: str, sentence: str
) -> None:
    done = make_buy(run, "", plan, store)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert done.stdout == ""


def test_notifications_that_are_lost_are_found_by_one_reconciliation(run: Run) -> None:
    people: dict[str, tuple[Backend, str]] = {}
    run.control("POST", "weather")
    for store in LIVES:
        backend, user_id = buyer(run, f"lost-{store}")
        bought = run.control("POST", "buy", provider=store, plan_id="premium_yearly", account=user_id)
        people[store] = backend, bought["external_id"]
    run.control("POST", "weather", drops=1)
    for store, (_, external_id) in people.items():
        run.control("POST", "happen", provider=store, external_id=external_id, happening="cancel")
    assert all(backend.subscription()["auto_renew"] for backend, _ in people.values())
    run.reconcile()
    for store, (backend, external_id) in people.items():
        shown = backend.subscription()
        truth = run.control("GET", "truth", provider=store, external_id=external_id)
        assert (shown["tier"], shown["auto_renew"]) == ("premium", False) == (truth["tier"], truth["will_renew"])
        assert shown["cancelled_at"]
    assert {one["provider"] for one in run.lines("missed_notice_replayed")} == {"apple", "stripe"}
    assert "google" in {one["provider"] for one in run.lines("billing_drift_found")}
    before = len(run.lines("billing_drift_found")), len(run.lines("missed_notice_replayed"))
    run.reconcile()
    assert (len(run.lines("billing_drift_found")), len(run.lines("missed_notice_replayed"))) == before
