"""Writes the generated files, or checks that the committed ones match: `python -m deploy.generate [--check]`."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench.page import performance_page
from chalicelib import config
from deploy import permissions
from deploy.attacks_page import attacks_page
from deploy.billing_page import billing_page
from deploy.data_page import data_page
from deploy.github import template as github
from deploy.policies import policy
from deploy.release.names import stack_name
from deploy.stack.template import template
from deploy.stages import DEPLOYED
from deploy.watch.page import alarms_page

ROOT: Final = Path(__file__).resolve().parent.parent
STAGES: Final = ("local", "dev", "prod")


def stage_settings(stage: str) -> config.Settings:
    """Return a stage's settings as `.chalice/config.json` sets them."""
    chalice = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    shared: dict[str, str] = chalice.get("environment_variables", {})
    return config.load({**shared, **chalice["stages"][stage].get("environment_variables", {})})


def is_traced(stage: str) -> bool:
    """Whether `.chalice/config.json` turns X-Ray on for a stage."""
    chalice = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    return bool(chalice["stages"][stage].get("xray", chalice.get("xray", False)))


def is_in_vpc(stage: str, function: str) -> bool:
    """Whether `.chalice/config.json` puts a function of a stage into subnets of ours."""
    return says_vpc(json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8")), stage, function)


def says_vpc(chalice: Mapping[str, Any], stage: str, function: str) -> bool:
    """Whether Chalice puts a function into subnets; it looks at the same places in the same order, and refuses subnets
    without security groups, and these without subnets, itself."""
    whole = chalice["stages"][stage]
    own, own_everywhere = (place.get("lambda_functions", {}).get(function, {}) for place in (whole, chalice))
    places = (own, whole, own_everywhere, chalice)
    return all(
        next((place[name] for place in places if place.get(name) is not None), [])
        for name in ("subnet_ids", "security_group_ids")
    )


def policy_file(stage: str, function: str) -> str:
    """Return the name of a function's policy beside `.chalice/config.json`."""
    return f"policy-{stage}-{function.replace('_', '-')}.json"


def policy_of(function: str, settings: config.Settings) -> dict[str, Any]:
    """Return the policy of a function as a stage gives it: what it needs, and what its traces and its network take."""
    needs, stage = permissions.needs_of(function, settings), settings.stage
    return policy(function, needs, settings, is_traced=is_traced(stage), is_in_vpc=is_in_vpc(stage, function))


def generated_files() -> dict[Path, str]:
    """Return every generated file with the text that it must have."""
    files = {
        ROOT / "docs" / "openapi.json": _json(_contract()),
        ROOT / "docs" / "data.md": data_page(),
        ROOT / "docs" / "billing.md": billing_page(),
        ROOT / "docs" / "attacks.md": attacks_page(),
        ROOT / "docs" / "performance.md": performance_page(),
        ROOT / "docs" / "alarms.md": alarms_page(replace(stage_settings("prod"), has_legacy_database=True)),
    }
    for stage in STAGES:
        settings = stage_settings(stage)
        for function in permissions.FUNCTIONS:
            files[ROOT / ".chalice" / policy_file(stage, function)] = _json(policy_of(function, settings))
    for stage in DEPLOYED:
        files[ROOT / "deploy" / "generated" / f"{stack_name(stage)}.template.json"] = _json(
            template(stage_settings(stage))
        )
        files[ROOT / "deploy" / "generated" / f"{github.stack_name(stage)}.template.json"] = _json(
            github.template(stage_settings(stage))
        )
    return files


def _contract() -> dict[str, Any]:
    from chalicelib.web import openapi

    environment = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    os.environ.update(environment["stages"]["dev"]["environment_variables"])
    config.settings.cache_clear()
    document: dict[str, Any] = openapi.document(importlib.import_module("app").api.endpoints)
    return document


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the files; with `--check` write nothing and return 1 if any differs."""
    stale: list[str] = []
    for path, text in generated_files().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if "--check" not in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    orphans = {one.name for one in (ROOT / ".chalice").glob("policy-*.json")} - {one.name for one in generated_files()}
    for name in [*stale, *sorted(orphans)]:
        print(f"{'differs from its generator' if '--check' in arguments else 'written'}: {name}")
    return 1 if "--check" in arguments and (stale or orphans) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
