"""The sentences of a report that code writes: what matters, what to ask, what to do, what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from chalicelib.gateways.analyst.local.assessment import Assessment, meaning, measures, question
from chalicelib.gateways.analyst.local.deviation import Direction, how_far, result_text
from chalicelib.gateways.analyst.local.markdown_text import escaped, spoken
from chalicelib.reports.assembled import Assembled
from chalicelib.reports.request import StoredRequest
from chalicelib.reports.series import Series
from chalicelib.reports.terms import Course, Standing
from chalicelib.reports.trends import Trend, shown_day

_NAMED: Final = 8
_MOST_QUESTIONS: Final = 10
_DIRECTIONS: Final = {Direction.LOW: "low", Direction.HIGH: "high", Direction.UNCLEAR: "out of the ordinary"}
_NO_QUESTION: Final = "Which of these values should be measured again, and when?"


def notices(found: Assembled) -> list[str]:
    """Return what cannot wait: one text about all critical values; nothing where there is none."""
    far_outside = [series for series, _ in found.critical] + found.critical_vitals
    if not far_outside:
        return []
    named = "; ".join(
        f"{spoken(series.name)} {spoken(series.newest.shown_value)}{_on(series)}" for series in far_outside
    )
    return [
        f"Please contact a doctor today. Far outside the usual range: {named}. Laboratories usually report such values "
        "to the doctor at once. They can also come from a problem with the sample or from an error in reading or "
        "typing, so compare with the original."
    ]


def executive_summary(found: Assembled) -> str:
    """Return what matters in a few plain sentences."""
    return " ".join([_covered(found), *_outside(found), *_outside_vitals(found), *_courses(found.trends)])


def laboratory_analysis(found: Assembled) -> str:
    """Return, as markdown, a paragraph for each laboratory value outside its range."""
    if not found.lab_series:
        return "No laboratory values were given."
    if not found.abnormal:
        return "None of the newest laboratory values lies outside its reference range."
    return "\n".join(_explained(series, item) for series, item in found.abnormal)


def questions(found: Assembled) -> list[str]:
    """Return questions for the doctor: about what is outside its range, and what is moving."""
    about: dict[str, list[str]] = {}
    for series, item in found.abnormal:
        about.setdefault(question(item), []).append(spoken(series.name))
    asked = [f"{_listed(names)}: {text}" for text, names in about.items()]
    asked += [
        f"{series.name} is {_DIRECTIONS[series.newest.direction or Direction.UNCLEAR]}: how should I measure it, and "
        "does it need treatment?"
        for series in found.abnormal_vitals
    ]
    asked += [
        f"{trend.series.name} has been {trend.course} since {shown_day(trend.first.day)}: does that matter, and when "
        "should it be measured again?"
        for trend in found.trends
        if trend.course is not Course.STEADY and trend.standing is not Standing.WITHIN
    ]
    return list(dict.fromkeys(asked))[:_MOST_QUESTIONS] or [_NO_QUESTION]


def recommendations(found: Assembled) -> Iterator[str]:
    """Yield careful suggestions about follow-up; never a medicine."""
    if found.critical or found.critical_vitals:
        yield "Contact a doctor today about the values named at the top of this report."
    if found.abnormal or found.abnormal_vitals:
        yield "Discuss the values outside their range with your doctor, and whether they should be measured again."
    if found.trends:
        yield "Have values that are being followed measured in the same laboratory and under the same conditions."
    yield "Bring the original reports, and earlier ones, to the appointment."
    yield "Tell the doctor about complaints, medicines, and whether the sample was taken fasting."


def notes(request: StoredRequest, found: Assembled) -> Iterator[str]:
    """Yield what a reader has to know about what is not in the report."""
    undated = sum(one.measured_on is None for one in request.values)
    unverified = sum(not one.is_verified for one in request.values)
    if undated:
        yield f"{_counted(undated, 'value')} without a date: not part of any trend."
    if unverified:
        yield (
            f"{_counted(unverified, 'value')} could not be checked against the document: marked in the tables, part "
            "of no count, summary or trend."
        )
    if request.left_out:
        yield f"{_counted(request.left_out, 'older value')} left out: a report holds the newest ones."
    if request.unreadable:
        yield f"{_counted(request.unreadable, 'entry', 'entries')} could not be read as a value and left out."
    if not request.has_trends and any(series.has_trend for series in (*found.lab_series, *found.vital_series)):
        yield "Trends across values are part of Premium."


def _explained(series: Series, item: Assessment) -> str:
    assert item.direction is not None  # an abnormal value always has one
    what = f"It measures {item.analyte.about}." if item.analyte is not None else measures(item)
    text = f"{how_far(item.row, item.direction)}. {what} {meaning(item)}"
    result = f"{result_text(item.row)}{_on(series)}"
    return f"- **{escaped(series.name)}** {escaped(result)}: {escaped(text, 600)}"


def _covered(found: Assembled) -> str:
    parts = []
    if found.lab_series:
        total = sum(len(series.values) for series in found.lab_series)
        tests = len(found.lab_series)
        of_tests = "" if total == tests else f" of {_counted(tests, 'test')}"
        parts.append(_counted(total, "laboratory value") + of_tests)
    if found.vital_series:
        total = sum(len(series.values) for series in found.vital_series)
        parts.append(_counted(total, "measurement") + " of vital signs")
    days = found.days
    if not days:
        when = ", without dates"
    elif days[0] == days[-1]:
        when = f" of {shown_day(days[0])}"
    else:
        when = f", measured between {shown_day(days[0])} and {shown_day(days[-1])}"
    return f"This report covers {' and '.join(parts)}{when}."


def _outside(found: Assembled) -> Iterator[str]:
    if not found.lab_series:
        return
    compared = [item for _, item in found.checked_labs if item.standing != "unknown"]
    without = len(found.checked_labs) - len(compared)
    if found.abnormal:
        is_one = len(found.abnormal) == 1
        yield (
            f"Of the newest laboratory values {len(found.abnormal)} {'lies' if is_one else 'lie'} outside "
            f"{'its' if is_one else 'their'} reference range: {_named(found.abnormal, found.days[-1:])}."
        )
    elif compared:
        yield "All of the newest laboratory values that have a reference range lie within it."
    if without:
        yield f"{_counted(without, 'test')} {'has' if without == 1 else 'have'} no reference range to compare with."


def _outside_vitals(found: Assembled) -> Iterator[str]:
    if found.abnormal_vitals:
        named = ", ".join(
            f"{series.name} ({_DIRECTIONS[series.newest.direction or Direction.UNCLEAR]}, {series.newest.shown_value})"
            for series in found.abnormal_vitals
        )
        yield f"Out of what is usual for adults at rest: {named}."


def _courses(trends: Sequence[Trend]) -> Iterator[str]:
    for course, words in ((Course.RISING, "Rising over time"), (Course.FALLING, "Falling over time")):
        names = [spoken(trend.series.name) for trend in trends if trend.course is course]
        if names:
            yield f"{words}: {_listed(names)}."
    steady = sum(trend.course is Course.STEADY for trend in trends)
    if steady:
        yield f"{_counted(steady, 'test')} {'is' if steady == 1 else 'are'} steady."


def _named(abnormal: Sequence[tuple[Series, Assessment]], last_days: Sequence[date]) -> str:
    """Name values, with the day of those that are older than the newest of all."""
    return _listed(
        [
            f"{spoken(series.name)} ({_DIRECTIONS[item.direction or Direction.UNCLEAR]}, "
            f"{spoken(result_text(item.row))}{'' if series.newest.measured_on in last_days else _on(series)})"
            for series, item in abnormal
        ]
    )


def _on(series: Series) -> str:
    day = series.newest.measured_on
    return f", {shown_day(day)}" if day else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _counted(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"
