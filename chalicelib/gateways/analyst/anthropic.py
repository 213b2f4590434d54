"""A model behind Anthropic's Messages API, through urllib3.

Source: Anthropic API reference, "Create a Message" (version 2023-06-01), "Errors", "PDF support", "Vision".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from chalicelib import errors
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
from chalicelib.model_config import AnthropicSettings

if TYPE_CHECKING:
    import urllib3

_VERSION: Final = "2023-06-01"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_ANSWER_BYTES: Final = 2 * 1024 * 1024
# "Vision": a picture up to 5 MB; "PDF support": a request up to 32 MB, of which base64 takes a third.
MOST_IMAGE_BYTES: Final = 5_000_000
MOST_DOCUMENT_BYTES: Final = 20_000_000
_INPUTS: Final = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class SecretReader(Protocol):
    """Reads JSON secrets and keeps them for a while."""

    def json(self, secret_id: str) -> Mapping[str, Any]:
        """Return the secret."""
        ...


class AnthropicModel:
    """Speaks the Messages API. Its key is read from Secrets Manager at each call (and kept there for a minute)."""

    name = "anthropic"

    def __init__(self, settings: AnthropicSettings, secrets: SecretReader, secret_id: str) -> None:
        self._url = f"{settings.url}/v1/messages"
        self._secrets = secrets
        self._secret_id = secret_id
        self.model_id = settings.model_id
        self.prices = settings.prices

    def check_fit(self, attachment: Attachment) -> None:
        """Pass where the API takes such a document.

        Raises:
            ModelUnfit: it is too large.
        """
        check_size(attachment, most_document_bytes=MOST_DOCUMENT_BYTES, most_image_bytes=MOST_IMAGE_BYTES)

    def converse(self, request: ModelRequest, seconds: float) -> ModelReply:
        """Ask once, and return within `seconds`.

        Raises:
            ModelDown: no answer in time, throttled, overloaded, refused, or not a message.
            ModelUnfit: the API finds fault with the request (400), or it is too large (413).
        """
        import urllib3

        body = json.dumps(_message(self.model_id, request)).encode()
        headers = {"x-api-key": self._key(), "anthropic-version": _VERSION, "content-type": "application/json"}
        try:
            status, content, request_id = within(seconds, lambda: _posted(self._url, body, headers, seconds))
        except (urllib3.exceptions.HTTPError, TimeoutError) as failure:
            raise ModelDown("Anthropic gave no answer") from failure
        if status in (400, 413):
            raise ModelUnfit("Anthropic does not take this request")
        if status != 200:
            raise ModelDown(f"Anthropic answered with {status}")
        try:
            return _reply(json.loads(content), request_id)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as failure:
            raise ModelDown("Anthropic answered in another shape") from failure

    def _key(self) -> str:
        try:
            key = self._secrets.json(self._secret_id).get("api_key")
        except errors.Unavailable as failure:
            raise ModelDown("there is no key for Anthropic") from failure
        if not isinstance(key, str) or not key.isascii() or not key.isprintable() or not key:
            raise ModelDown("the key for Anthropic cannot be used")
        return key


def _posted(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> tuple[int, bytes, str]:
    import urllib3

    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ModelDown("documents are sent over TLS alone")
    response = _pool().request(
        "POST",
        url,
        body=body,
        headers=dict(headers),
        timeout=urllib3.Timeout(connect=min(3.0, seconds), read=seconds),
        redirect=False,
        preload_content=False,
    )
    try:
        content = response.read(_MOST_ANSWER_BYTES + 1, decode_content=True)
        if len(content) > _MOST_ANSWER_BYTES:
            raise ModelDown("Anthropic answered with more than an answer can be")
        return response.status, content, response.headers.get("request-id", "")
    finally:
        response.close()


@cache
def _pool() -> urllib3.PoolManager:
    import urllib3

    # Not repeated: each call is paid for, and an answer that was lost was paid for as well.
    return urllib3.PoolManager(retries=False)


def _message(model_id: str, request: ModelRequest) -> dict[str, Any]:
    return {
        "model": model_id,
        "max_tokens": request.most_output_tokens,
        "system": request.system,
        "messages": [{"role": turn.role, "content": _content(turn)} for turn in request.turns],
    }


def _content(turn: Turn) -> list[dict[str, Any]]:
    blocks = [] if turn.attachment is None else [_attachment(turn.attachment)]
    return [*blocks, {"type": "text", "text": turn.text}]


def _attachment(attachment: Attachment) -> dict[str, Any]:
    media = {FileType.PDF: "application/pdf", FileType.PNG: "image/png", FileType.JPG: "image/jpeg"}
    source = {
        "type": "base64",
        "media_type": media[attachment.file_type],
        "data": base64.b64encode(attachment.content).decode(),
    }
    return {"type": "document" if attachment.file_type is FileType.PDF else "image", "source": source}


def _reply(message: Mapping[str, Any], request_id: str) -> ModelReply:
    usage = message["usage"]
    return ModelReply(
        text="".join(str(block["text"]) for block in message["content"] if block.get("type") == "text"),
        stop=STOPS.get(message["stop_reason"], Stop.REFUSED),
        input_tokens=sum(int(usage.get(name) or 0) for name in _INPUTS),
        output_tokens=int(usage["output_tokens"]),
        request_id=request_id,
    )
