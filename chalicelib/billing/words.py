"""One word of a store on its way into the table, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from chalicelib.billing.known import Cause, ExternalKey, Known
from chalicelib.billing.rule_names import RuleName
from chalicelib.gateways.provider_facts import Facts, Notice

PURCHASE = "purchase"
"""The event type of a purchase that the app handed in. It has no event id: no notification told it."""


_MOST_PAYMENTS: Final = 16
"""Each may take three actions of the hundred that DynamoDB allows: five purchases of Google Play with twelve orders
each, all of them new or waiting, would take two hundred."""


@dataclass(frozen=True, slots=True)
class Word:
    """Facts, and where they come from. `notice` is claimed with them; `claimant` is who handed the purchase in."""

    facts: Facts
    cause: Cause
    notice: Notice | None = None
    claimant: str | None = None

    @property
    def parts(self) -> tuple[Word, ...]:
        """The word in parts that a transaction can carry: each tells of every subscription and of some payments, the
        last one with the notice. What a part brings is merged, so that a part alone does no harm, and all of them do
        what the word does. Payments of terms in force come first: the plan is decided from them."""
        facts, behind = self.facts, {seen.term.transaction_id for seen in self.facts.subscriptions if seen.term}
        paid = sorted(facts.payments, key=lambda one: one.transaction_id not in behind)
        stretches = [paid[first : first + _MOST_PAYMENTS] for first in range(0, len(paid), _MOST_PAYMENTS)] or [[]]
        words = [replace(self, facts=Facts(facts.subscriptions, tuple(some)), notice=None) for some in stretches]
        return (*words[:-1], replace(words[-1], notice=self.notice))


class Outcome(StrEnum):
    """What became of a word: it changed something, it told nothing new, or its notice was applied before."""

    APPLIED = "applied"
    NOTHING_NEW = "nothing_new"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a word: `before` and `after` are what was known of all that it speaks of; `owners` whose each
    subscription is then; `rule` what the first of them came to."""

    outcome: Outcome
    before: Known = field(default_factory=Known)
    after: Known = field(default_factory=Known)
    owners: Mapping[ExternalKey, str | None] = field(default_factory=dict)
    rule: RuleName | None = None
