"""Answers to people who wait: counted, asked, answered within the time that they have, and forgotten."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic

import msgspec
from msgspec import UNSET

from chalicelib import errors
from chalicelib.chat.answers import beside, fallback, follow_ups
from chalicelib.chat.contract import Context, MessageAnswer, MessageMetadata, MessageRequest
from chalicelib.chat.doors import (
    Answers,
    MessageName,
    MessageReservations,
    Profiles,
    RequireConsent,
    SessionRule,
    StoredValues,
    U,
)
from chalicelib.chat.health_data import Values
from chalicelib.chat.prompt import checked, question_of
from chalicelib.clock import Clock
from chalicelib.gateways.analyst.talk import Question, Reply
from chalicelib.ids import new_id
from chalicelib.models.profile import UserItem
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.web.request import Caller

ROLE: Final = "serenya"
_LONGEST_CONVERSATION_ID: Final = 200


@dataclass(frozen=True, slots=True)
class ChatMessages(Generic[U]):
    """Answers messages. Nothing of them is stored: not the question, not the answer, not the values."""

    profiles: Profiles
    sessions: SessionRule
    require_consent: RequireConsent
    quota: MessageReservations[U]
    message_name: MessageName
    results: StoredValues
    analyst: Answers
    clock: Clock
    rules: Rules

    def answer(self, caller: Caller, headers: Mapping[str, str], request: MessageRequest) -> MessageAnswer:
        """Answer a message. The unit of one that nobody could answer goes back, and a text of ours says so.

        Header names are in lower case. With the same `Idempotency-Key` and content it is the same message and costs one
        unit; its answer is made anew, because none is kept.

        Raises:
            InvalidRequest, Unprocessable: what was sent. NotFound: DOCUMENT_NOT_FOUND. Forbidden: CONSENT_REQUIRED.
            QuotaSpent: no unit is left. Conflict: MESSAGE_IN_PROGRESS. Unavailable: not answered, and not counted.
        """
        until = self.clock.now() + self.rules.chat_answer_within
        user = self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
        context = request.context or Context()
        is_encrypted = request.encrypted_data is not UNSET or request.encryption_metadata is not UNSET
        asking = checked(request.message, context.prompt_id, context.metric_name, is_encrypted=is_encrypted)
        conversation_id = _conversation(request)
        self.require_consent(user)
        parts = (context.health_data, *self._attached(caller.user_id, request.attached_document_ids or []))
        question, values = question_of(asking, parts, caller.user_id, self.rules.chat_most_values)
        name = self.message_name(headers.get("idempotency-key"), _content(request))
        reply = self._counted(user, caller, name, question, until)
        return self._shown(conversation_id, context, question, values, reply)

    def _counted(self, user: UserItem, caller: Caller, name: str, question: Question, until: datetime) -> Reply:
        """Reserve, answer, and keep the unit; whatever else happens, it goes back."""
        unit = self.quota.reserve(user, caller, name)
        try:
            reply = self.analyst.answer(question, until)
        except errors.AnalystUnavailable as trouble:
            log("message_not_answered", level=logging.WARNING, error=trouble)
            self._settle(unit, is_answered=False)
            return fallback(question)
        except BaseException:
            self._settle(unit, is_answered=False)
            raise
        self._settle(unit, is_answered=True)
        log("message_answered", analyst=reply.analyst, is_in_scope=reply.is_in_scope, values=len(question.facts))
        return reply

    def _settle(self, unit: U, *, is_answered: bool) -> None:
        """End what was reserved. Not raised: whoever waits has an answer, and a unit that is held comes free with its
        lease."""
        try:
            (self.quota.keep if is_answered else self.quota.give_back)(unit)
        except errors.Unavailable as trouble:
            log("message_unit_not_settled", level=logging.WARNING, error=trouble, is_answered=is_answered)

    def _attached(self, user_id: str, document_ids: list[str]) -> list[Any]:
        wanted = list(dict.fromkeys(document_ids))
        if len(wanted) > self.rules.chat_most_documents:
            raise errors.InvalidRequest(
                "TOO_MANY_DOCUMENTS",
                user_message=f"Please attach at most {self.rules.chat_most_documents} documents to a question.",
                details={"limit": self.rules.chat_most_documents},
            )
        return [self._result(user_id, one) for one in wanted]

    def _result(self, user_id: str, document_id: str) -> Any:
        found = self.results.of(user_id, document_id)
        if found is None:
            raise errors.NotFound("DOCUMENT_NOT_FOUND", user_message="We could not find this document.")
        return found

    def _shown(
        self, conversation_id: str, context: Context, question: Question, values: Values, reply: Reply
    ) -> MessageAnswer:
        return MessageAnswer(
            message_id=new_id(),
            conversation_id=conversation_id,
            role=ROLE,
            content=reply.content,
            created_at=self.clock.now(),
            metadata=MessageMetadata(
                confidence_score=reply.confidence_score,
                disclaimers=beside(reply, values.left_out),
                suggested_follow_ups=follow_ups(reply, context.data_type, question.message),
                model_used=reply.model_used,
            ),
        )


def _conversation(request: MessageRequest) -> str:
    given = request.conversation_id if isinstance(request.conversation_id, str) else ""
    if not given.strip():
        raise errors.InvalidRequest("MISSING_CONVERSATION_ID", "The field conversation_id is needed.")
    if len(given) > _LONGEST_CONVERSATION_ID:
        raise errors.InvalidRequest(details={"field": "conversation_id"})
    return given.strip()


def _content(request: MessageRequest) -> str:
    """What makes two messages the same one; only its hash is ever kept."""
    return msgspec.json.encode(request, order="deterministic").decode()
