"""What is put to the test, as data: per room its rules, the tests that judge them, and how many faults are tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Room:
    """Modules whose faults the tests must notice, and these tests. Doors, contracts and commands are no rules."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


MEASURE_TIME: Final = (
    "tests/migration/engine/test_moves.py::test_there_and_back_and_there_again_while_people_work",
    "tests/unit/documents/test_inspection.py::test_the_sample_report_is_inspected_in_a_second",
)
"""Tests left out: a busy machine fails them without any fault."""

MOST: Final = 10
"""Faults that are tried of one module; which ones is drawn with a fixed seed."""
GOAL: Final = 85.0

_BILLING: Final = (
    "amounts decision drift entitlements evidence known lineage liveness merge moves owners payments periods "
    "plan_changes products proposal records renewals reset rules_of_standing standing subscriptions tiers usage"
)
_IDENTITY: Final = (
    "accounts apple_events apple_notices biometric_words biometrics challenges device_keys devices enrolment keys "
    "names profiles proofs sessions sign_in spellings tokens views"
)
_MIGRATION: Final = (
    "changes checkpoints conditions copy_state fence figures gates guard_rails marks moves pace phases progress "
    "routing sizes standing serenya/additions serenya/columns serenya/current serenya/extras serenya/job_items "
    "serenya/ledger serenya/mapped serenya/parts serenya/payment_items serenya/raw serenya/reading serenya/to_items "
    "serenya/to_rows verify/differences verify/digests verify/narrowing"
)
_DOCUMENTS: Final = (
    "analysis arrivals binding cleaning file_kinds inspection inspection_pdf inspection_pdf_objects "
    "inspection_pdf_reading inspection_pdf_streams inspection_picture inspection_terms jobs library listing outcomes "
    "pages places requested results sources sweep uploads"
)


def _modules(room: str, names: str) -> tuple[str, ...]:
    return tuple(f"chalicelib/{room}/{name}.py" for name in names.split())


ROOMS: Final = {
    "billing": Room(
        _modules("billing", _BILLING),
        (
            "tests/unit/billing",
            "tests/rooms/test_billing_lines.py",
            "tests/rooms/test_notices.py",
            "tests/rooms/test_payment_history.py",
            "tests/rooms/test_purchases.py",
            "tests/rooms/test_reset.py",
            "tests/rooms/test_usage.py",
            "tests/rooms/test_usage_switches.py",
        ),
    ),
    "identity": Room(
        _modules("identity", _IDENTITY),
        (
            "tests/unit/identity",
            "tests/rooms/test_apple_events.py",
            "tests/rooms/test_biometrics.py",
            "tests/rooms/test_biometrics_enrolment.py",
            "tests/rooms/test_biometrics_owners.py",
            "tests/rooms/test_devices.py",
            "tests/rooms/test_email_moves.py",
            "tests/rooms/test_profiles.py",
            "tests/rooms/test_sessions.py",
            "tests/rooms/test_sign_in.py",
            "tests/rooms/test_sign_in_consents.py",
            "tests/rooms/test_sign_in_forged.py",
            "tests/rooms/test_sign_in_requests.py",
        ),
    ),
    "migration": Room(
        _modules("migration", _MIGRATION),
        (
            "tests/unit/migration",
            "tests/unit/test_item_sizes.py",
            "tests/migration/test_columns.py",
            "tests/migration/test_mapping.py",
            "tests/migration/test_preflight.py",
            "tests/migration/test_unusual_addresses.py",
            "tests/migration/backfill",
            "tests/migration/engine",
            "tests/migration/verify",
        ),
    ),
    "documents": Room(
        _modules("documents", _DOCUMENTS),
        (
            "tests/unit/documents/test_binding.py",
            "tests/unit/documents/test_cleaning.py",
            "tests/unit/documents/test_inspection.py",
            "tests/unit/documents/test_jobs_and_requests.py",
            "tests/unit/documents/test_kinds_and_segments.py",
            "tests/unit/documents/test_places.py",
            "tests/unit/documents/test_results.py",
            "tests/unit/documents/test_verdicts.py",
            "tests/rooms/test_documents_journey.py",
            "tests/rooms/test_documents_listing.py",
            "tests/rooms/test_documents_pages.py",
            "tests/rooms/test_documents_uploads.py",
            "tests/events/test_pipeline.py",
        ),
    ),
}
