"""A release: publish versions, check them, send a tenth of the calls there, watch, and go on or go back.

Every step looks at how the aliases stand, so that a release that was stopped anywhere goes on when it is run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from deploy.release.aliases import Aliases, Note, Standing, api_last, release_of
from deploy.release.check import Check
from deploy.release.place import Refused
from deploy.release.watch import Watch

SHARE: Final = 0.1
BAKE_SECONDS: Final = 300.0
LOOK_SECONDS: Final = 15.0


class WentBack(Refused):
    """A release that was taken back, because an alarm went off."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a release goes: which share is tried, for how long, and how often the alarms are looked at."""

    share: float = SHARE
    bake_seconds: float = BAKE_SECONDS
    look_seconds: float = LOOK_SECONDS
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Release:
    """Releases what was deployed. `is_forced` goes on although an alarm rings already, to put right what it rings
    for."""

    aliases: Aliases
    check: Check
    watch: Watch
    say: Callable[[str], None]
    pace: Pace = Pace()
    is_forced: bool = False

    def run(self, functions: Sequence[str], source: str) -> bool:
        """Bring the newest versions of all functions to everybody; return whether anything had to be done.

        Raises:
            WentBack: an alarm went off; everybody is served by the version before.
            Refused: a version does not answer as it must, or an alarm rang before; nobody was sent there.
        """
        versions = {function: self.aliases.publish(function) for function in functions}
        release = release_of(versions)
        standings = self._standings(functions)
        if all(self._is_done(one, versions, release, source) for one in standings.values()):
            return False
        self.say(f"Checking release {release} before anybody is sent there:")
        self.check.run(versions)
        moving = [one for one in standings.values() if one.version != versions[one.function]]
        if moving:
            self._require_quiet()
            self._try_out(moving, versions)
            self._bake(functions, {one.function: versions[one.function] for one in moving})
        self._settle(functions, versions, release, source)
        return True

    def back(self, functions: Sequence[str]) -> None:
        """Go back to the version before; while a release is being tried, give that up. Run again it goes on.

        Raises:
            Refused: there is nothing to go back to, or a version before is gone.
        """
        standings = self._standings(functions)
        trying = [one for one in standings.values() if one.weights]
        if trying:
            self._give_up(trying)
            self.say("The release that was being tried is given up; everybody is served by the version before.")
            return
        self._step_back(standings)

    def _step_back(self, standings: Mapping[str, Standing]) -> None:
        api = standings[api_last(standings)[-1]]
        leaving, coming = api.note.release, api.note.release_before
        moving = [standings[one] for one in api_last(standings) if standings[one].note.release == leaving]
        if not leaving or not coming:
            raise Refused("There is no release before this one to go back to.")
        gone = [one.function for one in moving if one.note.before and not self._has_before(one)]
        if gone:
            raise Refused(f"The version before is gone of {', '.join(gone)}: deploy the former source instead.")
        for one in moving:
            target = one.note.before or one.version
            if not one.note.before:
                self.say(f"  {one.function} has no version before, and stays.")
            note = Note(release=coming, before=one.version, release_before=leaving)
            self.aliases.settle(one, target, note)
        self.say(f"Release {coming} serves again. `make rollback` once more returns to {leaving}.")

    def _has_before(self, standing: Standing) -> bool:
        return self.aliases.has_version(standing.function, standing.note.before)

    def _standings(self, functions: Sequence[str]) -> dict[str, Standing]:
        found = {function: self.aliases.standing(function) for function in functions}
        missing = sorted(function for function, standing in found.items() if standing is None)
        if missing:
            raise Refused(f"Not deployed: {', '.join(missing)}. Run `make deploy` first.")
        return {function: standing for function, standing in found.items() if standing is not None}

    def _is_done(self, one: Standing, versions: Mapping[str, str], release: str, source: str) -> bool:
        is_noted = one.note.release == release and one.note.source == source
        return one.version == versions[one.function] and not one.weights and is_noted

    def _require_quiet(self) -> None:
        ringing = self.watch.ringing()
        if ringing and not self.is_forced:
            raise Refused(
                f"An alarm is going off already: {', '.join(ringing)}. Nobody could tell whether a release is the "
                "cause. See to it first; to release what puts it right, say FORCE=1."
            )

    def _try_out(self, moving: Sequence[Standing], versions: Mapping[str, str]) -> None:
        share = self.pace.share
        self.say(f"Sending {share:.0%} of the calls to the new versions for {self.pace.bake_seconds:.0f} seconds.")
        for one in moving:
            if dict(one.weights) != {versions[one.function]: share}:
                self.aliases.try_out(one, versions[one.function], share)

    def _bake(self, functions: Sequence[str], tried: Mapping[str, str]) -> None:
        """Look at the alarms, and at what the new versions do, until the time is over; go back when one goes off."""
        before = set(self.watch.ringing()) if self.is_forced else set()
        since, until = datetime.now(UTC), self.pace.now() + self.pace.bake_seconds
        while True:
            reasons = [f"the alarm {name} went off" for name in self.watch.ringing() if name not in before]
            reasons += self.watch.failing(tried, since)
            if reasons:
                self._give_up([one for one in self._standings(functions).values() if one.weights])
                raise WentBack(
                    f"Taken back: {'; '.join(reasons)}. Everybody is served by the version before; the new one is "
                    "deployed and serves nobody."
                )
            left = until - self.pace.now()
            if left <= 0:
                return
            self.pace.sleep(min(self.pace.look_seconds, left))

    def _give_up(self, trying: Sequence[Standing]) -> None:
        for one in trying:
            self.aliases.give_up(one)

    def _settle(self, functions: Sequence[str], versions: Mapping[str, str], release: str, source: str) -> None:
        standings = self._standings(functions)
        for function in api_last(standings):
            one = standings[function]
            if self._is_done(one, versions, release, source):
                continue
            note = one.note
            if note.release != release:
                has_served = bool(note.release) or one.version != versions[function]
                before = one.version if has_served else ""
                note = Note(release=release, before=before, release_before=note.release)
            self.aliases.settle(one, versions[function], Note(note.release, source, note.before, note.release_before))
            self.aliases.prune(function)
        self.say(f"Release {release} serves everybody.")
