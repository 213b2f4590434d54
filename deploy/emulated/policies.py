"""The generated policies for the emulated cloud: with the one action more that it asks for and AWS does not know."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.config import Settings
from deploy.generate import policy_of

SEND: Final = "sqs:SendMessage"
SEND_BATCH: Final = "sqs:SendMessageBatch"
"""On AWS no action of IAM: a batch needs `sqs:SendMessage`. The emulated cloud asks for it by the name of the call."""


def emulated_policy(function: str, settings: Settings) -> dict[str, Any]:
    """Return a function's policy; whoever may send a message may send a batch."""
    document = policy_of(function, settings)
    for statement in document["Statement"]:
        if SEND in statement["Action"]:
            statement["Action"].append(SEND_BATCH)
    return document
