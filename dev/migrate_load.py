"""What goes on while data moves: people who use the app over HTTP, and programs that write to PostgreSQL by SQL."""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
import urllib3

from dev.journey import Backend
from dev.stage import Ports

PEOPLE: Final = 8
"""Fewer than the ten sign-ins a minute that one address has."""
WRITERS: Final = 2
_BETWEEN_CALLS_SECONDS: Final = 1.0
_BETWEEN_STATEMENTS_SECONDS: Final = 0.5
_NOT_PRIMARY: Final = "MG001"


@dataclass
class Tally:
    """What happened so far, on all threads."""

    answers: Counter[int] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=400))
    broken: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def failed(self) -> int:
        """Calls of the app that were not answered as they should; to be told to come again later is one of them."""
        return sum(count for status, count in self.answers.items() if status != 200)

    def line(self) -> str:
        """Say it in one line."""
        taken = sorted(self.seconds) or [0.0]
        half, most = statistics.median(taken) * 1000, taken[int(len(taken) * 0.95)] * 1000
        return (
            f"app {self.answers[200]:,} answered, {self.failed} failed, {half:.0f} ms (95 %: {most:.0f}) | "
            f"SQL {self.statements['written']:,} written, {self.statements['refused']:,} refused"
        )


class Person(Backend):
    """Somebody who uses the app, and remembers what the service said that it had kept."""

    def __init__(self, ports: Ports, number: int, tally: Tally) -> None:
        super().__init__(ports)
        self._base, self._tally, self._rounds = ports.service_url, tally, 0
        self.email, self.kept_name = f"mover-{number}@google.example", ""
        self.user_id = ""

    def arrive(self) -> None:
        """Sign up."""
        self.user_id = str(self.sign_in(self.email)["user"]["id"])

    def use(self) -> None:
        """Do one thing after another."""
        self._rounds += 1
        name = f"{self.email} in round {self._rounds}"
        if self._asked("PUT", "/user/profile", {"name": name}) is not None:
            self.kept_name = name
        found = self._asked("GET", "/user/profile")
        if found is not None and found["user"]["name"] != self.kept_name and self.kept_name == name:
            self._tally.broken.append(f"{self.email} was shown {found['user']['name']!r} instead of {self.kept_name!r}")
        self._asked("GET", "/subscriptions/current")
        self._asked("PUT", "/user/device", {"model": f"Phone {self._rounds}"})

    def shown_name(self) -> str:
        """Return the name that the service shows now."""
        found = self._asked("GET", "/user/profile")
        return "" if found is None else str(found["user"]["name"])

    def _asked(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        began = time.monotonic()
        try:
            headers = {"Authorization": f"Bearer {self.access_token}"}
            response = self._http.request(method, self._base + path, json=body, headers=headers)
            status, answer = response.status, response.json()
        except (urllib3.exceptions.HTTPError, ValueError):
            status, answer = 0, None
        with self._tally.lock:
            self._tally.answers[status] += 1
            self._tally.seconds.append(time.monotonic() - began)
        time.sleep(_BETWEEN_CALLS_SECONDS)
        return answer if status == 200 else None


class Load:
    """People and programs, each on a thread of its own."""

    def __init__(self, ports: Ports, dsn: str) -> None:
        self.tally, self._dsn = Tally(), dsn
        self.people = [Person(ports, number, self.tally) for number in range(PEOPLE)]
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, ids: Sequence[str]) -> None:
        """Sign everybody up, and begin."""
        for person in self.people:
            person.arrive()
        works: list[Callable[[], None]] = [self._living(person) for person in self.people]
        works += [lambda: self._write(ids) for _ in range(WRITERS)]
        self._threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, after what is under way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _living(self, person: Person) -> Callable[[], None]:
        def live() -> None:
            while not self._stopping.is_set():
                person.use()

        return live

    def _write(self, ids: Sequence[str]) -> None:
        chance = random.Random()  # a load, not a secret
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            while not self._stopping.is_set():
                self._write_once(connection, chance, ids)
                time.sleep(_BETWEEN_STATEMENTS_SECONDS)

    def _write_once(self, connection: psycopg.Connection, chance: random.Random, ids: Sequence[str]) -> None:
        statement = chance.choice(
            (
                "UPDATE users SET family_name = %s WHERE id = %s",
                "UPDATE users SET given_name = %s WHERE id = %s",
                "UPDATE user_devices SET app_version = %s WHERE user_id = %s",
            )
        )
        try:
            connection.execute(statement, (f"v{chance.randrange(1000)}", chance.choice(ids)))
            self.tally.statements["written"] += 1
        except psycopg.Error as refused:
            if refused.sqlstate != _NOT_PRIMARY:
                self.tally.broken.append(f"SQL failed: {refused}")
            self.tally.statements["refused"] += 1
            time.sleep(0.2)
