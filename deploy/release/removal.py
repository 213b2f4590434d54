"""What removes a stage: code first, then what the bucket holds, then the stack, then what the stack leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deploy.permissions import FUNCTIONS
from deploy.release.changes import Stack
from deploy.release.code import BUILD, delete_code, write_copy
from deploy.release.found import deployed_record
from deploy.release.names import access_log_group, log_group, stack_name
from deploy.release.place import Place, Refused, error_code
from deploy.resources import declare, used_secrets
from deploy.stages import PRODUCTION


@dataclass(frozen=True, slots=True)
class Removal:
    """Removes a stage from its account. Safe to run again: it goes on with what is left."""

    place: Place
    say: Callable[[str], None]
    stack: Stack
    build: Path = BUILD

    @property
    def keeps(self) -> bool:
        """Whether what holds people's data stays."""
        return self.place.settings.stage == PRODUCTION

    def require_meant(self, typed: str | None) -> None:
        """Check that somebody typed the stack's name, where the stage is production.

        Raises:
            Refused: they did not.
        """
        name = stack_name(self.place.settings.stage)
        if self.keeps and typed != name:
            raise Refused(
                f"This is production. To remove it from account {self.place.settings.account_id}, type its name: "
                f"make destroy STAGE={self.place.settings.stage} CONFIRM={name}"
            )

    def run(self) -> None:
        """Remove everything that may go, and say what stays.

        Raises:
            Refused: something could not be removed; run it again.
        """
        settings = self.place.settings
        has_code, has_stack = bool(deployed_record(self.place)["resources"]), self.stack.status() is not None
        if has_code:
            self.say("Removing functions, roles, triggers and the API …")
            delete_code(self.place, write_copy(self.place, self.build))
        if not self.keeps:
            self._empty_bucket()
        if has_stack:
            self.say(f"Removing the stack {self.stack.name} …")
            self.stack.remove()
        if self.keeps:
            self._tell_what_stays()
        else:
            self._remove_leftovers()
            self.say(
                f"The stage {settings.stage} is gone."
                if has_code or has_stack
                else f"There was nothing of the stage {settings.stage} in account {settings.account_id}."
            )

    def _empty_bucket(self) -> None:
        """Remove every version of every object, because S3 removes empty buckets alone."""
        s3, bucket = self.place.client("s3"), self.place.settings.bucket_name
        removed = 0
        for batch in _versions(s3, bucket):
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            if answer.get("Errors"):
                raise Refused(f"{len(answer['Errors'])} objects of {bucket} could not be removed; run it again.")
            removed += len(batch)
        if removed:
            self.say(f"Removed {removed} objects from {bucket}.")

    def _remove_leftovers(self) -> None:
        """Secrets that CloudFormation removed keep their name for weeks, and a function that ended late makes its log
        group anew: a stage that is made again would meet both."""
        secrets, logs = self.place.client("secretsmanager"), self.place.client("logs")
        for name in self._secret_names():
            try:
                secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
        stage = self.place.settings.stage
        for group in [access_log_group(stage), *(log_group(stage, function) for function in FUNCTIONS)]:
            try:
                logs.delete_log_group(logGroupName=group)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise

    def _tell_what_stays(self) -> None:
        settings = self.place.settings
        kept = [
            f"the table {settings.table_name}",
            f"the bucket {settings.bucket_name} (its objects leave within two days)",
            *(f"the secret {name}" for name in self._secret_names()),
            f"the log groups /aws/lambda/{stack_name(settings.stage)}*",
        ]
        self.say("Kept, and still paid for:")
        for one in kept:
            self.say(f"  {one}")
        self.say("`make deploy` takes the table, the bucket and the log groups into a new stack.")

    def _secret_names(self) -> list[str]:
        declared = declare(self.place.settings)
        given = [one.name for one in used_secrets(declared, self.place.settings)]
        return [*(one.name for one in declared.key_sets), *given]


def _versions(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    """Return what a bucket holds, a thousand at a time; nothing where there is no bucket."""
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
    except ClientError as error:
        if error_code(error) != "NoSuchBucket":
            raise
