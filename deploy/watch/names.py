"""What alarms and dashboards are called."""

from __future__ import annotations

from chalicelib.config import APP_NAME, Settings


def watch_name(settings: Settings, key: str) -> str:
    """Return the name of an alarm or a dashboard by its key."""
    return f"{APP_NAME}-{settings.stage}-{key}"


def alarm_arn(settings: Settings, key: str) -> str:
    """Return an alarm's ARN by its key."""
    return f"arn:aws:cloudwatch:{settings.region}:{settings.account_id}:alarm:{watch_name(settings, key)}"
