"""The worker behind the queue: a question is claimed, answered, its answer stored, and the question removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from chalicelib import errors
from chalicelib.chat.answers import beside, follow_ups, sources
from chalicelib.chat.contract import ChatResponse, Response
from chalicelib.chat.doors import Answers, Objects, Profiles, RequireConsent
from chalicelib.chat.endings import UNFINISHED, Endings
from chalicelib.chat.kept import JSON, KeptQuestion, QueueMessage, read_question, write
from chalicelib.chat.places import RESULT_LIMIT_BYTES, all_keys, answer_key, question_key
from chalicelib.clock import Clock
from chalicelib.gateways.analyst.talk import Reply
from chalicelib.ids import new_id
from chalicelib.models.job import JobItem
from chalicelib.models.states import AccountStatus, JobKind, JobState
from chalicelib.observe.log import correlate, log
from chalicelib.rules import Rules
from chalicelib.stores.job_moves import Claim
from chalicelib.stores.jobs import JobStore

_MISSING: Final = "The question did not arrive. It does not count against your questions. Please ask it again."


class OwnerGone(Exception):
    """The account was erased, or is being erased, while its question waited."""


class QuestionMissing(errors.JobFailure):
    """There is a job, and no question."""

    code = "QUESTION_MISSING"
    reason = _MISSING


@dataclass(frozen=True, slots=True)
class Answering:
    """Works on questions. Of several workers with the same message, one gets the claim; the others do nothing."""

    jobs: JobStore
    objects: Objects
    endings: Endings
    profiles: Profiles
    require_consent: RequireConsent
    analyst: Answers
    clock: Clock
    rules: Rules

    def act(self, message: str) -> None:
        """Do what a message of the queue asks for.

        Raises:
            msgspec.MsgspecError: not one of our messages; it ends among the dead letters. Unavailable: deliver again.
        """
        wanted = msgspec.json.decode(message, type=QueueMessage)
        if wanted.forget:
            self.endings.forget(wanted.user_id, wanted.job_id)
            return
        now = self.clock.now()
        lease_until = now + self.rules.chat_lease
        job = self.jobs.claim(
            wanted.user_id, wanted.job_id, Claim(new_id(), now, lease_until, lease_until, wanted.retry)
        )
        if job is None:
            self._explain_refused_claim(wanted)
            return
        correlate(job.data.correlation_id)
        is_answered = False
        try:
            is_answered = self._attempt(job)
        except OwnerGone:
            self.jobs.drop(job, self.clock.now())
            self.objects.delete(all_keys(wanted.user_id, wanted.job_id))
        except errors.JobFailure as failure:
            self.endings.fail(job, failure.code, failure.public_reason)
        except errors.Forbidden as refusal:
            self.endings.fail(job, refusal.code, refusal.message)
        except Exception as trouble:  # noqa: BLE001  # whatever it was, the job is tried again or fails with a reason
            self.endings.again_or_fail(job, trouble)
        if is_answered:
            # Not above: a job that is done must not be tried again because its question could not be removed.
            self.objects.delete([question_key(wanted.user_id, wanted.job_id)])

    def _explain_refused_claim(self, wanted: QueueMessage) -> None:
        """Somebody else has it, or it is done: fine. What the one before could not remove any more is removed."""
        job = self.jobs.find(wanted.user_id, wanted.job_id)
        state = None if job is None else job.data.state
        log("question_not_due", job_id=wanted.job_id, state=state and state.value, retry=wanted.retry)
        if state == JobState.COMPLETED:
            self.objects.delete([question_key(wanted.user_id, wanted.job_id)])
        elif state not in UNFINISHED:
            self.objects.delete(all_keys(wanted.user_id, wanted.job_id))

    def _attempt(self, job: JobItem) -> bool:
        """Answer a question, and return whether its answer is stored and the job done by this worker."""
        if self.endings.is_overdue(job):
            self.endings.fail_overdue(job)
            return False
        user_id, job_id = job.data.user_id, job.data.job_id
        # An attempt that died after its answer was stored costs no second one.
        if job.data.attempt > 1 and self.objects.get(answer_key(user_id, job_id), RESULT_LIMIT_BYTES) is not None:
            return self._complete(job)
        self._require_consent(job)
        content = self.objects.get(question_key(user_id, job_id), RESULT_LIMIT_BYTES)
        if content is None:
            raise QuestionMissing
        kept = read_question(content)
        reply = self.analyst.answer(kept.question, job.data.lease_until - self.rules.chat_storing_time)
        # Not replacing: of two answers the first one stands, whoever was late.
        self.objects.put(answer_key(user_id, job_id), write(self._response(job, kept, reply)), JSON)
        return self._complete(job)

    def _complete(self, job: JobItem) -> bool:
        if not self.jobs.complete(job, self.clock.now()):
            self.endings.clear_unwanted(job)
            return False
        log("question_answered", job_id=job.data.job_id, attempt=job.data.attempt)
        return True

    def _require_consent(self, job: JobItem) -> None:
        user = self.profiles.by_id(job.data.user_id)
        if user is None or user.data.account_status is AccountStatus.DELETED:
            raise OwnerGone
        self.require_consent(user)

    def _response(self, job: JobItem, kept: KeptQuestion, reply: Reply) -> ChatResponse:
        return ChatResponse(
            chat_id=job.data.job_id.removeprefix(f"{JobKind.CHAT}_"),
            content_id=kept.content_id,
            response=Response(
                content=reply.content,
                confidence_score=reply.confidence_score,
                sources_referenced=sources(reply.content, kept.question.facts),
                medical_disclaimers=beside(reply, kept.left_out),
            ),
            suggested_follow_ups=follow_ups(reply, None, kept.question.message),
            timestamp=self.clock.now(),
        )
