"""What GitHub may do: as much as CloudFormation's own handlers and our commands ask, by one branch and environment."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
from botocore import xform_name
from botocore.session import Session
from chalice import awsclient

from deploy.generate import ROOT, stage_settings
from deploy.github.grants import grants
from deploy.github.template import BRANCHES, HOST, stack_name, template
from deploy.stack.template import template as stage_template
from deploy.stages import DEPLOYED
from tests.deploy.test_stack import lint

UNUSED: Final = {
    "billing:*": "a budget's view of a part of the bill; ours is of all of it",
    "dynamodb:*Replica": "tables of several regions",
    "dynamodb:*KinesisStreamingDestination": "streams; the reading of it is granted",
    "dynamodb:*Import*": "tables made of files",
    "dynamodb:*Item": "copying to other regions",
    "dynamodb:Query": "copying to other regions",
    "dynamodb:Scan": "copying to other regions",
    "dynamodb:PutResourcePolicy": "policies of tables",
    "dynamodb:DeleteResourcePolicy": "policies of tables",
    "firehose:*": "streams of logs",
    "iam:*": "roles for replication, service-linked roles",
    "kinesis:*": "streams",
    "kms:*": "keys of our own",
    "logs:*DataProtectionPolicy": "masking; the reading of it is granted",
    "logs:*IndexPolicy": "indexes of logs",
    "logs:*KmsKey": "keys of our own",
    "logs:*LogStream*": "tables made of files",
    "logs:PutLogEvents": "tables made of files",
    "logs:PutBearerTokenAuthentication": "lines sent by HTTP",
    "logs:PutLogGroupDeletionProtection": "protection of log groups",
    "logs:DeleteResourcePolicy": "policies of logs",
    "s3:*Abac": "tags as permissions; the reading of it is granted",
    "s3:*Accelerate*": "a bucket of another kind",
    "s3:*Analytics*": "a bucket of another kind",
    "s3:*Inventory*": "a bucket of another kind",
    "s3:*Logging": "a bucket of another kind",
    "s3:*Metadata*": "a bucket of another kind",
    "s3:*Metrics*": "a bucket of another kind",
    "s3:*ObjectLock*": "a bucket of another kind",
    "s3:*Replication*": "a bucket of another kind",
    "s3:*Tiering*": "a bucket of another kind",
    "s3:*Website": "a bucket of another kind",
    "s3:*Acl": "lists of access; owners of buckets have them no more",
    "s3:*Object": "files of imports",
    "s3:DeleteBucketCors": "a declaration that is not taken away",
    "s3:DeleteBucketEncryption": "a declaration that is not taken away",
    "s3:DeleteBucketLifecycle": "a declaration that is not taken away",
    "s3:REST.PUT.OBJECT": "no action of IAM",
    "s3tables:*": "tables in buckets",
    "secretsmanager:GetRandomPassword": "values drawn by CloudFormation; ours are drawn outside of it",
    "secretsmanager:*Replica*": "secrets of several regions",
    "sns:PutDataProtectionPolicy": "masking",
}
"""Actions of handlers for what no template of ours declares. Of what only reads, a part is granted all the same."""
OURS: Final = ("apigateway:", "cloudformation:", "events:", "iam:", "lambda:", "sqs:", "cloudwatch:GetMetricData")
"""Beginnings of actions that our own commands and Chalice ask for, and no handler of a template."""
ALSO_OURS: Final = frozenset(
    {
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:UpdateLogDelivery",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:ListBucketVersions",
        "secretsmanager:PutSecretValue",
    }
)
OTHERWISE: Final = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:DeleteObjects": "s3:DeleteObjectVersion",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
}
"""Calls that IAM has another name for."""
NOT_ASKED: Final = {
    "wafv2:AssociateWebACL": "for a stage that names a web ACL; the operators' page says so",
    "wafv2:GetWebACLForResource": "as above",
    "lambda:DeleteLayerVersion": "Chalice's layers, which no stage has",
    "lambda:GetLayerVersionByArn": "as above",
    "lambda:PublishLayerVersion": "as above",
    "logs:FilterLogEvents": "`chalice logs`",
    "sns:Publish": "a method of ours with that name",
}
SERVICES: Final = (
    *("apigateway", "cloudformation", "cloudwatch", "events", "iam", "lambda", "logs"),
    *("s3", "secretsmanager", "sns", "sqs", "wafv2"),
)
LOOKS: Final = ("Describe", "Get", "List", "View", "GET")
MAKES_PLANS: Final = {f"cloudformation:{one}" for one in ("CreateChangeSet", "DeleteChangeSet", "TagResource")}


def _policies(stage: str) -> dict[str, list[dict[str, Any]]]:
    return {
        name: one["Properties"]["PolicyDocument"]["Statement"]
        for name, one in template(stage_settings(stage))["Resources"].items()
        if one["Type"] == "AWS::IAM::ManagedPolicy"
    }


def _granted(stage: str) -> set[str]:
    return {action for one in grants(stage_settings(stage)) for action in (*one.reads, *one.writes)}


def _handled(stage: str) -> Iterator[str]:
    """What CloudFormation's handlers of the stage's resources ask for, by AWS's own schemas."""
    schemas = files("cfnlint") / "data" / "schemas"
    names = json.loads((schemas / "providers" / "eu-central-1.json").read_text(encoding="utf-8"))
    for kind in {one["Type"] for one in stage_template(stage_settings(stage))["Resources"].values()}:
        schema = json.loads((schemas / "resources" / f"{names[kind]}.json").read_text(encoding="utf-8"))
        for name, handler in schema["handlers"].items():
            if name != "list":
                yield from handler["permissions"]


@pytest.mark.parametrize("stage", DEPLOYED)
def test_cloudformation_may_do_what_its_handlers_ask_for(stage: str) -> None:
    missing = {one for one in _handled(stage) if not any(fnmatchcase(one, unused) for unused in UNUSED)}
    assert not missing - _granted(stage)


@pytest.mark.parametrize("stage", DEPLOYED)
def test_nothing_is_granted_that_neither_a_handler_nor_a_command_asks_for(stage: str) -> None:
    asked = set(_handled(stage)) | ALSO_OURS
    assert not {one for one in _granted(stage) - asked if not one.startswith(OURS)}


def _calls(source: Path) -> Iterator[str]:
    """Names in a file that are operations of a service, or what one of its paginators turns over."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_paginator":
            yield ast.literal_eval(node.args[0])


def test_what_our_commands_and_chalice_call_is_granted() -> None:
    models = {name: Session().get_service_model(name) for name in SERVICES}
    actions: dict[str, list[str]] = {}
    for service, model in models.items():
        for operation in model.operation_names:
            actions.setdefault(xform_name(operation), []).append(f"{service}:{operation}")
    sources = [*(ROOT / "deploy" / "release").glob("*.py"), *(ROOT / "deploy" / "gateway").glob("*.py")]
    called = {one for source in (*sources, Path(awsclient.__file__)) for one in _calls(source)} & set(actions)
    assert len(called) > 60
    granted = _granted("dev") | set(NOT_ASKED)
    missing = [
        actions[one]
        for one in called
        if not any(OTHERWISE.get(action, action) in granted for action in actions[one])
        # IAM knows methods and paths of API Gateway, and not operations.
        and not any(action.startswith("apigateway:") for action in actions[one])
    ]
    assert not missing


@pytest.mark.parametrize("stage", DEPLOYED)
def test_a_role_is_taken_by_one_repository_one_branch_and_for_deploying_one_environment(stage: str) -> None:
    resources = template(stage_settings(stage))["Resources"]
    subjects = {
        "PlanRole": f"repo:${{Repository}}:ref:refs/heads/{BRANCHES[stage]}",
        "DeployRole": f"repo:${{Repository}}:environment:{stage}",
    }
    roles = {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::IAM::Role"}
    assert set(roles) == set(subjects)
    for name, subject in subjects.items():
        (trust,) = roles[name]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
        # Only operators that fail where a claim is missing.
        assert trust["Condition"] == {
            "StringEquals": {
                f"{HOST}:aud": "sts.amazonaws.com",
                f"{HOST}:sub": {"Fn::Sub": subject},
                f"{HOST}:repository": {"Ref": "Repository"},
                f"{HOST}:ref": f"refs/heads/{BRANCHES[stage]}",
            }
        }
    assert roles["PlanRole"]["ManagedPolicyArns"] == [{"Ref": "PlanPolicy"}]


@pytest.mark.parametrize("stage", DEPLOYED)
def test_the_role_that_looks_changes_nothing_and_reads_nothing_of_people(stage: str) -> None:
    actions = {action for one in _policies(stage)["PlanPolicy"] for action in one["Action"]}
    changing = {one for one in actions if not one.partition(":")[2].startswith(LOOKS)}
    assert changing == MAKES_PLANS
    assert not actions & {"secretsmanager:GetSecretValue", "dynamodb:GetItem", "s3:GetObject", "lambda:InvokeFunction"}


@pytest.mark.parametrize("stage", DEPLOYED)
def test_no_policy_has_a_wildcard_action_and_each_fits_into_iam(stage: str) -> None:
    for name, statements in _policies(stage).items():
        assert not [action for one in statements for action in one["Action"] if "*" in action]
        assert len(json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))) < 6_144, name
        unrestricted = {one["Sid"] for one in statements if one["Resource"] == ["*"] and "Condition" not in one}
        assert unrestricted <= {"Unrestricted"}


@pytest.mark.parametrize("stage", DEPLOYED)
def test_who_deploys_can_change_no_role_that_github_takes(stage: str) -> None:
    patterns = [
        one["Fn::Sub"].rsplit(":", 1)[1]
        for statement in _policies(stage)["DeployPolicy"]
        if any(action.startswith("iam:") for action in statement["Action"])
        for one in statement["Resource"]
    ]
    for other in DEPLOYED:
        for role in ("plan", "deploy"):
            name = f"role/{stack_name(other)}-{role}"
            assert not any(fnmatchcase(name, pattern) for pattern in patterns)


@pytest.mark.parametrize("stage", DEPLOYED)
def test_roles_are_passed_to_the_services_that_take_them_and_stages_are_kept_apart(stage: str) -> None:
    passing = [one for one in _policies(stage)["DeployPolicy"] if "iam:PassRole" in one["Action"]]
    assert [one["Condition"]["StringEquals"]["iam:PassedToService"] for one in passing] == [
        "lambda.amazonaws.com",
        "apigateway.amazonaws.com",
    ]
    other = next(one for one in DEPLOYED if one != stage)
    assert f"serenya-{other}" not in json.dumps(_policies(stage))


@pytest.mark.parametrize("stage", DEPLOYED)
def test_the_template_is_one_that_cloudformation_takes(stage: str) -> None:
    assert lint(json.dumps(template(stage_settings(stage)))) == []


def test_every_reason_is_about_something_that_a_handler_asks_for() -> None:
    handled = {one for stage in DEPLOYED for one in _handled(stage)}
    assert not [unused for unused in UNUSED if not any(fnmatchcase(one, unused) for one in handled)]
