"""Whole lives of subscriptions, drawn by hypothesis and lived in a simulated store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dev.storefront.words import Happening, Shop, VirtualClock

PLANS: Final = ("premium_monthly", "premium_yearly", "family_monthly", "family_yearly")
_MOST_HOURS: Final = 20
"""Between two happenings. Less than any term, and less than the three days in which Google wants a purchase
acknowledged: what time alone does is a happening."""

QUICK: Final = frozenset(
    {
        Happening.CANCEL,
        Happening.UNCANCEL,
        Happening.UPGRADE,
        Happening.DOWNGRADE,
        Happening.REFUND,
        Happening.REVERSE_REFUND,
        Happening.DISPUTE,
        Happening.WIN_DISPUTE,
        Happening.LOSE_DISPUTE,
        Happening.STOP_SHARING,
        Happening.UNKNOWN_NEWS,
    }
)
"""What can happen within one term: nothing of it waits for an end."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing in a life: which of those that can happen then, and how many hours pass before."""

    choice: int
    hours: int

    def chosen(self, possible: Sequence[Happening]) -> Happening | None:
        """Return one of what is possible, each as likely as any other; news of an unknown kind, which are always
        possible, one time in eight. None where nothing is."""
        # Hypothesis likes small numbers: taken as they are, they would choose what stands first.
        number = int.from_bytes(hashlib.sha256(str(self.choice).encode()).digest()[:4], "big")
        is_news = number % 8 == 0
        others = [one for one in possible if is_news == (one is Happening.UNKNOWN_NEWS)]
        return others[number // 8 % len(others)] if others else None


@dataclass(frozen=True, slots=True)
class Life:
    """What is bought, and what happens to it. The same life in the same store has the same story."""

    plan_id: str
    is_shared: bool
    steps: tuple[Step, ...]


def lives(*, most_steps: int = 10, may_be_shared: bool = False) -> SearchStrategy[Life]:
    """Draw lives. They shrink to fewer steps."""
    steps = st.builds(Step, choice=st.integers(0, 2**16), hours=st.integers(0, _MOST_HOURS))
    return st.builds(
        Life,
        plan_id=st.sampled_from(PLANS),
        is_shared=st.booleans() if may_be_shared else st.just(False),
        steps=st.lists(steps, min_size=most_steps // 2, max_size=most_steps).map(tuple),
    )


def live(
    life: Life,
    shop: Shop,
    clock: VirtualClock,
    account: str | None,
    after_each: Callable[[str], None],
    among: frozenset[Happening] = frozenset(Happening),
) -> list[tuple[str, str]]:
    """Live a life in a store, with nothing happening but what is `among` these. `after_each` is called with the
    external id after the purchase and after everything that happens.

    Returns the story: what happened, and the external id under which the subscription went on.
    """
    external_id = shop.buy(account, life.plan_id, is_shared=life.is_shared)
    story = [("buy", external_id)]
    after_each(external_id)
    for step in life.steps:
        clock.advance(timedelta(hours=step.hours))
        possible = [one for one in Happening if one in among and shop.can(external_id, one)]
        happening = step.chosen(possible)
        if happening is None:
            continue
        external_id = shop.happen(external_id, happening)
        story.append((happening.value, external_id))
        after_each(external_id)
    return story


def ids_in(story: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return every external id that a subscription had, in the order of its life."""
    return tuple(dict.fromkeys(external_id for _, external_id in story))
