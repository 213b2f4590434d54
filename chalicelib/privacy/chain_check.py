"""The operator's check of the ledgers of consents: `python -m chalicelib.privacy.chain_check USER_ID…` or `--all`.

Writes a JSON line per fault (ids, no consent) and one at the end. Exits with 0 if every chain is whole, 1 if any is
broken, 2 if nobody was named. Safe while the service runs: what changed between two reads is read again.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chalicelib.config import settings
from chalicelib.models.base import connect
from chalicelib.models.consent import ConsentEntryItem
from chalicelib.models.profile import ConsentChain, Consents, UserItem
from chalicelib.observe.log import log
from chalicelib.privacy.consent_ledger import Finding, faults
from chalicelib.stores.consents import ConsentStore
from chalicelib.stores.users import Users

PAGE_SIZE: Final = 200
_LOOKS: Final = 3


class Profiles(Protocol):
    """Reads profiles."""

    def by_id(self, user_id: str) -> UserItem | None:
        """Return somebody, read consistently."""
        ...


class Ledgers(Protocol):
    """Reads ledgers."""

    def ledger(self, user_id: str) -> list[ConsentEntryItem]:
        """Return a whole ledger, oldest first."""
        ...

    def everybody(self, page_size: int) -> Iterator[str]:
        """Yield the id of every person."""
        ...


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """Holds ledgers against profiles."""

    users: Profiles
    ledgers: Ledgers

    def findings(self, user_id: str) -> list[Finding]:
        """Return what is wrong with somebody's ledger; empty if nothing is.

        Two reads are no snapshot: a fault counts if it is still there when profile and ledger are looked at again.
        """
        found: list[Finding] = []
        for _ in range(_LOOKS):
            user = self.users.by_id(user_id)
            # A ledger whose person is gone is not whole: an erasure moves both.
            chain: ConsentChain | None = None if user is None else user.data.consent_chain
            standing = Consents() if user is None else user.data.consents
            seen, found = found, faults(self.ledgers.ledger(user_id), chain, standing)
            if not found or found == seen:
                break
        return found

    def run(self, user_ids: Iterable[str]) -> int:
        """Check these people, write a line per fault, and return how many ledgers are broken."""
        checked = broken = 0
        for user_id in user_ids:
            checked += 1
            found = self.findings(user_id)
            broken += bool(found)
            for one in found:
                log(
                    "consent_chain_broken",
                    level=logging.ERROR,
                    user_id=user_id,
                    fault=one.fault,
                    sequence=one.sequence,
                    consent_type=one.consent_type,
                )
        log("consent_chains_checked", checked=checked, broken=broken)
        return broken


def main(arguments: Sequence[str]) -> int:
    """Check the people named, or everybody with `--all`; return the exit code."""
    if not arguments:
        sys.stderr.write("usage: python -m chalicelib.privacy.chain_check USER_ID... | --all\n")
        return 2
    stage = settings()
    connect(stage.table_name, stage.region)
    ledgers = ConsentStore()
    user_ids = ledgers.everybody(PAGE_SIZE) if "--all" in arguments else iter(arguments)
    return 1 if ChainCheck(Users(), ledgers).run(user_ids) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
