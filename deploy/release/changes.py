"""The stack's change set: made, read by a person, applied, and watched until CloudFormation is done."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deploy.release.adoption import import_request, present_template, secrets_outside
from deploy.release.change import Change, ChangeSet, read_change
from deploy.release.names import stack_name
from deploy.release.place import Place, Refused, error_code
from deploy.release.stand_in import emulable
from deploy.stack.operators import E_MAIL
from deploy.stages import PRODUCTION

_MOST_BYTES: Final = 51_200
"""CloudFormation's quota for a template that is sent with the request."""

_NOTHING_TO_DO: Final = ("didn't contain changes", "No updates are to be performed")
_CAN_CHANGE: Final = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}
_NEVER_WAS: Final = {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
"""Nothing of such a stack is used by anybody: it was looked at and never made, or its making or removal failed."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stage's stack. `pause` waits between two looks at CloudFormation."""

    place: Place
    say: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep

    @property
    def name(self) -> str:
        """What it is called."""
        return stack_name(self.place.settings.stage)

    def status(self) -> str | None:
        """Return CloudFormation's word for how it stands, or None where there is no stack."""
        try:
            found = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if error_code(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        return str(found[0]["StackStatus"]) if found else None

    def prepare(self, template: dict[str, Any], e_mail: str | None) -> ChangeSet:
        """Make a change set and return what it would do. A stack that was never finished is removed first.

        Raises:
            Refused: the stack is in a state that a person must look at, or CloudFormation refuses the template.
        """
        is_first = self._made_ready()
        name = _fresh_name()
        self._create_change_set(name, template, e_mail, is_first=is_first)
        status, reason = self._settled_change_set(name)
        if status == "FAILED":
            self._forget(name, is_first=is_first)
            if any(words in reason for words in _NOTHING_TO_DO):
                return ChangeSet(None, is_first, ())
            raise Refused(f"CloudFormation refuses the change: {reason}")
        return ChangeSet(name, is_first, tuple(self._changes(name)))

    def adopt(self, template: dict[str, Any]) -> list[str]:
        """Take declared secrets that are there already into the stack, and return their logical ids.

        Raises:
            Refused: CloudFormation does not take them.
        """
        is_first = self._made_ready()
        secrets = secrets_outside(self.place, self.name, template)
        if not secrets:
            return []
        name = _fresh_name()
        present = present_template(self.place, self.name, is_first=is_first)
        request = import_request(present, template, secrets)
        self._cloudformation.create_change_set(StackName=self.name, ChangeSetName=name, **request)
        status, reason = self._settled_change_set(name)
        if status == "FAILED" or not self._can_apply(name):
            self._forget(name, is_first=is_first)
            raise Refused(f"CloudFormation does not take {', '.join(secrets)} into the stack: {reason}")
        self._cloudformation.execute_change_set(StackName=self.name, ChangeSetName=name)
        self._require({"IMPORT_COMPLETE"})
        return sorted(secrets)

    def discard(self, change_set: ChangeSet) -> None:
        """Forget a change set that was only looked at, and the empty stack that CloudFormation made to hold it."""
        if change_set.name is not None:
            self._forget(change_set.name, is_first=change_set.is_first)

    def apply(self, change_set: ChangeSet) -> None:
        """Apply a change set and wait.

        Raises:
            Refused: it failed, and CloudFormation put everything back; the text has the causes.
        """
        if change_set.name is None:
            return
        self._cloudformation.execute_change_set(StackName=self.name, ChangeSetName=change_set.name)
        self._require({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
        self._protect(self.place.settings.stage == PRODUCTION)

    def remove(self) -> None:
        """Remove the stack and wait until it is gone. What is declared to be kept stays.

        Raises:
            Refused: something could not be removed.
        """
        if self.status() is not None:
            self._protect(False)
        self._cloudformation.delete_stack(StackName=self.name)
        status = self._settled()
        if status not in {None, "DELETE_COMPLETE"}:
            causes = "\n".join(f"  {line}" for line in self._causes())
            raise Refused(f"The stack {self.name} could not be removed ({status}); run it again.\n{causes}")

    def _require(self, wanted: set[str]) -> None:
        status = self._settled()
        if status not in wanted:
            causes = "\n".join(f"  {line}" for line in self._causes()) or "  (no cause is given)"
            raise Refused(f"The stack {self.name} is not as declared ({status}); it was put back.\n{causes}")

    def _protect(self, is_protected: bool) -> None:
        self._cloudformation.update_termination_protection(
            StackName=self.name, EnableTerminationProtection=is_protected
        )

    @property
    def _cloudformation(self) -> Any:
        return self.place.client("cloudformation")

    def _made_ready(self) -> bool:
        """Return whether there is no stack yet. Waits for one that is being changed, by whomever."""
        status = self._settled()
        if status in _NEVER_WAS:
            self.say(f"The stack {self.name} was never finished ({status}): it is removed first.")
            self.remove()
            return True
        if status in {None, "DELETE_COMPLETE"}:
            return True
        if status not in _CAN_CHANGE:
            raise Refused(
                f"The stack {self.name} is {status}. Look at it in CloudFormation's console; after a failed way back "
                "`aws cloudformation continue-update-rollback` goes on."
            )
        return False

    def _settled(self) -> str | None:
        """Wait while CloudFormation is at work. A change set that nobody applied is not work."""
        told = False
        while True:
            status = self.status()
            if status is None or status == "REVIEW_IN_PROGRESS" or not status.endswith("_IN_PROGRESS"):
                return status
            if not told:
                self.say(f"CloudFormation is at work on {self.name} ({status}) …")
                told = True
            self.pause(1 if self.place.is_emulated else 5)

    def _create_change_set(self, name: str, template: dict[str, Any], e_mail: str | None, *, is_first: bool) -> None:
        wanted = emulable(template, self.say) if self.place.is_emulated else template
        body = json.dumps(wanted, separators=(",", ":"))
        if len(body.encode()) > _MOST_BYTES:
            raise Refused(f"The template has {len(body.encode())} bytes; CloudFormation takes {_MOST_BYTES}.")
        self._cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType="CREATE" if is_first else "UPDATE",
            TemplateBody=body,
            Parameters=[_e_mail_parameter(e_mail, is_first=is_first)],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            # What production kept of a stack that was removed belongs to the next one.
            ImportExistingResources=True,
            Tags=[{"Key": "serenya:stage", "Value": self.place.settings.stage}],
        )

    def _settled_change_set(self, name: str) -> tuple[str, str]:
        while True:
            found = self._cloudformation.describe_change_set(StackName=self.name, ChangeSetName=name)
            if found["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                return found["Status"], found.get("StatusReason") or ""
            self.pause(0.2 if self.place.is_emulated else 2)

    def _can_apply(self, name: str) -> bool:
        found = self._cloudformation.describe_change_set(StackName=self.name, ChangeSetName=name)
        return bool(found["ExecutionStatus"] == "AVAILABLE")

    def _changes(self, name: str) -> Iterator[Change]:
        more: dict[str, str] = {}
        while True:
            page = self._cloudformation.describe_change_set(StackName=self.name, ChangeSetName=name, **more)
            for one in page["Changes"]:
                yield read_change(one["ResourceChange"])
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}

    def _forget(self, name: str, *, is_first: bool) -> None:
        if is_first:
            self.remove()
        else:
            self._cloudformation.delete_change_set(StackName=self.name, ChangeSetName=name)

    def _causes(self) -> Iterator[str]:
        """Return what failed by itself, not what was given up because of it."""
        try:
            events = self._cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        except ClientError:  # gone in the meantime; there is nothing to say about it
            return
        for event in events[:100]:
            reason = event.get("ResourceStatusReason", "")
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
                yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
                if "DescribeEvents" in reason:
                    yield from self._found_before_it_began()

    def _found_before_it_began(self) -> Iterator[str]:
        """Return what CloudFormation found when it looked at the template, before it made anything."""
        for event in self._cloudformation.describe_events(StackName=self.name).get("OperationEvents", [])[:100]:
            if event.get("ValidationStatus") == "FAILED":
                yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {event['ValidationStatusReason']}"


def _fresh_name() -> str:
    return f"serenya-{time.time_ns() // 1_000_000}"


def _e_mail_parameter(e_mail: str | None, *, is_first: bool) -> dict[str, Any]:
    """An address that is not given stays what it was."""
    if e_mail is None and not is_first:
        return {"ParameterKey": E_MAIL, "UsePreviousValue": True}
    return {"ParameterKey": E_MAIL, "ParameterValue": e_mail or ""}
