"""What the local analyst says about given values: what was asked for, and nothing that is not known."""

from __future__ import annotations

from datetime import date

import pytest

from chalicelib.chat.options import OPTIONS, PromptOption
from chalicelib.gateways.analyst.local.answers import Topic, topic_of
from chalicelib.gateways.analyst.local.talking import reply_of
from chalicelib.gateways.analyst.talk import Fact, Question, Reply
from chalicelib.gateways.analyst.text_guard import is_harmless_line

FERRITIN = Fact(name="Ferritin", value="8", unit="ng/mL", reference_range="15 - 150", measured_on=date(2026, 3, 1))
EARLIER = Fact(name="Ferritin", value="20", unit="ng/mL", reference_range="15 - 150", measured_on=date(2026, 1, 1))
SODIUM = Fact(name="Sodium", value="139", unit="mmol/L", reference_range="136 - 145")
PRESSURE = Fact(name="Blood pressure", value="120/80", unit="mmHg")
POTASSIUM = Fact(name="Potassium", value="7.1", unit="mmol/L", reference_range="3.5 - 5.1")
FACTS = (FERRITIN, EARLIER, SODIUM, PRESSURE)
URGENT = "## Please contact a doctor today"


def said(message: str, *facts: Fact, prepared: str | None = None) -> Reply:
    return reply_of(Question(owner_id="owner", message=message, prepared_prompt=prepared, facts=facts or FACTS))


@pytest.mark.parametrize("option", OPTIONS, ids=lambda one: one.id)
def test_every_prepared_question_is_answered_from_the_values(option: PromptOption) -> None:
    prompt = option.prompt.replace("[METRIC]", "ferritin")
    found = said(option.text.replace("[METRIC]", "Ferritin"), prepared=prompt)

    assert "erritin" in found.content
    assert found.suggested_follow_ups
    assert len(found.disclaimers) == 3
    assert 1 <= found.confidence_score <= 10
    assert URGENT not in found.content


def test_values_are_explained_with_their_distance_and_the_others_listed() -> None:
    content = said("Can you explain this?").content

    assert "Your values: 1 outside the range, 1 within the range, 1 without a range" in content
    assert "Your value of 8 ng/mL is low. It is about 47 % below the lower limit of 15." in content
    assert "Within their range: Sodium 139 mmol/L." in content
    assert "Without a range to compare with: Blood pressure 120/80 mmHg." in content


def test_questions_for_the_doctor_name_what_is_worth_mentioning() -> None:
    content = said("What should I ask my doctor about these results?").content

    assert "Worth mentioning at the appointment: Ferritin 8 ng/mL." in content
    assert "1. What could be the cause of my iron values" in content


def test_a_change_is_told_from_the_oldest_to_the_newest() -> None:
    assert (
        "20 (2026-01-01) → 8 (2026-03-01) ng/mL; lower than at first" in said("How has it changed over time?").content
    )


def test_without_two_days_no_change_is_made_up() -> None:
    assert "at least two days" in said("Which trends are there?", SODIUM).content


def test_where_all_is_within_its_range_nobody_is_told_to_be_healthy() -> None:
    content = said("Is anything abnormal?", SODIUM).content

    assert "No value that has a range lies outside it." in content
    assert "for your doctor to say" in content


def test_the_value_that_is_named_is_meant_and_the_others_are_not_told() -> None:
    content = said("What about my sodium?").content

    assert "Sodium" in content
    assert "Ferritin" not in content


def test_a_critical_value_is_told_first_whatever_is_asked_about() -> None:
    content = said("What about my sodium?", *FACTS, POTASSIUM).content

    assert content.startswith(URGENT)
    assert "**Potassium** 7.1 mmol/L" in content


def test_a_test_that_was_not_given_is_described_and_no_value_invented() -> None:
    content = said("What is haemoglobin?").content

    assert "carries oxygen" in content
    assert "Ferritin" not in content


def test_no_advice_on_doses_is_ever_given() -> None:
    for topic in ("Which lifestyle changes help?", "What should I ask my doctor?", "Explain it", "Anything abnormal?"):
        content = said(topic, *FACTS, POTASSIUM).content
        assert not any(word in content for word in (" mg ", "tablet", "take iron daily", "stop taking"))


def test_names_with_links_are_not_repeated() -> None:
    hostile = Fact(name="Sodium https://evil.example", value="<script>", unit="[x](http://evil.example)")
    found = said("Explain it", hostile)

    assert "evil" not in found.content
    assert "<script>" not in found.content
    assert all(is_harmless_line(line) for line in found.content.splitlines())


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Help me prepare questions for my next doctor appointment", Topic.QUESTIONS),
        ("Suggest lifestyle changes that might help", Topic.HABITS),
        ("Explain how my glucose has changed over time", Topic.TRENDS),
        ("Compare my results to normal ranges", Topic.CONCERNS),
        ("And this?", Topic.EXPLANATION),
    ],
)
def test_a_topic_is_read_from_the_words(text: str, topic: Topic) -> None:
    assert topic_of(text) is topic
