"""What `current_*` replaced, and the small items that keep count: limits, spending, switches and sweeps."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.models.attributes import DateAttribute, InstantAttribute, Part
from chalicelib.models.base import Item
from chalicelib.models.profile import Device, Session, Subscription


class SessionHistoryItem(Item, discriminator="session_history"):
    """A session that was replaced, revoked or signed out."""

    data = Session()


class DeviceHistoryItem(Item, discriminator="device_history"):
    """A device that another one replaced."""

    data = Device()


class SubscriptionHistoryItem(Item, discriminator="subscription_history"):
    """A subscription that another one replaced."""

    data = Subscription()


class LimitItem(Item, discriminator="limit"):
    """A counter of calls. Carries a `ttl`. `calls` stands at the top level, where `ADD` works."""

    calls = NumberAttribute(default=0)


class SpendingItem(Item, discriminator="model_spending"):
    """What models cost for one person and day, in millionths of a dollar. Carries a `ttl`. At the top level, where
    `ADD` works."""

    micros = NumberAttribute(default=0)


class SwitchData(Part):
    """Whether something is turned off, and why."""

    is_off = BooleanAttribute()
    reason = UnicodeAttribute()


class SwitchItem(Item, discriminator="switch"):
    """Something that operators turn off and on without a deployment."""

    data = SwitchData()


class SweepData(Part):
    """How far a sweep has come, and anything that it needs to go on. One that comes oftener than once a day knows the
    instant."""

    swept_on = DateAttribute()
    swept_until = InstantAttribute(null=True)
    name = UnicodeAttribute()
    notes = JSONAttribute(null=True)


class SweepItem(Item, discriminator="sweep"):
    """The progress of one scheduled sweep."""

    data = SweepData()
