"""The prepared questions: how many, under which ids, and what they need."""

from __future__ import annotations

import pytest

from chalicelib.chat.options import METRIC, OPTIONS, Category, ContentType, find, of

IDS = {
    "result_explain_simply", "result_explain_numbers", "result_explain_overall", "result_doctor_questions",
    "result_doctor_appointment", "result_doctor_metric_questions", "result_clarify_concerns", "result_clarify_ranges",
    "result_clarify_metric", "result_metric_explained", "result_general_lifestyle", "result_lifestyle_metric_habits",
    "report_explain_summary", "report_explain_key_points", "report_doctor_presenting", "report_doctor_questions",
    "report_doctor_trend_questions", "report_clarify_patterns", "report_clarify_recommendations",
    "report_general_improvement", "report_trends_metric", "report_stability_steady", "report_patterns_attention",
    "report_lifestyle_influence",
}  # fmt: skip
"""Written out, because apps keep them: a renamed id is a question that nobody can ask any more."""


def test_there_are_twelve_questions_about_each_kind_of_content_under_ids_that_stay() -> None:
    assert {one.id for one in OPTIONS} == IDS
    assert len(OPTIONS) == 24
    assert [len(of(kind)) for kind in ContentType] == [12, 12]


def test_every_category_is_asked_about() -> None:
    assert {one.category for one in OPTIONS} == set(Category)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda one: one.id)
def test_a_question_about_one_value_offers_a_choice_of_values(option: object) -> None:
    one = find(getattr(option, "id", ""))
    assert one is not None
    assert one.needs_metric == one.has_sub_options
    assert one.needs_metric or METRIC not in one.text


def test_only_the_explanation_of_a_value_needs_no_data() -> None:
    assert [one.id for one in OPTIONS if not one.requires_health_data] == ["result_metric_explained"]


def test_questions_come_by_category_in_order_of_display() -> None:
    doctor = [one.display_order for one in of(ContentType.REPORT) if one.category is Category.DOCTOR_PREP]

    assert doctor == [1, 2, 4]
    assert find("nothing") is None
