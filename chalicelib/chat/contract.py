"""What the chat room takes and gives over HTTP."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib.chat.options import Category, ContentType
from chalicelib.web.links import Link
from chalicelib.web.response import Answer

Score = Annotated[Decimal, Meta(description="From 1 to 10, one decimal.", examples=[7.5])]
JobId = Annotated[str, Meta(description="`chat_` and a UUID.", examples=["chat_0b7c1c1e-8a52-5d0e-9b5e-0d9a4c3f6a11"])]
Message = Annotated[str, Meta(description="1 to 1000 characters after trimming.", examples=["What is ferritin?"])]
MetricName = Annotated[str, Meta(max_length=100, description="Takes the place of `[METRIC]`.", examples=["ferritin"])]
HealthData = Annotated[Any, Meta(description="Values in any of the app's shapes. Read, bounded, and not kept.")]
Encrypted = Annotated[Any, Meta(description="Refused with 422: the app keeps the key, so nobody could read it.")]
_QUESTION_ERRORS = (
    "400 INVALID_MESSAGE",
    "400 MESSAGE_TOO_LONG",
    "400 INVALID_PROMPT_ID",
    "400 MISSING_METRIC_NAME",
    "402 USAGE_LIMIT_EXCEEDED",
    "403 CONSENT_REQUIRED",
    "409 MESSAGE_IN_PROGRESS",
    "422 ENCRYPTED_PAYLOAD_UNSUPPORTED",
)


class Prompt(msgspec.Struct, kw_only=True):
    """A prepared question."""

    id: Annotated[str, Meta(description="Stable.", examples=["result_explain_simply"])]
    content_type: ContentType
    category: Category
    prompt_text: Annotated[str, Meta(description="What the app shows; may hold `[METRIC]`.")]
    full_prompt_text: Annotated[str, Meta(description="What is asked; may hold `[METRIC]`.")]
    display_order: int
    has_sub_options: bool
    requires_health_data: bool


class PromptsAnswer(Answer, kw_only=True):
    """The prepared questions about one kind of content. Carries an ETag; 304 where the app has them."""

    ERRORS: ClassVar = ("400 MISSING_CONTENT_TYPE", "400 INVALID_CONTENT_TYPE")
    LINKS: ClassVar[tuple[Link, ...]] = (Link("answer_chat_message", body={"context": {"prompt_id": "/prompts/0/id"}}),)

    HAS_ETAG: ClassVar = True

    content_type: ContentType
    ttl_seconds: Annotated[int, Meta(description="For so long the app need not ask again.", examples=[86400])]
    generated_at: datetime
    prompts: list[Prompt]


class Context(msgspec.Struct, kw_only=True):
    """What a question is about."""

    health_data: HealthData = None
    data_type: Annotated[str | None, Meta(description="result or report.")] = None
    metric_name: MetricName | None = None
    prompt_id: Annotated[str | None, Meta(description="A prepared question.")] = None


class MessageRequest(msgspec.Struct, kw_only=True):
    """A question that somebody waits for."""

    ERROR_CODES: ClassVar[dict[str, str]] = {"message": "INVALID_MESSAGE", "conversation_id": "MISSING_CONVERSATION_ID"}

    conversation_id: Annotated[str | UnsetType, Meta(description="The app's own; given back, never stored.")] = UNSET
    message: Message | UnsetType = UNSET
    attached_document_ids: Annotated[
        list[str] | None, Meta(description="Results of the caller that are still stored, by job or content id.")
    ] = None
    context: Context | None = None
    encrypted_data: Encrypted = UNSET
    encryption_metadata: Encrypted = UNSET


class MessageMetadata(msgspec.Struct, kw_only=True):
    """What goes with an answer."""

    confidence_score: Score
    disclaimers: list[str]
    suggested_follow_ups: list[str]
    model_used: Annotated[str, Meta(description="`none` where no analyst answered; that message is not counted.")]


class MessageAnswer(Answer, kw_only=True):
    """An answer, or a text in its place that says why there is none."""

    ERRORS: ClassVar = (
        "400 MISSING_CONVERSATION_ID",
        "400 TOO_MANY_DOCUMENTS",
        *_QUESTION_ERRORS,
        "404 DOCUMENT_NOT_FOUND",
    )
    LINKS: ClassVar[tuple[Link, ...]] = (Link("answer_chat_message", body={"conversation_id": "/conversation_id"}),)

    message_id: str
    conversation_id: str
    role: Annotated[str, Meta(description="Always `serenya`.")]
    content: Annotated[str, Meta(description="Markdown without links.")]
    created_at: datetime
    metadata: MessageMetadata


class LaterRequest(msgspec.Struct, kw_only=True):
    """A question whose answer is fetched later."""

    ERROR_CODES: ClassVar[dict[str, str]] = {"message": "INVALID_MESSAGE", "content_id": "MISSING_CONTENT_ID"}

    content_id: Annotated[str | UnsetType, Meta(description="The result or report that it is about.")] = UNSET
    message: Message | UnsetType = UNSET
    suggested_prompt_id: Annotated[str | None, Meta(description="A prepared question.")] = None
    metric_name: MetricName | None = None
    structured_data: HealthData = None
    encrypted_data: Encrypted = UNSET
    encryption_metadata: Encrypted = UNSET


class LaterAnswer(Answer, kw_only=True):
    """The question is taken, and will be answered."""

    ERRORS: ClassVar = ("400 MISSING_CONTENT_ID", *_QUESTION_ERRORS, "409 MESSAGE_ALREADY_ANSWERED")
    LINKS: ClassVar[tuple[Link, ...]] = (Link("show_chat_status", {"job_id": "/job_id"}),)

    job_id: JobId
    chat_id: Annotated[str, Meta(description="The UUID of the job.")]
    estimated_completion_seconds: int


class ChatState(StrEnum):
    """Where a question stands, in the app's words."""

    PROCESSING = "processing"
    COMPLETE = "complete"
    FAILED = "failed"


class Response(msgspec.Struct, kw_only=True):
    """What was answered."""

    content: Annotated[str, Meta(description="Markdown without links.")]
    confidence_score: Score
    sources_referenced: Annotated[list[str], Meta(description="Names of the values that the answer speaks of.")]
    medical_disclaimers: list[str]


class ChatResponse(msgspec.Struct, kw_only=True):
    """An answer with what belongs to it."""

    chat_id: str
    content_id: str
    response: Response
    suggested_follow_ups: list[str]
    timestamp: datetime


class ChatStatusAnswer(Answer, kw_only=True):
    """Where a question stands, and its answer once there is one."""

    ERRORS: ClassVar = ("404 JOB_NOT_FOUND",)

    job_id: JobId
    status: ChatState
    chat_response: ChatResponse | UnsetType = UNSET
    error_message: Annotated[str | UnsetType, Meta(description="Why there is no answer, in plain words.")] = UNSET


class ConversationAnswer(Answer, kw_only=True):
    """Never given: conversations live on the phone."""

    ERRORS: ClassVar = ("404 CONVERSATION_NOT_FOUND",)
