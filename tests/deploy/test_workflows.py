"""The workflows of GitHub: valid, with what the repository has, and without a key."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.generate import ROOT
from deploy.github.template import BRANCHES
from deploy.packaging.runtimes import TESTED
from deploy.stages import DEPLOYED

FOLDER: Final = ROOT / ".github" / "workflows"
FILES: Final = sorted(FOLDER.glob("*.yml"))
INPUTS: Final = {
    "actions/checkout": {"ref", "fetch-depth", "persist-credentials"},
    "actions/setup-python": {"python-version", "cache", "cache-dependency-path"},
    "actions/upload-artifact": {"name", "path", "retention-days", "if-no-files-found"},
    "aws-actions/configure-aws-credentials": {"role-to-assume", "role-session-name", "aws-region"},
}
"""The actions that are used, and their inputs as the pinned releases' `action.yml` declare them."""
PINNED: Final = re.compile(r"uses: ([\w.-]+/[\w.-]+)@([0-9a-f]{40})  # v\d+\.\d+\.\d+$")
STAGE: Final = "${{ github.ref_name == 'main' && 'prod' || 'dev' }}"
PLAN_ROLE: Final = "${{ github.ref_name == 'main' && vars.AWS_PLAN_ROLE_ARN_PROD || vars.AWS_PLAN_ROLE_ARN_DEV }}"
CONTEXTS: Final = {"github", "matrix", "vars", "env"}


def _read(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def _jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in FILES:
        yield from _read(path)["jobs"].items()


def _steps() -> Iterator[dict[str, Any]]:
    for _, job in _jobs():
        yield from job.get("steps", [])


def test_there_are_two_workflows() -> None:
    assert [one.name for one in FILES] == ["ci.yml", "deploy.yml"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_has_the_shape_of_one(path: Path) -> None:
    workflow = _read(path)
    # YAML 1.1 reads the key `on` as true.
    assert set(workflow) <= {"name", True, "permissions", "concurrency", "jobs"}
    assert workflow["permissions"] == {"contents": "read"}, "a job that needs more says so itself"
    for name, job in workflow["jobs"].items():
        assert set(job.get("needs", []) if isinstance(job.get("needs"), list) else [job.get("needs", name)]) <= set(
            workflow["jobs"]
        )
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file()
            assert "workflow_call" in _read(ROOT / job["uses"])[True]
            continue
        assert job["runs-on"] == "ubuntu-latest"
        assert 0 < job["timeout-minutes"] <= 60
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])
        assert job["steps"][0]["uses"].startswith("actions/checkout@")


def test_actions_are_pinned_to_commits_and_are_given_inputs_that_they_have() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    for line in (line.strip() for line in text.splitlines() if "uses: " in line and "./" not in line):
        assert PINNED.fullmatch(line.removeprefix("- ")), line
    for step in _steps():
        if "uses" in step:
            action = step["uses"].split("@")[0]
            assert set(step.get("with", {})) <= INPUTS[action]


def test_only_targets_that_there_are_are_made() -> None:
    made = [step["run"] for step in _steps() if "run" in step]
    assert len(made) >= 5
    for command in made:
        filled = command.replace("${{ matrix.python }}", "3.11").replace("$STAGE", "dev")
        words = filled.partition(" | ")[0].replace('"', "").split()
        assert words[0] == "make", command
        done = subprocess.run(
            ["make", "-n", *words[1:], "PYTHON=python3"], check=False, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert {"lint", "thorough", "generated", "package", "plan", "deploy"} == {command.split()[1] for command in made}


def test_expressions_ask_for_what_there_is_and_nothing_of_a_caller_gets_into_a_shell() -> None:
    for path in FILES:
        for expression in re.findall(r"\$\{\{(.*?)\}\}", path.read_text(encoding="utf-8")):
            without_texts = re.sub(r"'[^']*'", "", expression)
            names = re.findall(r"\b([a-z_]+)\.", without_texts)
            assert set(names) <= CONTEXTS, expression
    for step in _steps():
        if "run" in step:
            assert set(re.findall(r"\$\{\{\s*(.*?)\s*\}\}", step["run"])) <= {"matrix.python"}


def test_no_key_is_stored_and_one_role_is_taken_per_environment() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "secrets" not in re.sub(r"#.*", "", text)
        assert "AWS_SECRET" not in text
        assert not re.search(r"AKIA|aws-access-key-id", text)
    roles = {
        name: [one["with"]["role-to-assume"] for one in job["steps"] if one.get("uses", "").startswith("aws-actions/")]
        for name, job in _jobs()
        if "id-token" in str(job.get("permissions", {}))
    }
    assert roles == {"plan": [PLAN_ROLE], "deploy": ["${{ vars.AWS_ROLE_ARN }}"]}
    for name in roles:
        assert dict(_jobs())[name]["permissions"] == {"contents": "read", "id-token": "write"}


def test_develop_goes_to_dev_and_main_to_production_behind_its_environment_once_everything_passed() -> None:
    workflow = _read(FOLDER / "deploy.yml")
    assert workflow[True] == {"push": {"branches": sorted(BRANCHES.values())}}
    jobs = workflow["jobs"]
    assert (jobs["plan"]["needs"], jobs["deploy"]["needs"]) == ("check", "plan")
    assert jobs["deploy"]["environment"] == jobs["deploy"]["env"]["STAGE"] == STAGE
    assert set(DEPLOYED) == {"dev", "prod"} == set(BRANCHES)
    assert jobs["deploy"]["concurrency"]["cancel-in-progress"] is False, "a release that runs is never cut off"


def test_the_plan_is_shown_before_anybody_approves_by_a_role_that_changes_nothing() -> None:
    jobs = _read(FOLDER / "deploy.yml")["jobs"]
    assert "environment" not in jobs["plan"], "an environment would ask first"
    assert jobs["plan"]["env"]["STAGE"] == STAGE
    (plan,) = [step for step in jobs["plan"]["steps"] if "run" in step]
    assert plan["run"].startswith("make plan ")
    assert plan["run"].endswith('| tee -a "$GITHUB_STEP_SUMMARY"')
    assert plan["shell"] == "bash", "GitHub's own choice of a shell forgets that what stands before a pipe failed"
    assert [step["run"].split()[:2] for step in jobs["deploy"]["steps"] if "run" in step] == [["make", "deploy"]]
    for stage in DEPLOYED:
        assert f"vars.AWS_PLAN_ROLE_ARN_{stage.upper()}" in PLAN_ROLE


def test_the_tests_run_on_every_python_that_is_promised() -> None:
    matrix = _read(FOLDER / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert tuple(matrix["python"]) == TESTED
    assert all(isinstance(one, str) for one in matrix["python"]), "3.10 would be read as 3.1"


def test_what_ci_makes_is_what_a_developer_makes() -> None:
    checked = subprocess.run(
        ["make", "-n", "check", "PYTHON=python3"], check=True, cwd=ROOT, capture_output=True, text=True
    ).stdout
    for command in ("ruff check", "mypy", "deploy.generate --check", "pytest", "deploy.packaging"):
        assert command in checked
