"""What language models may still cost, and whether they may be asked at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock
from chalicelib.models import keys
from chalicelib.models.history import SpendingItem, SwitchData, SwitchItem
from chalicelib.stores.failures import is_condition_failure, translated

MODEL_SWITCH: Final = "models"
_KEPT: Final = timedelta(days=3)
_MICROS_PER_CENT: Final = 10_000


class ModelSpending:
    """Keeps the daily cap per person. What a call may cost at the most is set aside before it, so that neither many
    calls at once nor a crash in the middle can spend more than the cap."""

    def __init__(self, cap_cents: int, clock: Clock) -> None:
        self._cap = cap_cents * _MICROS_PER_CENT
        self._clock = clock

    def set_aside(self, user_id: str, micros: int) -> datetime | None:
        """Count `micros` (millionths of a dollar) for today; None where that is above the cap, and nothing is counted.

        Returns the instant whose day it was counted for, which `settle` wants back.

        Raises:
            Unavailable: the table does not answer.
        """
        now = self._clock.now()
        # Of calls at the same time, each sees what the others set aside.
        is_within_cap = SpendingItem.micros.does_not_exist() | (SpendingItem.micros <= self._cap - micros)
        if micros > self._cap:
            return None
        with translated():
            try:
                self._item(user_id, now).update(actions=_adding(micros, now), condition=is_within_cap)
            except UpdateError as failure:
                if is_condition_failure(failure):
                    return None
                raise
        return now

    def settle(self, user_id: str, difference: int, set_aside_at: datetime) -> None:
        """Add what a call cost beyond what was set aside for it; less than nothing where it cost less.

        Not conditional: what was spent is spent. A settlement that is lost leaves the cap lower, never higher.

        Raises:
            Unavailable: the table does not answer.
        """
        if difference == 0:
            return
        with translated():
            self._item(user_id, set_aside_at).update(actions=_adding(difference, self._clock.now()))

    def spent(self, user_id: str) -> int:
        """Return what is counted for today, in millionths of a dollar."""
        key = keys.spending_key(user_id, _day(self._clock.now()))
        with translated():
            try:
                return int(SpendingItem.get(key.pk, key.sk, consistent_read=True).micros)
            except SpendingItem.DoesNotExist:
                return 0

    def is_on(self) -> bool:
        """Whether models may be asked: one consistent read before each call, so that a turn takes effect at once.

        Raises:
            Unavailable: the table does not answer.
        """
        key = keys.switch_key(MODEL_SWITCH)
        with translated():
            try:
                switch = SwitchItem.get(key.pk, key.sk, consistent_read=True)
            except SwitchItem.DoesNotExist:
                return True
        return not switch.data.is_off

    def turn(self, *, is_off: bool, reason: str) -> None:
        """Turn models off or on for everybody. Safe to repeat.

        Not conditional: of two operators the last one decides.

        Raises:
            Unavailable: the table does not answer.
        """
        key, now = keys.switch_key(MODEL_SWITCH), self._clock.now()
        item = SwitchItem(key.pk, key.sk, created_at=now, updated_at=now, data=SwitchData(is_off=is_off, reason=reason))
        with translated():
            item.save()

    def _item(self, user_id: str, at: datetime) -> SpendingItem:
        key = keys.spending_key(user_id, _day(at))
        return SpendingItem(key.pk, key.sk)


def _adding(micros: int, now: datetime) -> list[Action]:
    return [
        SpendingItem.micros.add(micros),
        SpendingItem.entity_type.set(SpendingItem),
        SpendingItem.created_at.set(SpendingItem.created_at | now),
        SpendingItem.updated_at.set(now),
        SpendingItem.ttl.set(int((now + _KEPT).timestamp())),
    ]


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
