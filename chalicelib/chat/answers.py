"""An analyst's reply as people read it: notes and disclaimers beside it, follow-ups where it has none, and what is said
where nobody answers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from chalicelib.chat import options
from chalicelib.chat.options import ContentType
from chalicelib.gateways.analyst.talk import Fact, Question, Reply

MOST_FOLLOW_UPS: Final = 3
MOST_SOURCES: Final = 10
NOBODY: Final = "none"
"""What `model_used` says where no analyst answered."""
FALLBACK: Final = (
    "I cannot answer this question at the moment. It does not count against your questions. Please try again in a few "
    "minutes, or ask about one of your values, such as ferritin or glucose: those I can explain now."
)
FAILED: Final = (
    "We could not answer this question. It does not count against your questions. Please try again in a few minutes."
)
_FALLBACK_SCORE: Final = Decimal("1.0")


def fallback(question: Question) -> Reply:
    """Return the text in place of an answer. What code knows comes first: the notice about critical values."""
    from chalicelib.gateways.analyst.local.disclaimers import ASK_YOUR_DOCTOR, IN_AN_EMERGENCY, NOT_A_DIAGNOSIS
    from chalicelib.gateways.analyst.local.talking import urgent_about

    return Reply(
        content="\n\n".join([*urgent_about(question.facts), FALLBACK]),
        confidence_score=_FALLBACK_SCORE,
        suggested_follow_ups=(),
        disclaimers=(NOT_A_DIAGNOSIS, ASK_YOUR_DOCTOR, IN_AN_EMERGENCY),
        model_used=NOBODY,
        analyst=NOBODY,
    )


def follow_ups(reply: Reply, data_type: str | None, asked: str) -> list[str]:
    """Return the questions that may be asked next: the analyst's, else prepared ones that need nothing named."""
    if reply.suggested_follow_ups:
        return list(reply.suggested_follow_ups[:MOST_FOLLOW_UPS])
    kind = content_type_named(data_type or "") or ContentType.RESULT
    prepared = [one.text for one in options.of(kind) if not one.has_sub_options and one.text != asked]
    return prepared[:MOST_FOLLOW_UPS]


def beside(reply: Reply, left_out: int) -> list[str]:
    """Return what goes with an answer: notes of this answer first, then the disclaimers."""
    cut = (
        [f"{left_out} of your values were left out of this question, because there were too many."] if left_out else []
    )
    return [*cut, *reply.notes, *reply.disclaimers]


def sources(content: str, facts: Sequence[Fact]) -> list[str]:
    """Return the names of the values that an answer speaks of."""
    from chalicelib.gateways.analyst.local.markdown_text import spoken
    from chalicelib.gateways.analyst.text_guard import is_harmless_line

    said = content.casefold()
    named = dict.fromkeys(spoken(fact.name) for fact in facts if is_harmless_line(fact.name))
    return [name for name in named if name and name.casefold() in said][:MOST_SOURCES]


def content_type_named(text: str) -> ContentType | None:
    """Return the kind of content of that name, in any form that the app uses."""
    singular = text.strip().casefold().removesuffix("s")
    return next((kind for kind in ContentType if kind.value == singular), None)
