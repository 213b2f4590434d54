"""Which subscriptions the reconciliation looks at, and from when on news of one is overdue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from chalicelib.billing.known import KnownSubscription
from chalicelib.gateways.provider_facts import Phase, RenewalSeen
from chalicelib.models import keys

SHARDS: Final = 24
"""One for each hour of the day: the reconciliation of that hour looks at all of it."""

NO_HURRY: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""Of a subscription from which no news is due at any known time: looked at once a day like all, and no oftener."""


def live_key(known: KnownSubscription) -> keys.Key | None:
    """Return where a subscription stands in the due index; None for one that is over, of which only a notice could
    still tell (a refund, a purchase anew)."""
    due_at = news_due_at(known)
    if due_at is None:
        return None
    external_hash = keys.digest_of(known.external_id)
    return keys.billing_live_key(known.provider, keys.shard_of(external_hash, SHARDS), due_at, external_hash)


def news_due_at(known: KnownSubscription) -> datetime | None:
    """Return when its store should have told what became of it; None where nothing is to become of it.

    A failed renewal may be retried for sixty days, and a pause may have no end: such are not asked about every hour.
    """
    renewal = known.renewal.content if known.renewal is not None else None
    term = known.term.content if known.term is not None else None
    if known.replaced_by is not None or (renewal is not None and _is_over(renewal)):
        return None
    if renewal is None or term is None or renewal.phase in (Phase.PENDING, Phase.RETRY):
        return NO_HURRY
    if renewal.phase is Phase.PAUSED:
        return renewal.resumes_at or NO_HURRY
    if renewal.phase is Phase.GRACE:
        return renewal.grace_ends_at or term.ends_at
    return term.ends_at


def _is_over(renewal: RenewalSeen) -> bool:
    return renewal.phase is Phase.EXPIRED and not renewal.will_renew
