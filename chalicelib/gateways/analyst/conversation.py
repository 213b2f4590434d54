"""What passes between us and a language model, whatever its API: turns with attachments, a text, and its price.

AnalystUnavailable
├── ModelDown        unreachable, throttled, too slow, or failing: opens the circuit
├── ModelNonsense    it answered, and twice not what was asked for: says nothing about the next document
├── ModelUnfit       this document is more than it takes
└── ModelNotAllowed  turned off by operators, or the person's daily cap is reached
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol

from chalicelib.errors import AnalystUnavailable
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.model_config import Prices


class ModelDown(AnalystUnavailable):
    """The model did not answer: unreachable, throttled, too slow, failing, or not ours to ask."""


class ModelNonsense(AnalystUnavailable):
    """The model answered, and not what was asked for, also when it was told what was wrong."""


class ModelUnfit(AnalystUnavailable):
    """The document is larger than the model takes."""


class ModelNotAllowed(AnalystUnavailable):
    """The model may not be asked: turned off, or the daily cap is reached. Stays so for a while."""


class PromptKind(StrEnum):
    """What a model is asked for."""

    ANALYSIS = "analysis"
    REPORT = "report"
    CHAT = "chat"


class Stop(StrEnum):
    """Why a model stopped."""

    DONE = "done"
    CUT_OFF = "cut_off"
    REFUSED = "refused"


STOPS: Final[Mapping[str, Stop]] = {
    "end_turn": Stop.DONE,
    "stop_sequence": Stop.DONE,
    "max_tokens": Stop.CUT_OFF,
    "model_context_window_exceeded": Stop.CUT_OFF,
}
"""Why Claude stopped, in the words that Converse and Messages share; any other word is a refusal."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document as it was uploaded. `is_scan`: a PDF without text, whose pages the model has to look at."""

    content: bytes
    file_type: FileType
    is_scan: bool = False


def check_size(attachment: Attachment, *, most_document_bytes: int, most_image_bytes: int) -> None:
    """Pass where a document is within what an API takes.

    Raises:
        ModelUnfit: it is too large.
    """
    is_pdf = attachment.file_type is FileType.PDF
    if len(attachment.content) > (most_document_bytes if is_pdf else most_image_bytes):
        raise ModelUnfit("the document is larger than the API takes")


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said. An attachment goes before the text, and only with the user's turns."""

    role: Literal["user", "assistant"]
    text: str
    attachment: Attachment | None = None


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call: the system's part, the turns, and the most that may be answered."""

    system: str
    turns: tuple[Turn, ...]
    most_output_tokens: int


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What came back, and what it cost. `request_id` is the provider's own name of the call, to ask it about."""

    text: str
    stop: Stop
    input_tokens: int
    output_tokens: int
    request_id: str = ""


class Model(Protocol):
    """A language model behind an API."""

    name: str
    model_id: str
    prices: Prices

    def check_fit(self, attachment: Attachment) -> None:
        """Pass where the model takes such a document.

        Raises:
            ModelUnfit: it does not; ask somebody else.
        """
        ...

    def converse(self, request: ModelRequest, seconds: float) -> ModelReply:
        """Ask once, and return within `seconds`. Never repeated here: each call is paid for.

        Raises:
            ModelDown: no answer in time, or a refusal that has nothing to do with the request's content.
            ModelUnfit: the request itself was refused, and would be again; nothing was paid for.
        """
        ...
