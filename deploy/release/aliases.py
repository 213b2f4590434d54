"""Which version of each function serves, which one is being tried, and which one was there before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from botocore.exceptions import ClientError

from deploy.release.names import ALIAS, API_FUNCTION, function_name
from deploy.release.place import Place, Refused, error_code

_KEPT: Final = 5
"""So many versions of a function stay besides those that serve or served: Lambda counts them all against 75 GB."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the description of an alias remembers. `release` names the versions that came together, `source` the
    fingerprint that they were made from, `before` the version to go back to, and `release_before` its release."""

    release: str = ""
    source: str = ""
    before: str = ""
    release_before: str = ""

    def written(self) -> str:
        """Return it as the description: at most 256 characters are kept."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Standing:
    """How one function's alias stands. `weights` says which share of calls goes to other versions than `version`."""

    function: str
    version: str
    weights: Mapping[str, float]
    revision: str
    note: Note


@dataclass(frozen=True, slots=True)
class Aliases:
    """The aliases of a stage."""

    place: Place

    def standing(self, function: str) -> Standing | None:
        """Return how a function's alias stands, or None where there is no function, or no alias."""
        try:
            found = self._lambda.get_alias(FunctionName=self._name(function), Name=ALIAS)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return None
        return _standing(function, found)

    def publish(self, function: str) -> str:
        """Make a version of what was deployed and return its number once it can be invoked; the latest one again if
        nothing changed."""
        name = self._name(function)
        version: str = self._lambda.publish_version(FunctionName=name)["Version"]
        ready = self._lambda.get_waiter("published_version_active")
        ready.wait(FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        return version

    def try_out(self, standing: Standing, version: str, share: float) -> None:
        """Send a share of the calls to another version.

        Raises:
            Refused: somebody else moved the alias in the meantime.
        """
        self._move(standing, RoutingConfig={"AdditionalVersionWeights": {version: share}})

    def give_up(self, standing: Standing) -> None:
        """Send all calls to the version that serves.

        Raises:
            Refused: somebody else moved the alias in the meantime.
        """
        self._move(standing, RoutingConfig={"AdditionalVersionWeights": {}})

    def settle(self, standing: Standing, version: str, note: Note) -> None:
        """Send all calls to one version, and remember what is noted.

        Raises:
            Refused: somebody else moved the alias in the meantime.
        """
        self._move(
            standing,
            FunctionVersion=version,
            Description=note.written(),
            RoutingConfig={"AdditionalVersionWeights": {}},
        )

    def has_version(self, function: str, version: str) -> bool:
        """Whether a version is still there."""
        try:
            self._lambda.get_function_configuration(FunctionName=self._name(function), Qualifier=version)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return False
        return True

    def prune(self, function: str) -> list[str]:
        """Remove old versions that nobody can go back to, and return their numbers."""
        standing = self.standing(function)
        if standing is None:
            return []
        numbers: list[str] = []
        for page in self._lambda.get_paginator("list_versions_by_function").paginate(FunctionName=self._name(function)):
            numbers += [one["Version"] for one in page["Versions"] if one["Version"] != "$LATEST"]
        kept = {*sorted(numbers, key=int)[-_KEPT:], standing.version, standing.note.before, *standing.weights}
        old = [number for number in numbers if number not in kept]
        for number in old:
            self._lambda.delete_function(FunctionName=self._name(function), Qualifier=number)
        return old

    @property
    def _lambda(self) -> Any:
        return self.place.client("lambda")

    def _name(self, function: str) -> str:
        return function_name(self.place.settings.stage, function)

    def _move(self, standing: Standing, **changes: Any) -> None:
        try:
            self._lambda.update_alias(
                FunctionName=self._name(standing.function), Name=ALIAS, RevisionId=standing.revision, **changes
            )
        except ClientError as error:
            if error_code(error) != "PreconditionFailedException":
                raise
            raise Refused("Somebody else is releasing this stage at the moment; look, and run it again.") from error


def release_of(versions: Mapping[str, str]) -> str:
    """Return the name of a set of versions: the same for the same set, so that a release that was stopped goes on."""
    text = ",".join(f"{function}={version}" for function, version in sorted(versions.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def api_last(functions: Mapping[str, Any]) -> list[str]:
    """Return functions in the order in which their aliases move: the API is last, so that its note says whether all
    others have moved."""
    return sorted(functions, key=lambda one: (one == API_FUNCTION, one))


def _standing(function: str, found: Mapping[str, Any]) -> Standing:
    weights = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return Standing(
        function, found["FunctionVersion"], dict(weights), found["RevisionId"], _note(found.get("Description", ""))
    )


def _note(description: str) -> Note:
    """Read a description; one that somebody wrote by hand, or Chalice's client at first, remembers nothing."""
    try:
        read = json.loads(description)
    except ValueError:
        return Note()
    return replace(Note(), **{key: str(read[key]) for key in asdict(Note()) if isinstance(read, dict) and key in read})
