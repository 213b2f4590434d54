"""The move from PostgreSQL under faults of the table: somebody new for each case, and both sides alike in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import pytest

from chalicelib.migration.marks import LONGEST_LEASE
from chalicelib.migration.phases import Phase
from chalicelib.migration.ports import Key
from dev.faulty import Faults
from tests.api.service import CONSENTS, DEVICE
from tests.faults.aim import Aim, Call, Other, Shot, shots_at
from tests.faults.house import Wrong
from tests.faults.running import Case, Failure, Findings
from tests.migration.service.world import World

_MOST_REPETITIONS: Final = 5
_TICK = timedelta(minutes=1)


@dataclass
class Mover:
    """Somebody whose data moves."""

    world: World
    subject: str
    told: dict[str, Any] = field(default_factory=dict)
    id_token: str = ""

    def ask(self, method: str, path: str, body: Any, *, is_open: bool = False) -> dict[str, Any] | None:
        """Call once; None where the service said that it cannot now.

        Raises:
            Wrong: anything but that and success.
        """
        token = None if is_open else self.told["access_token"]
        answer = self.world.service.call(method, path, body, token=token)
        if answer.status_code == 503:
            return None
        if answer.status_code != 200:
            raise Wrong(f"{method} {path} was answered {answer.status_code} {answer.json_body.get('error')}")
        found: dict[str, Any] = answer.json_body
        return found

    def sign_in(self) -> bool:
        """Sign in, with the same token however often."""
        if not self.id_token:
            claims = {"sub": self.subject, "email": f"{self.subject}@example.org"}
            self.id_token = self.world.service.id_token(**claims)
        body = {
            "provider": "google",
            "id_token": self.id_token,
            "consent_acknowledgments": CONSENTS,
            "device_info": DEVICE,
        }
        told = self.ask("POST", "/auth/oauth-onboarding", body, is_open=True)
        self.told = told or self.told
        return told is not None

    def rename(self) -> bool:
        """Take another name."""
        return self.ask("PUT", "/user/profile", {"name": "Ada Lovelace"}) is not None

    def withdraw(self) -> bool:
        """Withdraw a consent."""
        choice = {"consent_given": False, "consent_version": "1.0"}
        return self.ask("PUT", "/user/consents/terms_of_service", choice) is not None

    def show(self) -> bool:
        """Look at the profile."""
        return self.ask("GET", "/user/profile", None) is not None

    def moving(self) -> list[Key]:
        """The keys of what moves of this person alone."""
        everybody = self.world.keys()
        return [one for one in everybody if self.told["user"]["id"] in str(one)]

    def copied(self) -> bool:
        """An operator copies the person."""
        for key in self.moving():
            self.world.move.copier.copy(key)
        return True

    def worked_off(self) -> bool:
        """What waits for the other side is worked off."""
        self.world.move.mover.mend("test")
        return True


@dataclass(frozen=True, slots=True)
class MoveJourney:
    """What somebody does in a phase of the move; `is_new` where they are not there yet."""

    name: str
    phase: Phase
    act: Callable[[Mover], bool]
    percent: int = 0
    is_new: bool = False
    before: Callable[[Mover], bool] = lambda _: True


MOVES: Final = (
    MoveJourney("copy", Phase.BACKFILL, Mover.copied),
    MoveJourney("dual write, sign-up", Phase.DUAL_WRITE, Mover.sign_in, is_new=True),
    MoveJourney("dual write, new name", Phase.DUAL_WRITE, Mover.rename),
    MoveJourney("dual write, withdrawn consent", Phase.DUAL_WRITE, Mover.withdraw),
    MoveJourney("read fallback, profile", Phase.READ_FALLBACK, Mover.show, percent=100),
    MoveJourney("read fallback, new name", Phase.READ_FALLBACK, Mover.rename, percent=100),
    MoveJourney("cut over, sign-up", Phase.CUT_OVER, Mover.sign_in, is_new=True),
    MoveJourney("cut over, new name", Phase.CUT_OVER, Mover.rename),
    MoveJourney("cut over, withdrawn consent", Phase.CUT_OVER, Mover.withdraw),
    MoveJourney("cut over, worked off", Phase.CUT_OVER, Mover.worked_off, before=Mover.rename),
)


class MoveRunner:
    """Takes people through the move, each with a fault of their own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._number = 0
        self.findings = Findings()

    def run_all(self, most_of_each: int | None = None) -> Findings:
        """Run every case of every journey, or the first so many of each; people stay, and are compared at the end."""
        for journey in MOVES:
            self._world.stand(journey.phase, percent=journey.percent)
            for case in list(self._cases(journey))[:most_of_each]:
                self._run(journey, case)
        self._settle()
        if left := self._world.differences():
            self.findings.failures.append(Failure(Case("move", ()), f"the sides differ in {left}"))
        return self.findings

    def _cases(self, journey: MoveJourney) -> Iterator[Case]:
        aim = Aim()
        self._travel(journey, aim)
        for number, call in enumerate(aim.calls, 1):
            yield from (Case(journey.name, (shot,)) for shot in _of_the_table(number, call))

    def _run(self, journey: MoveJourney, case: Case) -> None:
        aim = Aim(case.shots)
        try:
            self._travel(journey, aim)
        except Wrong as wrong:
            told = f"{wrong} (calls: {', '.join(map(str, aim.calls))})"
            self.findings.failures.append(Failure(case, told))
        self.findings.injected.update(str(shot.kind) for shot in aim.hits)

    def _travel(self, journey: MoveJourney, aim: Aim) -> None:
        person = self._somebody(journey)
        with Faults(aim).in_force(), pytest.MonkeyPatch.context() as patch:
            # Waits are short, but threads that wait for each other get their turn.
            sleep = time.sleep
            patch.setattr(time, "sleep", lambda _: sleep(0.001))
            is_done = _acts(journey, person)
            aim.is_armed = False
        for _ in range(_MOST_REPETITIONS):
            if is_done:
                break
            self._world.service.clock.advance(timedelta(seconds=2))
            is_done = _acts(journey, person)
        else:
            raise Wrong("asked again and again, it still cannot")
        self._settle()
        self._compare(person, journey)

    def _somebody(self, journey: MoveJourney) -> Mover:
        self._number += 1
        self._world.service.clock.advance(_TICK)  # Ten sign-ins a minute are all that there are.
        person = Mover(self._world, f"mover-{self._number}")
        if not journey.is_new:
            assert person.sign_in(), "nothing befalls the preparation"
        assert journey.before(person)
        return person

    def _settle(self) -> None:
        """Let writers' leases end, and what waits for the other side be worked off."""
        self._world.service.clock.advance(LONGEST_LEASE + _TICK)
        self._world.move.mover.mend("test")
        self._world.settle()

    def _compare(self, person: Mover, journey: MoveJourney) -> None:
        is_copied = journey.phase is not Phase.BACKFILL or journey.act is Mover.copied
        for key in person.moving():
            there, here = (side.holding(key).items for side in (self._world.move.legacy, self._world.move.home))
            if is_copied and there != here:
                raise Wrong(f"the sides differ in {key}")
        if len([one for one in person.moving() if "USER" in str(one).upper()]) > 1:
            raise Wrong(f"more than one person: {person.moving()}")


def _acts(journey: MoveJourney, person: Mover) -> bool:
    """Do it once; an operator who is told that a side does not answer does it again."""
    from chalicelib import errors

    try:
        return journey.act(person)
    except errors.Unavailable:
        return False


def _of_the_table(number: int, call: Call) -> list[Shot]:
    """What can befall a call to the table; rivals of the move have an explorer of their own."""
    if not call.operation.startswith("dynamodb:"):
        return []
    return [shot for shot in shots_at(number, call) if not isinstance(shot.kind, Other)]
