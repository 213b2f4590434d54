"""A value of a person at a day, whatever shape it came in: the one form that reports are put together from."""

from __future__ import annotations

import unicodedata
from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from chalicelib.gateways.analyst.local.catalogue import Specimen, find
from chalicelib.gateways.analyst.local.deviation import Direction


class MeasureKind(StrEnum):
    """What was measured: something in a laboratory, or a vital sign."""

    LAB = "lab"
    VITAL = "vital"


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One value. `value` is as it was sent, `number` is None for words and for limits such as "<0.01".

    Bounds are inclusive. `is_abnormal` is worked out from number and bounds where there are any, and else what was
    sent; None where nothing tells. `is_verified` is False where the document could not be checked for it.
    """

    name: str
    kind: MeasureKind
    value: str
    number: Decimal | None = None
    unit: str | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    range_text: str | None = None
    is_abnormal: bool | None = None
    measured_on: date | None = None
    specimen: Specimen = "blood"
    is_verified: bool = True

    @property
    def direction(self) -> Direction | None:
        """Where an abnormal value lies; None for one that is not."""
        if not self.is_abnormal:
            return None
        if self.number is not None and self.low is not None and self.number < self.low:
            return Direction.LOW
        if self.number is not None and self.high is not None and self.number > self.high:
            return Direction.HIGH
        return Direction.UNCLEAR

    @property
    def shown_value(self) -> str:
        """The value with its unit."""
        return f"{self.value} {self.unit}" if self.unit else self.value

    @property
    def shown_range(self) -> str:
        """The reference range in short; empty where there is none."""
        if self.low is not None and self.high is not None:
            return f"{self.low:f} – {self.high:f}"
        if self.low is not None:
            return f"≥ {self.low:f}"
        if self.high is not None:
            return f"≤ {self.high:f}"
        return self.range_text or ""


def series_key(one: Measurement) -> str:
    """Return what values of the same test have in common: the catalogue's key where the name is one of its names, else
    the name's words.

    Only whole names count: "glucose, 2 h after meal" is not compared with "glucose", although both speak of glucose.
    """
    words = words_of(one.name)
    analyte = find(one.name, one.specimen) if one.kind is MeasureKind.LAB else None
    if analyte is not None and words in {words_of(alias) for alias in (analyte.name, *analyte.aliases)}:
        return f"{one.specimen}/{analyte.key}"
    return f"{one.kind}/{one.specimen}/{words}"


def words_of(text: str) -> str:
    """Return the words of a text without case, accents and punctuation."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(mark if mark.isalnum() else " " for mark in folded if not unicodedata.combining(mark))
    return " ".join(kept.split())
