"""How much speaks for a candidate being a laboratory result, and what speaks against it."""

from __future__ import annotations

import re
from decimal import Decimal

from chalicelib.gateways.analyst.local import vocabulary
from chalicelib.gateways.analyst.local.atoms import Kind
from chalicelib.gateways.analyst.local.candidates import Candidate

ENOUGH = Decimal(3)
_BAND_NAME = re.compile(rf"[\W\d]*(?:{vocabulary.BAND.pattern}[\W\d]*)+", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]")
_DOSE = re.compile(
    r"(?:m|µ|mc|u|k)?g|m?l|I?U|[Uu]nits?|tablets?|years?|days?|h|hours?|min|cm|mm|m|kg|d|s", re.IGNORECASE
)
_REGISTER = re.compile(r"\b(?:no|nr|tel|ph|fax|abn|id|ref)\b\.?\s*:?\s*\d|\d{5,}", re.IGNORECASE)
LONGEST_NAME = 90


def weigh(candidate: Candidate, name: str, in_remarks: bool, is_in_column: bool) -> Decimal:
    """Return the weight of the evidence; `ENOUGH` makes a result. `is_in_column`: it lines up with other values."""
    if not _can_be_name(name):
        return Decimal(-9)
    has_limits = any(re.search(r"\d", text) for text in candidate.ranges)
    weight = Decimal(0)
    is_dose = candidate.unit is not None and _DOSE.fullmatch(candidate.unit) is not None
    weight += 2 if candidate.unit and (has_limits or not is_dose) else 0
    weight += 2 if has_limits or (candidate.ranges and candidate.value_kind is Kind.ANSWER) else 0
    weight += 1 if candidate.flag else 0
    weight += 2 if vocabulary.ANALYTE.search(name) else 0
    weight += Decimal("1.5") if candidate.is_under_heading and candidate.has_own_cell else 0
    weight += 1 if is_in_column else 0
    weight += Decimal("0.5") if candidate.has_own_cell else 0
    return weight - _doubt(candidate, name, in_remarks)


def _doubt(candidate: Candidate, name: str, in_remarks: bool) -> Decimal:
    words = len(name.split())
    doubt = Decimal(0)
    doubt += Decimal("2.5") if in_remarks else 0
    doubt += 3 if vocabulary.SENTENCE.search(name) else 0
    doubt += 2 if words > 9 else 0
    doubt += 2 * min(candidate.trailing_words, 3)
    doubt += 1 if candidate.value_kind is Kind.LIMIT and not candidate.ranges else 0
    doubt += 1 if candidate.value_kind is Kind.RANGE else 0
    doubt += 2 if len(candidate.ranges) > 3 else 0
    doubt += 3 if _is_grade(name) else 0
    doubt += 3 if _REGISTER.search(name) else 0
    return doubt


def _is_grade(name: str) -> bool:
    """Is it a level of risk or severity, as tables that explain a result list them?"""
    return (
        re.fullmatch(r"(?:very|risk|extreme|stage|grade|category|class|potential)\b.{0,12}", name, re.IGNORECASE)
        is not None
    )


def _can_be_name(name: str) -> bool:
    if len(_LETTERS.findall(name)) < 2 and name.upper() not in {"K", "P"}:
        return False
    if len(name) > LONGEST_NAME or _BAND_NAME.fullmatch(name):
        return False
    return not vocabulary.PARTICULARS.match(name) and not vocabulary.REMARKS.match(name)
