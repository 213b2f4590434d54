"""Units of chat messages that are answered while their sender waits: reserved, then kept or given back."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime

from chalicelib import errors
from chalicelib.billing.usage import Reservations
from chalicelib.clock import Clock
from chalicelib.ids import new_id
from chalicelib.models import keys
from chalicelib.models.message_unit import MessageUnitData, MessageUnitItem
from chalicelib.models.profile import UserItem
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.message_units import MessageUnits
from chalicelib.stores.reservation import Reserved
from chalicelib.web.request import Caller


@dataclass(frozen=True, slots=True)
class MessageUnit:
    """The unit of one message. `holder` is what is to be kept or given back; None where the message was answered before
    and its unit is spent. `limit` is None for unlimited tiers."""

    holder: MessageUnitItem | None
    used: int
    limit: int | None
    resets_at: datetime

    @property
    def is_answered_again(self) -> bool:
        """Whether this message was answered before: its sender did not get the answer, or wants another one."""
        return self.holder is None


def message_name(idempotency_key: str | None, content: str) -> str:
    """Return the name under which a message is counted: the same key with the same words is the same message. Without a
    key every request is a message of its own.

    The words are part of it, so that one key does not buy other messages; only a hash is ever stored.
    """
    if not idempotency_key:
        return new_id()
    return hashlib.sha256(f"message/1:{len(idempotency_key)}:{idempotency_key}:{content}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MessageReservations:
    """Counts messages. The road not taken is a sweep over leases: a unit whose process died is looked for when it is
    missed, that is when its owner's quota is spent, so that no schedule can be late and none costs anything."""

    reservations: Reservations
    units: MessageUnits
    clock: Clock
    rules: Rules

    def reserve(self, user: UserItem | None, caller: Caller, name: str) -> MessageUnit:
        """Count one message of the caller's period; the same name twice counts once. `user` is the profile as it was
        just read. One transaction where nobody interferes.

        Whoever reserves must then `keep` or `give_back`; a process that dies in between loses its claim with the lease.

        Raises:
            QuotaSpent: no unit is left; `details` has used, limit and resets_at.
            Conflict: MESSAGE_IN_PROGRESS, this message is being answered, or had its answers.
            Forbidden: CONSENT_REQUIRED, or the account is suspended. Unauthenticated: the session was revoked.
            Unavailable: the profile kept changing, or the table does not answer; the same message can be sent again at
                once, or, where the table is not back by then, when the lease is over.
        """
        holder = self._holder(caller.user_id, name)
        try:
            reserved = self._reserved(user, caller, holder)
        except errors.Unavailable:
            self._withdraw(holder)
            raise
        claimed = self._claim_again(holder) if reserved.is_repeat else holder
        return MessageUnit(claimed, reserved.used, reserved.limit, reserved.resets_at)

    def keep(self, unit: MessageUnit) -> None:
        """Let a unit be spent: its message was answered. Safe to run twice.

        Raises:
            Unavailable: the table does not answer; the unit goes back when its lease ends.
        """
        if unit.holder is not None:
            self.units.keep(unit.holder, self.clock.now())

    def give_back(self, unit: MessageUnit) -> None:
        """Give a unit back: its message was not answered. Safe to run twice; leaves a unit alone that was spent on an
        earlier answer.

        Raises:
            Unavailable: the table does not answer; the unit goes back when its lease ends.
        """
        if unit.holder is not None:
            self.units.give_back(unit.holder, self.clock.now())

    def _reserved(self, user: UserItem | None, caller: Caller, holder: MessageUnitItem) -> Reserved:
        try:
            return self.reservations.reserve(user, caller, holder)
        except errors.QuotaSpent:
            if not self.units.reclaim(caller.user_id, self.clock.now()):
                raise
            fresh = self.reservations.read_profile(caller.user_id)
            return self.reservations.reserve(fresh, caller, holder)

    def _withdraw(self, holder: MessageUnitItem) -> None:
        """Give back what was perhaps reserved, and only the answer got lost: whoever is told to come again must not
        find a claim of this process, which nobody works on."""
        try:
            self.units.give_back(holder, self.clock.now())
        except errors.Unavailable as trouble:
            log("message_unit_not_settled", level=logging.WARNING, error=trouble, is_answered=False)

    def _claim_again(self, holder: MessageUnitItem) -> MessageUnitItem | None:
        """Take over what another process began and did not live to answer, or answer once more what was answered."""
        now = self.clock.now()
        if (taken := self.units.take_over(holder, now)) is not None:
            return taken
        if self.units.answer_again(holder, self.rules.message_most_answers, now):
            return None
        raise errors.Conflict(
            "MESSAGE_IN_PROGRESS",
            "This message is being answered, or was answered often enough.",
            user_message="This question is being answered already. Please wait a moment, or ask it anew.",
        )

    def _holder(self, user_id: str, name: str) -> MessageUnitItem:
        now = self.clock.now()
        return MessageUnitItem(
            *keys.message_unit_key(user_id, name),
            created_at=now,
            updated_at=now,
            ttl=int((now + self.rules.message_unit_life).timestamp()),
            data=MessageUnitData(user_id=user_id, claim_token=new_id(), lease_until=now + self.rules.message_lease),
        )
