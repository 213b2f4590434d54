"""What is known about one row once it is read: its test, its sample, its direction, and what to say about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chalicelib.gateways.analyst.findings import TestCategory
from chalicelib.gateways.analyst.local.catalogue import Analyte, find, question_about
from chalicelib.gateways.analyst.local.categories import categories_of
from chalicelib.gateways.analyst.local.critical_values import critical_direction
from chalicelib.gateways.analyst.local.deviation import Direction, direction_of, how_far, range_text, result_text
from chalicelib.gateways.analyst.local.markdown_text import spoken
from chalicelib.gateways.analyst.local.reading import Reading, Row

Standing = Literal["abnormal", "normal", "unknown"]

UNKNOWN_TEST = "We have no description of this test; your doctor or the laboratory can tell you what it measures."
_NOTHING = "nothing of importance"


@dataclass(frozen=True, slots=True)
class Assessment:
    """One row with everything that its explanation needs. `critical` is set for values far outside their range."""

    row: Row
    category: TestCategory
    analyte: Analyte | None
    direction: Direction | None
    critical: Direction | None

    @property
    def standing(self) -> Standing:
        """Whether the row is outside its range, within it, or has nothing to be compared with."""
        if self.row.is_abnormal is None:
            return "unknown"
        return "abnormal" if self.row.is_abnormal else "normal"

    @property
    def group(self) -> str:
        """The heading that the row belongs under, not escaped."""
        if self.analyte is not None:
            return self.analyte.group
        return self.row.section or "Other values"


def assess(reading: Reading) -> tuple[Assessment, ...]:
    """Return an assessment of every row, in reading order."""
    categories = categories_of(reading.rows)
    return tuple(_assess(row, category) for row, category in zip(reading.rows, categories, strict=True))


def _assess(row: Row, category: TestCategory) -> Assessment:
    analyte = None
    if category is TestCategory.BLOOD:
        analyte = find(row.name, "blood")
    elif category is TestCategory.URINE:
        analyte = find(row.name, "urine")
    is_blood = analyte is not None and category is TestCategory.BLOOD
    critical = critical_direction(analyte.key, row) if analyte is not None and is_blood else None
    return Assessment(row, category, analyte, direction_of(row), critical)


def measures(assessment: Assessment) -> str:
    """Return a sentence on what the test measures; an honest one where it is not known."""
    if assessment.analyte is None:
        return UNKNOWN_TEST
    return f"{_capitalised(assessment.analyte.name)}: {assessment.analyte.about}."


def _capitalised(name: str) -> str:
    """Return `name` with a capital, but for names such as eGFR that are written with a small letter."""
    return name if name[1:2].isupper() else name[0].upper() + name[1:]


def meaning(assessment: Assessment) -> str:
    """Return a careful sentence on what the direction of an abnormal row can go with."""
    analyte, direction = assessment.analyte, assessment.direction
    if analyte is None:
        return "What this means depends on why the test was done."
    if direction is Direction.UNCLEAR or direction is None:
        return f"A result out of the ordinary can go with {analyte.high}." if _says(analyte.high) else _HARMLESS
    cause = analyte.high if direction is Direction.HIGH else analyte.low
    word = "Higher" if direction is Direction.HIGH else "Lower"
    return f"{word} values can go with {cause}." if _says(cause) else _HARMLESS


_HARMLESS = "In this direction the value has no importance by itself as a rule."


def _says(cause: str) -> bool:
    return not cause.startswith(_NOTHING)


def question(assessment: Assessment) -> str:
    """Return a question for the doctor about an abnormal row."""
    if assessment.analyte is None:
        return "What does this test show in my case, and does it need a follow-up?"
    return question_about(assessment.analyte)


def row_interpretation(assessment: Assessment) -> str:
    """Return the plain-text explanation that goes with a single value."""
    row, value = assessment.row, spoken(result_text(assessment.row))
    if assessment.direction is not None:
        where = how_far(row, assessment.direction)
        return f"{measures(assessment)} Your result of {value} is {where}. {meaning(assessment)}"
    span = spoken(range_text(row))
    if assessment.standing == "normal":
        compared = f"within the range of the report ({span})" if span else "marked as normal in the report"
        return f"{measures(assessment)} Your result of {value} is {compared}."
    return f"{measures(assessment)} Your result is {value}; the report gives no range to compare it with."
