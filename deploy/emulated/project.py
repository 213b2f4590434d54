"""The copy of the project that is deployed into an emulated cloud: a release's, but for what such a cloud asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib import config
from deploy.emulated.policies import emulated_policy
from deploy.generate import ROOT
from deploy.release.project import write_project


@dataclass(frozen=True, slots=True)
class Project:
    """A folder that `chalice deploy` can be run in, and the settings that its functions will read."""

    folder: Path
    settings: config.Settings


def emulated_project(folder: Path, stage: str, changes: Mapping[str, str]) -> Project:
    """Write the copy anew. `changes` are put over the stage's environment variables."""
    chalice: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    variables = {**chalice.get("environment_variables", {}), **chalice["stages"][stage]["environment_variables"]}
    settings = config.load({**variables, **changes})
    return Project(write_project(settings, folder, changes, emulated_policy), settings)
