"""A model behind Amazon Bedrock's Converse API, through boto3.

Sources: Amazon Bedrock API reference ("Converse", "Message", "DocumentBlock"), user guide ("API restrictions").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from chalicelib.gateways.analyst.conversation import (
    STOPS,
    Attachment,
    ModelDown,
    ModelReply,
    ModelRequest,
    ModelUnfit,
    Stop,
    Turn,
    check_size,
)
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.gateways.analyst.hurry import within
from chalicelib.model_config import BedrockSettings
from chalicelib.observe.log import correlation_id

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient  # type: ignore[import-not-found, unused-ignore]  # stubs of the service are not installed

# "Message": images up to 3.75 MB. "API restrictions": documents up to 4.5 MB, but not PDFs for Claude 4 and later; what
# another model does not take it refuses, which is not paid for.
MOST_IMAGE_BYTES: Final = 3_750_000
MOST_DOCUMENT_BYTES: Final = 12_000_000
# A client's time-outs are fixed when it is made (20 ms): one for each step of this ladder, the next lower is taken.
_LADDER: Final = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 16.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 75.0, 90.0)


class BedrockModel:
    """Speaks Converse. Signed by the function's role; no key of ours."""

    name = "bedrock"

    def __init__(self, settings: BedrockSettings) -> None:
        self._settings = settings
        self.model_id = settings.model_id
        self.prices = settings.prices

    def check_fit(self, attachment: Attachment) -> None:
        """Pass where Converse takes such a document.

        Raises:
            ModelUnfit: it is too large.
        """
        check_size(attachment, most_document_bytes=MOST_DOCUMENT_BYTES, most_image_bytes=MOST_IMAGE_BYTES)

    def converse(self, request: ModelRequest, seconds: float) -> ModelReply:
        """Ask once, and return within `seconds`.

        The read time-out holds between two packets, so that an answer which trickles would outlast it: the call runs in
        a thread that is not waited for any longer than it has.

        Raises:
            ModelDown: no answer in time, throttled, refused, or not an answer of Converse.
            ModelUnfit: Converse finds fault with the request, such as a PDF that it cannot open.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        if seconds < _LADDER[0]:
            raise ModelDown("there is no time left to ask")
        step = max(one for one in _LADDER if one <= seconds)
        try:
            answer = within(seconds, lambda: self._client(step).converse(**_converse(self.model_id, request)))
            return _reply(answer)
        except ClientError as failure:
            if failure.response["Error"]["Code"] == "ValidationException":
                raise ModelUnfit("Bedrock does not take this request") from failure
            raise ModelDown("Bedrock refused") from failure
        except (BotoCoreError, TimeoutError) as failure:
            raise ModelDown("Bedrock gave no answer") from failure
        except (KeyError, TypeError, ValueError, AttributeError) as failure:
            raise ModelDown("Bedrock answered in another shape") from failure

    def _client(self, seconds: float) -> BedrockRuntimeClient:
        return _client(self._settings.region, self._settings.endpoint_url, seconds)


@cache
def _client(region: str, endpoint_url: str | None, seconds: float) -> BedrockRuntimeClient:
    import boto3
    from botocore.config import Config

    # Not repeated by botocore: each call is paid for, the daily cap knows of one, and the queue tries again anyway.
    config = Config(
        connect_timeout=min(3.0, seconds), read_timeout=seconds, retries={"total_max_attempts": 1, "mode": "standard"}
    )
    client: Any = boto3.client("bedrock-runtime", region_name=region, endpoint_url=endpoint_url, config=config)
    return client


def _converse(model_id: str, request: ModelRequest) -> dict[str, Any]:
    correlation = correlation_id()
    # Stands in Bedrock's own log of invocations, if the account keeps one.
    metadata = {} if correlation is None else {"requestMetadata": {"correlation_id": correlation}}
    return {
        **metadata,
        "modelId": model_id,
        "system": [{"text": request.system}],
        "messages": [{"role": turn.role, "content": _content(turn)} for turn in request.turns],
        # No temperature: some models refuse it, and what must be the same each time is checked by code.
        "inferenceConfig": {"maxTokens": request.most_output_tokens},
    }


def _content(turn: Turn) -> list[dict[str, Any]]:
    blocks = [] if turn.attachment is None else [_attachment(turn.attachment)]
    return [*blocks, {"text": turn.text}]


def _attachment(attachment: Attachment) -> dict[str, Any]:
    if attachment.file_type is not FileType.PDF:
        picture = "png" if attachment.file_type is FileType.PNG else "jpeg"
        return {"image": {"format": picture, "source": {"bytes": attachment.content}}}
    # The name is read by the model: neutral, and never the person's own.
    document: dict[str, Any] = {"format": "pdf", "name": "document", "source": {"bytes": attachment.content}}
    if attachment.is_scan:
        # Without citations Claude gets a PDF's text alone, and a scan has none.
        document["citations"] = {"enabled": True}
    return {"document": document}


def _reply(answer: Mapping[str, Any]) -> ModelReply:
    usage = answer["usage"]
    return ModelReply(
        text="".join(_texts(answer["output"]["message"]["content"])),
        stop=STOPS.get(answer["stopReason"], Stop.REFUSED),
        # What is read from or written to a cache is input as well.
        input_tokens=sum(int(usage.get(name) or 0) for name in _INPUTS),
        output_tokens=int(usage["outputTokens"]),
        request_id=str(answer.get("ResponseMetadata", {}).get("RequestId", "")),
    )


_INPUTS: Final = ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")


def _texts(blocks: list[dict[str, Any]]) -> list[str]:
    texts: list[str] = []
    for block in blocks:
        if "text" in block:
            texts.append(str(block["text"]))
        elif "citationsContent" in block:
            texts.extend(str(part.get("text", "")) for part in block["citationsContent"].get("content", []))
    return texts
