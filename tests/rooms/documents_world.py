"""A small world around the documents room: table, bucket, units and sessions are real, analyst and queue scripted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus
from uuid import uuid4

import boto3

from chalicelib import errors
from chalicelib.billing.usage import Reservations, usage_at
from chalicelib.config import Settings
from chalicelib.documents.analysis import Pipeline
from chalicelib.documents.arrivals import Arrivals
from chalicelib.documents.doors import Inspect
from chalicelib.documents.file_kinds import READ_KINDS, kind_of
from chalicelib.documents.inspection import Declared, Inspected, InspectionLimits
from chalicelib.documents.lanes import Lanes
from chalicelib.documents.library import Library
from chalicelib.documents.outcomes import Outcomes
from chalicelib.documents.sources import Sources
from chalicelib.documents.sweep import JobSweep
from chalicelib.documents.uploads import Uploads
from chalicelib.gateways.analyst.findings import (
    Analysis,
    Document,
    FileType,
    LabFinding,
    Source,
    TestCategory,
    VitalFinding,
    VitalType,
)
from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest
from chalicelib.gateways.object_store import ObjectStore
from chalicelib.identity.sessions import SessionRule
from chalicelib.models import keys
from chalicelib.models.base import shared_connection
from chalicelib.models.job import JobItem
from chalicelib.models.profile import (
    Consent,
    Consents,
    Session,
    Subscription,
    UsagePeriod,
    UserData,
    UserItem,
)
from chalicelib.models.states import (
    AccountStatus,
    AuthProvider,
    ConsentType,
    SessionStatus,
    SubscriptionProvider,
    SubscriptionStatus,
    Tier,
)
from chalicelib.privacy.consents import require_processing
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.usage import UsageStore
from chalicelib.stores.users import Users
from chalicelib.web.request import Caller
from tests.support import SettableClock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PDF = b"%PDF-1.7\n a laboratory report \n%%EOF\n"
BOUNDARY = "form-boundary"


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Script:
    """An analyst that does what it is told: each call takes the next step, the last one stays."""

    name: str = "scripted"
    steps: list[Analysis | Exception | Callable[[], object]] = field(default_factory=list)
    calls: list[tuple[Document, datetime]] = field(default_factory=list)

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        self.calls.append((document, deadline))
        step = (self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]) if self.steps else an_analysis()
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Analysis):
            return step
        step()
        return an_analysis()

    def answer(self, question: Question, deadline: datetime) -> Reply:
        raise errors.AnalystUnavailable

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        raise errors.AnalystUnavailable


@dataclass
class FakeQueue:
    """A queue on a list; messages are seen once their delay is over."""

    clock: SettableClock
    at_each_send: Callable[[str], None] = lambda _: None
    waiting: list[tuple[datetime, str]] = field(default_factory=list)
    sent: list[tuple[str, int]] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    is_down: bool = False

    def send(self, queue_name: str, message: str, delay_seconds: int = 0) -> None:
        if self.is_down:
            raise errors.Unavailable
        self.at_each_send("before")
        self.sent.append((message, delay_seconds))
        self.queues.append(queue_name)
        self.waiting.append((self.clock.now() + timedelta(seconds=delay_seconds), message))
        self.at_each_send("after")

    def visible(self) -> list[str]:
        now = self.clock.now()
        seen = [message for at, message in self.waiting if at <= now]
        self.waiting = [(at, message) for at, message in self.waiting if at > now]
        return seen


@dataclass
class Calls:
    """Counts calls to AWS and ends the process before or after one of them."""

    count: int = 0
    kill_at: int | None = None
    kill_when: str = "before"
    names: list[str] = field(default_factory=list)

    def step(self, when: str, name: str = "sqs.SendMessage") -> None:
        if when == "before":
            self.count += 1
            self.names.append(name)
        if self.count == self.kill_at and when == self.kill_when:
            self.kill_at = None
            raise Killed


@dataclass
class World:
    """Everything of the documents room, and a user."""

    settings: Settings
    clock: SettableClock
    inspect: Inspect | None = None
    user_id: str = field(default_factory=lambda: str(uuid4()))
    clients: tuple[S3Client, S3Client] | None = None
    """The room's own, and one whose calls are not counted."""

    def __post_init__(self) -> None:
        rules = self.settings.rules
        self.analyst = Script()
        self.calls = Calls()
        self.queue = FakeQueue(self.clock, self.calls.step)
        self.s3, self.watcher = self.clients or (boto3.client("s3"), boto3.client("s3"))
        self.objects = ObjectStore(self.settings.bucket_name, lambda: self.s3)
        self.users = Users()
        self.jobs = JobStore(UsageStore(), rules.job_due_shards)
        sessions = SessionRule(self.clock)
        inspect = self.inspect or quick_inspect
        reservations = Reservations(
            UsageStore(), sessions, require_processing, self.users.by_id, self.clock, rules.usage_due_shards
        )
        self.lanes = Lanes(
            self.settings.priority_queue, self.settings.retries_queue,
            self.settings.priority_backlog_queue, self.settings.backlog_queue,
        )  # fmt: skip
        self.outcomes = Outcomes(
            self.jobs, self.objects, self.queue, self.settings.retries_queue, self.clock, rules, self.lanes
        )
        # First messages stand in a queue of their own: most tests ask for those of retries.
        self.handed = FakeQueue(self.clock, self.calls.step)
        handing = replace(self.outcomes, queue=self.handed)
        self.sources = Sources(self.objects, inspect, rules)
        self.arrivals = Arrivals(self.jobs, self.objects, self.sources, handing, self.clock, rules)
        self.uploads = Uploads(
            self.users, sessions, require_processing, reservations, self.jobs, self.objects, inspect, self.clock, rules
        )
        self.library = Library(self.users, sessions, self.jobs, self.objects, self.outcomes, self.clock, rules)
        self.pipeline = Pipeline(
            self.jobs, self.objects, self.outcomes, self.users, require_processing, self.analyst, self.sources,
            self.clock, rules,
        )  # fmt: skip
        self.sweep = JobSweep(self.jobs, self.objects, self.outcomes, self.clock, rules)
        self.caller = self.add_user(self.user_id)

    def another(self, clock: SettableClock | None = None) -> World:
        """The same cloud and settings, with another user."""
        return World(self.settings, clock or self.clock, self.inspect, clients=(self.s3, self.watcher))

    def add_user(self, user_id: str, used: int = 0, tier: Tier = Tier.FREE) -> Caller:
        a_user(user_id, self.clock.now(), used=used, tier=tier).save()
        return Caller(user_id, f"session-of-{user_id}")

    # What the app does

    def send(self, content: bytes = PDF, *, timestamp: str | None = "2026-03-14T09:30:00Z", **form: Any) -> Any:
        headers, body = a_form(content, timestamp=timestamp, **form)
        return self.uploads.upload(self.caller, headers, body).answer

    def uploaded(self, content: bytes = PDF, **form: Any) -> str:
        return str(self.send(content, **form).job_id)

    # What AWS does

    def event(self, *keys_: str) -> list[dict[str, Any]]:
        return [{"s3": {"object": {"key": quote_plus(key, safe="/")}}} for key in keys_]

    def key(self, job_id: str, file_type: str = "pdf") -> str:
        return f"uploads/{self.user_id}/{job_id}.{file_type}"

    def deliver_event(self, job_id: str) -> None:
        self.deliver(self.key(job_id))

    def deliver(self, *keys_: str) -> None:
        """Deliver an event about these keys, and the messages that it makes."""
        self.deliver_records(self.event(*keys_))

    def deliver_records(self, records: list[dict[str, Any]]) -> None:
        self.arrivals.take(records)
        self.deliver_handed()

    def deliver_again(self, job_id: str) -> None:
        """Deliver the message of a first attempt once more, as a queue does."""
        self.pipeline.retry(json.dumps({"user_id": self.user_id, "job_id": job_id}))

    def deliver_handed(self) -> None:
        for message in self.handed.visible():
            self.pipeline.retry(message)

    def deliver_messages(self) -> int:
        seen = self.queue.visible()
        for message in seen:
            self.pipeline.retry(message)
        return len(seen)

    def finish(self, minutes: int = 60) -> None:
        """Let time pass: a sweep each minute, messages when they are due."""
        for _ in range(minutes):
            self.clock.advance(timedelta(minutes=1))
            self.sweep.sweep()
            self.deliver_messages()

    # What is there

    def job(self, job_id: str) -> JobItem | None:
        return self.jobs.find(self.user_id, job_id)

    def used(self) -> int:
        user = self.users.by_id(self.user_id)
        assert user is not None
        return usage_at(user.data.current_subscription, self.clock.now()).used

    def stored(self) -> list[str]:
        found = self.watcher.list_objects_v2(Bucket=self.settings.bucket_name).get("Contents", [])
        return sorted(one["Key"] for one in found if f"/{self.user_id}/" in one["Key"])

    def content(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.settings.bucket_name, Key=key)["Body"].read())

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Within `watched`: make calls that are neither counted nor ended."""
        count, kill_at, self.calls.kill_at = self.calls.count, self.calls.kill_at, None
        yield
        self.calls.count, self.calls.kill_at = count, kill_at

    @contextmanager
    def watched(self, kill_at: int | None = None, kill_when: str = "before") -> Iterator[Calls]:
        """Count calls to AWS in this block; end the process at one of them, if asked to."""
        self.calls.count, self.calls.kill_at, self.calls.kill_when = 0, kill_at, kill_when
        self.calls.names = []
        events = [shared_connection().connection.client.meta.events, self.s3.meta.events]

        def before(model: Any, **_: Any) -> None:
            self.calls.step("before", f"{model.service_model.service_name}.{model.name}")

        def after(**_: Any) -> None:
            self.calls.step("after")

        for one in events:
            one.register("before-call", before)
            one.register("after-call", after)
        try:
            yield self.calls
        finally:
            self.calls.kill_at = None
            for one in events:
                one.unregister("before-call", before)
                one.unregister("after-call", after)


def make_bucket(settings: Settings) -> None:
    s3 = boto3.client("s3", region_name=settings.region)
    s3.create_bucket(
        Bucket=settings.bucket_name,
        CreateBucketConfiguration={"LocationConstraint": settings.region},  # type: ignore[typeddict-item]  # any region's name is text
    )


def empty_bucket(settings: Settings) -> None:
    s3 = boto3.client("s3", region_name=settings.region)
    while found := s3.list_objects_v2(Bucket=settings.bucket_name).get("Contents"):
        s3.delete_objects(Bucket=settings.bucket_name, Delete={"Objects": [{"Key": one["Key"]} for one in found]})
    s3.delete_bucket(Bucket=settings.bucket_name)


def quick_inspect(content: bytes, declared: Declared, limits: InspectionLimits) -> Inspected:
    """Looks at the first bytes alone; the real inspection has its own tests and starts a process."""
    import hashlib

    if len(content) > limits.max_bytes:
        raise errors.TooLarge("FILE_TOO_LARGE")
    kind = kind_of(content)
    if kind not in READ_KINDS:
        raise errors.InvalidRequest("UNSUPPORTED_FILE_TYPE", user_message="We can read PDF, JPG and PNG files.")
    if declared.file_size not in (None, len(content)):
        raise errors.InvalidRequest("FILE_VALIDATION_FAILED")
    return Inspected(FileType(kind.value), 1, None, None, hashlib.sha256(content).hexdigest(), len(content))


def a_form(
    content: bytes,
    *,
    timestamp: str | None = None,
    file_name: str = "report.pdf",
    file_type: str = "pdf",
    file_size: int | str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[dict[str, str], bytes]:
    """Headers and body of an upload as the app sends it."""
    fields = {"file_type": file_type, "file_size": str(len(content) if file_size is None else file_size)}
    if timestamp is not None:
        fields["upload_timestamp"] = timestamp
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    parts.append(head.encode() + content + b"\r\n")
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **(headers or {})}, body


def a_user(user_id: str, now: datetime, used: int = 0, tier: Tier = Tier.FREE) -> UserItem:
    """A signed-in person with all consents and `used` units counted in a period that began a week ago."""
    began = now - timedelta(days=7)
    consent = {
        kind.value: Consent(
            consent_given=True,
            consent_version="1",
            consent_method="bundled_consent",
            created_at=began,
            updated_at=began,
        )
        for kind in ConsentType
    }
    return UserItem(
        *keys.user_key(user_id),
        created_at=began,
        updated_at=began,
        data=UserData(
            id=user_id,
            external_id=f"external-{user_id}",
            auth_provider=AuthProvider.GOOGLE,
            account_status=AccountStatus.ACTIVE,
            consents=Consents(**consent),
            current_session=Session(
                session_id=f"session-of-{user_id}",
                device_id="device",
                refresh_token_hash="hash",
                refresh_generation=0,
                status=SessionStatus.ACTIVE,
                created_at=now,
                last_accessed_at=now,
                expires_at=now + timedelta(days=6),
                updated_at=now,
            ),
            current_subscription=Subscription(
                subscription_id=str(uuid4()),
                subscription_status=SubscriptionStatus.ACTIVE,
                tier=tier,
                provider=SubscriptionProvider.INTERNAL,
                start_date=began,
                usage_current_period=UsagePeriod(
                    documents_processed=used,
                    period_start=began,
                    period_end=began + timedelta(days=31),
                    last_updated=began,
                ),
                created_at=began,
                updated_at=began,
            ),
        ),
    )


def an_analysis() -> Analysis:
    """One laboratory value with digits that a float would lose, one in words, one blood pressure."""
    source = Source(page=1, text="Potassium 5.10 mmol/L 3.5 - 5.1")
    lab = LabFinding(
        test_name="Potassium",
        test_category=TestCategory.BLOOD,
        test_value=Decimal("5.10"),
        test_unit="mmol/L",
        reference_range_low=Decimal("3.5"),
        reference_range_high=Decimal("5.1"),
        reference_range_text="3.5 - 5.1",
        is_abnormal=False,
        confidence_score=Decimal("9.5"),
        ai_interpretation="Potassium is within its range.",
        test_date=date(2026, 3, 1),
        source=source,
    )
    words = LabFinding(
        test_name="Protein",
        test_category=TestCategory.URINE,
        test_value="Negative",
        test_unit=None,
        reference_range_low=None,
        reference_range_high=None,
        reference_range_text=None,
        is_abnormal=None,
        confidence_score=Decimal("8.0"),
        ai_interpretation="No protein was found.",
        test_date=None,
        source=source,
    )
    vital = VitalFinding(
        vital_type=VitalType.BLOOD_PRESSURE,
        systolic_value=Decimal(120),
        diastolic_value=Decimal(80),
        unit="mmHg",
        is_abnormal=False,
        confidence_score=Decimal("9.0"),
        ai_interpretation="Within the usual range.",
        measurement_date=None,
        source=source,
    )
    return Analysis(
        title="Blood test",
        summary="Two values.",
        detailed_interpretation="# Blood test",
        confidence_score=Decimal("9.1"),
        document_date=date(2026, 3, 1),
        medical_flags=("NONE",),
        lab_results=(lab, words),
        vitals=(vital,),
        disclaimers=("This is no diagnosis.",),
        model_used="scripted 1",
    )


def shown(answer: Any) -> dict[str, Any]:
    """An answer as the app reads it."""
    from chalicelib.web.response import encode

    decoded: dict[str, Any] = json.loads(encode(answer), parse_float=Decimal)
    return decoded
