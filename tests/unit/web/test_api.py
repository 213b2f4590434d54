"""Declared routes on a small application: envelope, guard, limits, bodies, correlation ids, CORS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LocalGateway
from chalice.test import Client, HTTPResponse

from chalicelib import errors
from chalicelib.rules import Rules
from chalicelib.web.api import Api
from chalicelib.web.guard import SIGNED_IN, public
from chalicelib.web.limits import Limit, Limiter
from chalicelib.web.request import Call, Caller
from chalicelib.web.response import Answer, WithStatus
from tests.support import SettableClock

ENVELOPE = {"code", "category", "message", "user_message", "recovery_strategy", "details", "correlation_id"}


DEFECTS = {
    "foreign": KeyError("hidden"),
    "known": errors.Unexpected("HIDDEN_CODE", "hidden", details={"hidden": 1}),
}


class Wish(msgspec.Struct, kw_only=True):
    """A body."""

    ERROR_CODES: ClassVar[dict[str, str]] = {"name": "INVALID_NAME"}

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)]
    count: int = 0


class Granted(Answer, kw_only=True):
    """An answer."""

    name: str
    price: Decimal = Decimal("9.90")


class Tokens:
    def verify(self, token: str) -> Caller:
        if token != "good":
            raise errors.Unauthenticated("INVALID_TOKEN")
        return Caller("user-1", "session-1")


class Counters:
    def __init__(self) -> None:
        self.subjects: list[str] = []

    def add(self, limit: str, subject: str, window: int, calls: int) -> int:
        self.subjects.append(subject)
        return calls


class Rooms:
    def __init__(self) -> None:
        self.rules = Rules(body_limit_bytes=200)
        self.access_tokens = Tokens()
        self.counters = Counters()
        self.limiter = Limiter(self.counters, SettableClock())

    def subject_of_address(self, address: str) -> str:
        return f"hash of {address}"


def _application() -> Chalice:
    app = Chalice(app_name="small")
    rooms = Rooms()
    api = Api(app, lambda: rooms)
    anyone, many = public("a test"), Limit("many", 1000)

    @api.route("POST", "/wishes", "/alias", guard=SIGNED_IN, limit=many)
    def wish(call: Call[Wish]) -> Granted:
        """Grant a wish."""
        return Granted(name=f"{call.caller.user_id} {call.body.name}")

    @api.route("GET", "/defect/{name}", guard=anyone, limit=many)
    def defect(call: Call[None]) -> Granted:
        """Break."""
        raise DEFECTS[call.path["name"]]

    @api.route("GET", "/later", guard=anyone, limit=many)
    def later(call: Call[None]) -> Granted:
        """Ask for patience."""
        raise errors.Unavailable(retry_after_seconds=7)

    @api.route("GET", "/made", guard=anyone, limit=many, status=202)
    def made(call: Call[None]) -> WithStatus[Granted]:
        """Answer with another status."""
        return WithStatus(Granted(name=call.query.get("name", "-")), status=202, headers={"X-Extra": "1"})

    @api.route("GET", "/scarce", guard=anyone, limit=Limit("scarce", 2, is_per_address=True))
    def scarce(call: Call[None]) -> Granted:
        """Be called twice a minute."""
        return Granted(name="x")

    api.answer_unknown_paths_if(True)
    return app


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(_application()) as found:
        yield found


def _post(client: Client, body: Any, token: str | None = "good", **headers: str) -> HTTPResponse:
    sent = {"Content-Type": "application/json", **headers}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    return client.http.post(
        "/wishes", headers=sent, body=body if isinstance(body, bytes) else json.dumps(body).encode()
    )


def _refused(answer: HTTPResponse, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status
    body: dict[str, Any] = answer.json_body
    assert set(body) == {"success", "message", "error"}
    assert body["success"] is False
    assert isinstance(body["message"], str)
    assert set(body["error"]) == ENVELOPE
    assert body["error"]["code"] == code
    assert body["error"]["correlation_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return body


def test_an_answer_has_success_and_its_fields_at_the_root(client: Client) -> None:
    answer = _post(client, {"name": "tea", "unknown": 1})
    assert answer.status_code == 200
    assert json.loads(answer.body, parse_float=str) == {"success": True, "name": "user-1 tea", "price": "9.90"}
    assert answer.headers["X-Request-ID"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    for name in ("X-App-Version", "X-Device-ID", "Idempotency-Key", "Authorization"):
        assert name in answer.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "INVALID_JSON"),
        (b"\xff\xfe", "INVALID_JSON"),
        (b"[" * 150, "INVALID_REQUEST"),
        (b'{"more":' + b"[" * 150, "INVALID_JSON"),
        (b"[]", "INVALID_REQUEST"),
        (b"null", "INVALID_REQUEST"),
        (b"", "INVALID_REQUEST"),
        ({"name": 5}, "INVALID_NAME"),
        ({"name": ""}, "INVALID_NAME"),
        ({"name": "too long"}, "INVALID_NAME"),
        ({"name": "tea", "count": "5"}, "INVALID_REQUEST"),
        ({"name": "tea", "count": True}, "INVALID_REQUEST"),
    ],
)
def test_a_body_that_is_not_as_declared_is_refused(client: Client, body: Any, code: str) -> None:
    _refused(_post(client, body), 400, code)


def test_a_body_above_the_limit_is_too_large(client: Client) -> None:
    _refused(_post(client, {"name": "tea", "more": "x" * 200}), 413, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "MISSING_TOKEN"),
        ("", "MISSING_TOKEN"),
        ("Bearer", "MISSING_TOKEN"),
        ("Bearer ", "MISSING_TOKEN"),
        ("Basic good", "MISSING_TOKEN"),
        ("good", "MISSING_TOKEN"),
        ("Bearer bad", "INVALID_TOKEN"),
        ("Bearer good bad", "INVALID_TOKEN"),
    ],
)
def test_who_brings_no_good_token_gets_401(client: Client, header: str | None, code: str) -> None:
    headers = {"Content-Type": "application/json"} | ({"Authorization": header} if header is not None else {})
    _refused(client.http.post("/wishes", headers=headers, body=b'{"name": "tea"}'), 401, code)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_answered_without_a_word_of_it(
    client: Client, defect: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.http.get(f"/defect/{defect}")
    _refused(answer, 500, "INTERNAL_ERROR")
    assert "hidden" not in answer.body.decode().lower()
    (logged,) = [vars(record) for record in caplog.records]
    assert logged["event"] == "request_failed_unexpectedly"
    assert logged["error_type"] == type(DEFECTS[defect]).__name__
    assert "hidden" not in str(logged).lower()


def test_try_later_carries_whole_seconds(client: Client) -> None:
    answer = client.http.get("/later")
    _refused(answer, 503, "SERVICE_UNAVAILABLE")
    assert answer.headers["Retry-After"] == "7"


def test_too_many_requests_carry_whole_seconds(client: Client) -> None:
    answers = [client.http.get("/scarce") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    _refused(answers[-1], 429, "RATE_LIMIT_EXCEEDED")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61


def test_an_answer_may_have_a_status_and_headers_of_its_own(client: Client) -> None:
    answer = client.http.get("/made?name=a&name=b")
    assert answer.status_code == 202
    assert answer.headers["X-Extra"] == "1"
    assert answer.json_body["name"] == "b"


@pytest.mark.parametrize("path", ["/nothing", "/a/b/c/d/e/f/g", "/wishes/more", "/"])
def test_an_unknown_path_is_answered_in_the_envelope(client: Client, path: str) -> None:
    _refused(client.http.get(path), 404, "NOT_FOUND")


def test_a_wrong_method_is_answered_in_the_envelope(client: Client) -> None:
    answer = client.http.delete("/wishes")
    _refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "POST"


def test_a_wrong_content_type_is_answered_in_the_envelope(client: Client) -> None:
    _refused(_post(client, {"name": "tea"}, **{"Content-Type": "text/plain"}), 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_harmless_correlation_id_is_kept_and_any_other_replaced(client: Client) -> None:
    kept = client.http.get("/made", headers={"X-Request-ID": "abc-123-def"})
    assert kept.headers["X-Request-ID"] == "abc-123-def"
    for bad in ("short", "x" * 65, "with space in it", 'quote"quote'):
        assert client.http.get("/made", headers={"X-Request-ID": bad}).headers["X-Request-ID"] != bad


def test_an_alias_answers_as_the_route_does(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer good"}
    assert client.http.post("/alias", headers=headers, body=b'{"name": "tea"}').status_code == 200


def test_preflight_requests_are_answered() -> None:
    gateway = LocalGateway(_application(), Config())
    answer = gateway.handle_request("OPTIONS", "/wishes", {}, None)
    assert answer["statusCode"] == 200
    assert "Idempotency-Key" in answer["headers"]["Access-Control-Allow-Headers"]
