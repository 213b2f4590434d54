"""What of a question lies in the bucket for a while: the question until it is answered, and the answer."""

from __future__ import annotations

from typing import Final

import msgspec

from chalicelib.chat.contract import ChatResponse
from chalicelib.gateways.analyst.talk import Question
from chalicelib.web.response import encode

JSON: Final = "application/json"


class KeptQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A question as the analyst will get it, what the app calls the content that it is about, and how many values were
    too many."""

    content_id: str
    question: Question
    left_out: int = 0


class QueueMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the queue: whose job, and what to do with it.

    `retry` names the retry that it was sent for, None for the first attempt; a message that was overtaken starts
    nothing. `forget` asks for the removal of an answer that was fetched.
    """

    user_id: str
    job_id: str
    retry: int | None = None
    forget: bool = False


def write(kept: KeptQuestion | ChatResponse) -> bytes:
    """Write a question or an answer as JSON."""
    return encode(kept).encode()


def read_question(content: bytes) -> KeptQuestion:
    """Read a question back."""
    return msgspec.json.decode(content, type=KeptQuestion)


def read_answer(content: bytes) -> ChatResponse:
    """Read an answer back."""
    return msgspec.json.decode(content, type=ChatResponse)
