"""The packages' templates: valid, complete, for any account, with aliases, and the same handler for uploads."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from chalice.app import Chalice

from chalicelib.web.events import Events
from chalicelib.web.s3_events import UploadEvent, pattern
from deploy.generate import stage_settings
from deploy.packaging.accounts import PLACEHOLDER
from deploy.permissions import FUNCTIONS
from deploy.release.names import function_name
from tests.deploy.gateway import declared
from tests.deploy.templates import write_templates

CERTIFICATE = f"arn:aws:acm:eu-central-1:{PLACEHOLDER}:certificate/1"
ACL = f"arn:aws:wafv2:eu-central-1:{PLACEHOLDER}:regional/webacl/serenya/1"
EVERYTHING = {
    "xray": True,
    "web_acl_arn": ACL,
    "log_retention_in_days": 30,
    "api_gateway_endpoint_type": "REGIONAL",
    "api_gateway_custom_domain": {"domain_name": "api.serenya.example", "certificate_arn": CERTIFICATE},
}
UPLOADED = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "account": PLACEHOLDER,
    "time": "2026-11-21T15:00:00Z",
    "region": "eu-central-1",
    "resources": ["arn:aws:s3:::serenya-dev-documents-000000000000"],
    "detail": {
        "version": "0",
        "bucket": {"name": "serenya-dev-documents-000000000000"},
        "object": {"key": "uploads/someone/result_1 a+b.pdf", "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184"},
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": PLACEHOLDER,
        "source-ip-address": "1.2.3.4",
        "reason": "PutObject",
    },
}
"""As the documentation of Amazon S3 shows it ("EventBridge event message structure")."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_templates(tmp_path_factory.mktemp("plain"), "dev")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_templates(tmp_path_factory.mktemp("full"), "dev", EVERYTHING)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _lint(path: Path) -> list[str]:
    from cfnlint.api import ManualArgs, lint_file

    return [str(one) for one in lint_file(path, ManualArgs(regions=["eu-central-1"]))]


def _transformed(template: dict[str, Any]) -> dict[str, Any]:
    """Return what CloudFormation's transform of serverless resources makes of a template, by AWS's own translator."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    for one in template["Resources"].values():
        if "CodeUri" in one.get("Properties", {}):
            one["Properties"]["CodeUri"] = "s3://packages/deployment.zip"  # as `aws cloudformation package` does
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-central-1"))
    made: dict[str, Any] = translator.translate(template, {})
    return made


def test_the_template_for_cloudformation_is_valid_with_every_setting(full: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "transformed.json").write_text(json.dumps(_transformed(_read(full[0]))))
    assert _lint(tmp_path / "transformed.json") == []


@pytest.mark.prove
def test_the_template_for_cloudformation_is_valid_and_the_linter_would_say_otherwise(
    plain: tuple[Path, Path], tmp_path: Path
) -> None:
    assert _lint(plain[0]) == []
    template = _transformed(_read(plain[0]))
    (tmp_path / "transformed.json").write_text(json.dumps(template))
    assert _lint(tmp_path / "transformed.json") == []
    template["Resources"]["SweepJobs"]["Properties"]["Timeout"] = 1000
    (tmp_path / "broken.json").write_text(json.dumps(template))
    assert "900" in " ".join(_lint(tmp_path / "broken.json"))


def test_the_transform_makes_an_alias_and_a_rule_of_each_that_is_asked_for(plain: tuple[Path, Path]) -> None:
    found = _transformed(_read(plain[0]))["Resources"]
    kinds = Counter(one["Type"] for one in found.values())
    assert kinds["AWS::Lambda::Alias"] == kinds["AWS::Lambda::Function"] == len(FUNCTIONS)
    assert kinds["AWS::Lambda::EventSourceMapping"] == 8
    assert kinds["AWS::Events::Rule"] == 6  # five schedules, and uploads
    assert found["APIHandlerInvokePermission"]["Properties"]["FunctionName"] == {"Ref": "APIHandlerAliaslive"}
    for mapping in (one for one in found.values() if one["Type"] == "AWS::Lambda::EventSourceMapping"):
        assert mapping["Properties"]["FunctionName"]["Ref"].endswith("Aliaslive")


def test_both_have_every_function_under_the_name_of_its_policy(plain: tuple[Path, Path]) -> None:
    wanted = {function_name("dev", function) for function in FUNCTIONS}
    sam, terraform = _read(plain[0])["Resources"], _read(plain[1])["resource"]
    functions = [one["Properties"] for one in sam.values() if one["Type"] == "AWS::Serverless::Function"]
    assert {one["FunctionName"] for one in functions} == wanted
    assert {one["function_name"] for one in terraform["aws_lambda_function"].values()} == wanted
    assert {one["AutoPublishAlias"] for one in functions} == {"live"}
    assert {one["Runtime"] for one in functions} == {"python3.13"}
    assert {one["name"] for one in terraform["aws_lambda_alias"].values()} == {"live"}
    assert terraform["aws_lambda_alias"].keys() == terraform["aws_lambda_function"].keys()


def test_both_are_for_whatever_account_they_are_applied_in(plain: tuple[Path, Path]) -> None:
    for path in plain:
        assert PLACEHOLDER not in path.read_text(encoding="utf-8")
    sam = _read(plain[0])["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    assert sam["SERENYA_ACCOUNT_ID"] == {"Fn::Sub": "${AWS::AccountId}"}


def test_uploads_set_the_same_handler_off_in_both(plain: tuple[Path, Path]) -> None:
    bucket = stage_settings("dev").bucket_name
    sam = _read(plain[0])["Resources"]["DocumentUploaded"]["Properties"]
    (rule,) = sam["Events"].values()
    assert rule["Type"] == "EventBridgeRule"
    (name,) = rule["Properties"]["Pattern"]["detail"]["bucket"]["name"]
    assert name == {"Fn::Sub": bucket.replace(PLACEHOLDER, "${AWS::AccountId}")}
    terraform = _read(plain[1])["resource"]
    (notification,) = terraform["aws_s3_bucket_notification"].values()
    (function,) = notification["lambda_function"]
    (prefix,) = rule["Properties"]["Pattern"]["detail"]["object"]["key"]
    assert function["filter_prefix"] == prefix["prefix"] == "uploads/"
    assert function["lambda_function_arn"] == "${aws_lambda_alias.document_uploaded.arn}"
    handler = terraform["aws_lambda_function"]["document_uploaded"]["handler"]
    assert handler == sam["Handler"] == "app.document_uploaded"


def test_every_trigger_and_every_permission_is_the_aliass(plain: tuple[Path, Path]) -> None:
    found = _read(plain[1])["resource"]
    for mapping in found["aws_lambda_event_source_mapping"].values():
        assert re.fullmatch(r"\${aws_lambda_alias\.\w+\.arn}", mapping["function_name"])
    for target in found["aws_cloudwatch_event_target"].values():
        assert re.fullmatch(r"\${aws_lambda_alias\.\w+\.arn}", target["arn"])
    for permission in found["aws_lambda_permission"].values():
        assert re.fullmatch(r"\${aws_lambda_alias\.\w+\.name}", permission["qualifier"])
    sam = _read(plain[0])["Resources"]
    assert sam["APIHandlerInvokePermission"]["Properties"]["FunctionName"] == {"Ref": "APIHandler.Alias"}


def test_rules_of_two_stages_have_different_names(plain: tuple[Path, Path], tmp_path: Path) -> None:
    _, production = write_templates(tmp_path, "prod")
    rules = [
        {one["name"] for one in _read(path)["resource"]["aws_cloudwatch_event_rule"].values()}
        for path in (plain[1], production)
    ]
    assert rules[0] and not rules[0] & rules[1]


def test_what_terraform_refers_to_is_there(plain: tuple[Path, Path], full: tuple[Path, Path]) -> None:
    for _, path in (plain, full):
        template = _read(path)
        for kind, name in _references(template):
            where = template["data"] if kind.startswith("data.") else template["resource"]
            assert name in where[kind.removeprefix("data.")], f"{kind}.{name}"


def _references(template: Any) -> Iterator[tuple[str, str]]:
    if isinstance(template, dict):
        for value in template.values():
            yield from _references(value)
    elif isinstance(template, list):
        for value in template:
            yield from _references(value)
    elif isinstance(template, str):
        for inside in re.findall(r"\${([^}]+)}", template):
            for data, kind, name in re.findall(r"(data\.)?(aws_\w+)\.([\w-]+)", inside):
                yield f"{data}{kind}", name


def test_what_stands_before_the_api_is_in_both(plain: tuple[Path, Path]) -> None:
    gateway = declared()
    api = _read(plain[0])["Resources"]["RestAPI"]["Properties"]
    assert api["AccessLogSetting"]["Format"] == gateway.access_log_format
    assert api["AccessLogSetting"]["DestinationArn"]["Fn::Sub"].endswith(":log-group:/aws/apigateway/serenya-dev")
    by_path = {(one["ResourcePath"], one["HttpMethod"]): one for one in api["MethodSettings"]}
    assert by_path[("/*", "*")]["ThrottlingRateLimit"] == 100
    assert by_path[("/~1auth~1google", "POST")]["ThrottlingRateLimit"] == 10
    assert len(by_path) == len(gateway.throttles) + 1
    found = _read(plain[1])["resource"]
    settings = {one["method_path"]: one["settings"] for one in found["aws_api_gateway_method_settings"].values()}
    assert settings["*/*"]["throttling_rate_limit"] == 100
    assert settings["auth/google/POST"] == {"throttling_rate_limit": 10, "throttling_burst_limit": 20}
    assert len(settings) == len(by_path)
    assert found["aws_api_gateway_stage"]["rest_api"]["access_log_settings"]["format"] == gateway.access_log_format


def test_optional_settings_are_in_both_once_a_stage_names_them(
    plain: tuple[Path, Path], full: tuple[Path, Path]
) -> None:
    sam, terraform = _read(full[0])["Resources"], _read(full[1])["resource"]
    assert sam["RestAPI"]["Properties"]["TracingEnabled"] is True
    assert {one["Properties"].get("Tracing") for one in sam.values() if "Function" in one["Type"]} >= {"Active"}
    assert sam["WebAclAssociation"]["Type"] == "AWS::WAFv2::WebACLAssociation"
    assert sam["ApiGatewayCustomDomain"]["Properties"]["DomainName"] == "api.serenya.example"
    assert sam["ApiGatewayCustomDomainMapping"]["Properties"]["Stage"] == {"Ref": "RestAPI.Stage"}
    assert sam["SweepJobsLogGroup"]["Properties"]["LogGroupName"] == "/aws/lambda/serenya-dev-sweep_jobs"
    assert terraform["aws_api_gateway_stage"]["rest_api"]["xray_tracing_enabled"] is True
    assert (
        terraform["aws_wafv2_web_acl_association"]["rest_api"]["resource_arn"]
        == "${aws_api_gateway_stage.rest_api.arn}"
    )
    assert "aws_api_gateway_domain_name" in terraform
    assert not {"WebAclAssociation", "ApiGatewayCustomDomain"} & _read(plain[0])["Resources"].keys()


@pytest.mark.prove
@pytest.mark.skipif(
    not os.environ.get("TF_CLI_CONFIG_FILE") or shutil.which("terraform") is None,
    reason="needs terraform, and a TF_CLI_CONFIG_FILE that says where the provider of AWS is",
)
def test_terraform_itself_takes_the_configuration(full: tuple[Path, Path]) -> None:
    folder = full[1].parent
    for command in (["init", "-input=false", "-backend=false"], ["validate", "-no-color"]):
        done = subprocess.run(["terraform", *command], check=False, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_event_of_eventbridge_becomes_the_record_that_s3_would_have_sent() -> None:
    (record,) = UploadEvent(UPLOADED, None).records
    assert record["s3"]["object"]["key"] == "uploads/someone/result_1+a%2Bb.pdf"
    assert record["s3"]["bucket"]["name"] == "serenya-dev-documents-000000000000"
    assert record["eventName"] == "ObjectCreated:Put"


def test_a_notification_of_s3_passes_as_it_is_and_its_test_has_no_records() -> None:
    records = [{"s3": {"object": {"key": "uploads/a/b.pdf"}}}, {"s3": {"object": {"key": "uploads/a/c.pdf"}}}]
    assert UploadEvent({"Records": records}, None).records == records
    assert UploadEvent({"Service": "Amazon S3", "Event": "s3:TestEvent"}, None).records == []


def test_one_handler_takes_uploads_whichever_way_they_come() -> None:
    taken: list[str] = []
    events = Events(Chalice(app_name="uploads"), {})
    handler = events.upload(
        "uploaded", "documents", lambda: lambda records: taken.extend(one["s3"]["object"]["key"] for one in records)
    )
    handler(
        {"Records": [{"s3": {"object": {"key": "uploads/a/1.pdf"}}}, {"s3": {"object": {"key": "uploads/a/2.pdf"}}}]},
        None,
    )
    handler(UPLOADED, None)
    handler({"Service": "Amazon S3", "Event": "s3:TestEvent"}, None)
    assert taken == ["uploads/a/1.pdf", "uploads/a/2.pdf", "uploads/someone/result_1+a%2Bb.pdf"]


def test_the_rule_is_set_off_by_uploads_into_the_bucket_alone() -> None:
    assert pattern("documents", "uploads/") == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["documents"]}, "object": {"key": [{"prefix": "uploads/"}]}},
    }
