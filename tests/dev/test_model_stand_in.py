"""The stand-in for language models: it wants what the real ones want, and does what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from dev.model_stand_in import KEY, ModelStandIn

CONVERSE = {"messages": [{"role": "user", "content": [{"text": "hello"}]}], "inferenceConfig": {"maxTokens": 50}}
MESSAGES = {
    "model": "m",
    "max_tokens": 50,
    "system": "rules",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
}
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=x/20260314/eu-central-1/bedrock/aws4_request, Signature=1"}
KEYED = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}


@pytest.fixture
def stand_in() -> Iterator[ModelStandIn]:
    with ModelStandIn() as running:
        yield running


def post(stand_in: ModelStandIn, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    return urllib3.request("POST", f"{stand_in.url}{path}", json=body, headers=headers, retries=False, timeout=5)


def test_it_is_told_over_http_what_to_do_next_and_the_last_act_stays(stand_in: ModelStandIn) -> None:
    acts = [{"name": "status", "status": 429}, {"name": "text", "text": "hi"}]
    post(stand_in, "/script", {"acts": acts})

    answers = [post(stand_in, "/model/eu.m%3A0/converse", CONVERSE, SIGNED) for _ in range(3)]

    assert [one.status for one in answers] == [429, 200, 200]
    assert answers[0].headers["x-amzn-ErrorType"] == "ThrottlingException"
    assert answers[2].json()["output"]["message"]["content"] == [{"text": "hi"}]
    assert stand_in.heard[0].model_id == "eu.m:0"


def test_it_answers_in_the_shape_of_each_api(stand_in: ModelStandIn) -> None:
    post(stand_in, "/script", {"acts": [{"name": "runaway"}]})

    converse = post(stand_in, "/model/m/converse", CONVERSE, SIGNED).json()
    message = post(stand_in, "/v1/messages", MESSAGES, KEYED).json()

    assert (converse["stopReason"], converse["usage"]["outputTokens"]) == ("max_tokens", 50)
    assert (message["stop_reason"], message["usage"]["output_tokens"]) == ("max_tokens", 50)


def test_it_refuses_who_is_not_signed_and_who_has_no_key(stand_in: ModelStandIn) -> None:
    assert post(stand_in, "/model/m/converse", CONVERSE).status == 403
    assert post(stand_in, "/v1/messages", MESSAGES, {"x-api-key": "another"}).status == 401
    assert stand_in.heard == []


def test_it_says_what_it_was_asked_without_the_documents(stand_in: ModelStandIn) -> None:
    post(stand_in, "/v1/messages", MESSAGES, KEYED)

    asked = urllib3.request("GET", f"{stand_in.url}/requests", retries=False).json()
    assert asked == {"requests": [{"api": "anthropic", "kind": "unknown", "turns": 1}]}
