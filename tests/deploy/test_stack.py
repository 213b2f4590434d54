"""The template of a stage: valid, whole, small enough to be sent along, and stricter in production."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.config import load
from chalicelib.models.schema import table_definition
from deploy.generate import ROOT, policy_of, stage_settings
from deploy.permissions import FUNCTIONS, needs_of
from deploy.policies import policy
from deploy.release.names import log_group
from deploy.resources import declare, used_secrets
from deploy.stack.template import template
from deploy.stages import DEPLOYED, PRODUCTION, options
from dev.provision import lifecycle_of
from tests.support import ENVIRONMENT

HOLDING = {
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SecretsManager::Secret",
    "AWS::Logs::LogGroup",
}


def rendered(stage: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = template(stage_settings(stage))["Resources"]
    return found


def of_kind(stage: str, kind: str) -> dict[str, dict[str, Any]]:
    return {name: one["Properties"] for name, one in rendered(stage).items() if one["Type"] == kind}


def lint(body: str) -> list[str]:
    from cfnlint.api import ManualArgs
    from cfnlint.api import lint as check

    return [str(one) for one in check(body, config=ManualArgs(regions=["eu-central-1"]))]


@pytest.mark.parametrize("stage", [pytest.param("dev", marks=pytest.mark.prove), PRODUCTION])
def test_cloudformation_would_take_the_template(stage: str) -> None:
    assert lint(json.dumps(template(stage_settings(stage)))) == []


def test_the_judge_of_templates_notices_what_it_looks_for() -> None:
    bucket = rendered("dev")["Bucket"]
    bucket["Properties"]["Lifecycle"] = bucket["Properties"].pop("LifecycleConfiguration")
    (fault,) = lint(json.dumps({"Resources": {"Bucket": bucket}}))
    assert "'Lifecycle' was unexpected" in fault


@pytest.mark.parametrize("stage", DEPLOYED)
def test_the_template_is_small_enough_to_be_sent_along(stage: str) -> None:
    body = json.dumps(template(stage_settings(stage)), separators=(",", ":"))
    assert len(body.encode()) < 51_200


@pytest.mark.parametrize("stage", DEPLOYED)
def test_the_table_is_that_of_the_models(stage: str) -> None:
    settings = stage_settings(stage)
    (properties,) = of_kind(stage, "AWS::DynamoDB::Table").values()
    definition = table_definition(settings.table_name)
    assert {name: properties[name] for name in definition} == definition
    assert len(properties["GlobalSecondaryIndexes"]) == 3
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_production_is_recoverable_protected_and_outlives_its_stack() -> None:
    for stage, expected in ((PRODUCTION, True), ("dev", False)):
        (properties,) = of_kind(stage, "AWS::DynamoDB::Table").values()
        assert properties["DeletionProtectionEnabled"] is expected
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": expected}
        assert ("SSESpecification" in properties) is expected
        for one in rendered(stage).values():
            is_kept = expected and one["Type"] in HOLDING
            assert one["DeletionPolicy"] == one["UpdateReplacePolicy"] == ("Retain" if is_kept else "Delete")


def test_the_bucket_is_private_encrypted_forgetful_and_open_to_presigned_posts_alone() -> None:
    (properties,) = of_kind("prod", "AWS::S3::Bucket").values()
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in properties
    assert "VersioningConfiguration" not in properties
    forget, markers = properties["LifecycleConfiguration"]["Rules"]
    assert (forget["ExpirationInDays"], forget["NoncurrentVersionExpiration"]) == (2, {"NoncurrentDays": 1})
    assert forget["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert markers["ExpiredObjectDeleteMarker"] is True
    assert properties["CorsConfiguration"]["CorsRules"][0]["AllowedMethods"] == ["POST"]
    (policy,) = of_kind("prod", "AWS::S3::BucketPolicy").values()
    assert policy["PolicyDocument"]["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_developers_bucket_forgets_as_a_deployed_one_does() -> None:
    # The emulated cloud makes a bucket of a template without its lifecycle, so that is compared here.
    (properties,) = of_kind("dev", "AWS::S3::Bucket").values()
    theirs = lifecycle_of(declare(stage_settings("dev")).bucket)["Rules"]
    for rule, other in zip(properties["LifecycleConfiguration"]["Rules"], theirs, strict=True):
        expiration = {"Days": rule["ExpirationInDays"]} if "ExpirationInDays" in rule else {}
        expiration |= {name: rule[name] for name in rule if name == "ExpiredObjectDeleteMarker"}
        rest = {name: rule[name] for name in rule if name not in {"Id", "ExpirationInDays", *expiration}}
        assert {**rest, "ID": rule["Id"], "Filter": {"Prefix": ""}, "Expiration": expiration} == other


@pytest.mark.parametrize("stage", DEPLOYED)
def test_every_queue_hands_to_its_own_dead_letters_and_is_encrypted(stage: str) -> None:
    queues = of_kind(stage, "AWS::SQS::Queue")
    declared = declare(stage_settings(stage)).queues
    assert len(queues) == 2 * len(declared)
    assert all(one["SqsManagedSseEnabled"] for one in queues.values())
    for queue in declared:
        (properties,) = [one for one in queues.values() if one["QueueName"] == queue.name]
        target, _ = properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"]
        assert queues[target]["QueueName"] == queue.dead_letter_name
        assert properties["RedrivePolicy"]["maxReceiveCount"] == queue.max_receives


@pytest.mark.parametrize("stage", DEPLOYED)
def test_no_secret_has_a_value_in_the_template(stage: str) -> None:
    secrets = of_kind(stage, "AWS::SecretsManager::Secret")
    assert {one["Name"] for one in secrets.values()} == {f"serenya/{stage}/token-keys", f"serenya/{stage}/data-keys"}
    assert all(set(one) == {"Name", "Description"} for one in secrets.values())


def test_a_stage_that_moves_people_has_a_secret_for_the_way_into_their_database() -> None:
    settings = replace(stage_settings("prod"), has_legacy_database=True)
    resources = template(settings)["Resources"]
    kept = {
        one["Properties"]["Name"]: one.get("DeletionPolicy")
        for one in resources.values()
        if one["Type"] == "AWS::SecretsManager::Secret"
    }
    assert kept[settings.legacy_secret] == "Retain"
    assert set(kept) - {settings.legacy_secret} == {"serenya/prod/token-keys", "serenya/prod/data-keys"}
    (given,) = used_secrets(declare(settings), settings)
    assert (given.name, given.fields) == (settings.legacy_secret, ("dsn",))
    needs = needs_of("api_handler", settings)
    assert settings.legacy_secret in json.dumps(policy("api_handler", needs, settings))


def test_a_stage_that_keeps_the_rights_has_everything_that_versions_with_the_database_ask_for() -> None:
    here = stage_settings("prod")
    moving, keeping = replace(here, has_legacy_database=True), replace(here, keeps_legacy_rights=True)
    assert template(keeping) == template(moving) != template(here)
    assert used_secrets(declare(keeping), keeping) == used_secrets(declare(moving), moving)
    for function in FUNCTIONS:
        assert policy_of(function, keeping) == policy_of(function, moving)
    environment = {"SERENYA_STAGE": "prod", "SERENYA_ACCOUNT_ID": "0", "SERENYA_REGION": "eu-central-1"}
    asked = load({**environment, "GOOGLE_CLIENT_IDS": "g", "APPLE_CLIENT_IDS": "a", "KEEPS_LEGACY_RIGHTS": "true"})
    assert (asked.has_legacy_database, asked.has_legacy_rights) == (False, True)


def test_the_queue_of_the_move_feeds_its_function_as_long_as_a_version_may_want_it() -> None:
    look = "import app; print([one.queue for one in app.app.event_sources if one.name == 'move_people'])"
    for variables, queues in (({}, "[]"), ({"KEEPS_LEGACY_RIGHTS": "true"}, "['serenya-test-migration']")):
        environment = {**os.environ, **ENVIRONMENT, **variables}
        done = subprocess.run(
            [sys.executable, "-c", look], cwd=ROOT, env=environment, check=False, capture_output=True, text=True
        )
        assert done.stdout.strip() == queues, done.stderr


@pytest.mark.parametrize("stage", DEPLOYED)
def test_every_function_and_the_gateway_have_a_log_group_that_ends(stage: str) -> None:
    groups = {one["LogGroupName"]: one for one in of_kind(stage, "AWS::Logs::LogGroup").values()}
    assert set(groups) == {*(log_group(stage, function) for function in FUNCTIONS), f"/aws/apigateway/serenya-{stage}"}
    assert {one["RetentionInDays"] for one in groups.values()} == {options(stage).log_retention_days}


def test_twenty_dollars_a_month_are_watched_and_operators_told_before_they_are_spent() -> None:
    (properties,) = of_kind("prod", "AWS::Budgets::Budget").values()
    assert properties["Budget"]["BudgetLimit"] == {"Amount": 20, "Unit": "USD"}
    notices = properties["NotificationsWithSubscribers"]
    assert {(one["Notification"]["NotificationType"], one["Notification"]["Threshold"]) for one in notices} == {
        ("ACTUAL", 80),
        ("ACTUAL", 100),
        ("FORECASTED", 100),
    }
    assert all(
        one["Subscribers"] == [{"SubscriptionType": "SNS", "Address": {"Ref": "OperatorsTopic"}}] for one in notices
    )
    (policy,) = of_kind("prod", "AWS::SNS::TopicPolicy").values()
    allowed = [one["Principal"]["Service"] for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    assert allowed == ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]


def test_an_operators_address_stands_nowhere_in_the_repository() -> None:
    whole = template(stage_settings("prod"))
    assert whole["Parameters"]["OperatorsEmail"]["Default"] == ""
    assert whole["Parameters"]["OperatorsEmail"]["NoEcho"] is True
    assert whole["Resources"]["OperatorsSubscription"]["Condition"] in whole["Conditions"]
    assert not re.search(r"[\w.]+@[\w.]+", json.dumps(whole["Resources"]))
