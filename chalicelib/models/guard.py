"""Guard items: an item that can be put once keeps something unique."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib.models.attributes import Part
from chalicelib.models.base import Item


class GuardData(Part):
    """Whose it is. `sort_key` says where in the owner's partition the guarded item stands, where that is not plain."""

    user_id = UnicodeAttribute()
    sort_key = UnicodeAttribute(null=True)


class GuardItem(Item, discriminator="guard"):
    """Put with `attribute_not_exists(PK)` in the same transaction as the item that it guards."""

    data = GuardData()
