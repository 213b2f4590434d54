"""The step that brings code: Chalice's deployment of a copy of the service, and what of it would change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from botocore.exceptions import ClientError

from chalicelib.config import APP_NAME
from deploy.generate import ROOT
from deploy.permissions import FUNCTIONS
from deploy.release.aliases import Aliases
from deploy.release.found import deployed_record, found_functions
from deploy.release.names import API_FUNCTION, function_name
from deploy.release.place import Place, Refused, error_code
from deploy.release.project import fingerprint, write_project, write_state

BUILD: Final = ROOT / "build" / "deploy"


def write_copy(place: Place, build: Path, variables: Mapping[str, str] | None = None) -> Path:
    """Write the copy that is deployed, and return its folder under `build`."""
    return write_project(place.settings, build / place.settings.stage, variables)


def is_deployed(place: Place, folder: Path) -> bool:
    """Whether what the copy holds is what serves, and nobody changed a function or a role since."""
    aliases = Aliases(place)
    source = fingerprint(folder)
    standings = [aliases.standing(function) for function in FUNCTIONS]
    if any(one is None or one.weights or one.note.source != source for one in standings):
        return False
    return set(found_functions(place)) == set(FUNCTIONS) and not list(differences(place, folder))


def deploy_code(place: Place, folder: Path) -> None:
    """Have Chalice make or change functions, roles, triggers and the API. `live` serves what it served before.

    Raises:
        Refused: Chalice failed; run again, it goes on.
    """
    write_state(folder, place.settings.stage, deployed_record(place))
    _chalice(folder, "deploy", place.settings.stage)


def delete_code(place: Place, folder: Path) -> None:
    """Have Chalice remove all of it, whatever is there.

    Raises:
        Refused: Chalice failed; run again, it goes on.
    """
    write_state(folder, place.settings.stage, deployed_record(place))
    _chalice(folder, "delete", place.settings.stage)


def differences(place: Place, folder: Path) -> Iterator[str]:
    """Return a line for each function or role that is not as the copy has it; of code, one line says so for all."""
    stage = place.settings.stage
    config: dict[str, Any] = json.loads((folder / ".chalice" / "config.json").read_text(encoding="utf-8"))
    of_stage = config["stages"][stage]
    for function in FUNCTIONS:
        wanted = of_stage["lambda_functions"][function]
        variables = {
            **config.get("environment_variables", {}),
            **of_stage["environment_variables"],
            **wanted.get("environment_variables", {}),
        }
        name = function_name(stage, function)
        found = _configuration(place, name)
        if found is None:
            yield f"  + {name}"
            continue
        yield from _configured(name, found, wanted, variables)
        policy = json.loads((folder / ".chalice" / wanted["iam_policy_file"]).read_text(encoding="utf-8"))
        yield from _allowed(place, f"{APP_NAME}-{stage}-{function}", policy)
    for function in set(found_functions(place)) - set(FUNCTIONS):
        yield f"  - {function_name(stage, function)}"


def source_line(place: Place, folder: Path) -> str:
    """Say whether the source is another than the one that serves."""
    standing = Aliases(place).standing(API_FUNCTION)
    source = fingerprint(folder)
    if standing is None:
        return f"Source {source}: the first deployment."
    if standing.note.source == source:
        return f"Source {source} serves already."
    return f"Source {source} would take the place of {standing.note.source or 'an unfinished release'}."


def _configuration(place: Place, name: str) -> dict[str, Any] | None:
    lambdas = place.client("lambda")
    try:
        found: dict[str, Any] = lambdas.get_function_configuration(FunctionName=name)
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return None
    return found


def _configured(
    name: str, found: Mapping[str, Any], wanted: Mapping[str, Any], variables: Mapping[str, str]
) -> Iterator[str]:
    for label, theirs, ours in (
        ("memory", found["MemorySize"], wanted["lambda_memory_size"]),
        ("timeout", found["Timeout"], wanted["lambda_timeout"]),
    ):
        if theirs != ours:
            yield f"  ~ {name}: {label} {theirs} becomes {ours}"
    present = found.get("Environment", {}).get("Variables", {})
    changed = sorted(key for key in {*present, *variables} if present.get(key) != variables.get(key))
    if changed:
        yield f"  ~ {name}: variables {', '.join(changed)}"


def _allowed(place: Place, role: str, policy: Mapping[str, Any]) -> Iterator[str]:
    try:
        found = place.client("iam").get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
    except ClientError as error:
        if error_code(error) != "NoSuchEntity":
            raise
        yield f"  + the role {role}"
        return
    # botocore reads the document; an emulated cloud may leave it as it travels.
    present = found if isinstance(found, dict) else json.loads(unquote(found))
    if present == policy:
        return
    gained, lost = _actions(policy) - _actions(present), _actions(present) - _actions(policy)
    words = [f"+{one}" for one in sorted(gained)] + [f"-{one}" for one in sorted(lost)]
    yield f"  ~ the role {role}: {', '.join(words) or 'the same actions, on other resources'}"


def _actions(policy: Mapping[str, Any]) -> set[str]:
    return {action for one in policy["Statement"] for action in one["Action"]}


def _chalice(folder: Path, command: str, stage: str) -> None:
    arguments = ["-m", "deploy.chalice", "--project-dir", str(folder), command, "--stage", stage]
    # Its words are shown as they come, also where nobody looks at a terminal.
    done = subprocess.run([sys.executable, "-u", *arguments], cwd=ROOT, check=False)
    if done.returncode:
        raise Refused(
            f"`chalice {command}` failed (its words are above). What serves is what served before; run this again, it "
            "goes on where it stopped."
        )
