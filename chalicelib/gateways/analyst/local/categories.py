"""Which kind of sample a result comes from: blood, urine, a picture of the body, or something else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.gateways.analyst.findings import TestCategory
from chalicelib.gateways.analyst.local.catalogue import find
from chalicelib.gateways.analyst.local.reading import Row

_URINE = re.compile(r"\burin|\bharn(?!s(?:ä|ae)ure|stoff)|\borina|dipstick|\bhpf\b|\blpf\b", re.IGNORECASE)
_OTHER = re.compile(
    r"stool|f(?:a)?ecal|f(?:a)?eces|stuhl|heces|\bcsf\b|cerebrospinal|liquor|semen|sperm|sputum|swab|saliva|synovial",
    re.IGNORECASE,
)
_IMAGING = re.compile(
    r"ultrasound|sonogra|x-?ray|radiogra|\bct\b|\bmri\b|mammogra|echocardi|densitometr|\bdexa\b|doppler", re.IGNORECASE
)
_BLOOD_SECTION = re.compile(r"blood|serum|plasma|h(?:a)?emato|hämato|hémato|hemogra|sangu|\bblut", re.IGNORECASE)
_BLOOD_NAME = re.compile(r"serum|plasma|\bs-|\bp-", re.IGNORECASE)


def categories_of(rows: Sequence[Row]) -> list[TestCategory]:
    """Return the category of each row, in their order.

    The words of name, section and unit decide; where they are silent, the tests beside it in the same section do: a
    glucose among nitrite and casts is one of urine. What nothing is known about is `other`.
    """
    urine_sections = {section for section in {row.section for row in rows} if _is_urine_section(section, rows)}
    blood_sections = {row.section for row in rows if find(row.name, "blood")} - urine_sections
    return [_category(row, urine_sections, blood_sections) for row in rows]


def _category(row: Row, urine_sections: set[str | None], blood_sections: set[str | None]) -> TestCategory:
    words = f"{row.section or ''} {row.name} {row.unit or ''}"
    for pattern, category in (
        (_OTHER, TestCategory.OTHER),
        (_URINE, TestCategory.URINE),
        (_IMAGING, TestCategory.IMAGING),
    ):
        if pattern.search(words):
            return category
    if _BLOOD_SECTION.search(row.section or "") or _BLOOD_NAME.search(row.name):
        return TestCategory.BLOOD
    if row.section in urine_sections:
        return TestCategory.URINE
    if find(row.name, "blood") is not None:
        return TestCategory.BLOOD
    if find(row.name, "urine") is not None:
        return TestCategory.URINE
    return TestCategory.BLOOD if row.section in blood_sections else TestCategory.OTHER


def _is_urine_section(section: str | None, rows: Sequence[Row]) -> bool:
    """Whether the section has a test that only urine has, and none that only blood has."""
    names = [row.name for row in rows if row.section == section]
    in_blood = [find(name, "blood") is not None for name in names]
    in_urine = [find(name, "urine") is not None for name in names]
    pairs = list(zip(in_blood, in_urine, strict=True))
    return (False, True) in pairs and (True, False) not in pairs
