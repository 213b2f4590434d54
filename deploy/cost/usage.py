"""How a month is spent: what people do, what schedules do, and what nobody can count here and is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

D = Decimal
DAYS: Final = D("30.42")
MINUTES: Final = DAYS * 24 * 60

REQUESTS_OF_AN_OPENING: Final = 4
"""The app is opened: tokens are refreshed; profile, plan and documents are read."""


SCHEDULES: Final[Mapping[str, Decimal]] = {
    "tend_move": MINUTES,
    "sweep_jobs": MINUTES,
    "sweep_erasures": MINUTES / 10,
    "sweep_billing": MINUTES / 60,
    "sweep_usage": DAYS,
}
"""How often in a month each schedule of `app.py` fires, by its function; a test compares them. That of the move fires
in every stage, and does nothing where nobody moves."""


@dataclass(frozen=True, slots=True)
class Month:
    """So many active users, and what each does in a month. A document is polled, read, and removed when it is there."""

    users: int = 1_000
    requests_per_user: Decimal = Decimal(120)
    documents_per_user: Decimal = Decimal(3)
    questions_per_user: Decimal = Decimal(6)
    reports_per_user: Decimal = Decimal("0.2")
    sign_ins_per_user: Decimal = Decimal(1)
    sign_ups_per_user: Decimal = Decimal("0.1")
    exports_per_user: Decimal = Decimal("0.01")
    notices_per_user: Decimal = Decimal("0.2")
    polls_per_document: Decimal = Decimal(8)

    def journeys(self) -> Mapping[str, Decimal]:
        """Return how often each recorded journey happens; schedules come whoever is there."""
        users = D(self.users)
        documents = users * self.documents_per_user
        openings = users * self.requests_per_user / REQUESTS_OF_AN_OPENING
        return {
            "sign_up": users * self.sign_ups_per_user,
            "sign_in": users * self.sign_ins_per_user,
            "refresh": openings,
            "open_app": openings,
            "document": documents,
            "poll": documents * self.polls_per_document,
            "question": users * self.questions_per_user,
            "report": users * self.reports_per_user,
            "export": users * self.exports_per_user,
            "webhook": users * self.notices_per_user,
            "reset": users,
            **{f"idle_{function}": often for function, often in SCHEDULES.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What a laptop cannot measure. Each is on the dear side of what AWS documents or others report."""

    # What one call waits for, in milliseconds of the function that is paid for meanwhile.
    milliseconds_of_call: Mapping[str, int]
    # Lambda gives a whole core at 1,769 MB, and less below in proportion (AWS, "Configure Lambda function memory").
    megabytes_of_core: int = 1_769
    share_of_cold_starts: Decimal = Decimal("0.05")
    milliseconds_of_cold_start: int = 1_500
    # What a language model takes to answer, while the function waits; where the stage asks one.
    model_seconds: Mapping[str, int]
    # Polls of an idle queue wait for 20 seconds. AWS: five pollers where a mapping has a maximum concurrency, otherwise
    # as few as two ("Configuring scaling behavior for SQS event source mappings").
    seconds_of_poll: int = 20
    pollers: int = 2
    pollers_with_maximum: int = 5
    bytes_of_log_line: int = 450
    bytes_of_metric_line: int = 330
    bytes_of_run: int = 400
    bytes_of_access_line: int = 500
    bytes_of_headers: int = 700
    bytes_of_user: int = 12_000
    days_of_object: int = 2
    # Processes that live at once and read the secrets anew each minute while they are asked something.
    processes: int = 2
    # DynamoDB asks KMS once in five minutes for each role that uses the table.
    kms_minutes: int = 5
    hours_of_trouble: int = 24
    # Tokens of a call by kind: a document of ten pages, a question with its values, a report.
    model_tokens: Mapping[str, tuple[int, int]]


ASSUMED: Final = Assumed(
    milliseconds_of_call={
        "dynamodb:TransactWriteItems": 25,
        "dynamodb": 8,
        "s3": 40,
        "sqs": 15,
        "secretsmanager": 30,
    },
    model_seconds={"document": 25, "question": 6, "report": 12},
    model_tokens={"document": (24_000, 3_000), "question": (3_000, 400), "report": (6_000, 900)},
)
