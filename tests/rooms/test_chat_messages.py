"""Messages that somebody waits for: counted once, answered from the caller's own values, and nothing kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from msgspec import UNSET
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.chat.answers import FALLBACK
from chalicelib.chat.contract import MessageRequest
from chalicelib.config import Settings
from tests.rooms.chat_world import SAID, VALUES, ChatWorld, a_reply
from tests.rooms.documents_world import make_bucket
from tests.support import SettableClock

CRITICAL = {"name": "Potassium", "value": 7.1, "unit": "mmol/L", "reference_range": "3.5 - 5.1"}


@pytest.fixture
def world(table: TableConnection, settings: Settings, clock: SettableClock) -> ChatWorld:
    make_bucket(settings)
    return ChatWorld(settings, clock)


def items(world: ChatWorld) -> int:
    return int(boto3.client("dynamodb").scan(TableName=world.settings.table_name)["Count"])


def test_a_message_is_answered_counted_and_forgotten(world: ChatWorld) -> None:
    answer = world.say("What is this?", health_data=VALUES)

    assert (answer.content, answer.role, answer.conversation_id) == (SAID, "serenya", "c-1")
    assert answer.metadata.disclaimers == ["A note.", "No diagnosis."]
    assert answer.metadata.suggested_follow_ups == ["And now?"]
    assert (str(answer.metadata.confidence_score), answer.metadata.model_used) == ("8.0", "scripted 1")
    assert (world.quota.used, world.quota.held) == (1, set())
    assert (world.stored(), items(world)) == ([], 1)


def test_the_analyst_gets_the_values_and_no_more_time_than_there_is(world: ChatWorld) -> None:
    world.say("  What is this?  ", health_data=VALUES, prompt_id="result_clarify_metric", metric_name="Ferritin")
    ((question, until),) = world.analyst.asked

    assert question.owner_id == world.user_id
    assert [fact.name for fact in question.facts] == ["Ferritin"]
    assert str(question.prepared_prompt).startswith("What does my ferritin result mean")
    assert until - world.clock.now() <= timedelta(seconds=25)


@pytest.mark.parametrize("shorten", [str, lambda job_id: job_id.removeprefix("result_"), str.upper])
def test_a_stored_result_of_the_caller_can_be_attached(world: ChatWorld, shorten: Callable[[str], str]) -> None:
    world.say(documents=[shorten(world.add_result())])

    (question, _) = world.analyst.asked[0]
    assert [(fact.name, fact.value) for fact in question.facts] == [
        ("Potassium", "5.10"),
        ("Protein", "Negative"),
        ("Blood pressure", "120/80"),
    ]


@pytest.mark.parametrize(
    "path", ["../other/result_x", "", "result_", "x" * 5000, "result_00000000-0000-4000-8000-000000000000"]
)
def test_a_document_that_is_not_there_is_not_found(world: ChatWorld, path: str) -> None:
    with pytest.raises(errors.NotFound) as refused:
        world.say(documents=[path])

    assert refused.value.code == "DOCUMENT_NOT_FOUND"
    assert (world.quota.used, world.analyst.asked) == (0, [])


def test_somebody_elses_document_is_the_same_as_none(world: ChatWorld) -> None:
    foreign = world.another().add_result()
    refusals = []
    for one in (foreign, "result_00000000-0000-4000-8000-000000000000"):
        with pytest.raises(errors.NotFound) as refused:
            world.say(documents=[one])
        refusals.append((refused.value.code, refused.value.message, refused.value.details))

    assert refusals[0] == refusals[1]


def test_many_documents_are_refused_and_the_same_one_counts_once(world: ChatWorld) -> None:
    own = world.add_result()
    world.say(documents=[own] * 50)
    with pytest.raises(errors.InvalidRequest) as refused:
        world.say(documents=[f"{number}" for number in range(6)])

    assert refused.value.code == "TOO_MANY_DOCUMENTS"


def test_where_nobody_answers_a_text_says_so_and_the_unit_goes_back(world: ChatWorld) -> None:
    world.analyst.steps = [errors.AnalystUnavailable("down")]
    answer = world.say("How are you?")

    assert answer.content == FALLBACK
    assert (answer.metadata.model_used, str(answer.metadata.confidence_score)) == ("none", "1.0")
    assert len(answer.metadata.disclaimers) == 3
    assert answer.metadata.suggested_follow_ups[0] == "Can you explain this in simpler terms?"
    assert world.quota.used == 0


def test_a_critical_value_is_told_even_where_nobody_answers(world: ChatWorld) -> None:
    world.analyst.steps = [errors.AnalystUnavailable("down")]
    content = world.say(health_data=[CRITICAL]).content

    assert content.startswith("## Please contact a doctor today")
    assert content.endswith(FALLBACK)


@pytest.mark.parametrize("trouble", [ValueError("defect"), errors.Unavailable(message="table")])
def test_whatever_goes_wrong_the_unit_goes_back(world: ChatWorld, trouble: Exception) -> None:
    world.analyst.steps = [trouble]
    with pytest.raises(type(trouble)):
        world.say()

    assert (world.quota.used, world.quota.held) == (0, set())


@pytest.mark.parametrize("step", [a_reply(), errors.AnalystUnavailable("down")])
def test_an_answer_is_given_even_if_its_unit_cannot_be_settled(world: ChatWorld, step: Any) -> None:
    world.analyst.steps, world.quota.is_down_at_the_end = [step], True

    assert world.say().content in {SAID, FALLBACK}


def test_the_same_key_and_content_cost_one_unit_and_other_content_another(world: ChatWorld) -> None:
    for _ in range(3):
        world.say("What now?", key="k-1")
    assert world.quota.used == 1
    world.say("Something else", key="k-1")
    world.say("What now?", key="k-1", health_data=VALUES)
    world.say("What now?")
    assert world.quota.used == 4


def test_a_spent_quota_asks_nobody(world: ChatWorld) -> None:
    world.quota.limit = 1
    world.say()
    with pytest.raises(errors.QuotaSpent) as refused:
        world.say()

    assert set(refused.value.details) == {"used", "limit", "resets_at"}
    assert len(world.analyst.asked) == 1


def test_without_consent_nothing_is_asked_or_counted(world: ChatWorld) -> None:
    world.withdraw_consent()
    with pytest.raises(errors.Forbidden) as refused:
        world.say()

    assert refused.value.code == "CONSENT_REQUIRED"
    assert (world.quota.used, world.analyst.asked) == (0, [])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"message": ""}, "INVALID_MESSAGE"),
        ({"message": UNSET}, "INVALID_MESSAGE"),
        ({"message": "x" * 1001}, "MESSAGE_TOO_LONG"),
        ({"conversation_id": UNSET}, "MISSING_CONVERSATION_ID"),
        ({"conversation_id": "  "}, "MISSING_CONVERSATION_ID"),
        ({"conversation_id": "c" * 201}, "INVALID_REQUEST"),
        ({"encrypted_data": {"a": 1}, "message": UNSET, "conversation_id": UNSET}, "ENCRYPTED_PAYLOAD_UNSUPPORTED"),
        ({"encrypted_data": None}, "ENCRYPTED_PAYLOAD_UNSUPPORTED"),
        ({"encryption_metadata": {}}, "ENCRYPTED_PAYLOAD_UNSUPPORTED"),
    ],
)
def test_what_cannot_be_answered_costs_nothing(world: ChatWorld, fields: dict[str, Any], code: str) -> None:
    request = MessageRequest(**{"conversation_id": "c", "message": "What?", **fields})
    with pytest.raises(errors.ServiceError) as refused:
        world.chat.messages.answer(world.caller, {}, request)

    assert refused.value.code == code
    assert world.quota.used == 0


def test_values_beyond_the_most_are_left_out_and_that_is_said(world: ChatWorld) -> None:
    answer = world.say(health_data=[{"name": f"t {number}", "value": number} for number in range(130)])

    assert answer.metadata.disclaimers[0].startswith("30 of your values were left out")
    assert len(world.analyst.asked[0][0].facts) == 100
