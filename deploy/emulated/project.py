"""A copy of the project as it is deployed: only what ships, one stage, its policies rendered for what the stage has."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chalicelib import config
from deploy.emulated.policies import emulated_policy
from deploy.generate import is_in_vpc, is_traced

ROOT: Final = Path(__file__).resolve().parents[2]
_SHIPPED: Final = ("app.py", "chalicelib/", "requirements.txt")


@dataclass(frozen=True, slots=True)
class Project:
    """A folder that `chalice deploy` can be run in, and the settings that its functions will read."""

    folder: Path
    stage: str
    settings: config.Settings


def write_project(folder: Path, stage: str, changes: Mapping[str, str]) -> Project:
    """Write the copy anew. `changes` are put over the stage's environment variables.

    What Chalice packaged there before is kept: it looks whether the requirements are the same, and saves minutes.
    """
    for name in (*_SHIPPED, ".chalice/deployed"):
        _remove(folder / name)
    for name in _committed_files():
        if name.startswith(_SHIPPED):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    chalice: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    chalice["stages"] = {stage: chalice["stages"][stage]}
    environment: dict[str, str] = chalice["stages"][stage]["environment_variables"]
    environment |= changes
    settings = config.load({**chalice.get("environment_variables", {}), **environment})
    (folder / ".chalice").mkdir(parents=True, exist_ok=True)
    _write(folder / ".chalice" / "config.json", chalice)
    for function, one in chalice["stages"][stage]["lambda_functions"].items():
        _write(
            folder / ".chalice" / one["iam_policy_file"],
            emulated_policy(function, settings, is_traced=is_traced(stage), is_in_vpc=is_in_vpc(stage, function)),
        )
    return Project(folder, stage, settings)


def _committed_files() -> list[str]:
    """Files that git knows, and new ones that it does not ignore: what is being worked on is deployed too."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
