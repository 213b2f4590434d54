"""Questions that are answered later: taken, looked after, fetched, and forgotten once they were fetched."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET

from chalicelib import errors
from chalicelib.chat.contract import ChatState, ChatStatusAnswer, ConversationAnswer, LaterAnswer, LaterRequest
from chalicelib.chat.doors import Objects, Profiles, RequireConsent, Reservations, SessionRule, StoredValues
from chalicelib.chat.endings import Endings
from chalicelib.chat.kept import JSON, KeptQuestion, read_answer, write
from chalicelib.chat.places import RESULT_LIMIT_BYTES, all_keys, answer_key, question_key
from chalicelib.chat.prompt import Asking, checked, question_of
from chalicelib.clock import Clock
from chalicelib.ids import derived_id, is_job_id, new_id
from chalicelib.models import keys
from chalicelib.models.job import JobData, JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.observe.log import correlation_id, log
from chalicelib.rules import Rules
from chalicelib.stores.jobs import JobStore
from chalicelib.web.request import Caller

_PREFIX: Final = f"{JobKind.CHAT}_"
_LONGEST_CONTENT_ID: Final = 200


@dataclass(frozen=True, slots=True)
class ChatJobs:
    """Takes questions and gives answers. The job item holds neither; both lie in the bucket, the question until it is
    answered, the answer until a while after it was fetched."""

    profiles: Profiles
    sessions: SessionRule
    require_consent: RequireConsent
    reservations: Reservations
    results: StoredValues
    jobs: JobStore
    objects: Objects
    endings: Endings
    clock: Clock
    rules: Rules

    def ask(self, caller: Caller, headers: Mapping[str, str], request: LaterRequest) -> LaterAnswer:
        """Take a question; header names are in lower case. With the same `Idempotency-Key` and content it is the same
        job, and costs one unit.

        Raises:
            InvalidRequest, Unprocessable: what was sent. Forbidden: CONSENT_REQUIRED. QuotaSpent: no unit is left.
            Conflict: MESSAGE_ALREADY_ANSWERED. Unavailable: not taken, and not counted.
        """
        user = self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
        is_encrypted = request.encrypted_data is not UNSET or request.encryption_metadata is not UNSET
        asking = checked(request.message, request.suggested_prompt_id, _metric(request), is_encrypted=is_encrypted)
        content_id = _content_id(request)
        self.require_consent(user)
        job = self._new_job(caller.user_id, headers.get("idempotency-key"), request)
        self._begin(user, caller, job, self._kept(caller.user_id, asking, content_id, request))
        return LaterAnswer(
            job_id=job.data.job_id,
            chat_id=job.data.job_id.removeprefix(_PREFIX),
            estimated_completion_seconds=self.rules.estimated_chat_seconds,
        )

    def status(self, caller: Caller, job_id: str) -> ChatStatusAnswer:
        """Tell where a question stands, with its answer once there is one. One that is overdue has failed: this call
        ends it, if nobody else did.

        Raises:
            NotFound: JOB_NOT_FOUND.
        """
        job = self._find(caller, job_id)
        if self.endings.is_overdue(job):
            job = self.endings.fail_overdue(job) or self._find(caller, job_id)
        if job.data.state == JobState.COMPLETED:
            return self._answered(job)
        if job.data.state in {JobState.FAILED, JobState.TIMEOUT}:
            return ChatStatusAnswer(
                job_id=job_id, status=ChatState.FAILED, error_message=job.data.error_message or "There is no answer."
            )
        return ChatStatusAnswer(job_id=job_id, status=ChatState.PROCESSING)

    def conversation(self, caller: Caller) -> ConversationAnswer:
        """Refuse: conversations live on the phone.

        Raises:
            NotFound: CONVERSATION_NOT_FOUND, always.
        """
        self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
        raise errors.NotFound(
            "CONVERSATION_NOT_FOUND", user_message="Conversations are kept on your phone, and nowhere else."
        )

    def _begin(self, user: UserItem, caller: Caller, job: JobItem, kept: KeptQuestion) -> None:
        """Reserve unit and job together, then store the question, then send word. What fails after the first step
        takes it back; where even that fails, the sweep ends the job."""
        is_repeat = self.reservations.reserve(user, caller, job).is_repeat
        log("question_taken", job_id=job.data.job_id, is_repeat=is_repeat)
        if is_repeat and not self._waits_for_word(job):
            return
        try:
            self.objects.put(str(job.data.object_key), write(kept), JSON)
            self.endings.send(job, None)
        except errors.Unavailable:
            if not is_repeat:
                self._take_back(job)
            raise

    def _kept(self, user_id: str, asking: Asking, content_id: str, request: LaterRequest) -> KeptQuestion:
        """What is asked, cut to what an analyst will read: the rest of what was sent is not even stored."""
        stored = self.results.of(user_id, content_id)
        question, values = question_of(asking, (request.structured_data, stored), user_id, self.rules.chat_most_values)
        return KeptQuestion(content_id=content_id, question=question, left_out=values.left_out)

    def _waits_for_word(self, job: JobItem) -> bool:
        """Whether nobody has begun with a question that was taken before: whoever took it may have died halfway, so
        that both last steps are done again. Neither does harm when it was done.

        Raises:
            Conflict: MESSAGE_ALREADY_ANSWERED.
        """
        found = self.jobs.find(job.data.user_id, job.data.job_id)
        if found is None:
            raise errors.Unavailable(message="The job of this question is being removed.")
        if found.data.state == JobState.CLEANED:
            raise errors.Conflict(
                "MESSAGE_ALREADY_ANSWERED",
                "This question was answered, and its answer was fetched and removed.",
                user_message="This question was answered before. Please ask it anew.",
            )
        return bool(found.data.state == JobState.UPLOADED)

    def _take_back(self, job: JobItem) -> None:
        is_dropped = False
        try:
            is_dropped = self.jobs.drop(job, self.clock.now())
            if is_dropped:
                self.objects.delete(all_keys(job.data.user_id, job.data.job_id))
        except errors.Unavailable as trouble:
            log("question_not_removed", level=logging.WARNING, error=trouble, job_id=job.data.job_id)
        log("question_not_taken", level=logging.WARNING, job_id=job.data.job_id, is_dropped=is_dropped)

    def _answered(self, job: JobItem) -> ChatStatusAnswer:
        content = self.objects.get(answer_key(job.data.user_id, job.data.job_id), RESULT_LIMIT_BYTES)
        if content is None:
            raise _not_found()
        self.endings.forget_later(job)
        return ChatStatusAnswer(job_id=job.data.job_id, status=ChatState.COMPLETE, chat_response=read_answer(content))

    def _find(self, caller: Caller, job_id: str) -> JobItem:
        """Return the caller's job; an id of an impossible shape costs no question about a job."""
        if not (is_job_id(job_id) and job_id.startswith(_PREFIX)):
            self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
            raise _not_found()
        user, job = self.jobs.find_with_owner(caller.user_id, job_id)
        self.sessions.require_live(user, caller)
        is_gone = job is None or (job.ttl is not None and job.ttl <= self.clock.now().timestamp())
        if job is None or is_gone or job.data.state == JobState.CLEANED:
            raise _not_found()
        return job

    def _new_job(self, user_id: str, key: str | None, request: LaterRequest) -> JobItem:
        now = self.clock.now()
        job_id = f"{_PREFIX}{_unique(user_id, key, request)}"
        # When the sweep looks whether the word of it was lost.
        first_look = now + self.rules.chat_lease
        due = self.jobs.due_key(job_id, first_look)
        return JobItem(
            *keys.job_key(user_id, job_id),
            created_at=now,
            updated_at=now,
            ttl=int((now + self.rules.job_life).timestamp()),
            gsi3_pk=due.pk,
            gsi3_sk=due.sk,
            data=JobData(
                job_id=job_id,
                user_id=user_id,
                kind=JobKind.CHAT,
                state=JobState.UPLOADED,
                object_key=question_key(user_id, job_id),
                is_inspected=True,
                deadline_at=first_look,
                uploaded_at=now,
                correlation_id=correlation_id(),
            ),
        )


def _unique(user_id: str, key: str | None, request: LaterRequest) -> str:
    if key is None or not key.strip():
        return new_id()
    content = msgspec.json.encode(request, order="deterministic").decode()
    return derived_id("chat", user_id, key.strip(), content)


def _content_id(request: LaterRequest) -> str:
    given = request.content_id.strip() if isinstance(request.content_id, str) else ""
    if not given:
        raise errors.InvalidRequest("MISSING_CONTENT_ID", "The field content_id is needed.")
    if len(given) > _LONGEST_CONTENT_ID:
        raise errors.InvalidRequest(details={"field": "content_id"})
    return given


def _metric(request: LaterRequest) -> str | None:
    """The value that a prepared question is about: the app says it beside the question or within the data."""
    if request.metric_name is not None:
        return request.metric_name
    data: Any = request.structured_data
    given = data.get("metric_name", data.get("metricName")) if isinstance(data, dict) else None
    return given[:100] if isinstance(given, str) else None


def _not_found() -> errors.NotFound:
    return errors.NotFound("JOB_NOT_FOUND", "There is no such job.", user_message="We could not find this answer.")
