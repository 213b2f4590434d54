"""The unit of one chat message that is answered while its sender waits: no word of the message, only that it counts."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.models.attributes import InstantAttribute, Part
from chalicelib.models.base import Item


class MessageUnitData(Part):
    """The entity itself. `lease_until` is there while the answer is being made: past it whoever was making it has died,
    and the unit goes back. `claim_token` fences: only the process that holds it may keep the unit or give it back.
    `unit_period_start` names the count that the unit is part of, as a job's does."""

    user_id = UnicodeAttribute()
    has_unit = BooleanAttribute(default=False)
    unit_period_start = InstantAttribute(null=True)
    claim_token = UnicodeAttribute(null=True)
    lease_until = InstantAttribute(null=True)
    answers = NumberAttribute(default=0)


class MessageUnitItem(Item, discriminator="message_unit"):
    """One counted chat message. Carries a `ttl`."""

    data = MessageUnitData()
