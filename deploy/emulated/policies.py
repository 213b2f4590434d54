"""The generated policies for the emulated cloud: with the one action more that it asks for and AWS does not know."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.config import Settings
from deploy.permissions import needs_of
from deploy.policies import policy

SEND: Final = "sqs:SendMessage"
SEND_BATCH: Final = "sqs:SendMessageBatch"
"""On AWS no action of IAM: a batch needs `sqs:SendMessage`. The emulated cloud asks for it by the name of the call."""


def emulated_policy(
    function: str, settings: Settings, *, is_traced: bool = False, is_in_vpc: bool = False
) -> dict[str, Any]:
    """Return a function's policy; whoever may send a message may send a batch."""
    document = policy(function, needs_of(function, settings), settings, is_traced=is_traced, is_in_vpc=is_in_vpc)
    for statement in document["Statement"]:
        if SEND in statement["Action"]:
            statement["Action"].append(SEND_BATCH)
    return document
