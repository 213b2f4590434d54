"""The commands of a release, as an operator meets them: sentences instead of traces, and nothing done by a slip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.config import VERSION
from deploy.generate import stage_settings
from deploy.release import found, place
from deploy.release.__main__ import main
from deploy.release.changes import Stack
from deploy.release.check import Check, forged_token, probes, request
from deploy.release.code import differences
from deploy.release.names import api_name
from deploy.release.place import Place, Refused
from deploy.release.project import config_for, fingerprint, write_project
from deploy.release.steps import Deployment
from deploy.stack.template import template
from tests.deploy.cloud import Said, emulated_place, role, zipped
from tests.deploy.releases import stage_in

NOBODY = {
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
    "AWS_SESSION_TOKEN": None,
    "AWS_PROFILE": None,
    "AWS_ENDPOINT_URL": None,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_CONFIG_FILE": "/nonexistent",
}


@pytest.fixture
def as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NOBODY.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Place]:
    with emulated_place() as there:
        yield there


@pytest.mark.usefixtures("as_nobody")
@pytest.mark.parametrize("command", ["plan", "deploy", "rollback", "destroy"])
def test_without_credentials_every_command_says_how_to_get_some(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--stage", "dev"]) == 1
    assert "There are no AWS credentials" in capsys.readouterr().err


@pytest.mark.usefixtures("as_nobody")
@pytest.mark.parametrize("stage", ["local", "Prod", "", "dev; rm"])
def test_a_stage_that_is_not_deployed_anywhere_is_refused_before_anybody_is_asked(
    stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", "--stage", stage]) == 1
    assert "STAGE=dev or STAGE=prod" in capsys.readouterr().err


@pytest.mark.usefixtures("as_nobody")
def test_a_profile_that_does_not_exist_and_nobody_there_are_sentences(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mistyped")
    assert main(["plan", "--stage", "dev"]) == 1
    assert "AWS_PROFILE" in capsys.readouterr().err
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert main(["plan", "--stage", "dev"]) == 1
    assert "cannot be reached" in capsys.readouterr().err


def test_production_is_not_removed_without_its_name(
    cloud: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIRM", "serenya-dev")
    assert main(["destroy", "--stage", "prod"]) == 1
    assert "CONFIRM=serenya-prod" in capsys.readouterr().err


def test_a_way_back_from_nothing_is_refused(cloud: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollback", "--stage", "dev"]) == 1
    assert "Not deployed" in capsys.readouterr().err


def test_the_account_is_the_credentials_and_nothing_is_pasted(cloud: Place) -> None:
    there = place.find_place("dev")
    assert there.settings.account_id == cloud.client("sts").get_caller_identity()["Account"]


def test_a_copy_carries_the_real_account_and_no_placeholder(tmp_path: Path) -> None:
    from dataclasses import replace

    settings = replace(stage_settings("prod"), account_id="123456789012")
    folder = write_project(settings, tmp_path / "copy")
    texts = [one.read_text(encoding="utf-8") for one in (folder / ".chalice").iterdir()]
    assert "123456789012" in "".join(texts)
    assert not [text for text in texts if "000000000000" in text]
    assert config_for(settings, {})["stages"].keys() == {"prod"}
    assert not list(folder.rglob("*.pyc"))
    assert {one.name for one in folder.iterdir()} == {".chalice", "app.py", "chalicelib", "requirements.txt"}


def test_a_fingerprint_is_that_of_the_source_alone(tmp_path: Path) -> None:
    settings = stage_settings("dev")
    first = fingerprint(write_project(settings, tmp_path / "a"))
    again = write_project(settings, tmp_path / "b")
    (again / ".chalice" / "deployed").mkdir()
    (again / ".chalice" / "deployed" / "dev.json").write_text("{}")
    assert fingerprint(again) == first
    (again / "app.py").write_text((again / "app.py").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert fingerprint(again) != first


def test_what_is_deployed_is_read_from_the_account(cloud: Place) -> None:
    stage = stage_in(cloud)
    stage.deploy("1")
    client: Any = stage.client
    arn = cloud.client("lambda").get_alias(FunctionName="serenya-dev-retry_analysis", Name="live")["AliasArn"]
    queue = cloud.client("sqs").create_queue(QueueName=cloud.settings.retries_queue)["QueueUrl"]
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    uuid = client.create_lambda_event_source(attributes["QueueArn"], arn, 1)
    cloud.client("events").put_rule(Name="serenya-dev-sweep_jobs-event", ScheduleExpression="rate(1 minute)")
    cloud.client("events").put_rule(Name="serenya-devious-event", ScheduleExpression="rate(1 minute)")
    api = cloud.client("apigateway").create_rest_api(name=api_name("dev"))["id"]
    cloud.client("apigateway").create_rest_api(name=api_name("prod"))
    cloud.client("iam").create_role(RoleName="serenya-dev-sweep_jobs", AssumeRolePolicyDocument="{}")
    _somebody_elses(cloud, stage.role_arn)
    record = {one["name"]: one for one in found.deployed_record(cloud)["resources"]}
    assert set(record) == {
        "api_handler",
        "retry_analysis",
        "retry_analysis-sqs-event-source",
        "sweep_jobs-event",
        "sweep_jobs_role",
        "rest_api",
    }
    assert record["retry_analysis-sqs-event-source"] == {
        "name": "retry_analysis-sqs-event-source",
        "resource_type": "sqs_event",
        "queue_arn": attributes["QueueArn"],
        "queue": cloud.settings.retries_queue,
        "event_uuid": uuid,
        "lambda_arn": arn,
    }
    assert record["rest_api"]["rest_api_id"] == api
    assert record["retry_analysis"]["lambda_arn"] == arn


def test_differences_name_functions_that_are_missing_or_otherwise(cloud: Place, tmp_path: Path) -> None:
    stage = stage_in_or_there(cloud)
    stage.deploy("1")
    lines = list(differences(cloud, write_project(cloud.settings, tmp_path / "copy")))
    assert "  + serenya-dev-sweep_jobs" in lines
    assert "  ~ serenya-dev: memory 128 becomes 1024" in lines
    assert any(line.startswith("  ~ serenya-dev: variables ANALYST, ") for line in lines)
    assert "  + the role serenya-dev-api_handler" in lines


def test_a_plan_shows_everything_and_changes_nothing(tmp_path: Path) -> None:
    with emulated_place() as there:
        said = Said()
        Deployment(there, said.say, build=tmp_path).plan()
        assert said[0] == "Stage dev, account 000000000000, region eu-central-1."
        assert "  + Table (DynamoDB::Table)" in said
        assert "  + serenya-dev-sweep_jobs" in said
        assert said[-1] == "Nothing was changed."
        assert there.client("dynamodb").list_tables()["TableNames"] == []
        assert there.client("sqs").list_queues().get("QueueUrls", []) == []
        assert there.client("secretsmanager").list_secrets()["SecretList"] == []


@pytest.mark.prove
def test_a_change_that_loses_something_is_refused_until_the_stack_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emulated_place() as there:
        stack = Stack(there, Said().say, pause=lambda _: None)
        more = template(there.settings)
        more["Resources"]["Forgotten"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "forgotten"}}
        stack.apply(stack.prepare(more, None))
        # From here on the source declares a queue less.
        deployment = Deployment(there, Said().say, build=tmp_path)
        with pytest.raises(Refused, match=r"lose what Forgotten holds.*ALLOW_LOSS=serenya-dev"):
            deployment.deploy()
        assert stack.status() == "CREATE_COMPLETE"
        assert len(there.client("sqs").list_queues(QueueNamePrefix="forgotten")["QueueUrls"]) == 1
        monkeypatch.setenv("ALLOW_LOSS", "serenya-prod")
        with pytest.raises(Refused, match="ALLOW_LOSS=serenya-dev"):
            deployment.deploy()


SERVING = f"""
import json
def handler(event, context):
    if "Records" in event:
        return None
    if event["path"] == "/health":
        return {{"statusCode": 200, "body": json.dumps({{"status": "healthy", "version": "{VERSION}"}})}}
    return {{"statusCode": 401, "body": json.dumps({{"error": {{"code": "INVALID_TOKEN"}}}})}}
"""


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("healthy", "ill"), "health: 200  instead of 200 status is 'ill'"),
        (("INVALID_TOKEN", "PROVIDER_UNAVAILABLE"), "a profile with a forged token: 401 PROVIDER_UNAVAILABLE instead"),
        *(
            pytest.param(change, fault, marks=pytest.mark.prove)
            for change, fault in (
                (("return None", "raise OSError('no queue')"), "retry_analysis, version 2, does not start: .*no queue"),
                (("401", "200"), "a profile without a token: 200 INVALID_TOKEN instead of 401"),
                (("import json", "import jsonn"), "does not start"),
            )
        ),
    ],
)
def test_a_version_is_invoked_by_its_number_and_every_fault_of_it_is_found(
    serving: Place, change: tuple[str, str], fault: str
) -> None:
    lambdas, names = serving.client("lambda"), ("serenya-dev", "serenya-dev-retry_analysis")
    for name in names:
        lambdas.update_function_code(FunctionName=name, ZipFile=zipped(SERVING.replace(*change)))
    versions = {lambdas.publish_version(FunctionName=name)["Version"] for name in names}
    assert len(versions) == 1
    said = Said()
    Check(serving, said.say).run({"api_handler": "1", "retry_analysis": "1"})
    assert said.text.endswith("  a sign-in with a forged token of Apple: 401")
    (version,) = versions
    with pytest.raises(Refused, match=fault.replace("version 2", f"version {version}")):
        Check(serving, said.say).run({"api_handler": version, "retry_analysis": version})


@pytest.fixture(scope="module")
def serving() -> Iterator[Place]:
    """Two functions whose version 1 answers as it must."""
    with emulated_place() as there:
        arn = role(there)
        for name in ("serenya-dev", "serenya-dev-retry_analysis"):
            there.client("lambda").create_function(
                FunctionName=name,
                Role=arn,
                Handler="main.handler",
                Runtime="python3.11",
                Code={"ZipFile": zipped(SERVING)},
                Publish=True,
            )
        yield there


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_check_takes_the_path_of_a_sign_in_and_carries_nobodys_token(stage: str) -> None:
    settings = stage_settings(stage)
    asked = probes(settings)
    sign_ins = [one for one in asked if one.path == "/auth/oauth-onboarding"]
    assert {one.body["provider"] for one in sign_ins if one.body} == {"google", "apple"}
    assert all((one.status, one.says) == (401, {"error.code": "INVALID_TOKEN"}) for one in sign_ins)
    assert request(sign_ins[0])["requestContext"]["identity"] == {"sourceIp": "192.0.2.1"}
    header, claims, signature = forged_token("i", "a").split(".")
    assert set(signature) == {"A"}
    assert header
    assert claims


def stage_in_or_there(cloud: Place) -> Any:
    from tests.deploy.releases import Stage

    arn = cloud.client("iam").get_role(RoleName="any")["Role"]["Arn"]
    return Stage(cloud, arn)


def _somebody_elses(cloud: Place, role_arn: str) -> None:
    """A function whose name begins like ours, without Chalice's tag."""
    cloud.client("lambda").create_function(
        FunctionName="serenya-dev-of-somebody-else",
        Role=role_arn,
        Handler="main.handler",
        Runtime="python3.11",
        Code={"ZipFile": zipped(json.dumps("nothing"))},
    )
