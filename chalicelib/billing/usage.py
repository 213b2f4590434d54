"""Units: what is used of the running period, and how one more is reserved for a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.billing.periods import Period, period_at
from chalicelib.billing.standing import standing_of
from chalicelib.clock import Clock
from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.profile import Subscription, UserItem
from chalicelib.stores.usage import Reservation, Reserved, ReserveOutcome, UsageStore
from chalicelib.web.request import Caller

_MOST_READS: Final = 5
"""How often a profile that changes under our hands is read again before the caller is asked to come back."""


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


def usage_at(subscription: Subscription, now: datetime) -> Usage:
    """Return what is used of the period that is right at `now`, whatever a schedule has or has not done.

    The stored period counts while it runs. One that has ended, or that a later one replaces because the subscription
    began anew, counts as nothing used. A clock that lags behind the one that opened the stored period does not open the
    period before it again.
    """
    right = period_at(subscription.start_date, now)
    limit = standing_of(subscription, now).terms.max_documents
    stored = subscription.usage_current_period
    if stored.period_end > now and stored.period_start >= right.start:
        return Usage(int(stored.documents_processed), limit, Period(stored.period_start, stored.period_end))
    return Usage(0, limit, right)


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

    def reserve(self, user: UserItem | None, caller: Caller, job: JobItem) -> Reserved:
        """Count one unit of the caller's period and put the job, both or neither; the same job twice counts once.

        `user` is the caller's profile as it was just read, however stale: the write decides. Units are counted in every
        tier, and limited in some. One transaction where nobody interferes.

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
            usage = usage_at(live.data.current_subscription, now)
            if usage.is_spent:
                return self._repeat_or_refuse(usage, job)
            match self.store.reserve(self._reservation(live, caller, usage, now), job):
                case ReserveOutcome.RESERVED:
                    return Reserved(False, usage.used + 1, usage.limit, usage.period.end)
                case ReserveOutcome.REPEATED:
                    return Reserved(True, usage.used, usage.limit, usage.period.end)
            user = self.read_profile(caller.user_id)
        raise errors.Unavailable(message="The profile is changing too quickly to count a unit.")

    def _repeat_or_refuse(self, usage: Usage, job: JobItem) -> Reserved:
        """The last unit may have been spent on this very job, by an upload whose answer got lost."""
        if self.store.has_job(job):
            return Reserved(True, usage.used, usage.limit, usage.period.end)
        raise errors.QuotaSpent(
            message=f"{usage.used} of {usage.limit} documents of this period are used.",
            details={"used": usage.used, "limit": usage.limit, "resets_at": usage.period.end},
        )

    def _reservation(self, user: UserItem, caller: Caller, usage: Usage, now: datetime) -> Reservation:
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
        )
