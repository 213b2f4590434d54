"""How a change of consents is written: profile and ledger together, or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.models.consent import ConsentEntryItem
from chalicelib.models.profile import Consent, ConsentChain, UserItem
from chalicelib.models.states import ConsentType

_DATA: Final[Any] = UserItem.data
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """Consents as they stand from now on (only those that change), the end of the ledger as it was read (None: there is
    no ledger yet) and as it is then, and the entries between the two."""

    consents: Mapping[ConsentType, Consent]
    before: ConsentChain | None
    after: ConsentChain
    entries: Sequence[ConsentEntryItem]


def ledger_is_as_read(change: ConsentChange) -> Condition:
    """Protects the chain: of two changes made at once, the second would follow an entry that is no longer the last."""
    head = _DATA.consent_chain.head_hash
    before = change.before
    condition: Condition = head.does_not_exist() if before is None else head == before.head_hash
    return condition


def put_entries(transaction: TransactWrite, change: ConsentChange) -> None:
    """Add the new entries to a transaction."""
    is_unwritten = ConsentEntryItem.pk.does_not_exist()  # protects what was written once: the ledger only grows
    for entry in change.entries:
        transaction.save(entry, condition=is_unwritten)


def profile_actions(change: ConsentChange) -> list[Action]:
    """Return what changes in the profile."""
    actions: list[Action] = [getattr(_DATA.consents, kind).set(consent) for kind, consent in change.consents.items()]
    return [*actions, _DATA.consent_chain.set(change.after)]
