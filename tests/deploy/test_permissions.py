"""Policies allow exactly what the whole test suite was seen to need, and are as narrow as IAM can say it."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from chalice.config import Config

from chalicelib.models import keys
from deploy.generate import ROOT, STAGES, says_vpc, stage_settings
from deploy.permissions import FUNCTIONS, Need, Permissions, key_prefix
from deploy.policies import policy
from deploy.release.project import write_project
from tests.calls import record
from tests.calls.needs import needs_of, needs_of_absence
from tests.calls.running import entries

SETTINGS = stage_settings("dev")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_allowed_everything_that_it_was_seen_to_need(function: str) -> None:
    missing = record.read().get(function, set()) - FUNCTIONS[function].needs(SETTINGS)
    assert not missing, "deploy/permissions.py allows too little"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_allowed_nothing_that_it_was_never_seen_to_need(function: str) -> None:
    unused = FUNCTIONS[function].needs(SETTINGS) - record.read().get(function, set())
    assert not unused, "deploy/permissions.py allows too much, or a test is missing"


def test_the_record_knows_no_function_that_is_not_deployed() -> None:
    assert set(record.read()) <= set(FUNCTIONS)


def test_a_queue_feeds_the_function_that_may_receive_from_it() -> None:
    import app

    mapped = {
        one.name: one.queue  # Chalice's description of `on_sqs_message`
        for one in app.app.event_sources
        if hasattr(one, "queue")
    }
    allowed = {name: needs.receives_from for name, needs in FUNCTIONS.items() if needs.receives_from is not None}
    assert set(mapped) == set(allowed)
    for name, setting in allowed.items():
        assert mapped[name].split("-", 2)[2] == getattr(SETTINGS, setting).split("-", 2)[2]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_key_that_was_seen_begins_as_the_policy_says(function: str) -> None:
    document = policy(function, FUNCTIONS[function], SETTINGS)
    for need in record.read().get(function, set()):
        if need.action.startswith("dynamodb:"):
            assert _patterns(document, need), need


def _patterns(document: dict[str, Any], need: Need) -> list[str]:
    """The patterns of leading keys under which a policy allows a need on the table or an index."""
    _, *index, prefix = need.place.split(" ")
    resource = f"index/{index[0]}" if index else f"table/{SETTINGS.table_name}"
    return [
        pattern
        for statement in document["Statement"]
        if need.action in statement["Action"] and statement["Resource"][0].endswith(resource)
        for pattern in statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        if fnmatchcase(f"{prefix}x" if prefix.endswith("#") else prefix, pattern)
    ]


def test_each_action_on_items_stands_in_one_statement_because_a_batch_has_to_match_in_one() -> None:
    for function, needs in FUNCTIONS.items():
        statements = policy(function, needs, SETTINGS)["Statement"]
        actions = [
            action
            for statement in statements
            for action in statement["Action"]
            if action.startswith("dynamodb:") and "/index/" not in statement["Resource"][0]
        ]
        assert len(actions) == len(set(actions)), function


def test_the_parts_of_a_transaction_share_one_list_of_keys() -> None:
    needs = Permissions(
        table={"USER#": ("GetItem", "PutItem"), "GUARD#EMAIL#": ("DeleteItem",), "SWITCH#": ("GetItem",)}
    )
    statements = policy("sweep_jobs", needs, SETTINGS)["Statement"]
    (reads,) = [one for one in statements if "dynamodb:GetItem" in one["Action"]]
    (writes,) = [one for one in statements if "dynamodb:PutItem" in one["Action"]]
    assert _keys(reads) == ["SWITCH#*", "USER#*"]
    assert (_keys(writes), writes["Action"]) == (
        ["GUARD#EMAIL#*", "USER#*"],
        ["dynamodb:DeleteItem", "dynamodb:PutItem"],
    )


def _keys(statement: dict[str, Any]) -> Any:
    return statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]


def test_every_prefix_is_one_that_keys_are_written_with() -> None:
    known = {key_prefix(key) for key in _written_keys()}
    for function, needs in FUNCTIONS.items():
        asked = {*needs.table, *(prefix for prefixes in needs.indexes.values() for prefix in prefixes)}
        assert asked <= known, function


def _written_keys() -> set[str]:
    """One key of every kind that `chalicelib/models/keys.py` writes."""
    kinds = re.findall(r'f"([A-Z_]+)#', Path(keys.__file__).read_text(encoding="utf-8"))
    return {f"{kind}#x" for kind in kinds} | {f"GUARD#{kind}#x" for kind in keys.GuardKind} | {"ERASURE_DUE"}


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_does_not_have_is_not_granted(stage: str) -> None:
    settings = stage_settings(stage)
    text = json.dumps(policy("api_handler", FUNCTIONS["api_handler"], settings))
    assert (settings.stripe_secret in text) == (settings.stripe is not None)
    assert (settings.apple_sign_in_secret in text) == settings.has_apple_sign_in_key
    assert settings.token_keys_secret in text


def test_traces_are_allowed_where_a_stage_asks_for_them() -> None:
    needs = FUNCTIONS["sweep_jobs"]
    (traces,) = [
        one for one in policy("sweep_jobs", needs, SETTINGS, is_traced=True)["Statement"] if one["Sid"] == "Traces"
    ]
    assert traces["Condition"] == {"StringEquals": {"aws:RequestedRegion": SETTINGS.region}}
    assert "xray" not in json.dumps(policy("sweep_jobs", needs, SETTINGS))


def test_what_lambda_does_in_a_network_is_allowed_where_a_function_stands_in_one() -> None:
    needs = FUNCTIONS["sweep_jobs"]
    (network,) = [
        one for one in policy("sweep_jobs", needs, SETTINGS, is_in_vpc=True)["Statement"] if one["Sid"] == "Network"
    ]
    # As AWS writes it in "Giving Lambda functions access to resources in an Amazon VPC".
    assert set(network["Action"]) == {
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    }
    assert network["Condition"] == {"StringEquals": {"aws:RequestedRegion": SETTINGS.region}}
    assert "ec2:" not in json.dumps(policy("sweep_jobs", needs, SETTINGS))


NETWORK = {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}
NO_NETWORK: dict[str, list[str]] = {"subnet_ids": [], "security_group_ids": []}


@pytest.mark.parametrize(
    ("everywhere", "everywhere_alone", "stage", "alone"),
    [
        ({}, {}, {}, {}),
        (NETWORK, {}, {}, {}),
        ({}, NETWORK, {}, {}),
        ({}, {}, NETWORK, {}),
        ({}, {}, {}, NETWORK),
        (NETWORK, {}, NO_NETWORK, {}),
        ({}, {}, NETWORK, NO_NETWORK),
        ({"subnet_ids": ["subnet-1"]}, {}, {"security_group_ids": ["sg-1"]}, {}),
    ],
)
def test_a_function_stands_in_a_network_where_chalice_puts_it_into_one(
    everywhere: dict[str, Any], everywhere_alone: dict[str, Any], stage: dict[str, Any], alone: dict[str, Any]
) -> None:
    written: dict[str, Any] = {
        **everywhere,
        "lambda_functions": {"sweep_jobs": everywhere_alone},
        "stages": {"dev": {**stage, "lambda_functions": {"sweep_jobs": alone}}},
    }
    theirs = Config(chalice_stage="dev", function_name="sweep_jobs", config_from_disk=written)
    assert says_vpc(written, "dev", "sweep_jobs") == bool(theirs.subnet_ids and theirs.security_group_ids)


def test_a_copy_that_is_deployed_carries_what_a_network_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.generate.is_in_vpc", lambda stage, function: function == "tend_move")
    folder = write_project(SETTINGS, tmp_path / "copy") / ".chalice"
    with_network = {one.name for one in folder.glob("policy-dev-*.json") if "ec2:" in one.read_text(encoding="utf-8")}
    assert with_network == {"policy-dev-tend-move.json"}


def test_a_policy_fits_into_a_role() -> None:
    """IAM: the inline policies of a role have 10,240 characters together, without white space."""
    for stage in STAGES:
        for path in (ROOT / ".chalice").glob(f"policy-{stage}-*.json"):
            assert len("".join(path.read_text(encoding="utf-8").split())) < 10_240


def test_the_rooms_that_app_py_calls_are_found() -> None:
    found = {(one.owner.__name__, one.method): one.functions for one in entries()}
    assert found["SignIn", "sign_in"] == ("api_handler",)
    assert found["JobSweep", "sweep"] == ("sweep_jobs",)
    assert set(found["Pipeline", "retry"]) == {name for name in FUNCTIONS if name.startswith(("analyse", "retry"))}
    of_the_move = {"move_people", "tend_move"}  # They have no rooms, and nothing to do where nobody moves.
    assert {function for functions in found.values() for function in functions} == set(FUNCTIONS) - of_the_move


KEY = {"PK": {"S": "USER#1"}, "SK": {"S": "PROFILE"}}
CALLS: list[tuple[str, str, dict[str, Any], set[tuple[str, str]]]] = [
    ("dynamodb", "GetItem", {"Key": KEY}, {("dynamodb:GetItem", "table USER#")}),
    ("dynamodb", "PutItem", {"Item": {"PK": {"S": "GUARD#EMAIL#a#b"}}}, {("dynamodb:PutItem", "table GUARD#EMAIL#")}),
    (
        "dynamodb",
        "TransactWriteItems",
        {"TransactItems": [{"Put": {"Item": KEY}}, {"ConditionCheck": {"Key": {"PK": {"S": "ERASURE#1"}}}}]},
        {("dynamodb:PutItem", "table USER#"), ("dynamodb:ConditionCheckItem", "table ERASURE#")},
    ),
    (
        "dynamodb",
        "Query",
        {
            "IndexName": "GSI3-UsageDue",
            "KeyConditionExpression": "(#1 < :1 AND #0 = :0)",
            "ExpressionAttributeNames": {"#0": "GSI3PK", "#1": "GSI3SK"},
            "ExpressionAttributeValues": {":0": {"S": "JOB_DUE#2026-01-01#3"}, ":1": {"S": "x"}},
        },
        {("dynamodb:Query", "index GSI3-UsageDue JOB_DUE#")},
    ),
    ("dynamodb", "Scan", {}, {("dynamodb:Scan", "*")}),
    ("s3", "HeadObject", {"Key": "results/1/2.json"}, {("s3:GetObject", "objects results/")}),
    (
        "s3",
        "DeleteObjects",
        {"Delete": {"Objects": [{"Key": "uploads/1/2.pdf"}, {"Key": "exports/1/2", "VersionId": "v"}]}},
        {
            ("s3:DeleteObject", "objects uploads/"),
            ("s3:DeleteObject", "objects exports/"),
            ("s3:DeleteObjectVersion", "objects exports/"),
        },
    ),
    (
        "sqs",
        "SendMessageBatch",
        {"QueueUrl": "https://sqs/000000000000/serenya-test-erasures"},
        {("sqs:SendMessage", "queue erasures"), ("sqs:GetQueueUrl", "queue erasures")},
    ),
    (
        "secretsmanager",
        "GetSecretValue",
        {"SecretId": "serenya/test/stripe"},
        {("secretsmanager:GetSecretValue", "secret stripe")},
    ),
    ("bedrock-runtime", "Converse", {"modelId": "m"}, {("bedrock:InvokeModel", "model")}),
    ("sns", "Publish", {}, {("sns:Publish", "*")}),
]


@pytest.mark.parametrize(
    ("service", "operation", "sent", "needed"), CALLS, ids=lambda one: one if isinstance(one, str) else ""
)
def test_a_call_is_understood_as_iam_does(
    service: str, operation: str, sent: dict[str, Any], needed: set[tuple[str, str]]
) -> None:
    assert needs_of(service, operation, sent) == needed


def test_an_absent_object_needs_the_listing_of_the_bucket() -> None:
    assert needs_of_absence("s3", "HeadObject", "404") == {Need("s3:ListBucket", "bucket")}
    assert not needs_of_absence("s3", "HeadObject", "AccessDenied")
