"""Units: what is used of the running period, how one more is reserved, and how a count goes with its person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.billing.entitlements import Feature, allows
from chalicelib.billing.periods import Period, period_at
from chalicelib.billing.standing import standing_of
from chalicelib.clock import Clock
from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.profile import Subscription, UsagePeriod, UserItem
from chalicelib.stores.reservation import Holder, Reservation, Reserved, Unit, unit_of
from chalicelib.stores.usage import ReserveOutcome, UsageStore
from chalicelib.web.limits import quota_headers
from chalicelib.web.request import Caller

_MOST_READS: Final = 5
"""How often a profile that changes under our hands is read again before the caller is asked to come back."""


_SPENT: Final = {
    Unit.DOCUMENT: ("documents", "You have used all documents of this month. Upgrade, or wait for the next period."),
    Unit.MESSAGE: ("messages", "You have used all questions of this month. Upgrade, or wait for the next period."),
}

ProfileReader = Callable[[str], "UserItem | None"]
"""Reads a profile by user id, consistently; None for nobody."""
ConsentRule = Callable[[UserItem], None]
"""Raises `Forbidden` (CONSENT_REQUIRED) where the consent to process medical data is missing."""


class SessionRule(Protocol):
    """Says whether a caller's session still lives."""

    def require_live(self, user: UserItem | None, caller: Caller) -> UserItem:
        """Return the user.

        Raises:
            Unauthenticated: unknown user, or a session that was revoked or has ended.
            Forbidden: the account is suspended.
        """
        ...


@dataclass(frozen=True, slots=True)
class Usage:
    """Units used in a period; `limit` is None for an unlimited tier."""

    used: int
    limit: int | None
    period: Period

    @property
    def is_spent(self) -> bool:
        """Whether no unit is left."""
        return self.limit is not None and self.used >= self.limit


def usage_at(subscription: Subscription, now: datetime, unit: Unit = Unit.DOCUMENT) -> Usage:
    """Return what is used of the period that is right at `now`, whatever a schedule has or has not done.

    The stored period counts while it runs. One that has ended, or that a later one replaces because the subscription
    begins its months on another day, counts as nothing used: whoever replaces a subscription carries the count over
    (`carried_over`). A clock that lags behind the one that opened the stored period does not open the period before it
    again.
    """
    right = period_at(subscription.start_date, now)
    terms = standing_of(subscription, now).terms
    limit = terms.max_documents if unit is Unit.DOCUMENT else terms.max_chat_messages
    stored = subscription.usage_current_period
    if stored.period_end > now and stored.period_start >= right.start:
        return Usage(int(getattr(stored, unit.value) or 0), limit, Period(stored.period_start, stored.period_end))
    return Usage(0, limit, right)


def carried_over(subscription: Subscription, start_date: datetime, now: datetime) -> UsagePeriod:
    """Return the usage period for the subscription that replaces this one, whose months begin on `start_date`.

    What is used of the running period stays used, so that switching gives nothing away; `carried_from` names the count,
    through however many switches, so that a unit reserved before one of them is still given back. A count whose period
    is over is not carried.
    """
    right, old = period_at(start_date, now), subscription.usage_current_period
    used = {unit: usage_at(subscription, now, unit) for unit in Unit}
    is_running = used[Unit.DOCUMENT].period == Period(old.period_start, old.period_end)
    counted_since = (old.carried_from or old.period_start) if is_running else None
    return UsagePeriod(
        **{unit.value: usage.used for unit, usage in used.items()},
        period_start=right.start,
        period_end=right.end,
        last_updated=now,
        carried_from=None if counted_since == right.start else counted_since,
    )


@dataclass(frozen=True, slots=True)
class Reservations:
    """Reserves units. `read_profile` reads a profile consistently; it is asked only when the one at hand proved
    stale."""

    store: UsageStore
    sessions: SessionRule
    require_consent: ConsentRule
    read_profile: ProfileReader
    clock: Clock
    shards: int

    def reserve(self, user: UserItem | None, caller: Caller, job: Holder) -> Reserved:
        """Count one unit of the caller's period and put the job, both or neither; the same job twice counts once.

        `user` is the caller's profile as it was just read, however stale: the write decides. Units are counted in every
        tier, and limited in some. One transaction where nobody interferes. What is counted follows from the job: a
        document, or a chat message. A job is marked with whether its tier goes first, so that no worker need ask.

        Raises:
            QuotaSpent: no unit is left; `details` has used, limit and resets_at.
            Forbidden: CONSENT_REQUIRED, or the account is suspended.
            Unauthenticated: the session was revoked.
            Unavailable: the profile kept changing, or the table does not answer.
        """
        for _ in range(_MOST_READS):
            live = self.sessions.require_live(user, caller)
            self.require_consent(live)
            now = self.clock.now()
            subscription = live.data.current_subscription
            usage = usage_at(subscription, now, unit_of(job))
            if usage.is_spent:
                return self._repeat_or_refuse(usage, job, now)
            if isinstance(job, JobItem):
                job.data.is_priority = allows(subscription, Feature.PRIORITY_PROCESSING, now)
            match self.store.reserve(self._reservation(live, caller, usage, now, unit_of(job)), job):
                case ReserveOutcome.RESERVED:
                    return Reserved(False, usage.used + 1, usage.limit, usage.period.end)
                case ReserveOutcome.REPEATED:
                    return Reserved(True, usage.used, usage.limit, usage.period.end)
            user = self.read_profile(caller.user_id)
        raise errors.Unavailable(message="The profile is changing too quickly to count a unit.")

    def _repeat_or_refuse(self, usage: Usage, job: Holder, now: datetime) -> Reserved:
        """The last unit may have been spent on this very job, by a request whose answer got lost."""
        if self.store.has_job(job):
            return Reserved(True, usage.used, usage.limit, usage.period.end)
        counted, sentence = _SPENT[unit_of(job)]
        raise errors.QuotaSpent(
            message=f"{usage.used} of {usage.limit} {counted} of this period are used.",
            user_message=sentence,
            details={"used": usage.used, "limit": usage.limit, "resets_at": usage.period.end},
            headers=quota_headers(usage.used, usage.limit, usage.period.end, now),
        )

    def _reservation(self, user: UserItem, caller: Caller, usage: Usage, now: datetime, unit: Unit) -> Reservation:
        subscription = user.data.current_subscription
        shard = keys.shard_of(caller.user_id, self.shards)
        is_limited = usage.limit is not None
        return Reservation(
            user_id=caller.user_id,
            session_id=caller.session_id,
            subscription_id=subscription.subscription_id,
            subscription_updated_at=subscription.updated_at,
            seen_period_start=subscription.usage_current_period.period_start,
            period_start=usage.period.start,
            period_end=usage.period.end,
            limit=usage.limit,
            due=keys.usage_due_key(usage.period.due_on, shard, caller.user_id) if is_limited else None,
            at=now,
            carried_from=subscription.usage_current_period.carried_from,
            unit=unit,
        )
