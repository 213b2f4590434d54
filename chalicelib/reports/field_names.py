"""The names under which apps send values: which field is the name, the number, the unit, the range, the day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

NAME: Final = (
    "testname", "vitaltype", "metricname", "analyte", "biomarker", "parameter", "displayname", "test", "metric",
    "name", "label", "title", "type", "code",
)  # fmt: skip
VALUE: Final = ("testvalue", "numericvalue", "valuequantity", "value", "result", "reading", "amount", "measurement")
UNIT: Final = ("testunit", "unit", "units", "valueunit", "unitofmeasure")
LOW: Final = ("referencerangelow", "referencelow", "rangelow", "reflow", "normallow", "low", "min", "minimum")
HIGH: Final = ("referencerangehigh", "referencehigh", "rangehigh", "refhigh", "normalhigh", "high", "max", "maximum")
RANGE: Final = ("referencerangetext", "referencerange", "normalrange", "refrange", "reference", "range")
FLAG: Final = ("isabnormal", "abnormal", "outofrange", "flag", "interpretation", "status")
DAY: Final = (
    "testdate", "measurementdate", "measuredon", "measuredat", "collectedon", "collectedat", "collectiondate",
    "effectivedatetime", "recordedat", "sampledate", "observedat", "date", "timestamp", "startdate", "datetime",
    "documentdate", "createdat",
)  # fmt: skip
SPECIMEN: Final = ("testcategory", "specimen", "sample", "category")
SYSTOLIC: Final = ("systolicvalue", "systolic", "sys", "bloodpressuresystolic")
DIASTOLIC: Final = ("diastolicvalue", "diastolic", "dia", "bloodpressurediastolic")

LAB_FOLDERS: Final = frozenset(
    {"labresults", "labs", "labvalues", "laboratory", "laboratoryresults", "laboratoryvalues", "bloodtests", "tests",
     "biomarkers", "labresult", "bloodwork", "lab"}
)  # fmt: skip
VITAL_FOLDERS: Final = frozenset({"vitals", "vitalsigns", "vital", "vitalsign"})
_OTHER_FOLDERS: Final = frozenset(
    {"results", "values", "measurements", "data", "entries", "readings", "history", "items", "records", "reports",
     "documents", "observations", "panel", "panels", "series", "points", "samples", "healthdata", "medicaldata",
     "entry", "resource", "content", "latest", "previous", "current", "component", "trend", "trends"}
)  # fmt: skip
FOLDERS: Final = LAB_FOLDERS | VITAL_FOLDERS | _OTHER_FOLDERS
"""Fields that hold values and are no test themselves."""

_ABNORMAL: Final = frozenset(
    {"h", "l", "hh", "ll", "high", "low", "abnormal", "a", "critical", "elevated", "yes", "true"}
)
_NORMAL: Final = frozenset({"n", "normal", "ok", "in range", "inrange", "within range", "no", "false"})


def plain_name(name: str) -> str:
    """Return a field's name without case and separators: `testName`, `test_name` and `Test-Name` are one."""
    return re.sub(r"[\W_]+", "", name[:80]).casefold()


def first(fields: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the first of some fields that says anything; None where none does."""
    return next((fields[name] for name in names if fields.get(name) not in (None, "", [], {})), None)


def read_flag(value: Any) -> bool | None:
    """Read whether a value was marked as abnormal; None for what says neither."""
    if isinstance(value, bool):
        return value
    word = value.strip().casefold() if isinstance(value, str) else ""
    if word in _ABNORMAL:
        return True
    return False if word in _NORMAL else None
