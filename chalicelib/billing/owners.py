"""Whose a purchase is: whom the store names, else who claimed it, be it by one before it; of those only people who are
here and stay."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from chalicelib.billing.known import KnownSubscription
from chalicelib.billing.lineage import Find, owners_named
from chalicelib.billing.merge import released
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus

_NOBODY: Final = "nobody:"
"""What a store's name for somebody who is not here is kept as: it still loses to later words, and leads to nobody."""


@dataclass(frozen=True, slots=True)
class People:
    """The profiles that were read for one decision, each once. `read_profile` reads consistently."""

    read_profile: Callable[[str], UserItem | None]
    _read: dict[str, UserItem | None] = field(default_factory=dict)

    def living(self, user_id: str | None) -> UserItem | None:
        """Return somebody's profile; None for nobody, and for who is erased or is being erased.

        Raises:
            Unavailable: the table does not answer.
        """
        if user_id is None or user_id.startswith(_NOBODY):
            return None
        if user_id not in self._read:
            self._read[user_id] = self.read_profile(user_id)
        user = self._read[user_id]
        return None if user is None or user.data.account_status is AccountStatus.DELETED else user

    def owner_of(self, known: KnownSubscription, find: Find) -> str | None:
        """Return the id of the owner: the first of those named who lives. `find` gives what is known of others."""
        return next((one for one in owners_named(known, find) if self.living(one) is not None), None)

    def without_the_gone(self, known: KnownSubscription) -> KnownSubscription:
        """Return what is known, without an id of anybody who is not here: their claim is void, and the store's word for
        them is kept as a hash, so that an older word does not come to stand instead."""
        claim, account = known.claim, known.account
        if claim is not None and self.living(claim.user_id) is None:
            known = released(known, claim.user_id)
        if account is not None and self.living(account.content) is None:
            known = replace(known, account=replace(account, content=_hidden(account.content)))
        return known


def _hidden(user_id: str) -> str:
    if user_id.startswith(_NOBODY):
        return user_id
    return _NOBODY + hashlib.sha256(f"billing-account/1:{user_id}".encode()).hexdigest()
