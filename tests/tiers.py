"""Which tests `make test` leaves to `make check`: journeys that are killed at every call, lives of many events, both
sides of a move, and what asks cfn-lint. Everything else is quick enough to be run after each change.
"""

from __future__ import annotations

from typing import Final

THOROUGH: Final = (
    "tests/attack/test_bodies.py",
    "tests/attack/test_edges.py",
    "tests/attack/test_evasion.py",
    "tests/attack/test_forms.py",
    "tests/attack/test_misuse.py",
    "tests/attack/test_tokens.py",
    "tests/attack/test_webhooks.py",
    "tests/deploy/test_cost.py",
    "tests/deploy/test_github.py",
    "tests/deploy/test_packaging.py",
    "tests/deploy/test_release",
    "tests/deploy/test_restore.py",
    "tests/deploy/test_stack",
    "tests/deploy/test_templates.py",
    "tests/dev/test_apple_lives.py",
    "tests/dev/test_mutation.py",
    "tests/dev/test_stores_beside_service.py",
    "tests/dev/test_stripe_lives.py",
    "tests/events/test_billing_functions.py",
    "tests/events/test_lanes.py",
    "tests/events/test_pipeline_kills.py",
    "tests/faults/",
    "tests/fuzz/test_contract.py",
    "tests/fuzz/test_planted_mistakes.py",
    "tests/migration/backfill/",
    "tests/migration/engine/",
    "tests/migration/explorer/",
    "tests/migration/relational/",
    "tests/migration/service/",
    "tests/migration/verify/",
    "tests/performance/test_calls.py",
    "tests/performance/test_growth.py",
    "tests/reports/test_unseen_reports.py",
    "tests/rooms/test_apple_events.py",
    "tests/rooms/test_billing_",
    "tests/rooms/test_chat_kills.py",
    "tests/rooms/test_documents_pages.py",
    "tests/rooms/test_erasure_",
    "tests/rooms/test_lives_",
    "tests/rooms/test_reconciliation.py",
    "tests/rooms/test_reports_writing.py",
    "tests/rooms/test_subscription_lives.py",
    "tests/rooms/test_usage_leases.py",
)
"""Beginnings of the names of tests. Rules that these prove have tests of their own in the quick tier as well."""
