"""The mixed load: threads that take one person and one act after the other, at a pace, from seeded dice."""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bench.soak.person import Act, Person, SoakFailedError, Tally
from dev.stage import Ports

SIGN_INS_PER_MINUTE: Final = 8
"""All call from one address, which has ten."""
_WEIGHTS: Final[Mapping[str, int]] = {
    "upload": 10,
    "upload by form": 5,
    "look": 24,
    "clean up": 4,
    "ask": 8,
    "ask later": 6,
    "order report": 3,
    "read": 24,
    "export": 3,
    "buy at apple": 1,
    "buy at google": 1,
    "buy at stripe": 1,
    "refresh": 2,
    "sign in again": 2,
    "leave": 1,
}
_FREE_DOCUMENTS: Final = 5


@dataclass
class Crowd:
    """All people, and who is free for an act."""

    ports: Ports
    tally: Tally
    document: bytes
    seed: int
    people: list[Person] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sign_ins: list[float] = field(default_factory=list)

    def newcomer(self) -> Person:
        """Return somebody who was not there yet; they are not part of the crowd before they signed in."""
        with self._lock:
            number = self.seed * 1_000_000 + len(self.people)
            person = Person(self.ports, number, self.tally, self.document)
            person.lock.acquire()
            self.people.append(person)
            return person

    def free(self, dice: random.Random) -> Person | None:
        """Return somebody who does nothing at the moment, held; None where everybody is busy."""
        with self._lock:
            there = [one for one in self.people if one.user_id and not one.book.is_erased]
        dice.shuffle(there)
        return next((one for one in there if one.lock.acquire(blocking=False)), None)

    def may_sign_in(self) -> bool:
        """Whether the address has a sign-in left this minute; takes it."""
        with self._lock:
            now = time.monotonic()
            self._sign_ins = [at for at in self._sign_ins if at > now - 60]
            if len(self._sign_ins) >= SIGN_INS_PER_MINUTE:
                return False
            self._sign_ins.append(now)
            return True


def act_named(name: str, person: Person) -> Act:
    """Return what a person does by this name."""
    acts: dict[str, Act] = {
        "upload": Person.upload,
        "upload by form": Person.upload_by_form,
        "look": Person.look,
        "clean up": Person.clean_up,
        "ask": Person.ask,
        "ask later": Person.ask_later,
        "order report": Person.order_report,
        "read": Person.read,
        "export": Person.export,
        "refresh": Person.refresh,
        "sign in again": Person.sign_in,
        "leave": Person.leave,
    }
    if name.startswith("buy at "):
        return lambda one: one.buy(name.removeprefix("buy at "))
    is_spent = len(person.book.documents) >= _FREE_DOCUMENTS and not person.book.purchases
    return acts["look"] if is_spent and name.startswith("upload") else acts[name]


@dataclass
class Load:
    """Works on a crowd until it is told to stop."""

    crowd: Crowd
    acts_per_second: float
    threads: int
    _stopping: threading.Event = field(default_factory=threading.Event)
    _next_at: float = field(default_factory=time.monotonic)
    _pace: threading.Lock = field(default_factory=threading.Lock)

    def run(self, seconds: float, meanwhile: Callable[[float], None]) -> None:
        """Work for so long; `meanwhile` is called about once a second with the seconds that are over."""
        workers = [threading.Thread(target=self._work, args=(number,)) for number in range(self.threads)]
        for worker in workers:
            worker.start()
        began = time.monotonic()
        try:
            while (over := time.monotonic() - began) < seconds and not self.crowd.tally.broken:
                meanwhile(over)
                time.sleep(1)
        finally:
            self._stopping.set()
            for worker in workers:
                worker.join()

    def _work(self, number: int) -> None:
        dice = random.Random(self.crowd.seed * 1_000 + number)
        while not self._stopping.wait(self._turn()):
            try:
                self._act(dice)
            except SoakFailedError as failure:
                self.crowd.tally.broke(str(failure))
            except Exception:  # noqa: BLE001  # whatever it is, the run ends and says so
                self.crowd.tally.broke(traceback.format_exc())

    def _turn(self) -> float:
        """Return how long to wait until it is this worker's turn."""
        with self._pace:
            now = time.monotonic()
            self._next_at = max(self._next_at, now) + 1 / self.acts_per_second
            return max(0.0, self._next_at - now)

    def _act(self, dice: random.Random) -> None:
        (name,) = dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        if name in {"sign in again", "refresh"} and not self.crowd.may_sign_in():
            name = "look"
        elif (len(self.crowd.people) < self.threads or dice.random() < 0.1) and self.crowd.may_sign_in():
            newcomer = self.crowd.newcomer()
            self._do("sign up", Person.sign_in, newcomer)
            return
        person = self.crowd.free(dice)
        if person is not None:
            self._do(name, act_named(name, person), person)

    def _do(self, name: str, act: Act, person: Person) -> None:
        try:
            act(person)
            self.crowd.tally.did(name)
        finally:
            person.lock.release()
