"""What can happen to a subscription in the simulated App Store, when it can, and what Apple tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from chalicelib.gateways.provider_facts import Phase
from chalicelib.models.states import Tier
from dev.storefront.apple_subscriptions import GRACE, RETRY, Subscription, Transaction, plan_beside
from dev.storefront.words import Happening

_LAPSE: Final = timedelta(days=3)
_FULL: Final = "REFUND_FULL"

Move = Callable[[datetime], datetime]
"""Lets time pass until an instant, if it has not, and returns the present one."""
NextId = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Told:
    """What Apple tells of it; `about` is the transaction where it is not the one that counts."""

    kind: str
    subtype: str | None = None
    about: Transaction | None = None


@dataclass(frozen=True, slots=True)
class Possibility:
    """One thing that can happen."""

    can: Callable[[Subscription, datetime], bool]
    happen: Callable[[Subscription, Move, NextId], Told]


def _is_running(it: Subscription, now: datetime) -> bool:
    return it.phase is Phase.ACTIVE and not it.is_revoked and now < it.last.ends_at


def _is_to_renew(it: Subscription, now: datetime) -> bool:  # noqa: ARG001  # a renewal moves the clock by itself
    return it.phase is Phase.ACTIVE and not it.is_revoked and it.will_renew


def _is_own(it: Subscription, now: datetime) -> bool:
    """Who is lent a subscription by their family decides nothing about it."""
    return not it.is_shared and _is_running(it, now)


def _renew(it: Subscription, move: Move, next_id: NextId) -> Told:
    move(it.last.ends_at)
    it.add_term(next_id(), is_renewal=True)
    return Told("DID_RENEW")


def _cancel(it: Subscription, move: Move, next_id: NextId) -> Told:  # noqa: ARG001  # one signature for all happenings
    it.will_renew = False
    return Told("DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_DISABLED")


def _uncancel(it: Subscription, move: Move, next_id: NextId) -> Told:  # noqa: ARG001  # one signature for all happenings
    it.will_renew = True
    return Told("DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_ENABLED")


def _fail_into_grace(it: Subscription, move: Move, next_id: NextId) -> Told:  # noqa: ARG001  # one signature for all happenings
    move(it.last.ends_at)
    it.phase, it.grace_ends_at = Phase.GRACE, it.last.ends_at + GRACE
    return Told("DID_FAIL_TO_RENEW", "GRACE_PERIOD")


def _fail_into_retry(it: Subscription, move: Move, next_id: NextId) -> Told:  # noqa: ARG001  # one signature for all happenings
    told = Told("GRACE_PERIOD_EXPIRED") if it.grace_ends_at is not None else Told("DID_FAIL_TO_RENEW")
    move(it.grace_ends_at or it.last.ends_at)
    it.phase, it.grace_ends_at = Phase.RETRY, None
    return told


def _recover(it: Subscription, move: Move, next_id: NextId) -> Told:
    """Within the grace period nothing was interrupted, and the days stay; after it a new row of terms begins."""
    if it.phase is Phase.RETRY:
        it.begin_run(move(it.last.ends_at + _LAPSE))
    it.phase, it.grace_ends_at = Phase.ACTIVE, None
    it.add_term(next_id(), is_renewal=True)
    return Told("DID_RENEW", "BILLING_RECOVERY")


def _expire(it: Subscription, move: Move, next_id: NextId) -> Told:  # noqa: ARG001  # one signature for all happenings
    is_unpaid = it.phase is Phase.RETRY
    move(it.last.ends_at + (RETRY if is_unpaid else timedelta(0)))
    it.phase, it.will_renew, it.intent = Phase.EXPIRED, False, 2 if is_unpaid else 1
    return Told("EXPIRED", "BILLING_RETRY" if is_unpaid else "VOLUNTARY")


def _resubscribe(it: Subscription, move: Move, next_id: NextId) -> Told:
    it.begin_run(move((it.last.revoked_at or it.last.ends_at) + _LAPSE))
    it.add_term(next_id())
    return Told("SUBSCRIBED", "RESUBSCRIBE")


def _upgrade(it: Subscription, move: Move, next_id: NextId) -> Told:
    it.last.is_upgraded = True
    it.next_plan = plan_beside(it.last.plan, Tier.FAMILY) or it.next_plan
    it.begin_run(move(it.last.began_at))
    it.add_term(next_id())
    return Told("DID_CHANGE_RENEWAL_PREF", "UPGRADE")


def _downgrade(it: Subscription, move: Move, next_id: NextId) -> Told:  # noqa: ARG001  # one signature for all happenings
    it.next_plan = plan_beside(it.last.plan, Tier.PREMIUM) or it.next_plan
    return Told("DID_CHANGE_RENEWAL_PREF", "DOWNGRADE")


def _can_refund(it: Subscription, now: datetime) -> bool:
    is_over = it.phase is Phase.EXPIRED and not it.is_revoked
    return not it.is_shared and not it.last.is_trial and (_is_running(it, now) or is_over)


def _take_back(it: Subscription, move: Move, kind: str) -> None:
    it.last.revoked_at, it.last.revocation = move(it.last.began_at), kind
    it.last.percentage = 100_000 if kind == _FULL else None
    it.phase, it.will_renew = Phase.EXPIRED, False


def _refund(it: Subscription, move: Move, next_id: NextId) -> Told:  # noqa: ARG001  # one signature for all happenings
    _take_back(it, move, _FULL)
    return Told("REFUND")


def _reverse_refund(it: Subscription, move: Move, next_id: NextId) -> Told:  # noqa: ARG001  # one signature for all happenings
    """The days go on as if nothing had been; renewal stays off until the customer turns it on."""
    it.last.revoked_at = it.last.revocation = it.last.percentage = None
    is_over = move(it.last.began_at) >= it.last.ends_at
    it.phase, it.intent = (Phase.EXPIRED, it.intent or 1) if is_over else (Phase.ACTIVE, None)
    return Told("REFUND_REVERSED")


def _stop_sharing(it: Subscription, move: Move, next_id: NextId) -> Told:  # noqa: ARG001  # one signature for all happenings
    _take_back(it, move, "FAMILY_REVOKE")
    return Told("REVOKE")


def _unknown_news(it: Subscription, move: Move, next_id: NextId) -> Told:  # noqa: ARG001  # one signature for all happenings
    return Told("SOMETHING_NEW", "NEVER_HEARD_OF")


HAPPENINGS: Final[Mapping[Happening, Possibility]] = MappingProxyType(
    {
        Happening.RENEW: Possibility(_is_to_renew, _renew),
        Happening.CANCEL: Possibility(lambda it, now: _is_running(it, now) and it.will_renew, _cancel),
        Happening.UNCANCEL: Possibility(lambda it, now: _is_running(it, now) and not it.will_renew, _uncancel),
        Happening.FAIL_INTO_GRACE: Possibility(_is_to_renew, _fail_into_grace),
        Happening.FAIL_INTO_RETRY: Possibility(
            lambda it, now: it.phase is Phase.GRACE or _is_to_renew(it, now), _fail_into_retry
        ),
        Happening.RECOVER: Possibility(
            lambda it, now: it.phase is Phase.RETRY or (it.grace_ends_at is not None and now < it.grace_ends_at),
            _recover,
        ),
        Happening.EXPIRE: Possibility(
            lambda it, _: (
                it.phase is Phase.RETRY or (it.phase is Phase.ACTIVE and not it.is_revoked and not it.will_renew)
            ),
            _expire,
        ),
        Happening.RESUBSCRIBE: Possibility(
            lambda it, _: it.phase is Phase.EXPIRED and not (it.is_shared and it.is_revoked), _resubscribe
        ),
        Happening.UPGRADE: Possibility(
            lambda it, now: _is_own(it, now) and plan_beside(it.last.plan, Tier.FAMILY) is not None, _upgrade
        ),
        Happening.DOWNGRADE: Possibility(
            lambda it, now: (
                _is_own(it, now)
                and it.will_renew
                and it.next_plan.tier is it.last.plan.tier
                and plan_beside(it.last.plan, Tier.PREMIUM) is not None
            ),
            _downgrade,
        ),
        Happening.REFUND: Possibility(_can_refund, _refund),
        Happening.REVERSE_REFUND: Possibility(lambda it, _: it.last.revocation == _FULL, _reverse_refund),
        Happening.STOP_SHARING: Possibility(lambda it, now: it.is_shared and _is_running(it, now), _stop_sharing),
        Happening.UNKNOWN_NEWS: Possibility(lambda _it, _now: True, _unknown_news),
    }
)
"""Pausing belongs to Google alone; of disputes Apple says nothing but the refund that ends them."""
