"""Prints the month's bill: `python -m deploy.cost [--users N] [--requests N] [--documents N]`, `make cost`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from chalicelib.config import Settings
from deploy.cost.bill import Bill, bill
from deploy.cost.prices import LEGACY_DOLLARS, LISTS, PriceList
from deploy.cost.usage import Month
from deploy.generate import stage_settings

USERS: Final = (0, 1_000, 10_000)


def main(arguments: Sequence[str]) -> int:
    """Print the bills; 2 where there is no price list for the stage's region."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cost", description=__doc__)
    usual = Month()
    parser.add_argument("--stage", default="prod")
    parser.add_argument("--users", type=_number, action="append", help="active users; may be given several times")
    parser.add_argument("--requests", type=Decimal, default=usual.requests_per_user, help="requests per user and month")
    parser.add_argument("--documents", type=Decimal, default=usual.documents_per_user, help="documents per user, month")
    given = parser.parse_args(arguments)
    settings = stage_settings(given.stage)
    if settings.region not in LISTS:
        print(f"There is no price list for {settings.region}; there are {', '.join(LISTS)}.", file=sys.stderr)
        return 2
    prices = LISTS[settings.region]
    months = [Month(users, given.requests, given.documents) for users in given.users or USERS]
    print("\n".join(table(settings, prices, months)))
    return 0


def table(settings: Settings, prices: PriceList, months: Sequence[Month]) -> list[str]:
    """Return the bills side by side, the dearest line first."""
    bills = [bill(settings, month, prices) for month in months]
    lines = [
        f"Dollars a month of the stage {settings.stage} in {prices.region}, by AWS's prices of {prices.on}; "
        f"{months[0].requests_per_user} requests and {months[0].documents_per_user} documents per active user",
        "",
        _row("", [f"{month.users:,} users" for month in months]),
    ]
    dearest = sorted(bills[-1].lines, key=lambda line: -line.dollars)
    for name in (line.name for line in dearest):
        cells = [next(line for line in one.lines if line.name == name) for one in bills]
        if any(cell.dollars >= Decimal("0.005") for cell in cells):
            lines.append(_row(name, [f"{_amount(cell.amount)}  {cell.dollars:8.2f}" for cell in cells]))
    return [*lines, "", *_sums(bills)]


def _sums(bills: Sequence[Bill]) -> list[str]:
    return [
        _row("sum by the price list", [f"{one.dollars:.2f}" for one in bills]),
        _row("after what is always free", [f"{one.dollars_after_free:.2f}" for one in bills]),
        _row("language models, apart", [f"{one.model_dollars:.2f}" for one in bills]),
        _row("the legacy bill, without a user", [f"{LEGACY_DOLLARS:.2f}"] * len(bills)),
    ]


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:32}" + "".join(f"{cell:>26}" for cell in cells)


def _amount(amount: Decimal) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.2f}"


def _number(text: str) -> int:
    users = int(text.replace(",", ""))
    if users < 0:
        raise argparse.ArgumentTypeError("fewer than no users")
    return users


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
