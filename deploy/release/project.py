"""A copy of the service under `build/deploy/<stage>/`, with the real account where the committed files have none."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from chalicelib.config import Settings
from deploy.generate import ROOT, policy_file, policy_of
from deploy.permissions import FUNCTIONS

_SHIPPED: Final = ("app.py", "requirements.txt", "chalicelib", "vendor")
_BESIDE: Final = ("deploy/gateway", "deploy/packaging", "deploy/chalice.py", "deploy/stages.py")
"""What decides about the package and the API without being part of the copy."""


def write_project(
    settings: Settings,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    policy: Callable[[str, Settings], Mapping[str, Any]] = policy_of,
) -> Path:
    """Write the copy that Chalice deploys, in place of an older one, and return its folder.

    `settings` carry the account; policies are rendered for it anew. An emulated cloud, whose functions ask other
    addresses, has `variables` that are added to those of the stage, and what it asks of a `policy`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / ".chalice").mkdir(parents=True)
    for name in _SHIPPED:
        _copy(ROOT / name, folder / name)
    _write(folder / ".chalice" / "config.json", config_for(settings, variables or {}))
    for function in FUNCTIONS:
        _write(folder / ".chalice" / policy_file(settings.stage, function), policy(function, settings))
    return folder


def config_for(settings: Settings, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return Chalice's configuration of one stage, with the account in it."""
    config: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    stage = config["stages"][settings.stage]
    stage["environment_variables"] |= {"SERENYA_ACCOUNT_ID": settings.account_id, **variables}
    return {**config, "stages": {settings.stage: stage}}


def write_state(folder: Path, stage: str, deployed: Mapping[str, Any]) -> None:
    """Tell Chalice what is deployed, in its own file."""
    _write(folder / ".chalice" / "deployed" / f"{stage}.json", deployed)


def fingerprint(folder: Path) -> str:
    """Return what tells one source from another: the copy, but for what is deployed, and what packages it.

    The same on every machine, for the same Python.
    """
    digest = hashlib.sha256()
    for name, content in _contents(folder):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[:2] not in {(".chalice", "deployed"), (".chalice", "deployments")}:
            yield str(name), path.read_bytes()
    for beside in _BESIDE:
        for path in _files(ROOT / beside):
            yield str(path.relative_to(ROOT)), path.read_bytes()


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(one for one in path.rglob("*.py") if one.is_file())


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    elif source.is_file():
        shutil.copyfile(source, target)


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
