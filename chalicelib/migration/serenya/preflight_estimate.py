"""What a move will take: items, write units, money and time, from the real items of some people."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

from chalicelib.migration.ports import Holding, Key
from chalicelib.migration.sizes import size_of, write_units

Holdings = Callable[[Sequence[Key]], Sequence[Holding]]
"""Gives the items that the rows of some people become."""

TOO_LARGE: Final = 350_000
"""Bytes of one item from which on it is reported: DynamoDB refuses 400 KB, and people go on living."""
WORTH_A_LOOK: Final = 150_000
"""Bytes of somebody's rows, as text, from which on their items are made and measured."""
SAMPLE: Final = 300
_BATCH: Final = 50
_COPY_UNITS: Final = 2
"""Each holding is copied in a transaction with an item that says which revision it was."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What units cost and how quickly they are taken: eu-central-1, on demand. Prices change: see AWS's page.

    A new table takes 4,000 write units a second before it has grown; a worker brings some hundred units a second, so
    that `workers` decide until the table does.
    """

    dollars_per_million_write_units: Decimal = Decimal("0.7625")
    dollars_per_gigabyte_month: Decimal = Decimal("0.306")
    table_units_per_second: int = 4_000
    worker_units_per_second: int = 400
    workers: int = 4

    @property
    def units_per_second(self) -> int:
        """How many units are written in a second, whatever is the narrower."""
        return min(self.table_units_per_second, self.worker_units_per_second * self.workers)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the backfill writes, by AWS's rules, projected from `sampled` people; `spread` is the relative
    standard error of the units."""

    people: int
    rows: int
    sampled: int
    items: int
    bytes: int
    write_units: int
    spread: float
    dollars: Decimal
    storage_dollars_per_month: Decimal
    minutes: float
    rates: Rates

    def as_json(self) -> dict[str, Any]:
        """Return it for machines; money as text."""
        told = asdict(self)
        told["rates"] = {name: str(value) for name, value in told["rates"].items()}
        return told | {name: str(told[name]) for name in ("dollars", "storage_dollars_per_month")}

    def lines(self) -> Iterator[str]:
        """Yield what an operator reads."""
        yield f"Estimate, from the items of {self.sampled:,} of {self.people:,} people (± {2 * self.spread:.0%}):"
        yield f"  {self.items:,} items, {self.bytes / 1e6:,.1f} MB: $ {self.storage_dollars_per_month} a month"
        yield f"  {self.write_units:,} write units: $ {self.dollars}"
        speed = f"{self.rates.units_per_second:,} units a second ({self.rates.workers} workers)"
        yield f"  {self.minutes:,.1f} minutes at {speed}"


def too_large(holdings: Holdings, sizes: Mapping[Key, int]) -> list[tuple[Key, int]]:
    """Return who has an item above 350 KB, and the size of their largest. Only those with large rows are looked at: an
    item is about as large as the rows that it is made of."""
    found = []
    for holding in _in_batches(holdings, sorted(key for key, size in sizes.items() if size > WORTH_A_LOOK)):
        largest = max(map(size_of, holding.items.values()), default=0)
        if largest > TOO_LARGE:
            found.append((holding.key, largest))
    return found


def estimate_of(
    holdings: Holdings, sizes: Mapping[Key, int], tables: Mapping[str, int], rates: Rates | None = None
) -> Estimate:
    """Project from a sample, spread evenly over people ordered by how much they have: a few have very much."""
    rates = rates or Rates()
    ordered = sorted(sizes, key=lambda key: (sizes[key], key))
    step = max(1, len(ordered) // SAMPLE)
    measured = [_measure(one) for one in _in_batches(holdings, ordered[step // 2 :: step])]
    share = len(ordered) / len(measured) if measured else 0.0
    items, size, units = (math.ceil(share * sum(one[place] for one in measured)) for place in range(3))
    return Estimate(
        people=len(ordered),
        rows=sum(tables.values()),
        sampled=len(measured),
        items=items,
        bytes=size,
        write_units=units,
        spread=_spread([one[2] for one in measured]),
        dollars=_cents(rates.dollars_per_million_write_units * units / 10**6),
        storage_dollars_per_month=_cents(rates.dollars_per_gigabyte_month * size / 10**9),
        minutes=units / rates.units_per_second / 60,
        rates=rates,
    )


def _measure(holding: Holding) -> tuple[int, int, int]:
    """Return items, bytes and write units of a holding."""
    items = holding.items.values()
    units = _COPY_UNITS + sum(write_units(item, in_transaction=True) for item in items)
    return len(items), sum(map(size_of, items)), units


def _spread(values: Sequence[int]) -> float:
    if len(values) < 2 or not sum(values):
        return 0.0
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return math.sqrt(variance / len(values)) / mean


def _in_batches(holdings: Holdings, keys: Sequence[Key]) -> Iterator[Holding]:
    for start in range(0, len(keys), _BATCH):
        yield from holdings(keys[start : start + _BATCH])


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))
