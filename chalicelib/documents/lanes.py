"""Lanes: which queue a document waits in, so that premium goes first and nobody's flood stands before anybody's first.

A queue keeps no order that one could rely on, so order comes from which queue it is. One document of a person that
waits or runs stands in a front lane, any further one in a backlog. So a front lane holds one document of anybody at
most, whatever they send: whoever comes with a first one waits for one of theirs, in whatever order the queue hands
out. Behind each lane is a function of its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lanes:
    """The queues by name."""

    priority: str
    ordinary: str
    priority_backlog: str
    backlog: str

    def of(self, *, is_first: bool, is_priority: bool) -> str:
        """Return the queue for a document: by whether it is its owner's first in line, and by its owner's tier."""
        if is_first:
            return self.priority if is_priority else self.ordinary
        return self.priority_backlog if is_priority else self.backlog
