"""The line of purchases of which each goes on as the one before it did: an upgrade, a downgrade, a new sign-up.

A purchase that names nobody belongs to whoever has the one before it. That is never written down as an owner: it is
concluded from what is known of each, so that it does not matter which of them was told, or claimed, first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from chalicelib.billing.known import ExternalKey, KnownSubscription
from chalicelib.billing.merge import subscription_key

MOST_LINKS: Final = 16
"""So far is a line followed in either direction: each link costs three reads, and nobody changes plans so often."""

Find = Callable[[ExternalKey], KnownSubscription | None]


def those_before(known: KnownSubscription, find: Find) -> Iterator[KnownSubscription]:
    """Return what a purchase goes on from, nearest first."""
    met = {subscription_key(known)}
    while known.follows is not None and len(met) <= MOST_LINKS:
        key = ExternalKey(known.provider, known.follows.content)
        found = None if key in met else find(key)
        if found is None:
            return
        met.add(key)
        known = found
        yield known


def those_after(known: KnownSubscription, find: Find) -> Iterator[KnownSubscription]:
    """Return what goes on from a purchase, nearest first; of those that follow the same one, all."""
    met, waiting = {subscription_key(known)}, [known]
    while waiting and len(met) <= MOST_LINKS:
        for key in _followers(waiting.pop(0)):
            found = None if key in met else find(key)
            if found is not None:
                met.add(key)
                waiting.append(found)
                yield found


def owners_named(known: KnownSubscription, find: Find) -> Iterator[str]:
    """Return the user ids that may own a purchase, best first: whom its store names for it, or for the nearest before
    it; then who claimed it or one before it, the first claim first. Whether they live is for the reader to find out;
    the first that does is the owner. No more is looked up than is asked for."""
    if known.account is not None:
        yield known.account.content
    line = [known]
    for before in those_before(known, find):
        line.append(before)
        if before.account is not None:
            yield before.account.content
    claims = [one.claim for one in line if one.claim is not None]
    yield from (claim.user_id for claim in sorted(claims, key=lambda claim: (claim.claimed_at, claim.user_id)))


def _followers(known: KnownSubscription) -> list[ExternalKey]:
    replaced_by = (known.replaced_by.content,) if known.replaced_by is not None else ()
    return [ExternalKey(known.provider, one) for one in dict.fromkeys((*replaced_by, *known.followed_by))]
