"""The four rules by which Serenya's move rolls itself back, and what each answered request counts for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from chalicelib.migration.guard_rails import Rule

RULES: Final = (
    Rule("errors", "errors", "requests", Decimal("0.01"), timedelta(minutes=5)),
    Rule("mean milliseconds", "milliseconds", "requests", Decimal(2000), timedelta(minutes=10)),
    Rule("authentication failures", "sign_ins_failed", "sign_ins", Decimal("0.05"), timedelta(minutes=5)),
    Rule("payment failures", "payments_failed", "payments", Decimal("0.01"), timedelta(minutes=5)),
)

SIGN_INS: Final = frozenset({"/auth/oauth-onboarding", "/auth/refresh"})
"""Where somebody proves who they are. A refusal counts as a failure: a side that lost sessions or identities shows as
refusals, and not as errors."""
PAYMENTS: Final = frozenset(
    {"/subscriptions/purchases", "/subscriptions/checkout", "/webhooks/apple", "/webhooks/google", "/webhooks/stripe"}
)
"""Where money is told of. A wrong request of a client is the client's; a conflict or worse is ours."""


def counts_of(route: str, status: int, milliseconds: float) -> Mapping[str, int]:
    """Return what an answered request counts for."""
    counts = {"requests": 1, "errors": int(status >= 500), "milliseconds": round(milliseconds)}
    if route in SIGN_INS:
        counts |= {"sign_ins": 1, "sign_ins_failed": int(status == 401 or status >= 500)}
    if route in PAYMENTS:
        counts |= {"payments": 1, "payments_failed": int(status in {404, 409} or status >= 500)}
    return counts
