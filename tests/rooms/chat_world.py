"""A small world around the chat: table, bucket, jobs and sessions are real, quota of messages and analyst scripted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3

from chalicelib import errors
from chalicelib.billing.messages import message_name
from chalicelib.billing.usage import Reservations
from chalicelib.chat.contract import ChatStatusAnswer, Context, LaterRequest, MessageAnswer, MessageRequest
from chalicelib.chat.doors import Answers
from chalicelib.chat.places import answer_key, question_key
from chalicelib.chat.rooms import Admission, Chat, Counting, Places
from chalicelib.config import Settings
from chalicelib.documents.outcomes import Outcomes
from chalicelib.documents.results import compose, write
from chalicelib.documents.sweep import JobSweep
from chalicelib.gateways.analyst.talk import Question, Reply
from chalicelib.gateways.object_store import ObjectStore
from chalicelib.identity.sessions import SessionRule
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import JobKind, Tier
from chalicelib.privacy.consents import require_processing
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.usage import UsageStore
from chalicelib.stores.users import Users
from chalicelib.web.request import Caller
from tests.rooms.documents_world import FakeQueue, a_user, an_analysis
from tests.support import SettableClock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Step = Reply | Exception | Callable[[], object]
SAID = "It depends on how you feel."
VALUES = {
    "lab_results": [{"test_name": "Ferritin", "test_value": 8, "test_unit": "ng/mL", "reference_range": "15-150"}]
}


def a_reply(content: str = SAID) -> Reply:
    return Reply(
        content=content,
        confidence_score=Decimal("8.0"),
        suggested_follow_ups=("And now?",),
        disclaimers=("No diagnosis.",),
        model_used="scripted 1",
        analyst="scripted",
        notes=("A note.",),
    )


@dataclass
class Script:
    """An analyst that does what it is told: each call takes the next step, the last one stays."""

    steps: list[Step] = field(default_factory=list)
    asked: list[tuple[Question, datetime]] = field(default_factory=list)

    def answer(self, question: Question, deadline: datetime) -> Reply:
        self.asked.append((question, deadline))
        step = (self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]) if self.steps else a_reply()
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Reply):
            return step
        step()
        return a_reply()


@dataclass
class CountedUnit:
    """The unit of one message."""

    name: str


@dataclass
class FakeMessages:
    """Counts messages in memory, by the rules of the quota."""

    limit: int = 50
    held: set[str] = field(default_factory=set)
    spent: set[str] = field(default_factory=set)
    is_down_at_the_end: bool = False

    @property
    def used(self) -> int:
        return len(self.held | self.spent)

    def reserve(self, user: UserItem | None, caller: Caller, name: str) -> CountedUnit:
        if name in self.held:
            raise errors.Conflict("MESSAGE_IN_PROGRESS")
        if self.used >= self.limit and name not in self.spent:
            raise errors.QuotaSpent(
                details={"used": self.used, "limit": self.limit, "resets_at": "2026-04-01T00:00:00Z"}
            )
        self.held.add(name)
        return CountedUnit(name)

    def keep(self, unit: CountedUnit) -> None:
        if self.is_down_at_the_end:
            raise errors.Unavailable
        self.held.discard(unit.name)
        self.spent.add(unit.name)

    def give_back(self, unit: CountedUnit) -> None:
        if self.is_down_at_the_end:
            raise errors.Unavailable
        self.held.discard(unit.name)


@dataclass
class ChatWorld:
    """Everything of the chat, and a user."""

    settings: Settings
    clock: SettableClock
    answers: Answers | None = None
    user_id: str = field(default_factory=lambda: str(uuid4()))

    def __post_init__(self) -> None:
        rules = self.settings.rules
        self.analyst, self.quota, self.queue = Script(), FakeMessages(), FakeQueue(self.clock)
        self.s3: S3Client = boto3.client("s3", region_name=self.settings.region)
        self.objects = ObjectStore(self.settings.bucket_name, lambda: self.s3)
        self.users, sessions = Users(), SessionRule(self.clock)
        self.jobs = JobStore(UsageStore(), rules.job_due_shards)
        counted = Reservations(
            UsageStore(), sessions, require_processing, self.users.by_id, self.clock, rules.usage_due_shards
        )
        self.chat = Chat(
            Admission(self.users, sessions, require_processing),
            Counting(self.quota, message_name, counted),
            Places(self.jobs, self.objects, self.queue, self.settings.chat_queue),
            self.answers or self.analyst,
            self.clock,
            rules,
        )
        outcomes = Outcomes(self.jobs, self.objects, self.queue, self.settings.retries_queue, self.clock, rules)
        others = {JobKind.CHAT: self.chat.endings.look_at_overdue}
        self.sweep = JobSweep(self.jobs, self.objects, outcomes, self.clock, rules, others)
        self.caller = self.add_user(self.user_id)

    def another(self) -> ChatWorld:
        """The same cloud, another person."""
        return ChatWorld(self.settings, self.clock, self.answers)

    def add_user(self, user_id: str, used: int = 0) -> Caller:
        a_user(user_id, self.clock.now(), used=used, tier=Tier.FREE).save()
        return Caller(user_id, f"session-of-{user_id}")

    # What the app does

    def say(self, message: str = "What now?", *, key: str | None = None, **more: Any) -> MessageAnswer:
        headers = {} if key is None else {"idempotency-key": key}
        documents = more.pop("documents", None)
        request = MessageRequest(
            conversation_id="c-1", message=message, attached_document_ids=documents, context=Context(**more)
        )
        return self.chat.messages.answer(self.caller, headers, request)

    def ask(self, message: str = "What now?", *, key: str | None = None, **more: Any) -> str:
        headers = {} if key is None else {"idempotency-key": key}
        request = LaterRequest(content_id="content-1", message=message, **more)
        return str(self.chat.jobs.ask(self.caller, headers, request).job_id)

    def status(self, job_id: str) -> ChatStatusAnswer:
        return self.chat.jobs.status(self.caller, job_id)

    # What AWS does

    def deliver(self) -> int:
        seen = self.queue.visible()
        for message in seen:
            self.chat.answering.act(message)
        return len(seen)

    def finish(self, seconds: int = 600) -> None:
        """Let time pass: messages when they are due, a sweep each minute."""
        for second in range(0, seconds, 5):
            self.clock.advance(timedelta(seconds=5))
            if second % 60 == 0:
                self.sweep.sweep()
            self.deliver()

    # What is there

    def job(self, job_id: str) -> JobItem | None:
        return self.jobs.find(self.user_id, job_id)

    def used(self) -> int:
        """Units of jobs that are counted, as documents or as messages."""
        user = self.users.by_id(self.user_id)
        assert user is not None
        period = user.data.current_subscription.usage_current_period
        return int(period.documents_processed) + int(getattr(period, "chat_messages_used", 0) or 0)

    def stored(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.settings.bucket_name).get("Contents", [])
        return sorted(one["Key"] for one in found if f"/{self.user_id}/" in one["Key"])

    def question_at(self, job_id: str) -> str:
        return question_key(self.user_id, job_id)

    def answer_at(self, job_id: str) -> str:
        return answer_key(self.user_id, job_id)

    def add_result(self) -> str:
        """Store the result of a document and return its job's id."""
        job_id = f"result_{uuid4()}"
        result = compose(an_analysis(), job_id=job_id, analyst="scripted", at=self.clock.now(), seconds=1.0)
        self.objects.put(f"results/{self.user_id}/{job_id}.json", write(result), "application/json")
        return job_id

    def withdraw_consent(self) -> None:
        user = self.users.by_id(self.user_id)
        assert user is not None
        user.data.consents.healthcare_consultation.withdrawn_at = self.clock.now()
        user.save()
