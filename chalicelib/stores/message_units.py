"""Units of chat messages after they were counted: kept once answered, given back, taken over from whoever died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.models import keys
from chalicelib.models.message_unit import MessageUnitItem
from chalicelib.stores.failures import is_condition_failure, retried, translated
from chalicelib.stores.transactions import Cancelled, commit
from chalicelib.stores.usage import UsageStore

_UNIT: Final = 0
"""Position of the unit among a transaction's actions: PynamoDB sends deletes before updates."""
_DATA: Final[Any] = MessageUnitItem.data
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


@dataclass(frozen=True, slots=True)
class MessageUnits:
    """Every change is conditional on the claim that it was decided on: whoever comes late changes nothing."""

    releases: UsageStore

    def keep(self, unit: MessageUnitItem, at: datetime) -> bool:
        """Let a unit be spent for good: its message was answered. False where the claim is no longer ours.

        Raises:
            Unavailable: the table does not answer.
        """
        actions = [_DATA.claim_token.remove(), _DATA.lease_until.remove(), _DATA.answers.set(_DATA.answers + 1)]
        return _update(_bare(unit), [*actions, MessageUnitItem.updated_at.set(at)], _is_ours(unit))

    def give_back(self, unit: MessageUnitItem, at: datetime) -> bool:
        """Remove a unit and take it off the count it is part of, both or neither; the same message counts anew then.
        False where the claim is no longer ours.

        Raises:
            Unavailable: the table does not answer.
        """
        ours = _is_ours(unit)

        def remove(transaction: TransactWrite) -> None:
            transaction.delete(_bare(unit), condition=ours)

        def remove_and_release(transaction: TransactWrite) -> None:
            remove(transaction)
            self.releases.add_release(transaction, unit, at)

        for attempt in (remove_and_release, remove):
            try:
                commit(attempt)
            except Cancelled as refusal:
                if refusal.failed(_UNIT):
                    return False
            else:
                return True
        return False

    def take_over(self, unit: MessageUnitItem, at: datetime) -> MessageUnitItem | None:
        """Take the unit of a message whose answer somebody began and did not live to give. None where it is not there,
        was kept, or its lease runs. `unit` brings the new claim and lease; one write.

        Raises:
            Unavailable: the table does not answer.
        """
        # Only a claim that was not kept has a lease.
        is_abandoned = _DATA.lease_until < at
        actions = [
            _DATA.claim_token.set(unit.data.claim_token),
            _DATA.lease_until.set(unit.data.lease_until),
            MessageUnitItem.updated_at.set(at),
        ]
        taken = _bare(unit)
        return taken if _update(taken, actions, is_abandoned) else None

    def answer_again(self, unit: MessageUnitItem, most_answers: int, at: datetime) -> bool:
        """Count one more answer to a message that was answered, whose unit stays spent. False where it is not
        answered, or had its answers.

        Raises:
            Unavailable: the table does not answer.
        """
        is_kept = MessageUnitItem.pk.exists() & _DATA.claim_token.does_not_exist()
        # One unit must not buy answers without end.
        has_answers_left = _DATA.answers < most_answers
        actions = [_DATA.answers.set(_DATA.answers + 1), MessageUnitItem.updated_at.set(at)]
        return _update(_bare(unit), actions, is_kept & has_answers_left)

    def reclaim(self, user_id: str, at: datetime) -> int:
        """Give back the units of a person whose answers somebody began and did not live to give, and return how many.
        One query, and a transaction for each of them.

        Raises:
            Unavailable: the table does not answer.
        """
        with translated():
            abandoned = list(
                MessageUnitItem.query(
                    keys.user_partition(user_id),
                    MessageUnitItem.sk.startswith(keys.MESSAGE_UNIT_PREFIX),
                    filter_condition=_DATA.lease_until < at,
                    consistent_read=True,
                )
            )
        return sum(self.give_back(unit, at) for unit in abandoned)


def _is_ours(unit: MessageUnitItem) -> Condition:
    # A lease that ran out may have been taken over, or its unit given back.
    has_same_claim: Condition = _DATA.claim_token == unit.data.claim_token
    return has_same_claim


def _bare(unit: MessageUnitItem) -> MessageUnitItem:
    return MessageUnitItem(unit.pk, unit.sk)


def _update(unit: MessageUnitItem, actions: list[Action], condition: Condition) -> bool:
    try:
        retried(lambda: unit.update(actions=actions, condition=condition))
    except UpdateError as refusal:
        if is_condition_failure(refusal):
            return False
        raise
    return True
