"""Apple's notifications: verified, applied once, never out of order, and never more than they say."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.gateways.oidc import IdTokens
from chalicelib.identity.apple_contract import AppleNoticeRequest
from chalicelib.identity.apple_events import AppleEvents
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, SessionStatus
from chalicelib.rules import Rules
from chalicelib.stores.apple_accounts import AppleAccounts
from chalicelib.stores.users import Users
from dev import forgery
from tests.rooms.identity_questions import counted, stored
from tests.support import SettableClock
from tests.unit.identity.world import APPLE, GOOGLE, World, signing_key

HOUR = timedelta(hours=1)
RELAY = "x7@privaterelay.appleid.com"


class KeptErasures:
    """Takes down whose erasure began."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.is_down = False

    def begin(self, user_id: str, reason: str) -> None:
        if self.is_down:
            raise errors.Unavailable(message="not now")
        self.begun.append((user_id, reason))


class Desk:
    """Somebody who signed in with Apple, and where Apple's notifications arrive."""

    def __init__(self, clock: SettableClock) -> None:
        self.clock = clock
        self.world = World(clock)
        self.erasures = KeptErasures()
        tokens = IdTokens((GOOGLE, APPLE), clock, Rules(), self.world.fetch)
        self.events = AppleEvents(tokens, Users(), AppleAccounts(), self.erasures, clock, Rules())
        self.answer = self.world.with_apple(apple_id_token=self.world.apple.token(email=RELAY))
        clock.advance(timedelta(minutes=5))

    def claims(self, kind: str = "consent-revoked", jti: str = "event-1", **event: Any) -> dict[str, Any]:
        """What Apple signs; a change to `None` leaves a field of the event out."""
        now = int(self.clock.now().timestamp())
        told = {"type": kind, "sub": "apple-sub-1", "event_time": now * 1000, **event}
        events = json.dumps({name: value for name, value in told.items() if value is not None})
        return {"iss": APPLE.issuers[0], "aud": APPLE.audiences[0], "iat": now, "jti": jti, "events": events}

    def receive(self, claims: dict[str, Any] | None = None, **notice: Any) -> None:
        """Deliver a notification."""
        self.deliver(self.world.apple.sign(claims or self.claims(**notice)))

    def deliver(self, payload: str | None) -> None:
        assert self.events.receive(AppleNoticeRequest(payload=payload)).success

    def user(self) -> UserItem:
        user = Users().by_id(self.answer.user.id)
        assert user is not None
        return user

    def change(self, **changes: Any) -> None:
        user = self.user()
        for name, value in changes.items():
            setattr(user.data, name, value)
        user.save()

    def session_status(self) -> SessionStatus:
        session = self.user().data.current_session
        assert session is not None
        return session.status


@pytest.fixture
def desk(any_engine_for_long: TableConnection, clock: SettableClock) -> Desk:
    return Desk(clock)


@pytest.fixture
def quick(table: TableConnection, clock: SettableClock) -> Desk:
    """The same on moto alone, for what no engine decides."""
    return Desk(clock)


@pytest.fixture
def strict(second_engine: TableConnection, clock: SettableClock) -> Desk:
    """On the engine that is atomic by itself."""
    return Desk(clock)


def _claims_stored() -> list[dict[str, Any]]:
    return [item for item in stored("guard") if "#EVENT#" in item["PK"]["S"]]


def test_revoked_consent_ends_the_session_and_voids_the_grant(desk: Desk) -> None:
    desk.change(apple_refresh_token="sealed")
    with counted() as asked:
        desk.receive()

    assert asked == ["GetItem", "GetItem", "TransactWriteItems"]
    assert desk.session_status() is SessionStatus.REVOKED
    assert desk.user().data.apple_refresh_token is None
    assert desk.user().data.account_status is AccountStatus.ACTIVE
    assert desk.erasures.begun == []
    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        desk.world.refreshed(desk.answer.refresh_token)
    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        desk.world.profiles.show(desk.world.access_tokens.verify(desk.answer.access_token))


def test_who_revoked_consent_can_sign_in_again(desk: Desk) -> None:
    desk.receive()
    again = desk.world.with_apple(apple_id_token=desk.world.apple.token(email=RELAY))

    assert (again.user.id, again.user.is_new_user) == (desk.answer.user.id, False)


def test_the_claim_of_a_notice_goes_when_no_repetition_would_be_accepted(desk: Desk) -> None:
    desk.receive(jti="abc")

    claim = _claims_stored()[0]
    assert claim["PK"]["S"] == "GUARD#EVENT#apple-identity#abc"
    assert desk.answer.user.id not in json.dumps(claim)
    assert int(claim["ttl"]["N"]) == int((desk.clock.now() + timedelta(days=8)).timestamp())


def test_a_repeat_does_nothing_whatever_happened_since(desk: Desk) -> None:
    notice = desk.claims(event_time=None)
    desk.receive(notice)
    desk.world.with_apple(apple_id_token=desk.world.apple.token(email=RELAY))
    before = stored()
    desk.receive(notice)

    assert stored() == before
    assert desk.session_status() is SessionStatus.ACTIVE


def test_a_repeat_of_a_notice_that_would_still_apply_does_nothing(desk: Desk) -> None:
    desk.receive()
    before = stored()
    desk.receive()

    assert stored() == before


def test_an_older_notice_does_not_end_a_newer_session(desk: Desk) -> None:
    notice = desk.claims()
    desk.clock.advance(HOUR)
    desk.world.with_apple(apple_id_token=desk.world.apple.token(email=RELAY))
    before = stored()
    desk.receive(notice)

    assert stored() == before


@pytest.mark.parametrize("spelling", ["account-deleted", "account-delete"])
def test_a_deleted_account_is_closed_and_its_erasure_begins(desk: Desk, spelling: str) -> None:
    desk.change(apple_refresh_token="sealed")
    desk.receive(kind=spelling)

    data = desk.user().data
    assert (data.account_status, data.deactivated_at) == (AccountStatus.DEACTIVATED, desk.clock.now())
    assert desk.session_status() is SessionStatus.REVOKED
    assert data.apple_refresh_token is None
    assert desk.erasures.begun == [(data.id, "apple_account_deleted")]
    with pytest.raises(errors.Forbidden, match="ACCOUNT_SUSPENDED"):
        desk.world.refreshed(desk.answer.refresh_token)


def test_a_repeated_end_begins_no_second_erasure(desk: Desk) -> None:
    desk.receive(kind="account-deleted")
    desk.receive(kind="account-deleted")

    assert len(desk.erasures.begun) == 1


def test_an_erasure_that_cannot_begin_is_begun_by_the_repetition(desk: Desk) -> None:
    desk.erasures.is_down = True
    before = stored()
    with pytest.raises(errors.Unavailable):
        desk.receive(kind="account-deleted")
    assert stored() == before

    desk.erasures.is_down = False
    desk.receive(kind="account-deleted")
    assert len(desk.erasures.begun) == 1
    assert desk.user().data.account_status is AccountStatus.DEACTIVATED


def test_somebody_who_is_erased_at_once_is_fine(desk: Desk) -> None:
    user = desk.user()
    desk.erasures.begin = lambda *_: user.delete()  # type: ignore[method-assign]  # a fake erasure
    desk.receive(kind="account-deleted")

    assert stored("user") == []
    assert _claims_stored() == []


def test_a_suspended_account_stays_suspended(quick: Desk) -> None:
    quick.change(account_status=AccountStatus.SUSPENDED)
    quick.receive(kind="account-deleted")

    assert quick.user().data.account_status is AccountStatus.SUSPENDED
    assert quick.erasures.begun


def test_without_an_erasure_room_the_account_is_closed_and_an_operator_told(
    quick: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = IdTokens((GOOGLE, APPLE), quick.clock, Rules(), quick.world.fetch)
    quick.events = AppleEvents(tokens, Users(), AppleAccounts(), None, quick.clock, Rules())
    quick.receive(kind="account-deleted")

    assert quick.user().data.account_status is AccountStatus.DEACTIVATED
    assert "apple_account_closed_without_erasure" in [record.message for record in caplog.records]


def test_forwarding_is_known_as_apple_said_last(desk: Desk) -> None:
    assert desk.user().data.is_email_forwarded is None
    desk.receive(kind="email-disabled", jti="1", email=RELAY, is_private_email="true")
    assert desk.user().data.is_email_forwarded is False
    desk.clock.advance(HOUR)
    desk.receive(kind="email-enabled", jti="2", email=RELAY, is_private_email="true")

    data = desk.user().data
    assert (data.is_email_forwarded, data.email_forwarding_changed_at) == (True, desk.clock.now())
    assert (data.email, data.is_private_email, desk.session_status()) == (RELAY, True, SessionStatus.ACTIVE)


def test_notices_about_e_mail_that_arrive_in_the_wrong_order_end_right(desk: Desk) -> None:
    first = desk.claims("email-enabled", jti="1")
    desk.clock.advance(HOUR)
    desk.receive(kind="email-disabled", jti="2")
    before = stored()
    desk.receive(first)

    assert stored() == before
    assert desk.user().data.is_email_forwarded is False


def test_a_notice_about_another_address_says_nothing_of_ours(quick: Desk) -> None:
    before = stored()
    quick.receive(kind="email-disabled", email="eve@example.com", is_private_email="false")

    assert stored() == before


def test_events_may_be_an_object_and_instants_seconds(quick: Desk) -> None:
    claims = quick.claims()
    event = json.loads(claims["events"])
    quick.receive({**claims, "events": {**event, "event_time": event["event_time"] // 1000}})

    assert quick.session_status() is SessionStatus.REVOKED


def test_an_event_of_tomorrow_does_not_end_tomorrows_session(quick: Desk) -> None:
    tomorrow = int((quick.clock.now() + timedelta(days=1)).timestamp()) * 1000
    notice = quick.claims(event_time=tomorrow)
    quick.clock.advance(HOUR)
    quick.world.with_apple(apple_id_token=quick.world.apple.token(email=RELAY))
    quick.receive(notice)

    assert quick.session_status() is SessionStatus.ACTIVE


@pytest.mark.parametrize(
    ("notice", "told"),
    [
        ({"kind": "password-changed"}, "apple_notice_unknown"),
        ({"sub": "somebody-else"}, "apple_notice_received"),
        ({"sub": None}, "apple_notice_not_understood"),
        ({"type": 7}, "apple_notice_not_understood"),
        ({"jti": "a b"}, "apple_notice_not_understood"),
        ({"jti": "x" * 256}, "apple_notice_not_understood"),
    ],
    ids=str,
)
def test_what_we_cannot_act_upon_is_taken_down_and_answered(
    quick: Desk, caplog: pytest.LogCaptureFixture, notice: dict[str, Any], told: str
) -> None:
    before = stored()
    quick.receive(**notice)

    assert told in [record.message for record in caplog.records]
    assert stored() == before


@pytest.mark.parametrize("events", ["no JSON", "[]", "null", [], 7, "[" * 3000])
def test_events_that_are_none_are_taken_down_and_answered(quick: Desk, events: Any) -> None:
    before = stored()
    quick.receive({**quick.claims(), "events": events})

    assert stored() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://appleid.apple.example"},
        {"aud": "another.app"},
        {"aud": ["apple.app", "another.app"]},
        {"jti": None},
        {"events": None},
        {"iat": None},
        {"iat": "soon"},
        {"iat": 4_000_000_000},
        {"exp": 1},
    ],
    ids=str,
)
def test_a_notification_that_is_not_for_us_and_now_is_refused(quick: Desk, changes: dict[str, Any]) -> None:
    before = stored()
    claims = {name: value for name, value in {**quick.claims(), **changes}.items() if value is not None}
    with pytest.raises(errors.Unauthenticated, match="INVALID_TOKEN"):
        quick.receive(claims)

    assert stored() == before


def test_a_forged_notification_is_refused_before_any_question_to_the_table(quick: Desk) -> None:
    good, key = quick.world.apple.sign(quick.claims()), quick.world.apple.keys[0]
    stranger = forgery.raw_token({"alg": "RS256", "kid": key.kid}, quick.claims(), lambda _: b"x" * 256)
    forged = [
        None,
        "",
        "x",
        "a.b.c",
        good[:-4] + "AAAA",
        forgery.unsigned(quick.claims()),
        forgery.signed_with_public_key(quick.claims(), key),
        forgery.with_claims_changed(good, aud="another.app"),
        stranger,
        "x" * 20_000,
    ]
    with counted() as asked:
        for payload in forged:
            with pytest.raises(errors.Unauthenticated, match="INVALID_TOKEN"):
                quick.deliver(payload)

    assert asked == []


def test_an_old_notification_is_a_replay(quick: Desk) -> None:
    notice = quick.claims()
    quick.clock.advance(timedelta(days=7, seconds=1))
    with pytest.raises(errors.Unauthenticated, match="INVALID_TOKEN"):
        quick.receive(notice)

    assert quick.session_status() is SessionStatus.ACTIVE


def test_an_id_token_is_no_notification_and_a_notification_no_id_token(quick: Desk) -> None:
    with pytest.raises(errors.Unauthenticated, match="INVALID_TOKEN"):
        quick.deliver(quick.world.apple.token())
    with pytest.raises(errors.Unauthenticated, match="INVALID_TOKEN"):
        quick.world.with_apple(apple_id_token=quick.world.apple.sign(quick.claims()))


def test_while_apples_keys_cannot_be_had_apple_is_asked_to_repeat(quick: Desk) -> None:
    quick.world.apple.keys = [signing_key("second")]
    quick.world.apple.is_down = True
    with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE"):
        quick.receive()


def _at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.second_engine
def test_a_notice_that_is_delivered_many_times_at_once_is_applied_once(
    strict: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    payload = strict.world.apple.sign(strict.claims())
    _at_once([lambda: strict.deliver(payload)] * 8)

    outcomes = [record.__dict__["outcome"] for record in caplog.records if record.message == "apple_notice_received"]
    assert sorted(outcomes) == ["applied", *["repeated"] * 7]
    assert len(_claims_stored()) == 1


@pytest.mark.second_engine
def test_a_sign_in_beside_a_notice_lives_and_the_old_session_does_not(strict: Desk) -> None:
    payload = strict.world.apple.sign(strict.claims())
    strict.clock.advance(HOUR)
    request = strict.world.request(
        provider="apple", id_token=None, apple_id_token=strict.world.apple.token(email=RELAY)
    )
    _, answer = _at_once([lambda: strict.deliver(payload), lambda: strict.world.sign_in.sign_in(request)])

    assert strict.session_status() is SessionStatus.ACTIVE
    assert strict.world.refreshed(answer.refresh_token)
    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        strict.world.refreshed(strict.answer.refresh_token)


def test_nothing_personal_is_logged(quick: Desk, caplog: pytest.LogCaptureFixture) -> None:
    quick.receive(kind="email-disabled", jti="1", email=RELAY)
    quick.receive(kind="account-deleted", jti="2")
    quick.receive(kind="new-things", jti="3", email="ada@example.com")

    written = "".join(str(record.__dict__) for record in caplog.records)
    for secret in (RELAY, "ada@example.com", "apple-sub-1"):
        assert secret not in written
