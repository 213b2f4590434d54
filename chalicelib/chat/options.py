"""The 24 prepared questions: twelve about a result, twelve about a report. Their ids never change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

METRIC: Final = "[METRIC]"
"""What the name of a value takes the place of."""


class ContentType(StrEnum):
    """What a question is about."""

    RESULT = "result"
    REPORT = "report"


class Category(StrEnum):
    """How the app groups questions."""

    EXPLANATION = "explanation"
    DOCTOR_PREP = "doctor_prep"
    CLARIFICATION = "clarification"
    GENERAL = "general"
    METRICS = "metrics"
    LIFESTYLE = "lifestyle"
    TRENDS = "trends"
    STABILITY = "stability"
    PATTERNS = "patterns"


@dataclass(frozen=True, slots=True)
class PromptOption:
    """One prepared question: `text` is what the app shows, `prompt` what is asked. Both may hold `METRIC`."""

    id: str
    content_type: ContentType
    category: Category
    text: str
    prompt: str
    display_order: int
    has_sub_options: bool = False
    requires_health_data: bool = True

    @property
    def needs_metric(self) -> bool:
        """Whether the question is about one value, which has to be named."""
        return METRIC in self.prompt


def of(content_type: ContentType) -> tuple[PromptOption, ...]:
    """Return the questions about a kind of content, by category as the list has them and in order of display."""
    own = [one for one in OPTIONS if one.content_type is content_type]
    order = {category: number for number, category in enumerate(dict.fromkeys(one.category for one in own))}
    return tuple(sorted(own, key=lambda one: (order[one.category], one.display_order)))


def find(prompt_id: str) -> PromptOption | None:
    """Return the question with that id, or None."""
    return next((one for one in OPTIONS if one.id == prompt_id), None)


OPTIONS: Final[tuple[PromptOption, ...]] = (
    PromptOption(
        id="result_explain_simply",
        content_type=ContentType.RESULT,
        category=Category.EXPLANATION,
        text="Can you explain this in simpler terms?",
        prompt="Explain these results in simple terms that are easy to understand.",
        display_order=1,
    ),
    PromptOption(
        id="result_explain_numbers",
        content_type=ContentType.RESULT,
        category=Category.EXPLANATION,
        text="What do these numbers mean for my health?",
        prompt="Interpret these health metrics and explain what they mean for my overall health.",
        display_order=2,
    ),
    PromptOption(
        id="result_explain_overall",
        content_type=ContentType.RESULT,
        category=Category.EXPLANATION,
        text="Expand on the overall health picture from my test results",
        prompt="Give me a comprehensive summary in simple terms of my test results.",
        display_order=5,
    ),
    PromptOption(
        id="result_doctor_questions",
        content_type=ContentType.RESULT,
        category=Category.DOCTOR_PREP,
        text="What should I ask my doctor about these results?",
        prompt="Generate questions I should ask my doctor about these health results.",
        display_order=1,
    ),
    PromptOption(
        id="result_doctor_appointment",
        content_type=ContentType.RESULT,
        category=Category.DOCTOR_PREP,
        text="What questions should I prepare for my next appointment?",
        prompt="Help me prepare questions for my next doctor appointment based on these results.",
        display_order=2,
    ),
    PromptOption(
        id="result_doctor_metric_questions",
        content_type=ContentType.RESULT,
        category=Category.DOCTOR_PREP,
        text="Which questions should I ask my doctor about my [METRIC] result?",
        prompt="Generate specific questions I should ask my doctor about my [METRIC] result.",
        display_order=4,
        has_sub_options=True,
    ),
    PromptOption(
        id="result_clarify_concerns",
        content_type=ContentType.RESULT,
        category=Category.CLARIFICATION,
        text="Are there any immediate concerns I should know about?",
        prompt="Identify any immediate health concerns I should be aware of from these results.",
        display_order=1,
    ),
    PromptOption(
        id="result_clarify_ranges",
        content_type=ContentType.RESULT,
        category=Category.CLARIFICATION,
        text="How do these results compare to normal ranges?",
        prompt="Compare my results to normal ranges and explain any deviations.",
        display_order=2,
    ),
    PromptOption(
        id="result_clarify_metric",
        content_type=ContentType.RESULT,
        category=Category.CLARIFICATION,
        text="What does my [METRIC] result mean for my health?",
        prompt="What does my [METRIC] result mean for my health? What could cause [METRIC] to be at this level?",
        display_order=2,
        has_sub_options=True,
    ),
    PromptOption(
        id="result_metric_explained",
        content_type=ContentType.RESULT,
        category=Category.METRICS,
        text="Explain specific metric",
        prompt="Explain what [METRIC] measures and why it matters for my health.",
        display_order=1,
        has_sub_options=True,
        requires_health_data=False,
    ),
    PromptOption(
        id="result_general_lifestyle",
        content_type=ContentType.RESULT,
        category=Category.GENERAL,
        text="What lifestyle changes might help improve these results?",
        prompt="Suggest lifestyle changes that might help improve my health results.",
        display_order=1,
    ),
    PromptOption(
        id="result_lifestyle_metric_habits",
        content_type=ContentType.RESULT,
        category=Category.LIFESTYLE,
        text="Are there everyday habits that can influence [METRIC]?",
        prompt="Are there everyday habits that can influence [METRIC]? "
        "How might [METRIC] affect my daily health or long-term wellbeing?",
        display_order=3,
        has_sub_options=True,
    ),
    PromptOption(
        id="report_explain_summary",
        content_type=ContentType.REPORT,
        category=Category.EXPLANATION,
        text="Can you summarize the key findings?",
        prompt="Summarize the most important findings from this health report.",
        display_order=1,
    ),
    PromptOption(
        id="report_explain_key_points",
        content_type=ContentType.REPORT,
        category=Category.EXPLANATION,
        text="What are the most important points in this report?",
        prompt="Highlight the most important points I should focus on in this report.",
        display_order=2,
    ),
    PromptOption(
        id="report_doctor_presenting",
        content_type=ContentType.REPORT,
        category=Category.DOCTOR_PREP,
        text="How should I present this to my doctor?",
        prompt="Help me understand how to present this health information to my doctor effectively.",
        display_order=1,
    ),
    PromptOption(
        id="report_doctor_questions",
        content_type=ContentType.REPORT,
        category=Category.DOCTOR_PREP,
        text="What questions should I ask based on this analysis?",
        prompt="Generate questions I should ask my doctor based on this health analysis.",
        display_order=2,
    ),
    PromptOption(
        id="report_doctor_trend_questions",
        content_type=ContentType.REPORT,
        category=Category.DOCTOR_PREP,
        text="What questions should I ask my doctor about these health trends?",
        prompt="What questions should I ask my doctor about these health trends? "
        "What key points should I share when I meet my primary-care practitioner?",
        display_order=4,
    ),
    PromptOption(
        id="report_clarify_patterns",
        content_type=ContentType.REPORT,
        category=Category.CLARIFICATION,
        text="Are there any patterns or trends I should be aware of?",
        prompt="Identify any important patterns or trends in my health data I should be aware of.",
        display_order=1,
    ),
    PromptOption(
        id="report_clarify_recommendations",
        content_type=ContentType.REPORT,
        category=Category.CLARIFICATION,
        text="What do these recommendations mean for my care?",
        prompt="Explain what the recommendations in this report mean for my ongoing care.",
        display_order=2,
    ),
    PromptOption(
        id="report_general_improvement",
        content_type=ContentType.REPORT,
        category=Category.GENERAL,
        text="How can I use this information to improve my health?",
        prompt="Explain how I can use the information in this report to improve my health.",
        display_order=1,
    ),
    PromptOption(
        id="report_trends_metric",
        content_type=ContentType.REPORT,
        category=Category.TRENDS,
        text="Explain how my [METRIC] has changed over time",
        prompt="Explain how my [METRIC] has changed over time and why these trends matter for my health.",
        display_order=1,
        has_sub_options=True,
    ),
    PromptOption(
        id="report_stability_steady",
        content_type=ContentType.REPORT,
        category=Category.STABILITY,
        text="Which results stayed steady over time and is that good?",
        prompt="Which results stayed steady over time and is that good? What patterns should I pay most attention to?",
        display_order=2,
    ),
    PromptOption(
        id="report_patterns_attention",
        content_type=ContentType.REPORT,
        category=Category.PATTERNS,
        text="What patterns should I pay most attention to?",
        prompt="What patterns should I pay most attention to across all my health data? "
        "Are there emerging trends I should be aware of?",
        display_order=3,
    ),
    PromptOption(
        id="report_lifestyle_influence",
        content_type=ContentType.REPORT,
        category=Category.LIFESTYLE,
        text="How could lifestyle changes have influenced these health trends?",
        prompt="How could lifestyle changes have influenced these health trends over time? "
        "What lifestyle factors might explain the patterns in my data?",
        display_order=5,
    ),
)
