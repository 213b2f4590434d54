"""`chalice deploy` against the embedded cloud, from a clean copy, and the deployed functions at work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy.generate import ROOT, stage_settings
from deploy.packaging.machine import reaching_out
from deploy.permissions import FUNCTIONS
from deploy.resources import declare
from dev.provision import clients_at, create
from dev.testing import embedded_cloud

STAGE = "dev"


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_a_clean_copy_deploys_and_the_deployed_functions_answer(tmp_path: Path) -> None:
    copy = _clean_copy(tmp_path / "service")
    settings = stage_settings(STAGE)
    with embedded_cloud(services="") as endpoint:
        create(declare(settings), clients_at(endpoint, settings.region))
        _chalice(copy, endpoint, "deploy", "--stage", STAGE)
        functions = boto3.client("lambda", endpoint_url=endpoint, region_name=settings.region)
        names = {one["FunctionName"] for one in functions.list_functions()["Functions"]}
        assert names == {
            f"serenya-{STAGE}" if name == "api_handler" else f"serenya-{STAGE}-{name}" for name in FUNCTIONS
        }
        health = _invoke(functions, f"serenya-{STAGE}", _request("GET", "/health"))
        assert json.loads(health["body"])["status"] == "healthy"
        unknown = _invoke(functions, f"serenya-{STAGE}", _request("GET", "/user/profile"))
        assert unknown["statusCode"] == 401
        _chalice(copy, endpoint, "delete", "--stage", STAGE)


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_every_stage_names_every_function_with_its_policy(stage: str) -> None:
    chalice = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    functions = chalice["stages"][stage]["lambda_functions"]
    assert set(functions) == set(FUNCTIONS)
    for one in functions.values():
        assert one["autogen_policy"] is False
        assert (ROOT / ".chalice" / one["iam_policy_file"]).is_file()
        assert 1 <= one["lambda_timeout"] <= 900
    assert functions["api_handler"]["lambda_timeout"] == 29  # API Gateway stops there
    assert not {"subnet_ids", "security_group_ids"} & set(chalice["stages"][stage])


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_no_policy_has_a_wildcard_action_or_a_wildcard_resource(stage: str) -> None:
    for path in (ROOT / ".chalice").glob(f"policy-{stage}-*.json"):
        for statement in json.loads(path.read_text(encoding="utf-8"))["Statement"]:
            assert not [action for action in statement["Action"] if "*" in action]
            assert "*" not in statement["Resource"]
            assert all(arn.count("*") <= 1 and arn.startswith("arn:aws:") for arn in statement["Resource"])


def _clean_copy(folder: Path) -> Path:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        if name.startswith(("app.py", "chalicelib/", ".chalice/", "requirements.txt")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def _chalice(folder: Path, endpoint: str, *arguments: str) -> None:
    environment = {
        **reaching_out(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    done = subprocess.run(
        ["chalice", *arguments], check=False, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Could not install dependencies" not in done.stdout + done.stderr


def _request(method: str, path: str) -> dict[str, Any]:
    return {
        "requestContext": {
            "httpMethod": method,
            "resourcePath": path,
            "path": path,
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "headers": {},
        "pathParameters": {},
        "multiValueQueryStringParameters": None,
        "stageVariables": {},
        "body": None,
        "isBase64Encoded": False,
    }


def _invoke(functions: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload
