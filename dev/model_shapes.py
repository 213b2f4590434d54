"""The shapes of requests and answers of Bedrock's Converse and Anthropic's Messages, as a server sees them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dev.model_mind import Heard


@dataclass(frozen=True, slots=True)
class Said:
    """An answer before it is put into an API's shape."""

    text: str
    stop: str
    input_tokens: int
    output_tokens: int


def heard_by_converse(model_id: str, body: Mapping[str, Any], headers: dict[str, str]) -> Heard:
    """Read a request of Converse."""
    turns, attachments = [], []
    for message in body["messages"]:
        for block in message["content"]:
            if "text" in block:
                turns.append((message["role"], block["text"]))
            for kind in ("document", "image"):
                if kind in block:
                    content = base64.b64decode(block[kind]["source"]["bytes"], validate=True)
                    attachments.append((block[kind]["format"], content))
    system = "\n".join(part["text"] for part in body.get("system", []))
    most = int(body["inferenceConfig"]["maxTokens"])
    return Heard("bedrock", model_id, system, tuple(turns), tuple(attachments), most, headers)


def heard_by_messages(body: Mapping[str, Any], headers: dict[str, str]) -> Heard:
    """Read a request of the Messages API."""
    turns, attachments = [], []
    for message in body["messages"]:
        for block in message["content"]:
            if block["type"] == "text":
                turns.append((message["role"], block["text"]))
            else:
                source = block["source"]
                content = base64.b64decode(source["data"], validate=True)
                attachments.append((source["media_type"].rpartition("/")[2], content))
    most = int(body["max_tokens"])
    return Heard("anthropic", body["model"], body.get("system", ""), tuple(turns), tuple(attachments), most, headers)


def in_shape_of(api: str, said: Said, heard: Heard) -> dict[str, Any]:
    """Put an answer into an API's shape."""
    if api == "bedrock":
        stop = {"refusal": "content_filtered"}.get(said.stop, said.stop)
        total = said.input_tokens + said.output_tokens
        content = [{"text": said.text}] if said.text else []
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": stop,
            "usage": {"inputTokens": said.input_tokens, "outputTokens": said.output_tokens, "totalTokens": total},
            "metrics": {"latencyMs": 5},
        }
    return {
        "id": "msg_standin",
        "type": "message",
        "role": "assistant",
        "model": heard.model_id,
        "content": [{"type": "text", "text": said.text}] if said.text else [],
        "stop_reason": said.stop,
        "stop_sequence": None,
        "usage": {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens},
    }
