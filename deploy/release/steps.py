"""A deployment from the first step to the last: stack, keys, code, gateway, release. Each step looks before it acts, so
that a deployment which was stopped anywhere goes on when it is run again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.permissions import FUNCTIONS
from deploy.release.adoption import secrets_outside
from deploy.release.aliases import Aliases
from deploy.release.change import ChangeSet
from deploy.release.changes import Stack
from deploy.release.check import Check
from deploy.release.code import BUILD, deploy_code, differences, is_deployed, source_line, write_copy
from deploy.release.first_values import draw_missing_keys, require_given_values
from deploy.release.place import Place, Refused
from deploy.release.project import fingerprint
from deploy.release.removal import Removal
from deploy.release.shift import Pace, Release
from deploy.release.watch import Watch
from deploy.stack.template import template
from deploy.watch.rendered import rollback_alarms


@dataclass(frozen=True, slots=True)
class Deployment:
    """What can be done to a stage in an account."""

    place: Place
    say: Callable[[str], None]
    is_forced: bool = False
    pace: Pace = field(default_factory=Pace)
    build: Path = BUILD
    # Added to the stage's variables, for an emulated cloud where the service asks other addresses.
    variables: Mapping[str, str] = field(default_factory=dict)

    def plan(self) -> None:
        """Show what a deployment would change, and change nothing."""
        self._say_where()
        stack = self._stack()
        for name in secrets_outside(self.place, stack.name, template(self.place.settings)):
            self.say(f"{name} is there already, and would be taken into the stack.")
        changes = stack.prepare(template(self.place.settings), _e_mail())
        try:
            self._show(changes)
        finally:
            stack.discard(changes)
        folder = write_copy(self.place, self.build, self.variables)
        self.say(source_line(self.place, folder))
        for line in differences(self.place, folder):
            self.say(line)
        self.say("Nothing was changed.")

    def deploy(self) -> None:
        """Bring the stage to what the source declares.

        Raises:
            Refused: a step failed; what serves is what served before.
        """
        self._say_where()
        has_changed = self._deploy_stack()
        for name in draw_missing_keys(self.place):
            self.say(f"Drew the first key of {name}.")
        require_given_values(self.place)
        folder = write_copy(self.place, self.build, self.variables)
        if is_deployed(self.place, folder) and not self.is_forced:
            self.say("The code is deployed." if has_changed else "There is nothing to change.")
            return
        self.say(source_line(self.place, folder))
        deploy_code(self.place, folder)
        self._release().run(list(FUNCTIONS), fingerprint(folder))

    def roll_back(self) -> None:
        """Point everything to the version before.

        Raises:
            Refused: there is none.
        """
        self._say_where()
        self._release().back(list(FUNCTIONS))

    def destroy(self) -> None:
        """Remove the stage from its account.

        Raises:
            Refused: production, without its name; or something could not be removed.
        """
        self._say_where()
        removal = Removal(self.place, self.say, self._stack(), self.build)
        removal.require_meant(os.environ.get("CONFIRM"))
        removal.run()

    def _deploy_stack(self) -> bool:
        stack = self._stack()
        if not self.place.is_emulated:  # which takes no secrets in, and makes those that are there anew
            for name in stack.adopt(template(self.place.settings)):
                self.say(f"Took {name}, which was there already, into the stack.")
        changes = stack.prepare(template(self.place.settings), _e_mail())
        self._show(changes)
        lost = [one.name for one in changes.changes if one.is_loss]
        if lost and os.environ.get("ALLOW_LOSS") != stack.name:
            stack.discard(changes)
            raise Refused(
                f"This would lose what {', '.join(lost)} holds. Nothing was changed. If that is meant: "
                f"ALLOW_LOSS={stack.name}"
            )
        stack.apply(changes)
        return changes.name is not None

    def _show(self, changes: ChangeSet) -> None:
        if changes.name is None:
            self.say("The stack is as declared.")
            return
        verb = "is made, with" if changes.is_first else "changes in"
        self.say(f"The stack {verb} {len(changes.changes)} resources:")
        for change in sorted(changes.changes, key=lambda one: (one.action, one.kind, one.name)):
            self.say(str(change))

    def _release(self) -> Release:
        alarms = rollback_alarms(self.place.settings)
        check = Check(self.place, self.say, os.environ.get("SYNTHETIC_ID_TOKEN", ""))
        return Release(
            Aliases(self.place), check, Watch(self.place, alarms), self.say, self.pace, is_forced=self.is_forced
        )

    def _stack(self) -> Stack:
        return Stack(self.place, self.say)

    def _say_where(self) -> None:
        settings = self.place.settings
        self.say(f"Stage {settings.stage}, account {settings.account_id}, region {settings.region}.")


def _e_mail() -> str | None:
    return os.environ.get("OPERATORS_EMAIL") or None
