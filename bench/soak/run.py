"""One soak from its start to its verdict."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bench.soak import told
from bench.soak.cloud import Memory, Queues, end_month_of, wait_until
from bench.soak.ledger import Ledger, erasing, stored, unsettled
from bench.soak.load import Crowd, Load
from bench.soak.person import Person, Tally
from chalicelib.config import Settings
from chalicelib.models.base import connect
from dev.cloud import start_surroundings
from dev.fire import fire
from dev.provision import clients_at
from dev.run import start_service
from dev.stage import Ports, environment_of, settings_of
from dev.supervision import Session
from dev.testing import free_port

MOST_DRIFT: Final = 0.10
_WARM_UP_SHARE: Final = 0.3
_THREADS: Final = 8
_SAMPLES: Final = 240
_RESETS_PER_RUN: Final = 6
_LONGEST_DRAIN_SECONDS: Final = 900.0
_QUICKEST_END_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: minutes, acts a second, the share of calls that meet a fault, the seed of all dice."""

    minutes: float
    rate: float
    faults: float
    seed: int
    is_kept: bool = False


@dataclass
class Outcome:
    """What a soak found."""

    wanted: Wanted
    tally: Tally
    crowd: Crowd
    memory: Memory
    drain_seconds: float = 0.0
    resets: int = 0
    set_aside: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    compared: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    @property
    def drift(self) -> float:
        """By which share memory grew after the warm-up."""
        return self.memory.drift(self.wanted.minutes * 60 * _WARM_UP_SHARE)


def soak(session: Session, wanted: Wanted) -> int:
    """Start everything, let people come, let the queues run empty, compare, and tell. Returns 1 for any complaint."""
    ports = Ports(*(free_port() for _ in range(5)))
    settings = settings_of(ports)
    session.say(f"Starting the service with {wanted.faults:.1%} faults, seed {wanted.seed} …")
    start_surroundings(session, ports)
    queues = Queues(ports, settings)
    queues.hurry()
    os.environ |= {"SERENYA_FAULTS": str(wanted.faults), "SERENYA_FAULTS_SEED": str(wanted.seed)}
    service = start_service(session, ports)
    os.environ |= {name: environment_of(ports)[name] for name in ("AWS_ENDPOINT_URL", "AWS_REGION")}
    os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    connect(settings.table_name, settings.region)
    tally = Tally()
    crowd = Crowd(ports, tally, a_document(), wanted.seed)
    outcome = Outcome(wanted, tally, crowd, Memory(service.pid))
    _live(session, outcome, ports)
    if not tally.broken:
        _drain(session, outcome, ports, queues)
    _compare(outcome, settings, queues, ports)
    service.stop()
    outcome.faults = told.faults_in(service.log)
    if not outcome.faults:
        outcome.complaints.append("no fault befell anything, or the service did not end in order")
    session.say(told.table(outcome))
    if wanted.is_kept and not outcome.complaints:
        told.keep(outcome)
    return 1 if outcome.complaints else 0


def a_document() -> bytes:
    """A laboratory report of one page, with text."""
    from tests.reports.clinics import kenyan_liver_form

    return kenyan_liver_form().content


def _live(session: Session, outcome: Outcome, ports: Ports) -> None:
    wanted, dice = outcome.wanted, random.Random(outcome.wanted.seed)
    seconds = wanted.minutes * 60
    due = {"sample": 0.0, "reset": seconds / (_RESETS_PER_RUN + 1), "word": 60.0}

    def every(name: str, over: float, step: float, act: Callable[[], None]) -> None:
        if over >= due[name]:
            due[name] = over + step
            act()

    def reset() -> None:
        outcome.resets += _end_a_month(outcome.crowd, dice)
        fire("sweep_usage", ports)

    def meanwhile(over: float) -> None:
        every("sample", over, seconds / _SAMPLES, lambda: outcome.memory.sample(over))
        every("reset", over, seconds / (_RESETS_PER_RUN + 1), reset)
        every("word", over, 60.0, lambda: session.say(told.line(outcome, over)))

    Load(outcome.crowd, wanted.rate, _THREADS).run(seconds, meanwhile)


def _end_a_month(crowd: Crowd, dice: random.Random) -> int:
    """Have the month of some people end, whose documents are all done; return of how many."""
    ended = 0
    for person in dice.sample(crowd.people, len(crowd.people)):
        if ended == 3 or not person.lock.acquire(blocking=False):
            continue
        try:
            ended += person.user_id != "" and _is_settled(person) and _has_ended(person)
        finally:
            person.lock.release()
    return ended


def _is_settled(person: Person) -> bool:
    book = person.book
    is_done = all(state in {"completed", "cleaned"} for state in book.documents.values())
    return bool(book.documents) and is_done and not book.is_erased and set(book.later.values()) <= {"complete"}


def _has_ended(person: Person) -> bool:
    if not end_month_of(person.user_id):
        return False
    person.book.documents, person.book.later, person.book.questions = {}, {}, 0
    return True


def _drain(session: Session, outcome: Outcome, ports: Ports, queues: Queues) -> None:
    """Let everything that is under way come to its end: what the schedules do by themselves, fired now."""
    session.say("Nobody does anything new; what is under way comes to its end …")
    began, table_name = time.monotonic(), settings_of(ports).table_name
    dynamodb = clients_at(ports.cloud_url, settings_of(ports).region).dynamodb
    for schedule in ("sweep_usage", "sweep_billing", "sweep_erasures"):
        fire(schedule, ports)

    def is_over() -> bool:
        for person in outcome.crowd.people:
            if not person.book.is_erased and person.user_id:
                person.look()
        is_quiet = not unsettled(outcome.crowd.people) and not queues.waiting()
        return is_quiet and not erasing(stored(dynamodb, table_name))

    if not wait_until(is_over, _LONGEST_DRAIN_SECONDS):
        outcome.complaints += [f"not at its end: {one}" for one in unsettled(outcome.crowd.people)]
    # A purchase of which the store could not tell is found by the reconciliation, an hour later or now.
    fire("sweep_billing", ports)
    time.sleep(_QUICKEST_END_SECONDS)
    wait_until(lambda: not queues.waiting(), _LONGEST_DRAIN_SECONDS)
    outcome.drain_seconds = time.monotonic() - began


def _compare(outcome: Outcome, settings: Settings, queues: Queues, ports: Ports) -> None:
    outcome.complaints += outcome.tally.broken
    if outcome.tally.broken:
        return
    outcome.complaints += [f"{count} messages wait in {name}" for name, count in queues.waiting().items()]
    outcome.complaints += [f"{count} messages were given up in {name}" for name, count in queues.dead().items()]
    outcome.set_aside = queues.set_aside()
    people = [one for one in outcome.crowd.people if one.user_id]
    client = clients_at(ports.cloud_url, settings.region).dynamodb
    ledger = Ledger(stored(client, settings.table_name))
    outcome.complaints += ledger.differences(people)
    outcome.compared = dict(sorted(ledger.compared.items()))
    outcome.complaints += unsettled(people)
    if not abs(outcome.drift) <= MOST_DRIFT:
        outcome.complaints.append(f"memory after the warm-up drifted by {outcome.drift:+.1%}")
