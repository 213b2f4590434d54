"""Rows of one person with as few words as a test has to say."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from chalicelib.migration.serenya.rows import BiometricRow, DeviceRow, JobRow, SessionRow, SubscriptionRow

AS_OF = "2026-03-01T00:00:00.000000Z"
BEFORE = "2026-02-01T00:00:00.000000Z"
LATER = "2026-04-01T00:00:00.000000Z"


def _row(shape: Any, **said: Any) -> Any:
    return shape(**{**{one.name: None for one in fields(shape)}, **said})


def device(name: str, **said: Any) -> DeviceRow:
    found: DeviceRow = _row(DeviceRow, id=f"row-{name}", device_id=name, user_id="ada", platform="ios", **said)
    return found


def session(name: str, **said: Any) -> SessionRow:
    given = {"id": f"row-{name}", "session_id": name, "user_id": "ada", "device_id": "row-phone", "expires_at": LATER}
    found: SessionRow = _row(SessionRow, **{**given, **said})
    return found


def biometric(name: str, **said: Any) -> BiometricRow:
    given = {"id": f"row-{name}", "registration_id": name, "device_id": "row-phone"}
    found: BiometricRow = _row(BiometricRow, **{**given, **said})
    return found


def subscription(name: str, **said: Any) -> SubscriptionRow:
    given = {
        "id": f"row-{name}",
        "user_id": "ada",
        "provider": "apple",
        "external_subscription_id": name,
        "subscription_status": "active",
        "end_date": LATER,
    }
    found: SubscriptionRow = _row(SubscriptionRow, **{**given, **said})
    return found


def job(**said: Any) -> JobRow:
    given = {
        "id": "row",
        "user_id": "ada",
        "job_id": "result_1",
        "file_type": "pdf",
        "file_size": 5,
        "s3_key": "uploads/ada/result_1.pdf",
        "status": "completed",
        "uploaded_at": AS_OF,
        "retry_count": 1,
    }
    found: JobRow = _row(JobRow, **{**given, **said})
    return found
