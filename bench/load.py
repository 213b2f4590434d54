"""`make bench`: 32 connections use the whole local service as apps do, for 30 seconds; 0 where every answer is good.

Everything that answers is local and of this machine: the service is one process in front of an embedded cloud, so
requests per second say little of Lambda. What is meant is that nothing fails, and how far the slow answers lie from the
usual ones (p99/p50).
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bench.crowd import Person
    from dev.stage import Ports
    from dev.supervision import Session

CONNECTIONS: Final = 32
PEOPLE_OF_EACH: Final = 8
SECONDS: Final = 30.0
_WITH_DOCUMENTS: Final = 16
_LONGEST_ANALYSIS_SECONDS: Final = 240.0


@dataclass
class Answers:
    """What was answered: seconds by what was asked for, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, seconds: dict[str, list[float]], errors: list[str]) -> None:
        """Add what one connection saw."""
        with self.lock:
            self.errors += errors
            for name, each in seconds.items():
                self.seconds[name] += each


def load(session: Session, seconds: float, is_kept: bool) -> int:
    """Start everything, sign people in, let them act, and tell; 1 for any error."""
    from dev.cloud import start_surroundings
    from dev.run import start_service
    from dev.stage import Ports
    from dev.testing import free_port

    ports = Ports(*(free_port() for _ in range(5)))
    session.say("Starting the embedded cloud and the service …")
    start_surroundings(session, ports)
    service = start_service(session, ports)
    people = _people(ports)
    _hand_documents_in(ports, people)
    session.say(f"{len(people)} people are signed in; {CONNECTIONS} connections for {seconds:g} s …")
    answers, took = _drive(ports, people, seconds)
    service.stop()
    if not any(answers.seconds.values()):
        answers.errors.append("nobody was answered anything")
    rows = _rows(answers, took)
    for line in (_COLUMNS, *rows):
        session.say("\t".join(map(str, line)))
    for error in answers.errors[:20]:
        session.complain(error)
    session.say(f"{len(answers.errors)} errors")
    if is_kept and not answers.errors:
        _keep(rows, seconds)
    return 1 if answers.errors else 0


def _people(ports: Ports) -> list[Person]:
    """Sign people in, by the room that does it: through the one address that all have here, ten a minute could."""
    import urllib3

    from bench.crowd import Person
    from bench.soak.run import a_document
    from chalicelib import wiring
    from chalicelib.clock import SystemClock
    from chalicelib.identity.contract import DeviceForm, SignInRequest
    from dev.journey import CONSENTS
    from dev.stage import environment_of, settings_of

    os.environ |= {name: environment_of(ports)[name] for name in ("AWS_ENDPOINT_URL", "AWS_REGION")}
    os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    rooms, http, document = wiring.build(settings_of(ports), SystemClock()), urllib3.PoolManager(), a_document()
    consents: dict[str, Any] = {**dict.fromkeys(CONSENTS, True), "version": "1.0"}
    phone = DeviceForm(platform="ios", app_installation_id="phone-1", app_version="1.4.2")
    people = []
    for number in range(CONNECTIONS * PEOPLE_OF_EACH):
        claims = {"email": f"load-{number}@google.example"}
        token = http.request("POST", f"{ports.identity_provider_url}/google/token", json=claims).json()["id_token"]
        asked = SignInRequest(provider="google", id_token=token, consent_acknowledgments=consents, device_info=phone)
        answer = rooms.sign_in.sign_in(asked)
        dice = random.Random(number)
        people.append(Person(number, str(answer.access_token), str(answer.refresh_token), document, dice))
    return people


def _hand_documents_in(ports: Ports, people: Sequence[Person]) -> None:
    """Have some documents explained beforehand, so that there are results to read."""
    from dev.stage import HOST

    some, http = people[:_WITH_DOCUMENTS], HTTPConnection(HOST, ports.service, timeout=35)
    for person in some:
        person.do("upload", http)
    for person in some:
        person.wait_for_documents(http, _LONGEST_ANALYSIS_SECONDS)
    http.close()


def _drive(ports: Ports, people: Sequence[Person], seconds: float) -> tuple[Answers, float]:
    """Return what all connections saw, and how long they took."""
    answers, began = Answers(), time.monotonic()
    threads = [
        threading.Thread(target=_use, args=(ports, people[number::CONNECTIONS], began + seconds, answers))
        for number in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers, time.monotonic() - began


def _use(ports: Ports, people: Sequence[Person], until: float, answers: Answers) -> None:
    """Use one connection, every other time in the name of the first person, who may have a document, and else of the
    others in turns. A connection that breaks is an error."""
    from bench.crowd import WrongAnswerError
    from dev.stage import HOST

    seconds: dict[str, list[float]] = defaultdict(list)
    errors: list[str] = []
    http, turn = HTTPConnection(HOST, ports.service, timeout=35), 0
    while time.monotonic() < until:
        person, turn = people[turn // 2 % len(people) if turn % 2 else 0], turn + 1
        name = person.next_act()
        if name is None:
            time.sleep(0.01)
            continue
        try:
            seconds[name].append(person.do(name, http))
        except (WrongAnswerError, HTTPException, OSError) as wrong:
            errors.append(f"{name}: {type(wrong).__name__}: {wrong}")
            http.close()
    http.close()
    answers.add(seconds, errors)


_COLUMNS: Final = ["request", "answers", "per second", "p50 ms", "p99 ms", "p99/p50"]


def _rows(answers: Answers, took: float) -> list[list[Any]]:
    every = [one for each in answers.seconds.values() for one in each]
    named = {"all": every, **dict(sorted(answers.seconds.items()))}
    return [_row(name, sorted(each), took) for name, each in named.items() if each]


def _row(name: str, seconds: Sequence[float], took: float) -> list[Any]:
    middle, slow = (seconds[min(len(seconds) - 1, int(len(seconds) * share))] for share in (0.5, 0.99))
    return [
        name,
        len(seconds),
        round(len(seconds) / took, 1),
        round(middle * 1000, 1),
        round(slow * 1000, 1),
        round(slow / middle, 1),
    ]


def _keep(rows: list[list[Any]], seconds: float) -> None:
    from bench.result_files import Result, write_result

    said = [
        f"{CONNECTIONS} connections for {seconds:g} s, in the name of {CONNECTIONS * PEOPLE_OF_EACH} people, to one "
        "process of the service in front of an embedded cloud that analyses what is uploaded meanwhile. No error: none "
        "is tolerated. Milliseconds and requests per second are one machine's; p99/p50 says how even the answers are.",
    ]
    write_result("load", Result(title="Load", command="make bench KEEP=--keep", said=said, columns=_COLUMNS, rows=rows))


def main(arguments: Sequence[str]) -> int:
    """Read what is asked, choose a folder of its own, and run."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", allow_abbrev=False, description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long people come (default 30)")
    parser.add_argument("--keep", action="store_true", help="write bench/results/load.json")
    asked = parser.parse_args(arguments)
    # The stage reads its folder where it is imported, so the imports come later.
    folder = tempfile.TemporaryDirectory(prefix="serenya-load-", ignore_cleanup_errors=True)
    os.environ["SERENYA_RUN_FOLDER"] = os.environ.get("SERENYA_RUN_FOLDER") or folder.name
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    from dev.supervision import supervise

    return supervise(lambda session: load(session, asked.seconds, asked.keep))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
