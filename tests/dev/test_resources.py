"""What is declared around the code, and that it fits what the configuration and the models say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.models import keys
from deploy.resources import VISIBILITY_FACTOR, Bucket, Resources, declare, tls_only_policy
from dev.children import ROOT
from dev.provision import lifecycle_of, table_request
from tests import support


def declared(stage: str = "test") -> Resources:
    return declare(support.test_settings(SERENYA_STAGE=stage))


def test_the_table_has_the_three_indexes_of_the_models_and_projects_keys_alone() -> None:
    request = table_request(declared().table)
    indexes = {one["IndexName"]: one for one in request["GlobalSecondaryIndexes"]}
    assert set(indexes) == {keys.EMAIL_INDEX, keys.EXTERNAL_INDEX, keys.DUE_INDEX}
    assert {one["Projection"]["ProjectionType"] for one in indexes.values()} == {"KEYS_ONLY"}
    assert request["BillingMode"] == "PAY_PER_REQUEST"
    assert [part["AttributeName"] for part in request["KeySchema"]] == ["PK", "SK"]


def test_production_alone_is_recoverable_and_protected() -> None:
    for stage, expected in (("prod", True), ("dev", False), ("local", False)):
        table = declared(stage).table
        assert (table.is_recoverable, table.is_protected, table.has_account_key) == (expected,) * 3


def test_stages_share_no_name() -> None:
    names = [
        {
            one.table.name,
            one.bucket.name,
            *(secret.name for secret in (one.token_keys, one.data_keys)),
            *(secret.name for secret in (one.apple_sign_in, *one.stores)),
            *(queue.name for queue in one.queues),
        }
        for one in (declared("dev"), declared("prod"), declared("local"))
    ]
    assert len(set.union(*names)) == sum(len(one) for one in names)


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_a_message_stays_hidden_six_times_as_long_as_its_function_may_run(stage: str) -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    functions = config["stages"][stage]["lambda_functions"]
    read_by = {
        "analysis-retries": "retry_analysis",
        "analysis-priority": "analyse_priority",
        "analysis-priority-backlog": "analyse_priority_backlog",
        "analysis-backlog": "analyse_backlog",
        "chat-answers": "answer_question",
        "usage-resets": "reset_usage_batch",
        "erasures": "carry_erasure_on",
        "billing-looks": "reconcile_subscriptions",
    }
    for name, function in read_by.items():
        queue = declared(stage).queue_named(f"serenya-{stage}-{name}")
        assert queue is not None
        assert queue.visibility.total_seconds() >= VISIBILITY_FACTOR * functions[function]["lambda_timeout"]


def test_every_queue_gives_up_after_five_receives_and_keeps_dead_letters_longer() -> None:
    for queue in declared().queues:
        assert queue.max_receives == 5
        assert queue.dead_letter_retention > queue.retention
        assert queue.dead_letter_name != queue.name


def test_the_bucket_forgets_after_two_days_whatever_the_prefix() -> None:
    rule = lifecycle_of(declared().bucket)["Rules"][0]
    assert rule["Expiration"] == {"Days": 2}
    assert rule["Filter"] == {"Prefix": ""}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_the_bucket_refuses_whoever_does_not_use_tls() -> None:
    statement: dict[str, Any] = tls_only_policy(Bucket("b", expires_after_days=2))["Statement"][0]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]
