"""What the mapping asks of other rooms: whole months, and hashes of the ledger of consents; handed in by the wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from chalicelib.rules import Rules


class Stretch(Protocol):
    """A usage period."""

    @property
    def start(self) -> datetime:
        """When it begins."""
        ...

    @property
    def end(self) -> datetime:
        """When it is over."""
        ...

    @property
    def due_on(self) -> date:
        """The first day on which it is over from midnight on."""
        ...


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Rules of other rooms. `period_at` returns the usage period, of those that begin at an anchor, that holds an
    instant; `seed_of` what the first entry of a ledger holds for the hash before, `hash_of` the hash of an entry, given
    by its attributes."""

    period_at: Callable[[datetime, datetime], Stretch]
    seed_of: Callable[[str], str]
    hash_of: Callable[[Mapping[str, Any]], str]
    rules: Rules = field(default_factory=Rules)
