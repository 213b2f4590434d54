"""Is a readable document a medical one? Laboratory results or vital signs decide, else the words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.gateways.analyst.local import vocabulary
from chalicelib.gateways.analyst.local.reading import Row, VitalRow

_TERMS = re.compile(
    r"\b(?:patient\w*|diagnos\w+|specimen|ha?emato\w+|ha?emoglobin|patholog\w+|laborator\w+|biochem\w+|"
    r"clinical\w*|symptom\w*|"
    r"prescri\w+|mg/dl|mmol/l|blood|urine|serum|plasma|x-?ray|radiograph\w*|mri|ct\s+scan|ultraso\w+|"
    r"echocardio\w+|ecg|ekg|biops\w+|"
    r"impression|findings|lesion\w*|tumou?r|carcinoma|medication\w*|dosage|dose|allerg\w+|surg\w+|hospital|"
    r"physician|cardiolog\w+|"
    r"oncolog\w+|radiolog\w+|vaccin\w+|immuni[sz]\w+|infection\w*|chronic|acute|therap\w+|discharge\s+summary|"
    r"vital\s+signs|"
    r"reference\s+(?:range|interval)|patholog\w*|befund\w*|diagnose\w*|blut\w*|labor\w*|krankenhaus|röntgen\w*|"
    r"ordonnance|analyse\w*\s+médicale\w*|sang|diagnóstico|laboratorio|sangre|orina|paciente)\b",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"(?:[$€£₹]\s?\d|\d\s?(?:[$€£₹]|EUR|USD|INR|GBP)\b|\b(?:invoice|amount due|subtotal|rechnung|facture|"
    r"total due|VAT)\b)",
    re.IGNORECASE,
)
_PER_VOLUME = re.compile(r"/\s?(?:[µumdcnpf]?[lL]\b|mm\^?[3³]|cumm|[hl]pf)", re.IGNORECASE)
ENOUGH_TERMS = 4  # different ones: a novel has a patient and blood in it, not four of these on a few pages
WORDS_PER_TERM = 120


def is_medical(text: str, rows: Sequence[Row], vitals: Sequence[VitalRow]) -> bool:
    """Does the document hold laboratory results, vital signs, or enough of a medical report's words for its length?

    A range beside the name of a mineral may be a food's: it takes a laboratory's words or concentrations to be medical.
    An invoice that names tests and hospitals is not medical unless it gives results with ranges.
    """
    known = [row for row in rows if vocabulary.ANALYTE.search(row.name)]
    ranged = [row for row in rows if row.range_text is not None]
    terms = {match.group().casefold() for match in _TERMS.finditer(text)}
    is_measured = any(isinstance(row.value, str) for row in (*known, *ranged)) or any(
        _PER_VOLUME.search(row.unit or "") for row in ranged
    )
    if ranged and (is_measured or (known and terms) or len(terms) >= 2):
        return True
    if _MONEY.search(text) and not known:
        return False
    if known and terms:
        return True
    words = len(text.split())
    has_vitals = len(vitals) >= 2 or (len(vitals) == 1 and bool(terms))
    return has_vitals or len(terms) >= max(ENOUGH_TERMS, min(words // WORDS_PER_TERM, 12))
