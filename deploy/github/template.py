"""The CloudFormation template that lets GitHub in: its identity provider, and for one stage a role that looks and one
that deploys. Made once by hand, because whoever could deploy it from GitHub would be let in already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chalicelib.config import APP_NAME, Settings
from deploy.github.grants import Grant, grants
from deploy.stages import PRODUCTION

HOST: Final = "token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"
BRANCHES: Final[Mapping[str, str]] = {"dev": "develop", PRODUCTION: "main"}
"""The branch that each stage is deployed from."""
_HOUR_SECONDS: Final = 3_600


def stack_name(stage: str) -> str:
    """Return the name of the stack. Roles of the stage's functions begin with another word, so that whoever deploys
    cannot change the role it deploys with."""
    return f"{APP_NAME}-github-{stage}"


def template(settings: Settings) -> dict[str, Any]:
    """Return the template of one stage."""
    stage = settings.stage
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"How GitHub plans and deploys the stage {stage} of {APP_NAME}, without a key.",
        "Parameters": {
            "Repository": {
                "Type": "String",
                "AllowedPattern": "[A-Za-z0-9-]+/[A-Za-z0-9._-]+",
                "Description": "The repository on GitHub, as owner/name.",
            },
            "Provider": {
                "Type": "String",
                "Default": "",
                "AllowedPattern": f"(arn:aws:iam::[0-9]{{12}}:oidc-provider/{HOST})?",
                "Description": "The identity provider of GitHub, if the account has it already: there can be one.",
            },
        },
        "Conditions": {"MakesProvider": {"Fn::Equals": [{"Ref": "Provider"}, ""]}},
        "Resources": {"GitHub": _provider(), **_plan(settings), **_deploy(settings)},
        "Outputs": {
            name: {"Value": {"Fn::GetAtt": [name, "Arn"]}, "Description": f"The variable {variable} of {place}."}
            for name, variable, place in (
                ("PlanRole", f"AWS_PLAN_ROLE_ARN_{stage.upper()}", "the repository"),
                ("DeployRole", "AWS_ROLE_ARN", f"the environment {stage}"),
            )
        },
    }


def _provider() -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::OIDCProvider",
        "Condition": "MakesProvider",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"Url": f"https://{HOST}", "ClientIdList": [AUDIENCE]},
    }


def _plan(settings: Settings) -> dict[str, Any]:
    """The role that looks. It is taken before anybody has approved anything, by whatever is on the branch."""
    stage = settings.stage
    subject = f"repo:${{Repository}}:ref:refs/heads/{BRANCHES[stage]}"
    reads = [_statement(one, one.reads) for one in grants(settings) if one.reads]
    return {
        "PlanRole": _role(f"{stack_name(stage)}-plan", stage, subject, ["PlanPolicy"]),
        "PlanPolicy": _policy(f"{stack_name(stage)}-plan", reads),
    }


def _deploy(settings: Settings) -> dict[str, Any]:
    """The role that deploys. It is taken by a job in the environment of the stage alone, which asks for an approval
    where it is set so."""
    stage = settings.stage
    name = f"{stack_name(stage)}-deploy"
    writes = [_statement(one, one.writes) for one in grants(settings) if one.writes]
    role = _role(name, stage, f"repo:${{Repository}}:environment:{stage}", ["PlanPolicy", "DeployPolicy"])
    return {"DeployRole": role, "DeployPolicy": _policy(name, writes)}


def _role(name: str, stage: str, subject: str, policies: list[str]) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "MaxSessionDuration": _HOUR_SECONDS,
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRoleWithWebIdentity",
                        "Principal": {
                            "Federated": {
                                "Fn::If": ["MakesProvider", {"Fn::GetAtt": ["GitHub", "Arn"]}, {"Ref": "Provider"}]
                            }
                        },
                        # Each holds by itself: the subject names repository and environment, and a job in an
                        # environment may come from any branch unless GitHub is told otherwise.
                        "Condition": {
                            "StringEquals": {
                                f"{HOST}:aud": AUDIENCE,
                                f"{HOST}:sub": {"Fn::Sub": subject},
                                f"{HOST}:repository": {"Ref": "Repository"},
                                f"{HOST}:ref": f"refs/heads/{BRANCHES[stage]}",
                            }
                        },
                    }
                ],
            },
            "ManagedPolicyArns": [{"Ref": policy} for policy in policies],
        },
    }


def _policy(name: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": name,
            "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
        },
    }


def _statement(grant: Grant, actions: tuple[str, ...]) -> dict[str, Any]:
    resources = [one if one == "*" or "${" not in one else {"Fn::Sub": one} for one in grant.resources]
    statement: dict[str, Any] = {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": resources,
    }
    return {**statement, "Condition": _substituted(grant.condition)} if grant.condition else statement


def _substituted(condition: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, Any]]:
    return {
        operator: {key: {"Fn::Sub": value} if "${" in value else value for key, value in asked.items()}
        for operator, asked in condition.items()
    }
