"""The values of a report as the analyst's rules see them: facts, rows, assessments, and what is out of the ordinary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from chalicelib.gateways.analyst.local.assessment import Assessment, assess
from chalicelib.gateways.analyst.local.deviation import Direction
from chalicelib.gateways.analyst.local.reading import Reading, Row
from chalicelib.gateways.analyst.talk import Fact
from chalicelib.reports.measurements import MeasureKind, Measurement
from chalicelib.reports.request import StoredRequest
from chalicelib.reports.series import Series, arranged
from chalicelib.reports.trends import Trend, trend_of
from chalicelib.reports.vital_signs import is_critical

_READER: Final = "report/1"
_MOST_FACTS: Final = 240
_MOST_FACTS_PER_TEST: Final = 8
_SURE: Final = Decimal("9.0")


@dataclass(frozen=True, slots=True)
class Assembled:
    """Everything that the words and tables of a report are made from. `labs` and `lab_series` stand side by side."""

    lab_series: tuple[Series, ...]
    labs: tuple[Assessment, ...]
    vital_series: tuple[Series, ...]
    trends: tuple[Trend, ...]

    @property
    def days(self) -> list[date]:
        """All days of values."""
        every = (one for series in (*self.lab_series, *self.vital_series) for one in series.values)
        return sorted({one.measured_on for one in every if one.measured_on is not None})

    @property
    def checked_labs(self) -> list[tuple[Series, Assessment]]:
        """The newest laboratory value of each test, but for those that could not be checked: they are no facts."""
        pairs = zip(self.lab_series, self.labs, strict=True)
        return [(series, item) for series, item in pairs if series.newest.is_verified]

    @property
    def abnormal(self) -> list[tuple[Series, Assessment]]:
        """The newest laboratory values that are outside their range."""
        return [(series, item) for series, item in self.checked_labs if item.standing == "abnormal"]

    @property
    def critical(self) -> list[tuple[Series, Assessment]]:
        """Those that a laboratory would telephone about."""
        return [(series, item) for series, item in self.checked_labs if item.critical is not None]

    @property
    def critical_vitals(self) -> list[Series]:
        """The newest vital signs that should not wait."""
        newest = ((series, series.newest) for series in self.vital_series if series.newest.is_verified)
        return [series for series, one in newest if is_critical(one.name, one.number, one.unit)]

    @property
    def abnormal_vitals(self) -> list[Series]:
        """The newest vital signs that are out of the usual."""
        return [series for series in self.vital_series if series.newest.is_abnormal and series.newest.is_verified]


def assembled(request: StoredRequest) -> Assembled:
    """Put the values of an order in order."""
    series = arranged(request.values)
    labs = tuple(one for one in series if one.kind is MeasureKind.LAB)
    vitals = tuple(one for one in series if one.kind is MeasureKind.VITAL)
    assessments = assess_all([one.newest for one in labs])
    trends = [found for one in (*labs, *vitals) if (found := trend_of(one)) is not None] if request.has_trends else []
    return Assembled(labs, assessments, vitals, tuple(trends))


def facts_of(found: Assembled) -> tuple[Fact, ...]:
    """Return what an analyst is told: the newest values of each test, the newest of all first, within bounds."""
    every = (*found.lab_series, *found.vital_series)
    facts = [
        _fact(one)
        for series in every
        for one in [one for one in series.values if one.is_verified][-_MOST_FACTS_PER_TEST:]
    ]
    if len(facts) <= _MOST_FACTS:
        return tuple(facts)
    return tuple(_fact(series.newest) for series in every if series.newest.is_verified)[:_MOST_FACTS]


def assess_all(values: Sequence[Measurement]) -> tuple[Assessment, ...]:
    """Return what the rules say of each value, in their order."""
    rows = tuple(_row(one) for one in values)
    return assess(
        Reading(
            rows=rows,
            vitals=(),
            document_date=None,
            test_date=None,
            page_count=1,
            text_source="text",
            reader_version=_READER,
        )
    )


def _row(one: Measurement) -> Row:
    return Row(
        name=one.name,
        value=one.value if one.number is None else one.number,
        unit=one.unit,
        low=one.low,
        high=one.high,
        range_text=one.range_text,
        flag="A" if one.is_abnormal and one.direction is Direction.UNCLEAR else None,
        is_abnormal=one.is_abnormal,
        section="Urine" if one.specimen == "urine" else None,
        confidence=_SURE,
        page=1,
        text="",
    )


def _fact(one: Measurement) -> Fact:
    span = one.shown_range.replace("≥", ">=").replace("≤", "<=") or None
    return Fact(
        name=one.name,
        value=one.value,
        unit=one.unit,
        reference_range=span,
        is_abnormal=one.is_abnormal,
        measured_on=one.measured_on,
    )
