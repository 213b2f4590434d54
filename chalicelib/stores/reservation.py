"""What a reservation of a unit is made of: what is counted, what holds it, and the profile that it was decided on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.message_unit import MessageUnitItem
from chalicelib.models.states import JobKind

Holder = JobItem | MessageUnitItem
"""What a unit is spent on. Whoever holds the item holds the unit; there is one of each."""


class Unit(StrEnum):
    """What is counted; each has a counter of its own in the usage period, which this is the name of."""

    DOCUMENT = "documents_processed"
    MESSAGE = "chat_messages_used"


_UNITS_OF_JOBS: Final[dict[JobKind, Unit]] = {JobKind.RESULT: Unit.DOCUMENT, JobKind.CHAT: Unit.MESSAGE}


@dataclass(frozen=True, slots=True)
class Reservation:
    """One unit, wanted by a caller, on the strength of a profile as it was read.

    `subscription_id`, `subscription_updated_at` and `seen_period_start` say which profile that was. `period_start`
    and `period_end` are the right period now, which the stored one need not be any more. `carried_from` is the stored
    one's. `limit` is None for unlimited tiers; `due` is where the user stands in the due index after this use, None for
    unlimited tiers.
    """

    user_id: str
    session_id: str
    subscription_id: str
    subscription_updated_at: datetime
    seen_period_start: datetime
    period_start: datetime
    period_end: datetime
    limit: int | None
    due: keys.Key | None
    at: datetime
    carried_from: datetime | None = None
    unit: Unit = Unit.DOCUMENT

    @property
    def is_first_of_period(self) -> bool:
        """Whether the stored period has ended, so that this use opens the next one."""
        return self.period_start != self.seen_period_start

    @property
    def counted_since(self) -> datetime:
        """The name of the running count: the start of the period that opened it, through however many subscriptions it
        was carried since."""
        if self.is_first_of_period or self.carried_from is None:
            return self.period_start
        return self.carried_from


@dataclass(frozen=True, slots=True)
class Reserved:
    """A unit that is counted: for this job now, or for the same job before (`is_repeat`: that job stands, nothing was
    written).

    `used` may be behind by what others reserved at the same moment; `limit` is None for unlimited tiers.
    """

    is_repeat: bool
    used: int
    limit: int | None
    resets_at: datetime


def unit_of(holder: Holder) -> Unit:
    """Return what a holder's unit is counted as. A report costs none: its tier pays for it, or the one free report.

    Raises:
        KeyError: a job of this kind holds no unit; asking is a defect.
    """
    if isinstance(holder, MessageUnitItem):
        return Unit.MESSAGE
    return _UNITS_OF_JOBS[holder.data.kind]
