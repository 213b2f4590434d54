"""The load test itself: it keeps to the limits, sees every error, and counts what it says."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import load
from bench.crowd import Person
from bench.imports import ROOT
from chalicelib.web import limits
from dev.stage import Ports
from dev.testing import free_port

BILLING = ("usage", "subscription")


def a_person(number: int = 0) -> Person:
    return Person(number, "access", "refresh", b"%PDF-1.7", random.Random(number))


@contextmanager
def service(status: int) -> Iterator[Ports]:
    body = json.dumps(
        dict.fromkeys(("job_id", "access_token", "refresh_token"), "x") | {"status": "completed"}
    ).encode()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  # http.server looks for this name

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the base class's name
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield Ports(server.server_port, 0, 0, 0)
        server.shutdown()


def test_nobody_calls_more_often_than_a_minute_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    person = a_person()
    person.jobs["job"] = "completed"
    acts = Counter(person.next_act() for _ in range(5_000))
    assert acts[None] > 3_000
    assert acts["status"] < limits.STATUS.calls
    assert acts["result"] < limits.RESULT.calls
    assert acts["upload"] < limits.UPLOAD.calls
    assert acts["prepared questions"] < limits.CHAT_PROMPTS.calls
    assert acts["chat message"] < limits.CHAT_MESSAGES.calls
    assert sum(acts[name] for name in BILLING) < limits.SUBSCRIPTIONS.calls
    assert acts["profile"] + acts["listing"] < limits.GENERAL.calls
    assert acts["refresh"] == 1


def test_what_is_counted_by_address_is_asked_by_few() -> None:
    for name, most in (("plans", limits.PUBLIC.calls), ("refresh", limits.REFRESH.calls)):
        asking = [number for number in range(256) if name in _acts_of(a_person(number))]
        assert 0 < len(asking) < most


def _acts_of(person: Person) -> set[str | None]:
    return {person.next_act() for _ in range(100)}


def test_every_answer_is_counted_with_its_time() -> None:
    answers = load.Answers()
    with service(200) as ports:
        load._use(ports, [a_person()], time.monotonic() + 0.2, answers)
    assert answers.errors == []
    assert sum(len(each) for each in answers.seconds.values()) > 5
    every = next(row for row in load._rows(answers, took=0.2) if row[0] == "all")
    assert every[1] == sum(len(each) for each in answers.seconds.values())


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_every_other_answer_is_an_error(status: int) -> None:
    answers = load.Answers()
    with service(status) as ports:
        load._use(ports, [a_person()], time.monotonic() + 0.05, answers)
    assert answers.errors
    assert f" {status} " in answers.errors[0]


def test_a_service_that_is_gone_is_an_error() -> None:
    answers = load.Answers()
    load._use(Ports(free_port(), 0, 0, 0), [a_person()], time.monotonic() + 0.02, answers)
    assert "ConnectionRefusedError" in answers.errors[0]


def test_percentiles_are_those_of_the_answers() -> None:
    name, count, per_second, middle, slow, ratio = load._row("status", [each / 1000 for each in range(1, 101)], 10)
    assert (name, count, per_second, middle, slow, ratio) == ("status", 100, 10.0, 51.0, 100.0, 2.0)


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_the_local_service_answers_32_connections_without_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", "--seconds", "10"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 errors" in done.stdout


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_a_request_takes_little_more_than_its_calls_of_aws() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.warm_path", "--quick"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
