"""What the catalogue promises of a kind of item or object, in its own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from chalicelib.models.base import Item
from chalicelib.models.holdings import no_guards
from chalicelib.models.keys import Key


class Lifetime(StrEnum):
    """Whether items of a kind carry a `ttl`."""

    LASTING = "lasting"
    EPHEMERAL = "ephemeral"
    EITHER = "either"


class AfterErasure(StrEnum):
    """What an erasure does with items of a kind."""

    REMOVED = "removed"
    KEPT = "kept under a random key"
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True)
class ItemKind:
    """What is promised about one kind of item. `key` is its key as documented in the design, section 3.

    `description` tells the person whose items they are what they see in an export; `parts` does so for the larger parts
    of `data`. A kind that is not personal is in no export, and `description` says why. `guards` returns the guards that
    an item holds, out of its `data`.
    """

    model: type[Item]
    key: str
    purpose: str
    retention: str
    lifetime: Lifetime
    is_personal: bool
    description: str
    after_erasure: AfterErasure
    guards: Callable[[Mapping[str, Any]], list[Key]] = no_guards
    parts: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """What is promised about the objects of one prefix of the bucket, `<prefix><user id>/…`. All go with the person."""

    name: str
    description: str
    retention: str
    is_shown: bool


PARTS_OF_USER: Final[Mapping[str, str]] = {
    "consents": "What you agreed to, as it stands now.",
    "consent_chain": "Where the record of your consents begins and ends, so that a change to it would be noticed.",
    "current_device": "The device that you use.",
    "current_session": "Your present sign-in.",
    "current_biometric": "Your registration for confirming with fingerprint, face or voice. The phone keeps those; we "
    "have a public key.",
    "current_subscription": "Your plan, and how many documents and messages you used in the present period.",
    "granted_subscription": "A plan that we gave you, while one that you bought counts instead of it.",
}
"""What an export says of the larger parts of a profile's `data`."""
