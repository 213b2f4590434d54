"""Units in the table: each condition of a reservation, giving back, and the reset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, SessionStatus
from chalicelib.stores.reservation import Reservation
from chalicelib.stores.transactions import Cancelled, commit
from chalicelib.stores.usage import ReserveOutcome, ResetOutcome, UsageStore
from tests.unit.billing.people import SIGNED_UP, caller_of, job, person

STORE = UsageStore()
PERIOD_END = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
NEXT_END = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
DUE = keys.usage_due_key(PERIOD_END.date() + timedelta(days=1), 3, "u1")
NEXT_DUE = keys.usage_due_key(NEXT_END.date() + timedelta(days=1), 3, "u1")
DURING = SIGNED_UP + timedelta(days=1)
AFTER = PERIOD_END + timedelta(days=1)


def _saved(used: int = 0, change: Callable[[UserItem], object] | None = None) -> UserItem:
    user = person("u1")
    user.data.current_subscription.usage_current_period.documents_processed = used
    if change is not None:
        change(user)
    user.save()
    return user


def _reservation(user: UserItem, **changes: Any) -> Reservation:
    subscription = user.data.current_subscription
    period = subscription.usage_current_period
    wanted = Reservation(
        user_id="u1",
        session_id=caller_of("u1").session_id,
        subscription_id=subscription.subscription_id,
        subscription_updated_at=subscription.updated_at,
        seen_period_start=period.period_start,
        period_start=period.period_start,
        period_end=period.period_end,
        limit=5,
        due=DUE,
        at=DURING,
    )
    return replace(wanted, **changes)


def _next_period(user: UserItem, **changes: Any) -> Reservation:
    return _reservation(user, period_start=PERIOD_END, period_end=NEXT_END, due=NEXT_DUE, at=AFTER, **changes)


def _stored() -> UserItem:
    return UserItem.get(*keys.user_key("u1"), consistent_read=True)


def _used() -> int:
    return int(_stored().data.current_subscription.usage_current_period.documents_processed)


def _jobs() -> int:
    return sum(1 for _ in JobItem.query(keys.user_partition("u1"), JobItem.sk.startswith("JOB#")))


def test_a_unit_and_its_job_are_written_together(any_engine: TableConnection) -> None:
    wanted = job("u1", "a", DURING)
    assert STORE.reserve(_reservation(_saved()), wanted) is ReserveOutcome.RESERVED
    stored = _stored()
    found = JobItem.get(wanted.pk, wanted.sk, consistent_read=True)
    assert _used() == 1
    assert (found.data.has_unit, found.data.unit_period_start) == (True, SIGNED_UP)
    assert (stored.gsi3_pk, stored.gsi3_sk) == DUE
    assert stored.data.current_subscription.usage_current_period.last_updated == DURING
    assert stored.updated_at == DURING


def test_the_same_job_costs_one_unit(any_engine: TableConnection) -> None:
    user = _saved()
    assert STORE.reserve(_reservation(user), job("u1", "a", DURING)) is ReserveOutcome.RESERVED
    assert STORE.reserve(_reservation(user), job("u1", "a", DURING)) is ReserveOutcome.REPEATED
    assert (_used(), _jobs()) == (1, 1)


def test_a_repeat_is_known_as_such_when_nothing_is_left(any_engine: TableConnection) -> None:
    user = _saved(used=4)
    assert STORE.reserve(_reservation(user), job("u1", "a", DURING)) is ReserveOutcome.RESERVED
    assert STORE.reserve(_reservation(user), job("u1", "a", DURING)) is ReserveOutcome.REPEATED
    assert STORE.has_job(job("u1", "a", DURING))
    assert not STORE.has_job(job("u1", "b", DURING))


def test_nobody_counts_beyond_the_limit(any_engine: TableConnection) -> None:
    user = _saved(used=5)
    assert STORE.reserve(_reservation(user), job("u1", "a", DURING)) is ReserveOutcome.CHANGED
    assert (_used(), _jobs()) == (5, 0)


def test_an_unlimited_tier_counts_on_and_is_not_due(any_engine: TableConnection) -> None:
    user = _saved(used=5)
    outcome = STORE.reserve(_reservation(user, limit=None, due=None), job("u1", "a", DURING))
    assert outcome is ReserveOutcome.RESERVED
    assert _used() == 6
    assert _stored().gsi3_pk is None


def _sign_out(user: UserItem) -> None:
    user.data.current_session.status = SessionStatus.REVOKED


def _sign_in_elsewhere(user: UserItem) -> None:
    user.data.current_session.session_id = "another"


def _suspend(user: UserItem) -> None:
    user.data.account_status = AccountStatus.SUSPENDED


def _withdraw_healthcare(user: UserItem) -> None:
    user.data.consents.healthcare_consultation.consent_given = False


def _never_gave_disclaimers(user: UserItem) -> None:
    user.data.consents.medical_disclaimers = None


def _never_signed_in(user: UserItem) -> None:
    user.data.current_session = None


def _subscribe(user: UserItem) -> None:
    user.data.current_subscription.subscription_id = "another"


def _change_subscription(user: UserItem) -> None:
    user.data.current_subscription.updated_at = DURING


def _open_next_period(user: UserItem) -> None:
    user.data.current_subscription.usage_current_period.period_start = PERIOD_END


@pytest.mark.parametrize(
    "change",
    [
        _sign_out,
        _sign_in_elsewhere,
        _suspend,
        _withdraw_healthcare,
        _never_gave_disclaimers,
        _never_signed_in,
        _subscribe,
        _change_subscription,
        _open_next_period,
    ],
)
def test_what_changed_since_the_profile_was_read_stops_the_reservation(
    any_engine: TableConnection, change: Callable[[UserItem], object]
) -> None:
    user = person("u1")
    user.data.current_subscription.usage_current_period.documents_processed = 1
    wanted = _reservation(user)
    change(user)
    user.save()
    assert STORE.reserve(wanted, job("u1", "a", DURING)) is ReserveOutcome.CHANGED
    assert (_used(), _jobs()) == (1, 0)


def test_reserving_for_nobody_makes_no_ghost(any_engine: TableConnection) -> None:
    assert STORE.reserve(_reservation(person("u1")), job("u1", "a", DURING)) is ReserveOutcome.CHANGED
    with pytest.raises(UserItem.DoesNotExist):
        _stored()
    assert _jobs() == 0


def test_the_first_use_after_a_periods_end_opens_the_next(any_engine: TableConnection) -> None:
    user = _saved(used=5)
    assert STORE.reserve(_next_period(user), job("u1", "a", AFTER)) is ReserveOutcome.RESERVED
    stored = _stored()
    period = stored.data.current_subscription.usage_current_period
    assert (period.documents_processed, period.period_start, period.period_end) == (1, PERIOD_END, NEXT_END)
    assert (stored.gsi3_pk, stored.gsi3_sk) == NEXT_DUE


def test_only_one_of_two_opens_the_next_period(any_engine: TableConnection) -> None:
    user = _saved(used=5)
    assert STORE.reserve(_next_period(user), job("u1", "a", AFTER)) is ReserveOutcome.RESERVED
    assert STORE.reserve(_next_period(user), job("u1", "b", AFTER)) is ReserveOutcome.CHANGED
    assert _used() == 1


def _release(released: JobItem) -> None:
    commit(lambda transaction: STORE.add_release(transaction, released, AFTER))


def test_a_released_unit_can_be_used_again(any_engine: TableConnection) -> None:
    user, held = _saved(used=4), job("u1", "a", DURING)
    STORE.reserve(_reservation(user), held)
    _release(held)
    assert _used() == 4
    assert STORE.reserve(_reservation(user), job("u1", "b", DURING)) is ReserveOutcome.RESERVED


def test_a_unit_of_an_earlier_period_takes_nothing_from_this_one(any_engine: TableConnection) -> None:
    user, held = _saved(), job("u1", "a", DURING)
    STORE.reserve(_reservation(user), held)
    STORE.reserve(_next_period(user), job("u1", "b", AFTER))
    with pytest.raises(Cancelled) as refusal:
        _release(held)
    assert refusal.value.failed(0)
    assert _used() == 1


def test_a_release_after_the_reset_goes_not_below_nothing(any_engine: TableConnection) -> None:
    held = job("u1", "a", DURING)
    STORE.reserve(_reservation(_saved()), held)
    assert STORE.reset("u1", DUE.pk, AFTER) is ResetOutcome.RESET
    with pytest.raises(Cancelled):
        _release(held)
    assert _used() == 0


def test_a_release_for_somebody_who_is_gone_makes_no_ghost(any_engine: TableConnection) -> None:
    held = job("u1", "a", DURING)
    held.data.unit_period_start = SIGNED_UP
    with pytest.raises(Cancelled):
        _release(held)
    with pytest.raises(UserItem.DoesNotExist):
        _stored()


def test_a_reset_clears_the_count_and_leaves_the_index(any_engine: TableConnection) -> None:
    STORE.reserve(_reservation(_saved(used=2)), job("u1", "a", DURING))
    assert STORE.reset("u1", DUE.pk, AFTER) is ResetOutcome.RESET
    stored = _stored()
    assert _used() == 0
    assert stored.gsi3_pk is None
    assert stored.gsi3_sk is None
    assert stored.data.name == person("u1").data.name


def test_a_second_reset_finds_nothing_to_do(any_engine: TableConnection) -> None:
    STORE.reserve(_reservation(_saved()), job("u1", "a", DURING))
    STORE.reset("u1", DUE.pk, AFTER)
    before = _stored().to_dynamodb_dict()
    assert STORE.reset("u1", DUE.pk, AFTER + timedelta(hours=1)) is ResetOutcome.NOT_DUE
    assert _stored().to_dynamodb_dict() == before


def test_a_reset_that_comes_after_the_next_periods_first_use_clears_nothing(any_engine: TableConnection) -> None:
    user = _saved(used=3)
    STORE.reserve(_reservation(user), job("u1", "a", DURING))
    STORE.reserve(_next_period(user), job("u1", "b", AFTER))
    assert STORE.reset("u1", DUE.pk, AFTER) is ResetOutcome.NOT_DUE
    assert (_used(), _stored().gsi3_pk) == (1, NEXT_DUE.pk)


def test_a_use_that_was_decided_before_the_reset_still_opens_the_next_period(any_engine: TableConnection) -> None:
    user = _saved(used=3)
    STORE.reserve(_reservation(user), job("u1", "a", DURING))
    assert STORE.reset("u1", DUE.pk, AFTER) is ResetOutcome.RESET
    assert STORE.reserve(_next_period(user), job("u1", "b", AFTER)) is ReserveOutcome.RESERVED
    assert (_used(), _stored().gsi3_pk) == (1, NEXT_DUE.pk)


def test_a_reset_leaves_a_period_alone_that_a_new_subscription_opened(any_engine: TableConnection) -> None:
    def upgraded(user: UserItem) -> None:
        user.gsi3_pk, user.gsi3_sk = DUE
        user.data.current_subscription.usage_current_period.period_start = DURING
        user.data.current_subscription.usage_current_period.period_end = AFTER + timedelta(days=5)

    _saved(17, upgraded)
    assert STORE.reset("u1", DUE.pk, AFTER) is ResetOutcome.WITHDRAWN
    assert _used() == 17
    assert _stored().gsi3_pk is None


def test_a_reset_of_somebody_who_is_gone_makes_no_ghost(any_engine: TableConnection) -> None:
    assert STORE.reset("u1", DUE.pk, AFTER) is ResetOutcome.NOT_DUE
    with pytest.raises(UserItem.DoesNotExist):
        _stored()
