"""The template, applied: the same things as a developer's cloud has, shown first, done once, and removed whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from deploy.generate import stage_settings
from deploy.key_sets import drawn_key
from deploy.release.adoption import import_request, present_template, secrets_outside
from deploy.release.changes import Stack
from deploy.release.first_values import draw_missing_keys
from deploy.release.place import Place, Refused
from deploy.release.removal import Removal
from deploy.resources import declare
from deploy.stack.template import template
from dev.provision import clients_at, create
from dev.testing import embedded_cloud
from tests.deploy.cloud import Said, emulated_place

pytestmark = pytest.mark.second_engine


@pytest.fixture
def place() -> Iterator[Place]:
    with emulated_place() as found:
        yield found


def stack_of(place: Place, said: Said | None = None) -> Stack:
    return Stack(place, (said if said is not None else Said()).say, pause=lambda _: None)


def deployed(place: Place, body: dict[str, Any] | None = None) -> Stack:
    stack = stack_of(place)
    stack.apply(stack.prepare(body or template(place.settings), None))
    return stack


def test_the_stack_makes_what_a_developers_cloud_has(place: Place) -> None:
    deployed(place)
    draw_missing_keys(place)
    settings = stage_settings("dev")
    with embedded_cloud() as other:
        create(declare(settings), clients_at(other, settings.region))
        ours, theirs = _seen(place.client, place), _seen(_clients_of(other, place), place)
    assert ours == theirs


def test_a_stage_is_shown_before_it_is_made_and_showing_it_makes_nothing(place: Place) -> None:
    stack = stack_of(place)
    shown = stack.prepare(template(place.settings), None)
    assert shown.is_first
    assert {one.action for one in shown.changes} == {"Add"}
    assert "  + Table (DynamoDB::Table)" in [str(one) for one in shown.changes]
    stack.discard(shown)
    assert stack.status() in {None, "DELETE_COMPLETE"}
    assert place.client("dynamodb").list_tables()["TableNames"] == []


def test_the_second_time_there_is_nothing_to_change(place: Place) -> None:
    stack = deployed(place)
    again = stack.prepare(template(place.settings), None)
    assert (again.name, again.changes) == (None, ())
    assert stack.status() == "CREATE_COMPLETE"


def test_a_change_is_shown_by_resource_and_property(place: Place) -> None:
    deployed(place)
    body = template(place.settings)
    body["Resources"]["ApiHandlerLogs"]["Properties"]["RetentionInDays"] = 7
    stack = stack_of(place)
    change_set = stack.prepare(body, None)
    assert [str(one) for one in change_set.changes] == ["  ~ ApiHandlerLogs (Logs::LogGroup): RetentionInDays"]
    stack.apply(change_set)
    (group,) = place.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/serenya-dev")["logGroups"][:1]
    assert group["retentionInDays"] in {7, 30}
    assert stack.status() == "UPDATE_COMPLETE"


def test_a_table_that_would_be_replaced_is_called_a_loss(place: Place) -> None:
    deployed(place)
    body = template(place.settings)
    body["Resources"]["Table"]["Properties"]["TableName"] = "another"
    body["Resources"].pop("ErasuresDeadLetters")
    body["Resources"]["ErasuresQueue"]["Properties"].pop("RedrivePolicy")
    changes = stack_of(place).prepare(body, None).changes
    assert {one.name for one in changes if one.is_loss} == {"Table", "ErasuresDeadLetters"}
    assert any("REPLACED" in str(one) for one in changes)


@pytest.mark.prove
def test_a_change_set_that_somebody_left_behind_is_in_nobodys_way(place: Place) -> None:
    stack = stack_of(place)
    left = stack.prepare(template(place.settings), None)
    said = Said()
    deployed_now = stack_of(place, said)
    deployed_now.apply(deployed_now.prepare(template(place.settings), None))
    assert left.is_first
    assert deployed_now.status() == "CREATE_COMPLETE"
    assert "never finished" in said.text


@pytest.mark.prove
def test_a_stack_that_cannot_be_made_says_why_and_the_next_run_makes_it(place: Place) -> None:
    body = template(place.settings)
    body["Resources"]["Broken"] = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Threshold": 1}}
    with pytest.raises(Refused, match=r"it was put back.\n  Broken \(AWS::CloudWatch::Alarm\): "):
        deployed(place, body)
    assert stack_of(place).status() == "ROLLBACK_COMPLETE"
    assert deployed(place).status() == "CREATE_COMPLETE"


@pytest.mark.prove
def test_a_name_that_is_taken_is_said_before_anything_is_made(place: Place) -> None:
    where: Any = {"LocationConstraint": place.settings.region}
    place.client("s3").create_bucket(Bucket=place.settings.bucket_name, CreateBucketConfiguration=where)
    with pytest.raises(Refused, match=r"CloudFormation refuses the change"):
        deployed(place)
    assert stack_of(place).status() in {None, "DELETE_COMPLETE"}


@pytest.mark.prove
def test_an_operators_address_is_kept_when_the_next_deployment_names_none(place: Place) -> None:
    stack = stack_of(place)
    stack.apply(stack.prepare(template(place.settings), "operator@example.org"))
    body = template(place.settings)
    body["Resources"]["ApiHandlerLogs"]["Properties"]["RetentionInDays"] = 7
    stack.apply(stack.prepare(body, None))
    subscribed = place.client("sns").list_subscriptions()["Subscriptions"]
    assert [one["Endpoint"] for one in subscribed] == ["operator@example.org"]


def test_keys_are_drawn_once_and_never_again(place: Place) -> None:
    deployed(place)
    assert draw_missing_keys(place) == ["serenya/dev/token-keys", "serenya/dev/data-keys"]
    secrets = place.client("secretsmanager")
    before = secrets.get_secret_value(SecretId="serenya/dev/token-keys")["SecretString"]
    assert set(json.loads(before)["current"]) == set(drawn_key(32))
    assert draw_missing_keys(place) == []
    deployed(place)
    assert secrets.get_secret_value(SecretId="serenya/dev/token-keys")["SecretString"] == before


def test_a_stage_is_removed_with_what_its_bucket_holds(place: Place) -> None:
    stack, said = deployed(place), Said()
    s3 = place.client("s3")
    s3.put_bucket_versioning(Bucket=place.settings.bucket_name, VersioningConfiguration={"Status": "Enabled"})
    for number in range(3):
        s3.put_object(Bucket=place.settings.bucket_name, Key="uploads/a", Body=str(number).encode())
    s3.delete_object(Bucket=place.settings.bucket_name, Key="uploads/a")
    Removal(place, said.say, stack).run()
    assert s3.list_buckets()["Buckets"] == []
    assert place.client("dynamodb").list_tables()["TableNames"] == []
    assert place.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"] == []
    assert "Removed 4 objects" in said.text
    assert said[-1] == "The stage dev is gone."
    Removal(place, said.say, stack).run()
    assert said[-1] == "There was nothing of the stage dev in account 000000000000."
    assert deployed(place).status() == "CREATE_COMPLETE"


def test_production_keeps_what_it_holds_and_a_new_stack_takes_it_up() -> None:
    with emulated_place("prod") as place:
        stack, said = deployed(place), Said()
        removal = Removal(place, said.say, stack)
        with pytest.raises(Refused, match="CONFIRM=serenya-prod"):
            removal.require_meant(None)
        with pytest.raises(Refused):
            removal.require_meant("serenya-dev")
        removal.require_meant("serenya-prod")
        removal.run()
        assert place.client("dynamodb").list_tables()["TableNames"] == ["serenya-prod"]
        assert "the table serenya-prod" in said.text
        assert "the secret serenya/prod/token-keys" in said.text

        again = stack_of(place)
        with pytest.raises(Refused, match=r"take TokenKeysSecret, DataKeysSecret into .* not supported by this emu"):
            again.adopt(template(place.settings))
        shown = again.prepare(template(place.settings), None)
        imported = {one.name for one in shown.changes if one.action == "Import"}
        assert {"Table", "Bucket", "ApiHandlerLogs"} <= imported
        # AWS goes on from here; the emulated cloud shows the import of the bucket, and then refuses its name.
        with pytest.raises(Refused, match=r"Bucket \(AWS::S3::Bucket\): .* already exists"):
            again.apply(shown)


def test_secrets_that_were_made_by_hand_are_asked_to_be_taken_in_and_nothing_else(place: Place) -> None:
    """The emulated cloud checks such a request as AWS does, and then says that it takes no secrets in."""
    deployed(place)
    place.client("secretsmanager").create_secret(Name=place.settings.apple_sign_in_secret, SecretString="by hand")
    body = template(replace(place.settings, has_apple_sign_in_key=True))
    outside = secrets_outside(place, "serenya-dev", body)
    assert list(outside) == ["AppleSignInSecret"]
    request = import_request(present_template(place, "serenya-dev", is_first=False), body, outside)
    before = present_template(place, "serenya-dev", is_first=False)["Resources"]
    assert set(json.loads(request["TemplateBody"])["Resources"]) - set(before) == {"AppleSignInSecret"}
    assert request["ResourcesToImport"][0]["ResourceIdentifier"] == {"Id": outside["AppleSignInSecret"]}
    with pytest.raises(Refused, match="Resource import is not supported by this emulator"):
        stack_of(place).adopt(body)
    assert secrets_outside(place, "serenya-dev", template(place.settings)) == {}


def _clients_of(endpoint: str, place: Place) -> Any:
    def client(service: str) -> Any:
        make: Any = place.session.client
        return make(service, region_name=place.settings.region, endpoint_url=endpoint)

    return client


def _seen(client: Any, place: Place) -> dict[str, Any]:
    """What a stage has in a cloud. Time-to-live of the table and the bucket's lifecycle are compared in
    `test_stack.py`: the emulated cloud makes neither of a template."""
    settings, found = place.settings, {}
    dynamodb, s3, sqs = client("dynamodb"), client("s3"), client("sqs")
    table = dynamodb.describe_table(TableName=settings.table_name)["Table"]
    for key in (
        "KeySchema",
        "AttributeDefinitions",
        "BillingModeSummary",
        "DeletionProtectionEnabled",
        "SSEDescription",
    ):
        found[key] = table.get(key)
    found["BillingModeSummary"] = table["BillingModeSummary"]["BillingMode"]
    found["Indexes"] = {
        one["IndexName"]: (one["KeySchema"], one["Projection"]) for one in table["GlobalSecondaryIndexes"]
    }
    found["PITR"] = dynamodb.describe_continuous_backups(TableName=settings.table_name)["ContinuousBackupsDescription"][
        "PointInTimeRecoveryDescription"
    ]["PointInTimeRecoveryStatus"]
    bucket = {"Bucket": settings.bucket_name}
    found["Policy"] = json.loads(s3.get_bucket_policy(**bucket)["Policy"])
    for ask, key in (
        (s3.get_public_access_block, "PublicAccessBlockConfiguration"),
        (s3.get_bucket_ownership_controls, "OwnershipControls"),
        (s3.get_bucket_cors, "CORSRules"),
    ):
        found[key] = ask(**bucket)[key]
    (encryption,) = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    found["Encryption"] = encryption["ApplyServerSideEncryptionByDefault"]
    found["Queues"] = {url.rsplit("/", 1)[1]: _queue(sqs, url) for url in sqs.list_queues()["QueueUrls"]}
    found["Secrets"] = sorted(one["Name"] for one in client("secretsmanager").list_secrets()["SecretList"])
    return found


def _queue(sqs: Any, url: str) -> dict[str, Any]:
    names = ["VisibilityTimeout", "MessageRetentionPeriod", "SqsManagedSseEnabled", "RedrivePolicy"]
    found: dict[str, Any] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    redrive = found.get("RedrivePolicy")
    return found | ({"RedrivePolicy": json.loads(redrive)} if redrive else {})
