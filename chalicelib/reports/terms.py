"""The closed sets of words that reports use."""

from __future__ import annotations

from enum import StrEnum


class Course(StrEnum):
    """Where values are going: by the fitted line, "steady" below 5 % of the mean over the whole time."""

    RISING = "rising"
    FALLING = "falling"
    STEADY = "steady"


class Standing(StrEnum):
    """Where the latest value lies."""

    BELOW = "below"
    WITHIN = "within"
    ABOVE = "above"
    UNKNOWN = "unknown"


class Per(StrEnum):
    """What a slope is given for: a year only where values span one, so that nothing is foretold."""

    MONTH = "month"
    YEAR = "year"
