"""The ledger of consents: one item per change, each holding the hash of the one before; and its end, once the profile
that holds it is erased."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.models.attributes import InstantAttribute, Part, StateAttribute
from chalicelib.models.base import Item
from chalicelib.models.profile import ConsentChain
from chalicelib.models.states import ConsentSource, ConsentType


class ConsentEntry(Part):
    """One change: what was said to which text, how, and when. It names no person, so that the proof outlives them:
    `chain_id` is drawn at random and stands on the profile while there is one."""

    chain_id = UnicodeAttribute()
    sequence = NumberAttribute()
    consent_type = StateAttribute(ConsentType)
    consent_given = BooleanAttribute()
    consent_version = UnicodeAttribute()
    consent_method = UnicodeAttribute()
    ui_checkbox_group = NumberAttribute(null=True)
    source = StateAttribute(ConsentSource)
    changed_at = InstantAttribute()
    previous_hash = UnicodeAttribute()


class ConsentEntryItem(Item, discriminator="consent_entry"):
    """An entry of the ledger. Put once, never changed, kept for ever: it has no `ttl`."""

    data = ConsentEntry()


class RetainedChainItem(Item, discriminator="retained_chain"):
    """The end of a ledger whose person was erased, beside its entries: without it nobody would miss the last ones. Has
    no `ttl`."""

    data = ConsentChain()
