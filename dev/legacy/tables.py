"""Rows of the legacy tables in memory: columns, rows as they are copied in, and the world that they make up."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

Row = dict[str, Any]
"""Column to text (or None), as COPY reads it. A column that is left out is copied as NULL where a default would not
do."""

_COLUMNS: Final = {
    "users": (
        "id external_id auth_provider email email_hash email_verified name given_name family_name account_status"
        " created_at updated_at last_login_at deactivated_at"
    ),
    "consent_records": (
        "id user_id consent_type consent_given consent_version consent_method ui_checkbox_group created_at updated_at"
        " withdrawn_at"
    ),
    "user_devices": (
        "id user_id device_id device_name platform model os_version app_version biometric_type secure_element"
        " public_key status last_active_at created_at updated_at"
    ),
    "user_sessions": (
        "id user_id device_id session_id refresh_token_hash access_token_hash status created_at last_accessed_at"
        " expires_at last_biometric_auth_at biometric_expires_at requires_biometric_reauth updated_at"
    ),
    "biometric_registrations": (
        "id device_id registration_id biometric_type challenge challenge_expires_at is_verified is_active"
        " verification_failures device_attestation_data registration_metadata created_at updated_at"
        " last_verified_at"
    ),
    "subscriptions": (
        "id user_id subscription_status subscription_type provider external_subscription_id"
        " external_subscription_id_hash start_date end_date created_at updated_at"
    ),
    "subscription_tiers": (
        "tier_name medical_reports max_documents_per_month priority_processing advanced_analytics"
        " export_capabilities monthly_price_usd yearly_price_usd created_at updated_at"
    ),
    "payments": (
        "id subscription_id user_id amount currency payment_status provider_transaction_id"
        " provider_transaction_id_hash payment_method processed_at created_at updated_at"
    ),
    "chat_options": (
        "id content_type category option_text full_prompt_text display_order has_sub_options requires_health_data"
        " is_active created_at updated_at"
    ),
    "processing_jobs": (
        "id job_id user_id original_filename sanitized_filename file_type file_size file_checksum s3_bucket s3_key"
        " s3_encryption_key_id status progress_percentage uploaded_at processing_started_at completed_at failed_at"
        " retry_count last_retry_at scheduled_retry_at max_retries processing_duration_ms upload_to_start_delay_ms"
        " error_message error_code timeout_reason user_agent source_ip session_id correlation_id api_version"
        " file_type_validated file_size_validated content_validated s3_result_bucket s3_result_key confidence_score"
        " ai_model_used ai_processing_time_ms extracted_text_length text_extraction_method ttl_expires_at created_at"
        " updated_at"
    ),
    "processing_job_events": (
        "id job_id event_type event_subtype event_status event_message event_details error_code user_id_hash"
        " session_id correlation_id user_agent source_ip api_endpoint request_method processing_time_ms"
        " memory_usage_mb security_scan_results data_classification gdpr_lawful_basis retention_years"
        " created_at"
    ),
    "schema_versions": "version applied_at description",
}
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {table: tuple(names.split()) for table, names in _COLUMNS.items()}
"""Every table with its columns, in an order in which references come after what they refer to."""


@dataclass(frozen=True, slots=True, order=True)
class Planted:
    """A defect that was put in on purpose: its kind and table, the ids of its rows, and its column if it has one."""

    kind: str
    table: str
    row_ids: tuple[str, ...]
    column: str = ""


@dataclass(slots=True)
class World:
    """The rows of every table, and what was planted among them. `now` is the instant that everything is dated from."""

    now: datetime
    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    planted: list[Planted] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(map(len, self.tables.values()))


class Dice:
    """Everything that is drawn: the same for the same seed and `now`."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.random = random.Random(seed)
        self.now = now

    def id(self) -> str:
        """A uuid."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def hex(self, digits: int = 64) -> str:
        """Random hex digits."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    def chance(self, share: float) -> bool:
        """Whether something happens that does so in this share of cases."""
        return self.random.random() < share

    def before(self, days: float, at_least: float = 0.0) -> datetime:
        """An instant between `at_least` and `days` days ago, with microseconds."""
        return self.now - timedelta(seconds=self.random.uniform(at_least, days) * 86400)

    def between(self, start: datetime, end: datetime) -> datetime:
        """An instant between two others."""
        return start + (end - start) * self.random.random()


def text(instant: datetime) -> str:
    """Write an instant as PostgreSQL reads it."""
    return instant.isoformat()
