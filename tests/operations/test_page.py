"""Every command of the operators' page: run on the embedded cloud, or held against what it names."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]  # botocore brings it, without types
import pytest
from botocore import xform_name
from botocore.model import StructureShape

from chalicelib.config import Settings
from chalicelib.models import keys
from chalicelib.models.base import connect
from deploy.generate import ROOT, stage_settings
from deploy.release.names import ALIAS, function_name, log_group
from deploy.resources import declare
from dev.provision import clients_at, create
from dev.testing import embedded_cloud
from tests.operations import aws_cli
from tests.operations.page import PAGE, SHELL, SQL, Block, blocks, unassigned
from tests.rooms.documents_world import World
from tests.rooms.leaving_world import Leaving
from tests.support import SettableClock

STAGE = "dev"
ALL = list(blocks())
OF_SHELL = [one for one in ALL if one.kind in SHELL]


def test_every_block_says_how_it_is_tested() -> None:
    assert len(ALL) > 20
    assert {block.kind for block in ALL} == {*SHELL, SQL}


def test_every_variable_is_set_before_it_is_used() -> None:
    assert unassigned(OF_SHELL) == set()


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("A=1\necho $A ${A##*/}", set()),
        ("A=$(aws sts get-caller-identity --query 'x y')  # who\necho $A", set()),
        ("for one in a b; do echo $one; done", set()),
        ("export A=1 B=2\nC=x-$A\necho $B $C", set()),
        ("echo $A\nA=1", {"A"}),
        ("A=1 env\necho \"$A '$B'\"", {"A", "B"}),
        ("echo 'no $A here'", set()),
    ],
)
def test_a_variable_that_nothing_sets_is_found(text: str, missing: set[str]) -> None:
    assert unassigned([Block("any", "cloud", text)]) == missing


def test_dead_letters_are_looked_for_in_every_queue_that_a_stage_may_have() -> None:
    (text,) = (one.text for one in ALL if "list-queues" in one.text)
    found = re.search(r'--queue-name-prefix (\S+) --query "([^"]+)"', text)
    assert found is not None
    prefix, query = found[1].replace("$STAGE", "prod"), found[2]
    queues = declare(replace(stage_settings("prod"), has_legacy_database=True)).queues
    assert "serenya-prod-migration" in {one.name for one in queues}
    names = [name for one in queues for name in (one.name, one.dead_letter_name)]
    urls = [f"https://sqs.eu-central-1.amazonaws.com/1/{name}" for name in names if name.startswith(prefix)]
    listed = {one.rpartition("/")[2] for one in jmespath.search(query, {"QueueUrls": urls})}
    assert listed == {one.dead_letter_name for one in queues}


@pytest.mark.parametrize("block", OF_SHELL, ids=lambda one: one.heading)
def test_every_command_names_what_there_is(block: Block) -> None:
    """Held against AWS's service models, our tools' help and the Makefile; those of `cloud` are run besides."""
    text = re.sub(r"\\\n\s*", " ", re.sub(r"\s#.*", "", block.text))
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", "TEXT", text)
    found = [one for part in _unnested(plain) for one in re.findall(r"\b(aws|make|python -m) ([^\n|]+)", part)]
    assert found or block.text.startswith("export "), "a block without a command that anything is known of"
    for program, rest in found:
        words = rest.split()
        options = [word for word in words if word.startswith("--")]
        if program == "aws":
            _checked_by_model(words, options)
        elif program == "make":
            _checked_by_make(words)
        else:
            _checked_by_help(words, options)


@pytest.mark.parametrize("block", [one for one in ALL if one.kind == "checked"], ids=lambda one: one.heading)
def test_what_is_not_run_has_values_of_the_right_types(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CLI_CHECKS_ONLY", "yes")
    for words in block.commands:
        if words[0] == "aws":
            assert aws_cli.main(words[1:]) == 0, words


def _unnested(text: str) -> list[str]:
    """Take the commands within `$(…)` out of a text, the innermost first, and return them with what is left."""
    parts = []
    while "$(" in text:
        text = re.sub(r"\$\(\(([^()]*)\)\)", "NUMBER", text)
        parts += re.findall(r"\$\(([^()]*)\)", text)
        text = re.sub(r"\$\([^()]*\)", "VALUE", text)
    return [*parts, text]


def _checked_by_model(words: list[str], options: list[str]) -> None:
    service, command, *rest = words
    operation = aws_cli.find_operation(service, command, *(rest[:1] if command == "wait" else ()))
    assert operation is not None, words
    shape = operation.input_shape
    assert isinstance(shape, StructureShape)
    members = {xform_name(name, "-"): name for name in shape.members}
    given = {option.removeprefix("--") for option in options} - {"query", "output"}
    assert {one.removeprefix("no-") if one not in members else one for one in given} <= set(members), command
    assert set(shape.required_members) <= {members[one] for one in given if one in members} | {"Outfile"}


def _checked_by_make(words: list[str]) -> None:
    done = subprocess.run(
        ["make", "-n", "PYTHON=python3", *words], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def _checked_by_help(words: list[str], options: list[str]) -> None:
    """By the help of a command's own command, where it has some."""
    printed = _help(*itertools.takewhile(lambda word: not word.startswith("-"), words))
    for option in options:
        assert re.search(rf"{option}\b", printed), option


@cache
def _help(*words: str) -> str:
    command = [sys.executable, "-m", *words, "--help"]
    return subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout


def test_links_within_the_page_lead_somewhere() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in re.findall(r"^## (.+)$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
    quoted = set(re.findall(r"“([^”]+)”", text + (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")))
    titles = set(re.findall(r"^## (.+)$", text, re.M))
    assert {one for one in quoted if one[0].isupper() and " " in one} <= titles
    for target in re.findall(r"\]\(([a-z.]+\.md)\)", text):
        assert (ROOT / "docs" / target).is_file()


def test_what_the_page_names_in_passing_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for module in re.findall(r"`python -m ([a-z_.]+)", text):
        assert subprocess.run([sys.executable, "-c", f"import {module}"], check=False, cwd=ROOT).returncode == 0
    targets = "".join(one.read_text(encoding="utf-8") for one in (ROOT / "Makefile", *ROOT.glob("d*/*.mk")))
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert re.search(rf"^{target}:", targets, re.M), target


@dataclass
class Desk:
    """An operator's desk: a stage in the embedded cloud with people in it, and a shell."""

    settings: Settings
    endpoint: str
    folder: Path
    suspended: Leaving
    leaver: Leaving
    erasure_id: str = ""
    outputs: dict[str, list[str]] = field(default_factory=dict)

    def run(self, block: Block) -> str:
        """Run a block as it stands, with its placeholders filled in; return what it printed."""
        text = block.text.replace("USER_ID=…", f"USER_ID={self.suspended.user_id}")
        environment = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.settings.region,
            "STAGE": STAGE,
            "ID": self.erasure_id,
        }
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", text],
            check=False,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{block.heading}:\n{text}\n{done.stdout}\n{done.stderr}"
        self.outputs.setdefault(block.heading, []).append(done.stdout)
        return done.stdout


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    settings = stage_settings(STAGE)
    with embedded_cloud(services="") as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        create(declare(settings), clients_at(endpoint, settings.region))
        connect(settings.table_name, settings.region)
        _around(settings)
        _programs(tmp_path)
        # Today's: the embedded cloud removes what is past its time to live.
        clock = SettableClock(datetime.now(UTC).replace(microsecond=0))
        first = Leaving(settings, clock, World(settings, clock))
        first.settle()
        leaver = Leaving(settings, clock, first.world.another(clock))
        leaver.settle()
        yield Desk(settings, endpoint, tmp_path, first, leaver)
    connect("none", settings.region)


def _around(settings: Settings) -> None:
    """Functions, logs and a secret, as a deployment leaves them: what is invoked does nothing here."""
    functions: Any = boto3.client("lambda", region_name=settings.region)
    logs = boto3.client("logs", region_name=settings.region)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr("app.py", "def handler(event, context):\n    return None\n")
    for function in ("sweep_billing", "sweep_erasures"):
        name = function_name(settings.stage, function)
        functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="app.handler",
            Code={"ZipFile": content.getvalue()},
        )
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
    for function in ("api_handler", "document_uploaded", "retry_analysis"):
        logs.create_log_group(logGroupName=log_group(settings.stage, function))
    boto3.client("secretsmanager", region_name=settings.region).create_secret(Name=settings.stripe_secret)


def _programs(folder: Path) -> None:
    for name, command in (("python", ""), ("aws", "-m tests.operations.aws_cli")):
        (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    (folder / "stripe.json").write_text(json.dumps({"api_key": "rk", "webhook_secret": "whsec"}), encoding="utf-8")


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_an_operators_day_on_the_embedded_cloud(desk: Desk) -> None:
    """Every block that can be run, in the order of the page; what each must have done is looked at."""
    desk.erasure_id = desk.leaver.ask()
    for block in (one for one in ALL if one.kind == "cloud"):
        if block.heading == "Restore the table" and "deploy.restore" in block.text and "--apply" in block.text:
            # The restored table has the person still; meanwhile the erasure comes to its end.
            desk.leaver.run(40)
        desk.run(block)
    said = {heading: "".join(parts) for heading, parts in desk.outputs.items()}
    assert "sum by the price list" in said["See how it runs"]
    assert "queryId" in said["Follow a request"]
    assert "Now they are off" in said["Turn language models off"]
    assert _status(desk.suspended) == "suspended"
    assert '"S": "initiated"' in said["Look at an erasure"]
    assert keys.erasure_name(desk.erasure_id) in said["Look at an erasure"]
    assert said["Look after purchases"].startswith("null")
    assert "serenya-dev-billing-looks-dead-letters: 0" in said["Redrive dead letters"]
    assert "1 people in serenya-dev-restored were erased" in said["Restore the table"]
    assert "Erased: 1." in said["Restore the table"]
    assert "0 people in serenya-dev-restored were erased" in desk.outputs["Restore the table"][-1]
    secret = boto3.client("secretsmanager", region_name=desk.settings.region)
    assert "whsec" in secret.get_secret_value(SecretId=desk.settings.stripe_secret)["SecretString"]


def _status(leaving: Leaving) -> str:
    connect(leaving.settings.table_name, leaving.settings.region)
    user = leaving.world.users.by_id(leaving.user_id)
    assert user is not None
    return str(user.data.account_status)
