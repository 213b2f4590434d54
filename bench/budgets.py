"""What each request and each event may take of AWS at most, and what was promised of some of them.

A row that needs more fails `make check`, and so does a budget that no row comes near: a number that nobody reaches
holds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from bench.calls import Row


class Budget(NamedTuple):
    """At most so many calls, read units and write units."""

    calls: int
    read_units: float
    write_units: int


class Promise(NamedTuple):
    """What no budget of these rows may go above, whatever the code does: a route, its cases (none: all of them), the
    number of calls, and in words."""

    of: str
    cases: tuple[str, ...]
    calls: int
    said: str


SPARE_CALLS: Final = 0
SPARE_UNITS: Final = 0.25
"""A budget may exceed what is recorded by so many calls, and by such a share of units."""

PROMISES: Final = (
    Promise("GET /chat/prompts", (), 0, "prepared questions: none"),
    Promise("GET /subscriptions/plans", (), 0, "plans: none"),
    Promise("GET /api/v1/process/status/{job_id}", ("unknown id", "no id at all"), 1, "status of an unknown id: one"),
    Promise("GET /api/v1/process/status/{job_id}", (), 1, "status: one"),
    Promise("GET /user/profile", ("usual", "a token that was never good"), 1, "profile: one"),
    Promise("GET /subscriptions/current", (), 1, "subscription: one"),
    Promise("GET /subscriptions/usage", (), 1, "usage: one"),
    Promise("POST /auth/refresh", (), 2, "refresh: two"),
    Promise(
        "POST /api/v1/process/upload", ("usual", "the second one within a minute"), 3, "upload: three, with the object"
    ),
    Promise(
        "POST /auth/oauth-onboarding",
        (
            "somebody known",
            "somebody known, on another phone",
            "somebody known, the second one of an address within a minute",
        ),
        3,
        "sign-in of somebody known: three",
    ),
    Promise("reset_usage_batch", ("20 due users",), 20, "reset: one write for each due user"),
)

BUDGETS: Final[Mapping[str, Budget]] = {
    "POST /auth/oauth-onboarding: somebody known": Budget(3, 2, 8),
    "POST /auth/oauth-onboarding: somebody known, on another phone": Budget(3, 2, 10),
    "POST /auth/oauth-onboarding: somebody known, whose address changed": Budget(5, 4, 14),
    "POST /auth/oauth-onboarding: somebody known, the second one of an address within a minute": Budget(3, 2, 8),
    "POST /auth/oauth-onboarding: somebody known, the third one of an address within a minute": Budget(4, 2, 9),
    "POST /auth/oauth-onboarding: somebody known, with Apple's code; the key of its grants is due": Budget(4, 2, 8),
    "POST /auth/oauth-onboarding: somebody new": Budget(2, 1, 22),
    "POST /auth/oauth-onboarding: a token that was not made for us": Budget(0, 0, 0),
    "POST /auth/refresh: usual": Budget(1, 0, 3),
    "POST /auth/refresh: again, because the answer was lost": Budget(2, 1, 3),
    "POST /auth/refresh: the third one of an address within a minute": Budget(2, 0, 4),
    "POST /auth/refresh: no token of ours": Budget(0, 0, 0),
    "POST /auth/refresh: of a session that was replaced": Budget(2, 1, 3),
    "POST /auth/logout: usual": Budget(1, 0, 3),
    "POST /auth/logout: again": Budget(1, 0, 3),
    "POST /auth/biometric/register: usual": Budget(2, 1, 3),
    "POST /auth/biometric/complete: usual": Budget(2, 1, 4),
    "POST /auth/biometric/challenge: usual": Budget(2, 1, 4),
    "POST /auth/biometric/verify: usual": Budget(2, 1, 4),
    "GET /auth/biometric/registrations: usual": Budget(1, 1, 0),
    "POST /webhooks/apple-identity: somebody left at Apple": Budget(3, 2, 8),
    "POST /webhooks/apple-identity: somebody we do not know": Budget(1, 1, 0),
    "GET /user/profile: usual": Budget(1, 1, 0),
    "GET /user/profile: the first one of a minute in a process": Budget(2, 1, 0),
    "GET /user/profile: eleven times within a minute": Budget(12, 11, 1),
    "GET /user/profile: a token that was never good": Budget(0, 0, 0),
    "PUT /user/profile: usual": Budget(1, 0, 3),
    "GET /user/device: usual": Budget(1, 1, 0),
    "PUT /user/device: usual": Budget(1, 0, 3),
    "GET /user/consents: usual": Budget(1, 1, 0),
    "GET /user/consents: with their history": Budget(2, 2, 0),
    "PUT /user/consents/{consent_type}: usual": Budget(2, 1, 8),
    "GET /gdpr/export: nothing uploaded": Budget(9, 5, 0),
    "GET /gdpr/export: a document and its result": Budget(10, 5, 0),
    "POST /gdpr/erasure-request: usual": Budget(5, 2, 11),
    "GET /gdpr/erasure-status/{id}: usual": Budget(1, 1, 0),
    "GET /gdpr/erasure-status/{id}: unknown id": Budget(1, 1, 0),
    "POST /api/v1/process/upload: usual": Budget(3, 1, 10),
    "POST /api/v1/process/upload: again, because the answer was lost": Budget(4, 2, 8),
    "POST /api/v1/process/upload: the second one within a minute": Budget(3, 1, 9),
    "POST /api/v1/process/upload: the third one within a minute": Budget(4, 1, 10),
    "POST /api/v1/process/upload: no unit is left": Budget(2, 2, 0),
    "POST /api/v1/process/upload-url: usual": Budget(2, 1, 10),
    "POST /api/v1/process/upload-url: again, because the answer was lost": Budget(3, 2, 8),
    "GET /api/v1/process/jobs: one document": Budget(2, 2, 0),
    "GET /api/v1/process/status/{job_id}: while it runs": Budget(1, 2, 0),
    "GET /api/v1/process/status/{job_id}: when it is done": Budget(1, 2, 0),
    "GET /api/v1/process/status/{job_id}: unknown id": Budget(1, 2, 0),
    "GET /api/v1/process/status/{job_id}: no id at all": Budget(1, 1, 0),
    "GET /api/v1/process/result/{job_id}: a document": Budget(2, 2, 0),
    "GET /api/v1/process/result/{job_id}: a report, as a PDF": Budget(2, 2, 0),
    "GET /api/v1/process/result/{job_id}: too early": Budget(1, 2, 0),
    "GET /api/v1/process/result/{job_id}: unknown id": Budget(1, 2, 0),
    "POST /api/v1/process/retry/{job_id}: usual": Budget(5, 3, 3),
    "POST /api/v1/process/retry/{job_id}: unknown id": Budget(1, 2, 0),
    "DELETE /api/v1/process/cleanup/{job_id}: usual": Budget(3, 2, 9),
    "DELETE /api/v1/process/cleanup/{job_id}: again": Budget(2, 2, 0),
    "DELETE /api/v1/process/cleanup/{job_id}: unknown id": Budget(1, 2, 0),
    "POST /api/v1/process/doctor-report: usual": Budget(5, 2, 9),
    "GET /chat/prompts: usual": Budget(0, 0, 0),
    "GET /chat/prompts: the app has them": Budget(0, 0, 0),
    "POST /chat/messages: usual": Budget(3, 1, 10),
    "POST /api/v1/chat/messages: usual": Budget(4, 1, 10),
    "GET /api/v1/chat/jobs/{job_id}/status: while it runs": Budget(1, 2, 0),
    "GET /api/v1/chat/jobs/{job_id}/status: when it is done": Budget(3, 2, 0),
    "GET /api/v1/chat/jobs/{job_id}/status: unknown id": Budget(1, 2, 0),
    "GET /chat/conversations/{content_id}: usual": Budget(1, 1, 0),
    "GET /subscriptions/current: free": Budget(1, 1, 0),
    "GET /subscriptions/current: premium": Budget(1, 1, 0),
    "GET /subscriptions/current: premium, explained": Budget(1, 1, 0),
    "DELETE /subscriptions/current: usual": Budget(10, 9, 12),
    "DELETE /subscriptions/current: nothing to cancel": Budget(3, 3, 0),
    "GET /subscriptions/plans: usual": Budget(0, 0, 0),
    "GET /subscriptions/usage: usual": Budget(1, 1, 0),
    "POST /subscriptions/purchases: usual": Budget(9, 8, 23),
    "POST /subscriptions/purchases: again": Budget(9, 9, 0),
    "POST /subscriptions/checkout: usual": Budget(2, 2, 0),
    "GET /payments: one payment": Budget(2, 2, 0),
    "POST /webhooks/apple: somebody bought": Budget(8, 7, 25),
    "POST /webhooks/apple: a renewal": Budget(8, 7, 18),
    "POST /webhooks/apple: a repetition": Budget(1, 1, 0),
    "POST /webhooks/apple: an unknown type": Budget(2, 1, 1),
    "POST /webhooks/apple: forged": Budget(0, 0, 0),
    "GET /health: usual": Budget(0, 0, 0),
    "GET /health/check: usual": Budget(0, 0, 0),
    "GET /openapi.json: usual": Budget(0, 0, 0),
    "GET /docs: usual": Budget(0, 0, 0),
    "document_uploaded: usual": Budget(4, 1, 4),
    "document_uploaded: again": Budget(4, 2, 1),
    "document_uploaded: of no job": Budget(3, 1, 1),
    "retry_analysis: a document": Budget(5, 1, 7),
    "retry_analysis: again": Budget(3, 2, 1),
    "retry_analysis: a report": Budget(7, 2, 5),
    "analyse_priority: usual": Budget(5, 1, 7),
    "analyse_priority_backlog: usual": Budget(5, 1, 7),
    "analyse_backlog: usual": Budget(5, 1, 7),
    "answer_question: usual": Budget(6, 1, 5),
    "answer_question: again": Budget(4, 2, 1),
    "answer_question: the answer was fetched": Budget(3, 1, 1),
    "carry_erasure_on: a document and its result": Budget(52, 18, 44),
    "carry_erasure_on: again": Budget(1, 1, 0),
    "reset_usage_batch: 20 due users": Budget(20, 0, 40),
    "reset_usage_batch: 20 due users, again": Budget(40, 0, 40),
    "reconcile_subscriptions: one subscription": Budget(7, 7, 0),
    "move_people: nobody moves": Budget(0, 0, 0),
    "tend_move: nobody moves": Budget(0, 0, 0),
    "sweep_usage: nobody is due": Budget(19, 9, 2),
    "sweep_usage: 20 users are due": Budget(12, 5, 1),
    "sweep_billing: nothing was missed": Budget(84, 42, 6),
    "sweep_jobs: nothing is due": Budget(3, 1.5, 0),
    "sweep_jobs: one job is overdue": Budget(9, 3.5, 4),
    "sweep_erasures: nothing is due": Budget(1, 0.5, 0),
    "sweep_erasures: one erasure is overdue": Budget(2, 0.5, 0),
}
"""By route or function, and case. A third sign-in of an address within a minute, and a third upload of somebody, tell
the table that they are being counted: one write more."""


def kept(promise: Promise, rows: Iterable[Row]) -> list[Row]:
    """Return the rows that a promise speaks of."""
    return [row for row in rows if row.of == promise.of and (not promise.cases or row.case in promise.cases)]


def complaints(rows: Iterable[Row]) -> list[str]:
    """Say which rows are above their budgets or far below, which have none, and which budgets have no row."""
    by_name = {row.name: row for row in rows}
    found = [f"{name}: no budget" for name in by_name.keys() - BUDGETS.keys()]
    found += [f"{name}: a budget without a row" for name in BUDGETS.keys() - by_name.keys()]
    for name, budget in BUDGETS.items():
        if name in by_name:
            found += _of_row(by_name[name], budget)
    return sorted(found)


def _of_row(row: Row, budget: Budget) -> list[str]:
    taken = Budget(row.all_calls, row.read_units, row.write_units)
    reads, writes = (1 + units * (1 + SPARE_UNITS) for units in (row.read_units, row.write_units))
    spare = (row.all_calls + SPARE_CALLS, reads, writes)
    found = []
    for what, used, allowed, most in zip(Budget._fields, taken, budget, spare, strict=True):
        if used > allowed:
            found.append(f"{row.name}: {used:g} {what}, allowed are {allowed:g}")
        if allowed > most:
            found.append(f"{row.name}: {allowed:g} {what} are allowed, {used:g} taken: the budget holds nothing")
    return found
