"""People whose rows were there before the service: what it answers them, from PostgreSQL and from home alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.clock import iso
from chalicelib.migration.phases import Phase
from chalicelib.migration.postgres import connect, rows
from chalicelib.migration.serenya import rails
from chalicelib.migration.serenya.rows import (
    ConsentRow,
    DeviceRow,
    JobRow,
    PaymentRow,
    PersonRows,
    SessionRow,
    SubscriptionRow,
    UserRow,
)
from chalicelib.models.states import ConsentType
from chalicelib.observe import load as observed
from chalicelib.privacy.consent_ledger import faults
from chalicelib.stores.consents import ConsentStore
from chalicelib.stores.users import Users
from tests.api.service import DEVICE, SAMPLE, succeeded
from tests.migration.people_rows import a_uuid, write_rows
from tests.migration.service.world import World

ADA = a_uuid(0xADA)
CLAIMS = {"sub": "google-ada", "email": "Ada@Example.org", "email_verified": True, "name": "Ada L"}


def _ada(world: World, *, is_premium: bool) -> PersonRows:
    now = world.service.clock.now()
    born, lately = iso(now - timedelta(days=100)), iso(now - timedelta(hours=2))
    user = UserRow(
        *(ADA, "google-ada", "google", "ada@example.org", None, True, "Ada", "Ada", None),
        *("active", born, lately, lately, None),
    )
    consents = tuple(
        ConsentRow(a_uuid(100 + at), ADA, str(kind), True, "1.0", None, 1, born, born, None)
        for at, kind in enumerate(ConsentType)
    )
    device = DeviceRow(
        *(a_uuid(2), ADA, "old-phone", "Ada's phone", "ios", None, "17", "1.0", None, None, False, "active"),
        *(lately, born, born),
    )
    session = SessionRow(
        *(a_uuid(3), ADA, a_uuid(2), "old-session", "hash", None, "active", lately, lately),
        *(iso(now + timedelta(hours=20)), None, None, False, lately),
    )
    plan = SubscriptionRow(
        *(a_uuid(4), ADA, "active", "yearly", "apple", "apple-1", None, born, iso(now + timedelta(days=200))),
        *(born, born),
    )
    ended = replace(plan, subscription_status="expired", end_date=lately, updated_at=lately)
    from decimal import Decimal

    payment = PaymentRow(
        *(a_uuid(5), a_uuid(4), ADA, Decimal("99.90"), "EUR", "completed", "t-1", None, "apple", born, born, born)
    )
    twice = replace(payment, id=a_uuid(6), created_at=lately)
    job = JobRow(
        *(a_uuid(7), ADA, "result_00000000-0000-4000-8000-000000000001", "pdf", None, None, None, None, 10, "k"),
        *("completed", lately, lately, lately, None, 0, iso(now + timedelta(hours=20))),
    )
    return PersonRows(
        user, consents, (device,), (session,), (), (plan if is_premium else ended,), (payment, twice), (job,)
    )


@pytest.fixture(params=[Phase.LEGACY, Phase.CUT_OVER])
def moved(request: pytest.FixtureRequest, world: World) -> World:
    """Ada's rows, and the phase that answers for them."""
    is_premium = "premium" in request.node.name
    connection = connect(world.dsn.address)
    # The move was installed at the service's time, which is not the database's.
    installed_at = int(world.service.clock.now().timestamp()) * 1_000_000
    rows(connection, "UPDATE migration.control SET base = %s", (installed_at,))
    write_rows(connection, _ada(world, is_premium=is_premium))
    connection.close()
    if request.param is Phase.CUT_OVER:
        world.stand(Phase.BACKFILL)
        world.backfill()
        world.stand(Phase.CUT_OVER)
    return world


def _signed_in(world: World) -> dict[str, Any]:
    return world.service.sign_in(claims=CLAIMS, device_info=DEVICE)


def _asked(world: World, token: str, path: str) -> dict[str, Any]:
    return succeeded(world.service.call("GET", path, token=token))


def test_who_signs_in_is_who_they_were_and_finds_everything(moved: World) -> None:
    told = _signed_in(moved)
    assert (told["user"]["id"], told["user"]["is_new_user"]) == (ADA, False)
    token = told["access_token"]
    assert _asked(moved, token, "/user/profile")["user"]["name"] == "Ada"
    shown = _asked(moved, token, "/user/consents?history=true")
    assert all(one["consent_given"] for one in shown["consents"].values())
    assert {one["source"] for one in shown["history"]} == {"carried_over"}
    plan = _asked(moved, token, "/subscriptions/current")
    assert (plan["tier"], plan["usage"]["documents_processed"]) == ("free", 1)
    payments = _asked(moved, token, "/payments")["payments"]
    assert [(one["amount"], one["currency"], one["status"]) for one in payments] == [(99.9, "EUR", "completed")] * 2
    assert _asked(moved, token, "/subscriptions/usage")
    assert _asked(moved, token, "/gdpr/export")


def test_a_premium_subscription_of_before_still_counts(moved: World) -> None:
    plan = _asked(moved, _signed_in(moved)["access_token"], "/subscriptions/current")
    assert (plan["tier"], plan["subscription_type"], plan["provider"]) == ("premium", "yearly", "apple")


def test_what_changes_afterwards_continues_what_was_there(moved: World) -> None:
    told = _signed_in(moved)
    token = told["access_token"]
    given = {"consent_given": False, "consent_version": "2.0"}
    succeeded(moved.service.call("PUT", "/user/consents/terms_of_service", given, token=token))
    job = moved.service.upload(token, SAMPLE.read_bytes(), "pathology-panel.pdf")
    assert job["job_id"]
    assert _asked(moved, token, "/subscriptions/current")["usage"]["documents_processed"] == 2
    user = Users().by_id(ADA)
    assert user is not None
    ledger = ConsentStore().ledger(ADA)
    assert faults(ledger, user.data.consent_chain, user.data.consents) == []
    assert [str(one.data.source) for one in ledger] == ["carried_over"] * 5 + ["settings"]


def test_an_old_session_ends_with_the_next_sign_in_and_stands_in_history(moved: World) -> None:
    user = Users().by_id(ADA)
    assert user is not None
    assert user.data.current_session is not None
    assert user.data.current_session.session_id == "old-session"
    _signed_in(moved)
    found = moved.move.home if moved.move.control.refreshed().phase is Phase.CUT_OVER else moved.move.legacy
    kinds = [key[1] for key in found.holding(ADA).items]
    assert any(name.startswith("SESSION#") and name.endswith("#old-session") for name in kinds)
    assert sum(name.startswith("DEVICE#") for name in kinds) == 1


def test_a_refresh_token_of_before_is_not_known_signs_nobody_out_and_counts_for_nothing(moved: World) -> None:
    told: list[Mapping[str, int]] = []
    observed.listen(lambda *answer: told.append(rails.counts_of(*answer)))
    refused = moved.service.call("POST", "/auth/refresh", {"refresh_token": "legacy-token", "device_id": "old-phone"})
    assert (refused.status_code, refused.json_body["error"]["code"]) == (401, "INVALID_REFRESH_TOKEN")
    assert "sign_ins" not in told[0]
    assert _signed_in(moved)["user"]["id"] == ADA
