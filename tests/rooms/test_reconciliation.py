"""The reconciliation: what is asked of the stores when, what is replayed, what is looked at, what is told of drift."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.billing.known import Known
from chalicelib.billing.liveness import SHARDS
from chalicelib.billing.looks import LooksIncompleteError, NotALookBatchError
from chalicelib.billing.merge import learn
from chalicelib.gateways.provider_facts import Facts, Notice, Phase
from chalicelib.models import keys
from chalicelib.models.provider_subscription import ProviderSubscriptionItem
from chalicelib.models.states import SubscriptionProvider
from chalicelib.stores.live_subscriptions import LiveSubscriptions, Stage
from tests.rooms.reconciliation_world import RULES, House, Store, stand
from tests.unit.billing.words import BOUGHT, ENDS, STRIPE, cause, payment, renewal, seen

HOUR = timedelta(hours=1)


def notice(name: str, at: datetime) -> Notice:
    return Notice(STRIPE, name, "invoice.paid", at, is_known=True, payload={})


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[Any]:
    return [record for record in caplog.records if record.getMessage() == event]


def test_the_first_sweep_looks_back_and_the_next_begins_a_little_before_it(
    any_engine_for_long: TableConnection,
) -> None:
    house = House()
    start = house.clock.now()
    house.reconciliation.sweep()
    (store,) = house.stores.values()
    assert store.asked[0][0] == start - timedelta(days=4)
    assert store.asked[-1][1] == start
    assert all(until - since <= timedelta(days=1) for since, until in store.asked)
    assert [one[1] for one in store.asked[:-1]] == [one[0] for one in store.asked[1:]]
    store.asked.clear()
    house.clock.advance(HOUR)
    house.reconciliation.sweep()
    assert store.asked == [(start - 3 * HOUR, start + HOUR)]


def test_what_did_not_come_is_replayed_once_and_what_came_is_left_alone(
    table: TableConnection, caplog: pytest.LogCaptureFixture
) -> None:
    house = House()
    (store,) = house.stores.values()
    store.sent = [notice(f"evt_{number}", house.clock.now() - number * HOUR - HOUR) for number in range(30)]
    house.room.applied = [f"evt_{number}" for number in range(0, 30, 2)]
    with caplog.at_level(logging.INFO):
        house.reconciliation.sweep()
        house.reconciliation.sweep()
    assert sorted(house.room.applied) == sorted(one.event_id for one in store.sent)
    assert len(lines(caplog, "missed_notice_replayed")) == 15
    assert [line.notices_replayed for line in lines(caplog, "billing_swept")] == [15, 0]


def test_a_store_that_is_down_does_not_hold_up_the_others(table: TableConnection) -> None:
    house = House(Store(SubscriptionProvider.APPLE, is_down=True), Store())
    house.stores[STRIPE].sent = [notice("evt_1", house.clock.now() - HOUR)]
    with pytest.raises(ExceptionGroup):
        house.reconciliation.sweep()
    assert house.room.applied == ["evt_1"]
    assert house.live.progress(SubscriptionProvider.APPLE, Stage.ASKED) is None
    assert house.live.progress(STRIPE, Stage.ASKED) == house.clock.now()


def test_a_notice_that_cannot_be_applied_hides_no_other_and_is_asked_for_again(table: TableConnection) -> None:
    house = House()
    (store,) = house.stores.values()
    begun = house.clock.now()
    store.sent = [notice(f"evt_{number}", begun - timedelta(hours=40) + number * HOUR) for number in range(3)]
    house.room.refuses = "evt_1"
    with pytest.raises(ExceptionGroup):
        house.reconciliation.sweep()
    assert house.room.applied == ["evt_0", "evt_2"]
    house.room.refuses = None
    house.clock.advance(timedelta(days=1))
    house.reconciliation.sweep()
    assert house.room.applied == ["evt_0", "evt_2", "evt_1"]


def test_a_notice_that_nobody_ever_answers_for_hides_no_other(table: TableConnection) -> None:
    house = House()
    (store,) = house.stores.values()
    begun = house.clock.now()
    store.sent = [notice(f"evt_{number}", begun - timedelta(hours=90) + 10 * number * HOUR) for number in range(9)]
    house.room.silent_about = {"evt_0", "evt_4"}
    with pytest.raises(ExceptionGroup):
        house.reconciliation.sweep()
    assert house.room.applied == ["evt_1", "evt_2", "evt_3", "evt_5", "evt_6", "evt_7", "evt_8"]
    assert house.live.progress(STRIPE, Stage.ASKED) is None


def test_a_sweep_stops_asking_where_nobody_answers_at_all(table: TableConnection) -> None:
    house = House()
    (store,) = house.stores.values()
    begun = house.clock.now()
    store.sent = [notice(f"evt_{number:02}", begun - timedelta(hours=60) + number * HOUR) for number in range(40)]
    house.room.silent_about = {one.event_id for one in store.sent}
    with pytest.raises(ExceptionGroup):
        house.reconciliation.sweep()
    assert house.room.asked == [f"evt_{number:02}" for number in range(5)]


def test_the_first_sweep_has_everybody_looked_at_and_then_everybody_once_a_day(
    any_engine_for_long: TableConnection,
) -> None:
    house = House()
    names = [f"sub_{number}" for number in range(60)]
    for name in names:
        stand(name)
    house.reconciliation.sweep()
    assert house.looked_at() == sorted(names)
    (store,) = house.stores.values()
    store.looked.clear()
    per_hour = []
    for _ in range(SHARDS):
        house.clock.advance(HOUR)
        house.reconciliation.sweep()
        before = len(store.looked)
        house.looked_at()
        per_hour.append(len(store.looked) - before)
    assert sorted(store.looked) == sorted(names)
    assert max(per_hour) < 20


def test_a_sweep_after_hours_without_one_looks_at_what_they_would_have(table: TableConnection) -> None:
    house = House()
    for number in range(60):
        stand(f"sub_{number}")
    house.reconciliation.sweep()
    house.outbox.sent.clear()
    house.clock.advance(timedelta(hours=30))
    house.reconciliation.sweep()
    assert len(house.looked_at()) == 60
    house.reconciliation.sweep()
    assert house.outbox.sent == []


def test_whose_paid_time_ran_out_unheard_is_looked_at_every_hour(table: TableConnection) -> None:
    house = House()
    house.reconciliation.sweep()
    stand("sub_late")
    stand("sub_retried", renewal=renewal(phase=Phase.RETRY))
    house.clock.instant = ENDS - HOUR
    house.reconciliation.sweep()
    house.outbox.sent.clear()
    for _ in range(4):
        house.clock.advance(HOUR)
        house.reconciliation.sweep()
        house.looked_at()
    (store,) = house.stores.values()
    assert store.looked.count("sub_late") >= 3
    assert store.looked.count("sub_retried") <= 1

    house.clock.advance(timedelta(days=5))
    house.reconciliation.sweep()
    house.looked_at()
    store.looked.clear()
    for _ in range(SHARDS):
        house.clock.advance(HOUR)
        house.reconciliation.sweep()
        house.looked_at()
    assert store.looked.count("sub_late") == 1


def test_one_that_is_over_is_not_looked_at(table: TableConnection) -> None:
    house = House()
    stand("sub_over", renewal=renewal(phase=Phase.EXPIRED, will_renew=False))
    house.reconciliation.sweep()
    assert house.outbox.sent == []


def test_messages_hold_no_more_than_a_batch(table: TableConnection) -> None:
    house = House()
    for number in range(200):
        stand(f"sub_{number}")
    house.reconciliation.sweep()
    sizes = [len(json.loads(text)["places"]) for text in house.outbox.sent]
    assert max(sizes) == RULES.billing_look_batch
    assert sum(sizes) == 200


def test_drift_is_told_by_its_fields_and_set_right_and_found_no_more(
    table: TableConnection, caplog: pytest.LogCaptureFixture
) -> None:
    house = House()
    stand("sub_1")
    (store,) = house.stores.values()
    house.books.known = learn(Known(), Facts((seen(),)), cause())
    store.states["sub_1"] = Facts((seen(7, renewal=renewal(7, will_renew=False)),), (payment(7),))
    house.reconciliation.sweep()
    message = house.outbox.sent[0]
    with caplog.at_level(logging.INFO):
        house.looks.look_at_batch(message)
        house.looks.look_at_batch(message)
    found = {line.subject: line for line in lines(caplog, "billing_drift_found")}
    assert found["subscription"].fields == "renewal.will_renew"
    assert found["subscription"].external_hash == keys.digest_of("sub_1")
    assert found["payment"].fields == "missing"
    assert [line.drifted for line in lines(caplog, "billing_looked")] == [2, 0]
    assert house.books.entered == 1
    assert "sub_1" not in caplog.text


def test_a_purchase_that_is_not_acknowledged_yet_is_entered_without_drift(table: TableConnection) -> None:
    house = House()
    stand("sub_1")
    (store,) = house.stores.values()
    house.books.known = learn(Known(), Facts((seen(),)), cause())
    store.states["sub_1"] = Facts((seen(7, needs_acknowledgement=True),))
    house.reconciliation.sweep()
    house.looked_at()
    assert house.books.entered == 1


def test_one_that_moved_since_it_was_found_and_one_that_the_store_does_not_know_change_nothing(
    table: TableConnection,
) -> None:
    house = House()
    moved = stand("sub_moved")
    stand("sub_strange")
    house.reconciliation.sweep()
    ProviderSubscriptionItem.get(*moved).delete()
    assert house.looked_at() == ["sub_strange"]
    assert house.books.entered == 0


def test_one_that_cannot_be_looked_at_brings_the_message_back_after_the_others(table: TableConnection) -> None:
    house = House()
    for number in range(3):
        stand(f"sub_{number}")
    house.reconciliation.sweep()
    (store,) = house.stores.values()
    store.is_down = True
    with pytest.raises(LooksIncompleteError):
        house.looks.look_at_batch(house.outbox.sent[0])


@pytest.mark.parametrize("message", ["", "{}", '{"provider": "apple", "places": []}', "null", "[]"])
def test_a_message_of_somebody_else_is_refused(table: TableConnection, message: str) -> None:
    with pytest.raises(NotALookBatchError):
        House().looks.look_at_batch(message)


def test_progress_never_goes_back(any_engine_for_long: TableConnection) -> None:
    live = LiveSubscriptions()
    assert live.progress(STRIPE, Stage.ASKED) is None
    live.record_progress(STRIPE, Stage.ASKED, ENDS, ENDS)
    live.record_progress(STRIPE, Stage.ASKED, BOUGHT, ENDS)
    assert live.progress(STRIPE, Stage.ASKED) == ENDS
    assert live.progress(STRIPE, Stage.LOOKED) is None
    assert live.progress(SubscriptionProvider.APPLE, Stage.ASKED) is None
