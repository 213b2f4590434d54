"""The local server: fast on a kept-alive connection, bounded, and never anything but our envelope."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from chalice.app import Chalice
from chalice.config import Config

from chalicelib.web.errors import in_our_envelope
from dev.http_server import MOST_BODY_BYTES, create_server

CODES = {400: "INVALID_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 411: "INVALID_REQUEST"}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = Chalice(app_name="tiny")
    app.register_middleware(in_our_envelope, "http")

    @app.route("/hello")
    def hello() -> dict[str, str]:
        return {"hello": "there"}

    @app.route("/size", methods=["POST"], content_types=["application/octet-stream"])
    def size() -> dict[str, int]:
        return {"size": len(app.current_request.raw_body or b"")}  # type: ignore[union-attr]  # within a request there is one

    server = create_server(app, Config(chalice_stage="local", user_provided_params={"app_name": "tiny"}), 0).server
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def exchange(port: int, request: bytes) -> tuple[int, dict[str, str], Any]:
    """Send raw bytes, read until the connection ends, and return status, headers and JSON."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(connection)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, json.loads(response.read())


def test_a_kept_alive_connection_answers_hundreds_of_requests_a_second(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    started = time.monotonic()
    for _ in range(100):
        connection.request("GET", "/hello")
        assert connection.getresponse().read() == b'{"hello":"there"}'
    connection.close()
    assert time.monotonic() - started < 2.0, "unbuffered, this takes 4.4 s"


def test_a_body_at_the_limit_passes_and_one_byte_more_is_too_large(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/octet-stream"}
    connection.request("POST", "/size", body=bytes(MOST_BODY_BYTES), headers=headers)
    assert json.loads(connection.getresponse().read()) == {"size": MOST_BODY_BYTES}
    connection.request("POST", "/size", body=bytes(MOST_BODY_BYTES + 1), headers=headers)
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["error"]["code"] == "REQUEST_TOO_LARGE"
    assert response.getheader("Connection") == "close"
    connection.close()


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        pytest.param(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400, id="negative length"),
        pytest.param(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n", 400, id="a word as length"),
        pytest.param(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: \xb2\r\n\r\n", 400, id="not ASCII"),
        pytest.param(b"POST /size HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, id="two lengths"),
        pytest.param(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nshort", 400, id="a short body"),
        pytest.param(b"POST /size HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 411, id="chunks"),
        pytest.param(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, id="unknown path"),
        pytest.param(b"GET /hello HTTP/9.9\r\nHost: x\r\n\r\n", 505, id="a version of the future"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="not HTTP"),
    ],
)
def test_what_never_reaches_the_application_is_refused_in_our_envelope(
    port: int, request_head: bytes, status: int
) -> None:
    got, headers, body = exchange(port, request_head)
    assert got == status
    assert headers["content-type"] == "application/json"
    assert headers["access-control-allow-origin"] == "*"
    assert body["success"] is False
    assert body["error"]["code"] == CODES.get(status, "INVALID_REQUEST")
    assert body["error"]["correlation_id"] == headers["x-request-id"]


@pytest.mark.parametrize("method", ["BREW", "TRACE", "QUERY"])
def test_a_method_that_nobody_knows_is_told_what_is_allowed_at_the_path(port: int, method: str) -> None:
    status, headers, body = exchange(port, f"{method} /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert (status, headers["allow"], body["error"]["code"]) == (405, "GET", "METHOD_NOT_ALLOWED")
    assert body["error"]["correlation_id"] == headers["x-request-id"]
    status, _, body = exchange(port, f"{method} /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert (status, body["error"]["code"]) == (404, "NOT_FOUND")


def test_an_enormous_length_is_refused_without_reading_it(port: int) -> None:
    status, _, body = exchange(port, b"POST /size HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")
    assert (status, body["error"]["code"]) == (413, "REQUEST_TOO_LARGE")


def test_a_request_without_a_length_has_no_body(port: int) -> None:
    request = b"POST /size HTTP/1.1\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n\r\n"
    assert exchange(port, request)[2] == {"size": 0}


def test_a_caller_that_waits_for_100_continue_gets_it(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(
            b"POST /size HTTP/1.1\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(b"abc")
        assert b'{"size":3}' in b"".join(iter(lambda: connection.recv(4096), b""))


def test_it_listens_on_loopback_alone(port: int) -> None:
    other = socket.gethostbyname(socket.gethostname())
    if other.startswith("127."):
        other = "127.0.0.2"
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex((other, port)) != 0
