"""One word of a store on its way into the table, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.billing.evidence import RuleName
from chalicelib.billing.known import Cause, ExternalKey, Known
from chalicelib.gateways.provider_facts import Facts, Notice

PURCHASE = "purchase"
"""The event type of a purchase that the app handed in. It has no event id: no notification told it."""


@dataclass(frozen=True, slots=True)
class Word:
    """Facts, and where they come from. `notice` is claimed with them; `claimant` is who handed the purchase in."""

    facts: Facts
    cause: Cause
    notice: Notice | None = None
    claimant: str | None = None


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
