"""A person's e-mail that changed at their provider: profile, index and guards move together, with the sign-in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.models import keys
from chalicelib.models.guard import GuardData, GuardItem
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import UserItem

_DATA: Final[Any] = UserItem.data
_OF_GUARD: Final[Any] = GuardItem.data
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


@dataclass(frozen=True, slots=True)
class EmailMove:
    """From the address that was read to the one that the provider vouches for now.

    `seen_hash` is what the profile held, None for no address. `released` and `claimed` are the hashes whose guards go
    and come; None where an address has no guard (unverified, a relay, none at all) or keeps it.
    """

    seen_hash: str | None
    email: str
    email_hash: str
    is_verified: bool
    is_private: bool
    released: str | None
    claimed: str | None


def address_is_as_read(move: EmailMove) -> Condition:
    """Protects from releasing the guard of an address that somebody else's move has put there meanwhile."""
    path = _DATA.email_hash
    condition: Condition = path.does_not_exist() if move.seen_hash is None else path == move.seen_hash
    return condition


def move_guards(transaction: TransactWrite, user_id: str, move: EmailMove, at: datetime) -> None:
    """Add the guards that go and come to a transaction."""
    # Protects what is somebody else's. Old data may lack a guard, and a guard that is ours already is no obstacle.
    is_free_or_ours = GuardItem.pk.does_not_exist() | (_OF_GUARD.user_id == user_id)
    if move.released is not None:
        transaction.delete(_guard(move.released, user_id, at), condition=is_free_or_ours)
    if move.claimed is not None:
        transaction.save(_guard(move.claimed, user_id, at), condition=is_free_or_ours)


def address_actions(move: EmailMove) -> list[Action]:
    """Return what changes in the profile and its index."""
    index = keys.email_index_key(move.email_hash)
    return [
        _DATA.email.set(move.email),
        _DATA.email_hash.set(move.email_hash),
        _DATA.email_verified.set(move.is_verified),
        _DATA.is_private_email.set(move.is_private),
        # What Apple said of forwarding, it said of the address before.
        _DATA.is_email_forwarded.remove(),
        UserItem.gsi1_pk.set(index.pk),
        UserItem.gsi1_sk.set(index.sk),
    ]


def _guard(email_hash: str, user_id: str, at: datetime) -> GuardItem:
    key = keys.guard_key(GuardKind.EMAIL, email_hash)
    return GuardItem(key.pk, key.sk, data=GuardData(user_id=user_id), created_at=at, updated_at=at)
