"""Digests of entries, and sums of them that do not depend on any order: both sides compute them, each in its own way.

An *entry* is one thing that both sides hold under a key, in a *lane* (a kind of thing), as a list of texts. Its digest:

    text    = the JSON array [lane, key, value, value, ...], each a text or null; ", " between; only `"`, `\\` and
              control characters escaped: Python's json.dumps(..., ensure_ascii=False), PostgreSQL's json_build_array
    digest  = SHA-256 of the text in UTF-8; high = its first 15 hex digits, low = the 15 after them, as whole numbers

A *tally* is how many entries there are, and the sums of `high` and of `low`. Tallies of parts add up to the tally of
the whole. Two tallies are the same only if the entries are, but for a chance of one in 10^36.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring
from typing import Final, NamedTuple

HALF: Final = 15
"""Hex digits of each half: 60 bits, which PostgreSQL's bigint holds."""


class Tally(NamedTuple):
    """How many entries there are, and the sums of both halves of their digests."""

    number: int = 0
    high: int = 0
    low: int = 0

    def plus(self, other: Tally) -> Tally:
        """Return the tally of both together."""
        return Tally(self.number + other.number, self.high + other.high, self.low + other.low)

    def minus(self, other: Tally) -> Tally:
        """Return the tally without the other."""
        return Tally(self.number - other.number, self.high - other.high, self.low - other.low)

    @property
    def digest(self) -> str:
        """Both sums, in hex, as a report has them."""
        return f"{self.high:x}.{self.low:x}"


NOTHING: Final = Tally()


def tally_of(lane: str, key: str, values: Sequence[str | None]) -> Tally:
    """Return the tally of one entry."""
    texts = ["null" if value is None else encode_basestring(value) for value in (lane, key, *values)]
    digest = hashlib.sha256(f"[{', '.join(texts)}]".encode()).hexdigest()
    return Tally(1, int(digest[:HALF], 16), int(digest[HALF : 2 * HALF], 16))


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the tally of all together."""
    number = high = low = 0
    for tally in tallies:
        number, high, low = number + tally.number, high + tally.high, low + tally.low
    return Tally(number, high, low)


def sql_tallies(lane: str, entries: str, values: int, group: str) -> str:
    """Return a query for the tallies of a lane, by `group` (an expression of `key`): group, number, high, low.

    `entries` is a query for `key` and `v0`, `v1`, …, each a text.
    """
    listed = ", ".join(f"v{place}" for place in range(values))
    array = f"json_build_array('{lane}', key, {listed})::text"
    half = "('x' || substr(digest, {}, {}))::bit(60)::bigint"
    # OFFSET 0 keeps the planner from working out each digest twice.
    return (
        f"SELECT {group} AS part, count(*), sum({half.format(1, HALF)}), sum({half.format(1 + HALF, HALF)}) FROM ("  # noqa: S608  # declared names
        f"SELECT key, encode(sha256(convert_to({array}, 'UTF8')), 'hex') AS digest FROM ({entries}) AS told OFFSET 0"
        ") AS digested GROUP BY 1"
    )
