"""A stand-in for language models on loopback: Bedrock's Converse and Anthropic's Messages, as their clients speak them.

POST /model/<id>/converse   Converse; wants a request that is signed with SigV4 for `bedrock`
POST /v1/messages           Messages; wants the key and the version in its headers
POST /script                {"acts": [{"name": "status", "status": 503}, …]}: what to do next; the last act stays
GET  /requests              what was asked, without the documents' bytes
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from dev.loopback import Listener, Loopback, Requests
from dev.model_mind import Heard, honest_answer
from dev.model_shapes import Said, heard_by_converse, heard_by_messages, in_shape_of

KEY: Final = "stand-in-key"
_MOST_BODY_BYTES: Final = 40 * 1024 * 1024
_BEDROCK_ERRORS: Final = {
    400: "ValidationException",
    403: "AccessDeniedException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


@dataclass(frozen=True, slots=True)
class Act:
    """What to do with a request.

    `name`: honest, text (answer `text`), status (fail with `status`), reset (hang up), cut_off (stop in the middle),
    refuse, runaway (as many tokens as were allowed, of nothing), shapeless (JSON that no client knows). `wait_seconds`
    pass before the first byte, `drip_seconds` between bytes. `change` may alter the answer's object before it is sent.
    """

    name: str = "honest"
    text: str = ""
    status: int = 503
    wait_seconds: float = 0.0
    drip_seconds: float = 0.0
    change: Callable[[dict[str, Any], Heard], None] | None = None


@dataclass
class ModelStandIn(Loopback):
    """Answers and records; with port 0 it takes a free one."""

    port: int = 0
    acts: list[Act] = field(default_factory=lambda: [Act()])
    heard: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Bind the port."""
        self._lock = threading.Lock()
        server = _Server(("127.0.0.1", self.port), _Requests)
        server.stand_in = self
        super().__init__(server, "model-stand-in")

    def script(self, *acts: Act) -> None:
        """Do these one after the other; the last one stays. Forgets what was heard."""
        with self._lock:
            self.acts, self.heard = list(acts) or [Act()], []

    def take(self, heard: Heard) -> Act:
        """Record a request and return what to do with it."""
        with self._lock:
            self.heard.append(heard)
            return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]


def said_by(act: Act, heard: Heard) -> Said:
    """Return what an act answers to a request."""
    documents = sum(len(content) for _, content in heard.attachments)
    asked = (len(heard.system) + len(heard.texts)) // 4 + documents // 100
    match act.name:
        case "text":
            return Said(act.text, "end_turn", asked, len(act.text) // 4 + 1)
        case "runaway":
            return Said("and so on " * 200, "max_tokens", asked, heard.most_output_tokens)
        case "refuse":
            return Said("", "refusal", asked, 1)
    answer = honest_answer(heard)
    if act.change is not None:
        act.change(answer, heard)
    text = json.dumps(answer)
    if act.name == "cut_off":
        return Said(text[: len(text) // 2], "max_tokens", asked, len(text) // 8)
    return Said(text, "end_turn", asked, len(text) // 4)


class _Server(Listener):
    stand_in: ModelStandIn


class _Requests(Requests):
    server: _Server

    def _get(self) -> None:
        asked = [{"api": one.api, "kind": one.kind, "turns": len(one.turns)} for one in self.server.stand_in.heard]
        self._send(200, {"requests": asked})

    def _post(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= _MOST_BODY_BYTES:
            self.close_connection = True
            self._send(413, {})
            return
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
            self._route(body)
        except (ValueError, KeyError, TypeError) as error:
            self._fail("bedrock", 400, f"not a request: {type(error).__name__}")

    do_GET, do_POST = _get, _post  # noqa: N815  # http.server looks for these names

    def _route(self, body: Mapping[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        parts = self.path.strip("/").split("/")
        if self.path == "/script":
            self.server.stand_in.script(*(Act(**act) for act in body["acts"]))
            self._send(200, {})
        elif len(parts) == 3 and parts[0] == "model" and parts[2] == "converse":
            is_signed = headers.get("authorization", "").startswith("AWS4-HMAC-SHA256")
            if not is_signed or "/bedrock/aws4_request" not in headers["authorization"]:
                self._fail("bedrock", 403, "the request is not signed")
                return
            self._act("bedrock", heard_by_converse(unquote(parts[1]), body, headers))
        elif self.path == "/v1/messages":
            if headers.get("x-api-key") != KEY or not headers.get("anthropic-version"):
                self._fail("anthropic", 401, "no such key")
                return
            self._act("anthropic", heard_by_messages(body, headers))
        else:
            self._send(404, {})

    def _act(self, api: str, heard: Heard) -> None:
        act = self.server.stand_in.take(heard)
        time.sleep(act.wait_seconds)
        if act.name == "reset":
            self.close_connection = True
            self.connection.close()
        elif act.name == "status":
            self._fail(api, act.status, "scripted")
        elif act.name == "shapeless":
            self._send(200, {"something": "else"})
        else:
            self._send(200, in_shape_of(api, said_by(act, heard), heard), drip_seconds=act.drip_seconds)

    def _fail(self, api: str, status: int, message: str) -> None:
        if api == "bedrock":
            kind = _BEDROCK_ERRORS.get(status, "InternalServerException")
            self._send(status, {"message": message}, {"x-amzn-ErrorType": kind})
        else:
            kind = {429: "rate_limit_error", 529: "overloaded_error"}.get(status, "api_error")
            self._send(status, {"type": "error", "error": {"type": kind, "message": message}})

    def _send(
        self, status: int, answer: Mapping[str, Any], headers: Mapping[str, str] | None = None, drip_seconds: float = 0
    ) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for piece in _pieces(content, drip_seconds):
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(drip_seconds)


def _pieces(content: bytes, drip_seconds: float) -> Sequence[bytes]:
    return [content[at : at + 1] for at in range(len(content))] if drip_seconds else [content]
