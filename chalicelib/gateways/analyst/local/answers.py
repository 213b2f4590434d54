"""What is said about given values without a model: chosen by what a question asks for, never made up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from chalicelib.gateways.analyst.local.assessment import Assessment, meaning, measures, question
from chalicelib.gateways.analyst.local.deviation import Direction, how_far, range_text, result_text
from chalicelib.gateways.analyst.local.markdown_text import escaped

_MOST_EXPLAINED: Final = 6
_MOST_LISTED: Final = 12
_MOST_QUESTIONS: Final = 6
_MOST_NEXT: Final = 3


class Topic(StrEnum):
    """What a question asks for."""

    QUESTIONS = "questions"
    HABITS = "habits"
    TRENDS = "trends"
    CONCERNS = "concerns"
    EXPLANATION = "explanation"


_TOPICS: Final[tuple[tuple[Topic, re.Pattern[str]], ...]] = tuple(
    (topic, re.compile(pattern, re.IGNORECASE))
    for topic, pattern in (
        (
            Topic.QUESTIONS,
            r"\b(?:ask|questions?|tell|present|prepare|discuss)\b.{0,60}\b(?:doctor|physician|gp|appointment|visit)|"
            r"\b(?:appointment|doctor)\b.{0,40}\bquestions?|\bquestions? i should ask\b",
        ),
        (Topic.HABITS, r"\b(?:life-?styles?|habits?|diets?|foods?|eat|exercise|sport|improve|influence)\b"),
        (
            Topic.TRENDS,
            r"\b(?:trends?|over time|chang(?:ed|es)|patterns?|steady|stable|stability|history|develop\w*)\b",
        ),
        (
            Topic.CONCERNS,
            r"\b(?:concern\w*|abnormal|normal|out of range|outside|ranges?|deviations?|worr\w+|urgent|danger\w*|bad|"
            r"wrong|important|key|summar\w+|findings?|highlight)\b",
        ),
    )
)
_GENERAL_QUESTIONS: Final = (
    "Which of these values should be measured again, and when?",
    "Could my medicines, an illness, or what I ate before the sample explain any of them?",
    "Is there anything that I should watch for until then?",
)
_HABITS: Final = {
    "Blood fats": "Blood fats depend on food, weight, movement and smoking, and on what runs in the family.",
    "Blood sugar": "Blood sugar depends on food, weight, movement, sleep and stress.",
    "Liver": "Liver values depend on alcohol, weight, medicines and hard exercise before the sample.",
    "Kidneys": "Kidney values depend on how much one drinks, on meat, on exercise before the sample and on medicines.",
    "Iron": "Iron depends on food, on blood loss such as menstruation, and on tea and coffee with meals.",
    "Vitamins and trace elements": "Vitamins depend on food, on sunlight, and on how the bowel takes them up.",
    "Blood count": "Blood counts depend on iron and vitamins in food, on smoking, altitude and how much one drinks.",
    "Thyroid": "Thyroid values depend little on habits; iodine in food and some supplements can shift them.",
    "Inflammation": "Signs of inflammation follow infections and injuries, and to some extent smoking and weight.",
    "Electrolytes and minerals": "Minerals depend on how much one drinks and sweats, on food, and on medicines.",
}
_HABITS_AND_CAUSE: Final = (
    "Which habit matters depends on the cause of a value, so talk with your doctor before you change anything because "
    "of it."
)


def topic_of(text: str) -> Topic:
    """Return what a text asks for; an explanation where it is anything else."""
    return next((topic for topic, pattern in _TOPICS if pattern.search(text)), Topic.EXPLANATION)


def about_values(topic: Topic, items: Sequence[Assessment], changes: Sequence[str]) -> list[str]:
    """Return the paragraphs about some values. `changes` are the lines of tests that have several days."""
    match topic:
        case Topic.QUESTIONS:
            return list(_questions(items))
        case Topic.HABITS:
            return list(_habits(items))
        case Topic.TRENDS:
            return list(_trends(changes))
        case Topic.CONCERNS:
            return [_count(items), *_outside(items), *_without_range(items)]
        case Topic.EXPLANATION:
            return [_count(items), *_outside(items), *_within(items), *_without_range(items)]


def told(item: Assessment) -> str:
    """Return what one value measures, where it lies, and what that can go with."""
    row = item.row
    about = f"{item.analyte.about}." if item.analyte is not None else measures(item)
    start, value = f"**{escaped(row.name)}**: {about}", escaped(result_text(row))
    if item.direction is None:
        span = escaped(range_text(row))
        within = f", within the range ({span})" if span and item.standing == "normal" else ""
        return f"{start} Your value is {value}{within}."
    if item.direction is Direction.UNCLEAR:
        return f"{start} Your value of {value} is out of the ordinary. {meaning(item)}"
    where = escaped(how_far(row, item.direction))
    return f"{start} Your value of {value} is {item.direction.value}. It is {where}. {meaning(item)}"


def next_questions(topic: Topic, names: Sequence[str]) -> tuple[str, ...]:
    """Return what may be asked next about some tests, by the names that the catalogue has for them."""
    shown = [name.partition(" (")[0] for name in dict.fromkeys(names)]
    asked = [
        *(f"What should I ask my doctor about {name}?" for name in shown[:1] if topic is not Topic.QUESTIONS),
        *(f"Are there everyday habits that can influence {name}?" for name in shown[:1] if topic is not Topic.HABITS),
        *(f"What does {name} measure?" for name in shown[1:3]),
    ]
    return tuple(asked[:_MOST_NEXT])


def _count(items: Sequence[Assessment]) -> str:
    places = {
        "abnormal": "outside the range",
        "normal": "within the range",
        "unknown": "without a range to compare with",
    }
    counted = [f"{number} {place}" for standing, place in places.items() if (number := len(_of(items, standing)))]
    return f"Your values: {', '.join(counted)}."


def _outside(items: Sequence[Assessment]) -> Iterator[str]:
    abnormal = _of(items, "abnormal")
    if not abnormal:
        if _of(items, "normal"):
            yield "No value that has a range lies outside it. Whether that fits how you feel is for your doctor to say."
        return
    # What is critical, or known, says more than the others.
    ordered = sorted(abnormal, key=lambda one: (one.critical is None, one.analyte is None))
    yield "\n".join(f"- {told(one)}" for one in ordered[:_MOST_EXPLAINED])
    if len(ordered) > _MOST_EXPLAINED:
        yield f"Outside their range as well: {_named(ordered[_MOST_EXPLAINED:])}."


def _within(items: Sequence[Assessment]) -> Iterator[str]:
    normal = _of(items, "normal")
    if len(normal) == 1 and len(items) == 1:
        yield told(normal[0])
    elif normal:
        yield f"Within their range: {_named(normal)}."


def _without_range(items: Sequence[Assessment]) -> Iterator[str]:
    unknown = _of(items, "unknown")
    if len(unknown) == 1 and len(items) == 1:
        yield told(unknown[0])
    elif unknown:
        yield f"Without a range to compare with: {_named(unknown)}."


def _questions(items: Sequence[Assessment]) -> Iterator[str]:
    abnormal = _of(items, "abnormal")
    if abnormal:
        yield f"Worth mentioning at the appointment: {_named(abnormal)}."
    own = dict.fromkeys(question(one) for one in abnormal)
    asked = [*list(own)[: _MOST_QUESTIONS - len(_GENERAL_QUESTIONS)], *_GENERAL_QUESTIONS]
    yield "You could ask your doctor:"
    yield "\n".join(f"{number}. {text}" for number, text in enumerate(asked, start=1))
    yield "Bring the original report, earlier reports if you have them, and a list of your medicines."


def _habits(items: Sequence[Assessment]) -> Iterator[str]:
    concerned = _of(items, "abnormal") or list(items)
    groups = dict.fromkeys(one.group for one in concerned)
    known = [_HABITS[group] for group in groups if group in _HABITS]
    if abnormal := _of(items, "abnormal"):
        yield f"Outside their range: {_named(abnormal)}."
    yield " ".join(known) or "Sleep, movement, food, alcohol and smoking have an influence on many values."
    yield _HABITS_AND_CAUSE


def _trends(changes: Sequence[str]) -> Iterator[str]:
    if not changes:
        yield (
            "To see how a value changes, results of the same test from at least two days are needed. I was given none "
            "of which I know that."
        )
        return
    yield "How your values changed, from the oldest to the newest:"
    yield "\n".join(changes[:_MOST_LISTED])
    yield "A difference between two samples can also come from the time of day, food, or the laboratory."


def _of(items: Sequence[Assessment], standing: str) -> list[Assessment]:
    return [one for one in items if one.standing == standing]


def _named(items: Sequence[Assessment]) -> str:
    shown = ", ".join(f"{escaped(one.row.name)} {escaped(result_text(one.row))}" for one in items[:_MOST_LISTED])
    more = len(items) - _MOST_LISTED
    return f"{shown} and {more} more" if more > 0 else shown
