"""What tests of all floors share: a clock that can be set, settings of a stage that exists nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib import config
from chalicelib.models.base import shared_connection

ENVIRONMENT: Mapping[str, str] = {
    "SERENYA_STAGE": "test",
    "SERENYA_ACCOUNT_ID": "000000000000",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "GOOGLE_CLIENT_IDS": "test-google",
    "GOOGLE_ISSUERS": "https://accounts.google.com,accounts.google.com",
    "APPLE_CLIENT_IDS": "test.apple",
    "ANALYST": "local",
    "POWERTOOLS_SERVICE_NAME": "serenya",
}


class SettableClock:
    """A clock that stands until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)) -> None:
        self.instant = start

    def now(self) -> datetime:
        return self.instant

    def advance(self, by: timedelta) -> None:
        self.instant += by


def test_settings(**changes: str) -> config.Settings:
    """Settings of the stage `test`."""
    return config.load({**ENVIRONMENT, **changes})


test_settings.__test__ = False  # type: ignore[attr-defined]  # a function named for what it gives, not a test


def ask(operation: str, **arguments: Any) -> dict[str, Any]:
    """Ask the table in DynamoDB's own words, wherever its items are."""
    connection: Any = shared_connection().connection
    answer: dict[str, Any] = connection._make_api_call(operation, arguments)
    return answer


def stored_items() -> list[dict[str, Any]]:
    """Every item of the table, in DynamoDB's own notation."""
    found: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    while True:
        answer = ask("Scan", TableName=shared_connection().table_name, **start)
        found += answer["Items"]
        if not answer.get("LastEvaluatedKey"):
            return found
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
