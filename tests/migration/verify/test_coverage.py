"""Nothing is left out: every column of the real schema and every attribute of the models is compared, or named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pynamodb.attributes import MapAttribute

from chalicelib.migration.serenya import columns, verified
from chalicelib.migration.serenya.columns import Fate
from chalicelib.migration.serenya.verified import TABLES
from chalicelib.migration.serenya.verified_fields import Table
from chalicelib.models.catalogue import KINDS
from chalicelib.models.profile import UserData
from dev.legacy.server import LegacyDatabase

BY_TABLE = {one.table: one for one in TABLES}
NOT_OF_PEOPLE = {"processing_job_events", "subscription_tiers", "chat_options", "schema_versions"}
"""Audit lines in S3, and constants of the code."""
DERIVED_OF_USER = {
    "email_hash": "rule",
    "is_private_email": "rule",
    "consent_chain": "the lane of the ledger",
    "current_session.refresh_generation": "rule",
    "current_subscription.tier": "rule",
    "current_subscription.usage_current_period.documents_processed": "the lane of usage",
    "current_subscription.usage_current_period.period_start": "the lane of usage",
    "current_subscription.usage_current_period.period_end": "the lane of usage",
    "current_subscription.usage_current_period.last_updated": "the lane of usage",
}
SERVICE_ALONE = {
    "is_email_forwarded",
    "email_forwarding_changed_at",
    "apple_refresh_token",
    "granted_subscription",
    "billing_revision",
    "free_report_job_id",
    "current_session.biometric_operation",
    "current_biometric.public_key",
    "current_biometric.challenge_operation",
    "current_subscription.next_billing_date",
    "current_subscription.grace_end_date",
    "current_subscription.cancelled_at",
    "current_subscription.auto_renew",
    "current_subscription.decided_by",
    "current_subscription.usage_current_period.chat_messages_used",
    "current_subscription.usage_current_period.carried_from",
}
"""No row gives them. Where the service does, they stand beside the rows, and whole items are compared."""
PARTS = {
    "current_device": verified.DEVICES,
    "current_session": verified.SESSIONS,
    "current_biometric": verified.BIOMETRICS,
    "current_subscription": verified.SUBSCRIPTIONS,
}


def _columns_of(table: Table) -> set[str]:
    return {column for one in table.fields for column in one.columns} | set(table.others)


@pytest.mark.parametrize("table", TABLES, ids=lambda one: one.table)
def test_every_kept_column_is_compared(legacy_database: LegacyDatabase, table: Table) -> None:
    with psycopg.connect(legacy_database.dsn) as connection:
        found = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table.table,)
        )
        there = {name for (name,) in found}
    declared = columns.TABLES[table.table]
    kept = {name for name, one in declared.items() if one.fate is not Fate.DROPPED}
    owners = set(verified.OWNER_COLUMNS)

    assert _columns_of(table) <= there
    assert kept - owners <= _columns_of(table)
    assert not _columns_of(table) & {name for name, one in declared.items() if one.fate is Fate.DROPPED}


def test_every_table_is_compared_or_is_of_nobody() -> None:
    assert set(BY_TABLE) | NOT_OF_PEOPLE == set(columns.TABLES)


def test_every_attribute_of_a_profile_is_compared_or_named() -> None:
    attributes = set(_attributes(UserData))
    compared = {one.at for one in verified.USERS.fields if not one.at.startswith(".")}
    compared |= {f"{part}.{one.at}" for part, table in PARTS.items() for one in table.fields}
    of_consents = {one.at for one in verified.CONSENTS.fields if one.at != "<key>"}
    compared |= {f"consents.{kind}.{name}" for kind in _names(UserData.consents) for name in of_consents}
    known = compared | set(DERIVED_OF_USER) | SERVICE_ALONE

    assert {one for one in attributes if not _is_below(one, known)} == set()
    assert compared <= attributes
    assert set(DERIVED_OF_USER) | SERVICE_ALONE <= attributes | {one.rsplit(".", 1)[0] for one in attributes}


@pytest.mark.parametrize(("kind", "table"), [("payment", verified.PAYMENTS), ("job", verified.JOBS)])
def test_every_attribute_of_payments_and_jobs_is_compared_or_named(kind: str, table: Table) -> None:
    attributes = {one.split(".")[0] for one in _attributes(type(vars(KINDS[kind].model)["data"]))}
    compared = {one.at for one in table.fields if not one.at.startswith(".")}
    ruled = {
        "payment": {
            "user_id",
            "provider_transaction_id_hash",
            "processed_at",
            "came_at",
            "version",
            "cause",
            "revision",
        },
        "job": {"user_id", "kind", "is_inspected", "is_priority", "attempt", "manual_retries", "deadline_at"}
        | {"has_unit", "unit_period_start"},
    }[kind]
    alone = {
        "payment": {"refunded", "changed_at"},
        "job": {"pages", "arrived_at", "claim_token", "lease_until"},
    }[kind]

    assert attributes == compared | ruled | alone


def _attributes(part: Any, beginning: str = "") -> Iterator[str]:
    for name, attribute in part.get_attributes().items():
        path = f"{beginning}{attribute.attr_name or name}"
        if isinstance(attribute, MapAttribute) and type(attribute) is not MapAttribute:
            yield from _attributes(type(attribute), f"{path}.")
        else:
            yield path


def _names(part: Any) -> list[str]:
    return [attribute.attr_name or name for name, attribute in type(part).get_attributes().items()]


def _is_below(path: str, known: set[str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:length]) in known for length in range(1, len(parts) + 1))
