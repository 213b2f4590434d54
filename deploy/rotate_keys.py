"""Rotates the keys that sign our tokens: `python -m deploy.rotate_keys --stage dev [--apply] [--force]`.

    --stage dev        the stage
    --apply            do it; without this the command says what it would do, and writes nothing
    --force            rotate although tokens of the previous key may still live; whoever holds one is signed out
    --kill-previous    refuse the previous key's tokens, within a minute
    --kill-all         refuse every token that there is, within a minute, because the keys have leaked

A rotation publishes the next key, waits until every process must have read it, and lets it sign. A rotation that broke
off goes on where it stopped. Exits with 0; 1 and a sentence if it may not be done; 2 for other arguments.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from chalicelib import errors
from chalicelib.clock import Clock, SystemClock
from chalicelib.config import Settings
from chalicelib.identity.keys import require_whole
from deploy.key_sets import drawn_key
from deploy.resources import declare

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KeySet = Mapping[str, Any]

_NEW_VERSION: Final = "SERENYA_ROTATION"
_CHANGED: Final = "Somebody else changed the keys in the meantime; look, and start again."
_BROKEN: Final = "The key set is broken: repair the secret by hand, or replace it with --kill-all."
_RACES: Final = {"InvalidParameterException", "InvalidRequestException"}


class RotationRefused(Exception):
    """A rotation that may not be done now; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """Changes one stage's key set. Every change is made if nobody else made one since the set was read."""

    client: SecretsManagerClient
    settings: Settings
    clock: Clock
    wait: Callable[[timedelta], None]
    say: Callable[[str], None]

    @property
    def settling(self) -> timedelta:
        """For how long a key is published before it signs: processes keep the set for one `secret_life`, and the
        other one is for those that could not read it the first time."""
        return 2 * self.settings.secret_life

    @property
    def afterlife(self) -> timedelta:
        """For how long tokens of a key are good after it stopped signing. No session that it ever signed for is older
        than the hard cap, and a process that had not read the set yet signed for one `secret_life` more."""
        return self.settings.rules.session_hard_cap + self.settings.secret_life

    def rotate(self, *, is_forced: bool, is_dry: bool) -> None:
        """Publish the next key, wait, and let it sign; the key that signed until then goes on verifying.

        Raises:
            RotationRefused: tokens of the previous key still live; the set is broken; or somebody else changed it.
        """
        key_set, version = self._read()
        self._require_previous_is_over(key_set, is_forced)
        coming = key_set.get("next")
        if coming is None:
            coming = {**self._drawn(), "published_at": _text(self.clock.now())}
            self.say(f"Publish the next key, {coming['kid']}: it is accepted from now on, and does not sign yet.")
            if not is_dry:
                self._write({**key_set, "next": coming}, version)
        else:
            self.say(f"The next key, {coming['kid']}, is published already.")
        if is_dry:
            self.say(
                f"Wait {self.settling.total_seconds():.0f} seconds, until every process knows it, and let it sign."
            )
            return
        self._wait_until_known(coming)
        self._promote(coming["kid"])

    def kill_previous(self, *, is_dry: bool) -> None:
        """Remove the previous key: its tokens are refused within one `secret_life`.

        Raises:
            RotationRefused: there is none; the set is broken; or somebody else changed it.
        """
        key_set, version = self._read()
        previous = key_set.get("previous")
        if previous is None:
            raise RotationRefused("There is no previous key.")
        end = self._end_of(previous)
        is_over = end is not None and end <= self.clock.now()
        whom = "nobody: its tokens are gone" if is_over else "whoever has not refreshed since it stopped signing"
        self.say(f"Remove the previous key, {previous['kid']}. This signs out {whom}.")
        if not is_dry:
            self._write({**key_set, "previous": None}, version)

    def kill_all(self, *, is_dry: bool) -> None:
        """Replace the whole set by one new key: every token is refused within one `secret_life`, everybody signs in.

        The keys stand in one secret, so that whoever has read one has read all; hence not the current one alone. Works
        on a broken set as well.

        Raises:
            RotationRefused: somebody else changed the set.
        """
        version = self.client.get_secret_value(SecretId=self.settings.token_keys_secret)["VersionId"]
        self.say("Replace all keys by a new one. This signs out everybody.")
        if not is_dry:
            current = {**self._drawn(), "signs_since": _text(self.clock.now())}
            self._write({"current": current, "previous": None, "next": None}, version)

    def _promote(self, kid: str) -> None:
        key_set, version = self._read()
        coming = key_set.get("next")
        if coming is None or coming["kid"] != kid:
            raise RotationRefused(_CHANGED)
        now = _text(self.clock.now())
        leaving = _only_key(key_set["current"])
        changed = {
            "current": {**_only_key(coming), "signs_since": now},
            "previous": {**leaving, "signed_until": now},
            "next": None,
        }
        self._write(changed, version)
        end = self.clock.now() + self.afterlife
        self.say(f"The key {coming['kid']} signs. Tokens of {leaving['kid']} are accepted; the last ends {_text(end)}.")

    def _wait_until_known(self, coming: Mapping[str, Any]) -> None:
        left = _instant(coming, "published_at", self.clock.now()) + self.settling - self.clock.now()
        if left > timedelta():
            self.say(f"Waiting {left.total_seconds():.0f} seconds, until every process knows it …")
            self.wait(left)

    def _require_previous_is_over(self, key_set: KeySet, is_forced: bool) -> None:
        previous = key_set.get("previous")
        if previous is None:
            return
        end = self._end_of(previous)
        if end is not None and end <= self.clock.now():
            return
        until = "nobody wrote down until when" if end is None else f"until {_text(end)}"
        if not is_forced:
            raise RotationRefused(
                f"Tokens of the previous key, {previous['kid']}, may still live ({until}), and a rotation would remove "
                "it. Wait, or say --force, which signs out whoever holds one."
            )
        self.say(f"Forced: tokens of the previous key, {previous['kid']}, are refused once the next one signs.")

    def _end_of(self, previous: Mapping[str, Any]) -> datetime | None:
        if "signed_until" not in previous:
            return None
        return _instant(previous, "signed_until", self.clock.now()) + self.afterlife

    def _drawn(self) -> dict[str, str]:
        return drawn_key(declare(self.settings).token_keys.key_bytes)

    def _read(self) -> tuple[KeySet, str]:
        found = self.client.get_secret_value(SecretId=self.settings.token_keys_secret)
        try:
            key_set = json.loads(found["SecretString"])
            require_whole(key_set)
        except (ValueError, AttributeError, errors.Unavailable) as broken:
            raise RotationRefused(_BROKEN) from broken
        return key_set, found["VersionId"]

    def _write(self, key_set: KeySet, version: str) -> None:
        """Put a new version beside the one that was read, and make it the current one in its place: Secrets Manager
        refuses to take the label from a version that does not hold it any more."""
        name = self.settings.token_keys_secret
        put = self.client.put_secret_value(
            SecretId=name, SecretString=json.dumps(dict(key_set)), VersionStages=[_NEW_VERSION]
        )
        try:
            self.client.update_secret_version_stage(
                SecretId=name,
                VersionStage="AWSCURRENT",
                RemoveFromVersionId=version,
                MoveToVersionId=put["VersionId"],
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _RACES:
                raise
            raise RotationRefused(_CHANGED) from error


def _only_key(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"kid": entry["kid"], "secret": entry["secret"]}


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _instant(entry: Mapping[str, Any], name: str, otherwise: datetime) -> datetime:
    """Read an instant; of one that was written by hand and cannot be read, the cautious thing is assumed: now."""
    try:
        found = datetime.fromisoformat(str(entry.get(name)))
    except ValueError:
        return otherwise
    return found if found.tzinfo is not None else otherwise


def main(arguments: Sequence[str]) -> int:
    """Do what was asked, and return the exit code."""
    import boto3

    from deploy.generate import STAGES, stage_settings

    parser = argparse.ArgumentParser(prog="python -m deploy.rotate_keys", description="Rotate the signing keys.")
    parser.add_argument("--stage", required=True, choices=STAGES)
    parser.add_argument("--apply", action="store_true", help="do it, instead of saying what would be done")
    parser.add_argument("--force", action="store_true", help="although tokens of the previous key may still live")
    kills = parser.add_mutually_exclusive_group()
    kills.add_argument("--kill-previous", action="store_true", help="refuse the previous key's tokens")
    kills.add_argument("--kill-all", action="store_true", help="refuse every token that there is")
    asked = parser.parse_args(arguments)
    settings, is_dry = stage_settings(asked.stage), not asked.apply
    client = boto3.client("secretsmanager", region_name=settings.region)
    rotation = KeyRotation(client, settings, SystemClock(), lambda left: time.sleep(left.total_seconds()), _say)
    try:
        if asked.kill_previous:
            rotation.kill_previous(is_dry=is_dry)
        elif asked.kill_all:
            rotation.kill_all(is_dry=is_dry)
        else:
            rotation.rotate(is_forced=asked.force, is_dry=is_dry)
    except RotationRefused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    if is_dry:
        _say("Nothing was written. Say --apply to do it.")
    return 0


def _say(sentence: str) -> None:
    print(sentence, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
