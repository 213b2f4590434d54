"""The four rules by which Serenya's move rolls itself back, and what each answered request counts for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from chalicelib import errors
from chalicelib.migration.guard_rails import Rule

RULES: Final = (
    Rule("errors", "errors", "requests", Decimal("0.01"), timedelta(minutes=5)),
    Rule("mean milliseconds", "milliseconds", "requests", Decimal(2000), timedelta(minutes=10)),
    Rule("authentication failures", "sign_ins_failed", "sign_ins", Decimal("0.05"), timedelta(minutes=5)),
    Rule("payment failures", "payments_failed", "payments", Decimal("0.01"), timedelta(minutes=5)),
)

SIGN_INS: Final = frozenset({"/auth/oauth-onboarding", "/auth/refresh"})
"""Where somebody proves who they are. A refusal counts as a failure: a side that lost sessions or identities shows as
refusals, and not as errors. A token that is not ours by its form or signature counts for nothing, because no side was
asked about it: garbage must not roll a move back, nor must the refresh tokens of the service before this one, of which
everybody shows one at most before they sign in again."""
PAYMENTS: Final = frozenset(
    {"/subscriptions/purchases", "/subscriptions/checkout", "/webhooks/apple", "/webhooks/google", "/webhooks/stripe"}
)
"""Where money is told of. A wrong request of a client is the client's; a conflict or worse is ours."""


def counts_of(route: str, status: int, milliseconds: float, failure: Exception | None = None) -> Mapping[str, int]:
    """Return what an answered request counts for. `failure` is what was raised instead of an answer."""
    counts = {"requests": 1, "errors": int(status >= 500), "milliseconds": round(milliseconds)}
    if route in SIGN_INS and not isinstance(failure, errors.UnknownToken):
        counts |= {"sign_ins": 1, "sign_ins_failed": int(status == 401 or status >= 500)}
    if route in PAYMENTS:
        counts |= {"payments": 1, "payments_failed": int(status in {404, 409} or status >= 500)}
    return counts
