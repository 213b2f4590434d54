"""Questions and reports: by a model through its real client, and by code alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from chalicelib.clock import SystemClock
from chalicelib.errors import AnalystUnavailable
from chalicelib.gateways.analyst.asking import Asking
from chalicelib.gateways.analyst.bedrock import BedrockModel
from chalicelib.gateways.analyst.conversation import ModelNonsense
from chalicelib.gateways.analyst.local.analyst import LocalAnalyst
from chalicelib.gateways.analyst.model_analyst import OUT_OF_SCOPE, ModelAnalyst
from chalicelib.gateways.analyst.spending import Purse
from chalicelib.gateways.analyst.talk import Fact, Question, ReportRequest
from chalicelib.model_config import BedrockSettings
from dev.model_stand_in import Act, ModelStandIn
from tests.unit.analyst.model_world import OpenBook, soon


@pytest.fixture(scope="module")
def running() -> Iterator[ModelStandIn]:
    with ModelStandIn() as one:
        yield one


@pytest.fixture
def stand_in(running: ModelStandIn) -> ModelStandIn:
    running.script(Act())
    return running


def analyst(stand_in: ModelStandIn) -> ModelAnalyst:
    model = BedrockModel(BedrockSettings(endpoint_url=stand_in.url))
    return ModelAnalyst(Asking(model, Purse(OpenBook()), SystemClock()))


FACTS = (
    Fact(name="Potassium", value="7.1", unit="mmol/L", reference_range="3.5 - 5.1"),
    Fact(name="Sodium", value="139", unit="mmol/L", reference_range="136 - 145"),
)


def test_a_question_is_answered_with_the_notice_that_its_values_need(stand_in: ModelStandIn) -> None:
    question = Question(owner_id="owner", message="What does this mean?", facts=FACTS, prepared_prompt="Explain it.")

    reply = analyst(stand_in).answer(question, soon(20))

    assert reply.content.startswith("## Please contact a doctor today")
    assert "A single value says little" in reply.content
    assert reply.suggested_follow_ups == ("What can I ask my doctor about this?",)
    assert stand_in.heard[0].fenced("question") == "What does this mean?"
    assert "What does this mean?" not in stand_in.heard[0].texts.partition("[begin")[0]


def test_a_question_about_something_else_gets_a_sentence_of_ours(stand_in: ModelStandIn) -> None:
    stand_in.script(Act(change=lambda answer, _: answer.update(is_in_scope=False, reply="Sure, here is a poem.")))

    reply = analyst(stand_in).answer(Question(owner_id="owner", message="Write a poem"), soon(20))

    assert (reply.content, reply.is_in_scope, reply.suggested_follow_ups) == (OUT_OF_SCOPE, False, ())


def test_a_report_has_the_facts_by_code_and_the_models_words(stand_in: ModelStandIn) -> None:
    found = analyst(stand_in).report(ReportRequest(owner_id="owner", facts=FACTS), soon(20))

    assert found.executive_summary.startswith("## Please contact a doctor today")
    assert found.executive_summary.endswith("collected from the person's own reports.")
    assert "**Potassium**: 7.1 mmol/L" in found.laboratory_analysis
    assert found.questions_for_doctor == ("Which of these values should be measured again?",)
    assert found.model_used.endswith("(report/1)")


def test_words_that_may_not_be_shown_are_no_answer(stand_in: ModelStandIn) -> None:
    stand_in.script(Act(change=lambda answer, _: answer.update(reply="Take 20 mg of it.")))

    with pytest.raises(ModelNonsense):
        analyst(stand_in).answer(Question(owner_id="owner", message="What now?"), soon(20))


def test_without_a_model_a_question_about_a_known_test_is_answered_from_the_catalogue() -> None:
    reply = LocalAnalyst().answer(Question(owner_id="owner", message="What is ferritin?"), soon())

    assert reply.content.startswith("**ferritin**:")
    assert reply.analyst == "local"
    assert reply.suggested_follow_ups


def test_without_a_model_given_values_are_explained_with_their_direction() -> None:
    reply = LocalAnalyst().answer(Question(owner_id="owner", message="And this?", facts=FACTS), soon())

    assert "Your value of 7.1 mmol/L is high." in reply.content
    assert reply.content.startswith("## Please contact a doctor today")


def test_without_a_model_nothing_is_made_up() -> None:
    with pytest.raises(AnalystUnavailable):
        LocalAnalyst().answer(Question(owner_id="owner", message="How are you?"), soon())
    with pytest.raises(AnalystUnavailable):
        LocalAnalyst().answer(Question(owner_id="owner", message="What is ferritin?"), soon(-1))


def test_without_a_model_a_report_tells_counts_distances_and_changes() -> None:
    series = [
        Fact(name="Ferritin", value=value, unit="ng/mL", reference_range="15 - 150", measured_on=date(2026, month, 1))
        for month, value in ((3, "12"), (1, "30"), (2, "20"))
    ]

    found = LocalAnalyst().report(ReportRequest(owner_id="owner", facts=(*series, *FACTS)), soon())

    assert found.trends == (
        "- **Ferritin**: 30 (2026-01-01) → 20 (2026-02-01) → 12 (2026-03-01) ng/mL; lower than at first"
    )
    assert "3 laboratory values; 2 of the values are outside" in found.executive_summary
    assert "about 20 % below the lower limit of 15" in found.laboratory_analysis
    assert len(found.questions_for_doctor) == 2


def test_a_brief_report_leaves_out_what_is_normal() -> None:
    request = ReportRequest(owner_id="owner", facts=FACTS, is_brief=True)

    assert "Sodium" not in LocalAnalyst().report(request, soon()).laboratory_analysis


def test_what_the_app_sends_as_a_name_carries_no_link_into_a_report() -> None:
    fact = Fact(name="Sodium https://evil.example", value="139", unit="www.evil.example", reference_range="1 - 5")

    found = LocalAnalyst().report(ReportRequest(owner_id="owner", facts=(fact,)), soon())

    assert "evil" not in str(found)
    assert "139" in found.laboratory_analysis
