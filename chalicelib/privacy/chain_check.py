"""The operator's check of the ledgers of consents, of people and of what is kept of those who were erased:

    python -m chalicelib.privacy.chain_check USER_ID... --retained KEY...
    python -m chalicelib.privacy.chain_check --all

Writes a JSON line per fault (ids, no consent) and one at the end. Exits with 0 if every chain is whole, 1 if any is
broken, 2 if nobody was named, or somebody of whom there is nothing. Safe while the service runs: what changed between
two reads is read again, and what an erasure is moving is told apart.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from chalicelib.config import settings
from chalicelib.models.base import connect
from chalicelib.models.consent import ConsentEntryItem
from chalicelib.models.erasure import ErasureItem
from chalicelib.models.profile import ConsentChain, Consents, UserItem
from chalicelib.observe.log import log
from chalicelib.privacy.consent_ledger import Finding, faults
from chalicelib.stores.consents import ConsentStore
from chalicelib.stores.erasures import Erasures
from chalicelib.stores.users import Users

PAGE_SIZE: Final = 200
_LOOKS: Final = 3
_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


class Profiles(Protocol):
    """Reads profiles."""

    def by_id(self, user_id: str) -> UserItem | None:
        """Return somebody, read consistently."""
        ...


class RunningErasures(Protocol):
    """Knows what is being erased."""

    def due(self, now: datetime) -> Iterator[str]:
        """Yield the names of unfinished erasures that are due by then."""
        ...

    def find(self, name: str) -> ErasureItem | None:
        """Return an erasure."""
        ...


class Ledgers(Protocol):
    """Reads ledgers."""

    def ledger(self, user_id: str) -> list[ConsentEntryItem]:
        """Return a whole ledger, oldest first."""
        ...

    def retained_ledger(self, retained_id: str) -> list[ConsentEntryItem]:
        """Return the whole ledger of somebody erased, oldest first."""
        ...

    def retained_chain(self, retained_id: str) -> ConsentChain | None:
        """Return the end of the ledger of somebody erased."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """What a check came to: how many ledgers are broken, and which ids there is nothing of."""

    checked: int
    broken: int
    unknown: list[str]


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """Holds ledgers against profiles, and those of the erased against the end that was kept."""

    users: Profiles
    ledgers: Ledgers
    erasures: RunningErasures

    def findings(self, user_id: str) -> list[Finding] | None:
        """Return what is wrong with somebody's ledger; empty if nothing is, None if there is neither profile nor entry.

        Two reads are no snapshot: a fault counts if it is still there when profile and ledger are looked at again.
        """

        def look() -> list[Finding] | None:
            user, ledger = self.users.by_id(user_id), self.ledgers.ledger(user_id)
            if user is None:
                # A ledger whose person is gone is not whole: an erasure moves both.
                return faults(ledger, None, Consents()) if ledger else None
            return faults(ledger, user.data.consent_chain, user.data.consents)

        return self._settled(look, user_id)

    def retained_findings(self, retained_id: str) -> list[Finding] | None:
        """Return the same of a ledger that is kept under a random key."""

        def look() -> list[Finding] | None:
            chain, ledger = self.ledgers.retained_chain(retained_id), self.ledgers.retained_ledger(retained_id)
            return faults(ledger, chain, None) if chain is not None or ledger else None

        return self._settled(look, retained_id)

    def run(self, user_ids: Iterable[str], retained_ids: Iterable[str] = ()) -> Tally:
        """Check these ledgers and write a line per fault."""
        checked = broken = 0
        unknown: list[str] = []
        for field, ids, check in (
            ("user_id", user_ids, self.findings),
            ("retained_id", retained_ids, self.retained_findings),
        ):
            for one in ids:
                found = check(one)
                checked += 1
                broken += bool(found)
                unknown += [one] if found is None else []
                _report(field, one, found or [])
        log("consent_chains_checked", checked=checked, broken=broken, unknown=len(unknown))
        return Tally(checked, broken, unknown)

    def _settled(self, look: Callable[[], list[Finding] | None], named: str) -> list[Finding] | None:
        """Look until a fault is still there. A ledger on its way from one place to the other is whole in neither; once
        it has arrived, it is looked at again, for its faults were those of the way."""
        found = _repeated(look)
        if not found:
            return found
        if named in self._on_the_move():
            log("consent_chain_on_the_move", level=logging.WARNING)
            return []
        return _repeated(look)

    def _on_the_move(self) -> set[str]:
        """Return the user ids and the random keys of erasures that have not ended."""
        found = [self.erasures.find(name) for name in self.erasures.due(_EVER)]
        running = [one.data for one in found if one is not None]
        return {one for data in running for one in (data.user_id, data.retained_id) if one is not None}


def main(arguments: Sequence[str]) -> int:
    """Check those named, or everybody with `--all`; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m chalicelib.privacy.chain_check", allow_abbrev=False)
    parser.add_argument("user_ids", nargs="*", metavar="USER_ID")
    parser.add_argument("--retained", nargs="+", default=[], metavar="KEY", help="ledgers kept of people erased")
    parser.add_argument("--all", action="store_true", help="everybody, erased or not; reads the whole table")
    wanted = parser.parse_args(arguments)
    if not (wanted.user_ids or wanted.retained or wanted.all):
        parser.print_usage(sys.stderr)
        return 2
    stage = settings()
    connect(stage.table_name, stage.region)
    ledgers = ConsentStore()
    check = ChainCheck(Users(), ledgers, Erasures())
    if wanted.all:
        return 1 if check.run(ledgers.everybody(PAGE_SIZE), ledgers.everybody_erased(PAGE_SIZE)).broken else 0
    tally = check.run(wanted.user_ids, wanted.retained)
    for one in tally.unknown:
        sys.stderr.write(f"chain_check: there is no profile and no consent under {one!r}; nothing was checked for it\n")
    return 1 if tally.broken else 2 if tally.unknown else 0


def _repeated(look: Callable[[], list[Finding] | None]) -> list[Finding] | None:
    found: list[Finding] | None = []
    for _ in range(_LOOKS):
        seen, found = found, look()
        if not found or found == seen:
            break
    return found


def _report(field: str, name: str, found: Sequence[Finding]) -> None:
    named: dict[str, Any] = {field: name}
    for one in found:
        log(
            "consent_chain_broken",
            level=logging.ERROR,
            fault=one.fault,
            sequence=one.sequence,
            consent_type=one.consent_type,
            **named,
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
