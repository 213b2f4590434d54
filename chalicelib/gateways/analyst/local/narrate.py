"""From the rows of a reading to its explanation: title, summary, findings, flags and confidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from chalicelib.gateways.analyst.findings import Analysis, LabFinding, Source, TestCategory, VitalFinding
from chalicelib.gateways.analyst.local.assessment import Assessment, assess, row_interpretation
from chalicelib.gateways.analyst.local.deviation import Direction, result_text
from chalicelib.gateways.analyst.local.disclaimers import DISCLAIMERS
from chalicelib.gateways.analyst.local.interpretation import interpretation, vital_interpretation
from chalicelib.gateways.analyst.local.markdown_text import spoken
from chalicelib.gateways.analyst.local.reading import Reading, VitalRow

NAMES_IN_SUMMARY = 8
LOW_CONFIDENCE = Decimal("6.0")
_WORDS = {Direction.LOW: "low", Direction.HIGH: "high", Direction.UNCLEAR: "out of the ordinary"}


def narrate(reading: Reading) -> Analysis:
    """Return the explanation of `reading` for a lay person: the same reading always gives the same words.

    Names and units of the document appear in it as text only, whatever markup they hold. Nothing about a person does.
    """
    assessments = assess(reading)
    confidence = _confidence(reading)
    return Analysis(
        title=_title(reading, assessments),
        summary=" ".join(_summary(reading, assessments)),
        detailed_interpretation=interpretation(assessments, reading.vitals),
        confidence_score=confidence,
        document_date=reading.document_date,
        medical_flags=tuple(dict.fromkeys(_flags(reading, assessments, confidence))),
        lab_results=tuple(_lab_finding(item, reading.test_date) for item in assessments),
        vitals=tuple(_vital_finding(vital, reading.test_date) for vital in reading.vitals),
        disclaimers=DISCLAIMERS,
        model_used=reading.reader_version,
    )


def _lab_finding(item: Assessment, test_date: date | None) -> LabFinding:
    row = item.row
    return LabFinding(
        test_name=row.name,
        test_category=item.category,
        test_value=row.value,
        test_unit=row.unit,
        reference_range_low=row.low,
        reference_range_high=row.high,
        reference_range_text=row.range_text,
        is_abnormal=row.is_abnormal,
        confidence_score=row.confidence,
        ai_interpretation=row_interpretation(item),
        test_date=test_date,
        source=Source(page=row.page, text=row.text),
    )


def _vital_finding(vital: VitalRow, measurement_date: date | None) -> VitalFinding:
    return VitalFinding(
        vital_type=vital.vital_type,
        systolic_value=vital.systolic,
        diastolic_value=vital.diastolic,
        numeric_value=vital.numeric,
        unit=vital.unit,
        is_abnormal=vital.is_abnormal,
        confidence_score=vital.confidence,
        ai_interpretation=vital_interpretation(vital),
        measurement_date=measurement_date,
        source=Source(page=vital.page, text=vital.text),
    )


def _confidence(reading: Reading) -> Decimal:
    """Return the mean confidence of everything read, 1 to 10 with one decimal; 1 where nothing was."""
    scores = [row.confidence for row in reading.rows] + [vital.confidence for vital in reading.vitals]
    mean = sum(scores, Decimal(0)) / len(scores) if scores else Decimal(1)
    return min(max(mean, Decimal(1)), Decimal(10)).quantize(Decimal("0.1"), ROUND_HALF_UP)


def _title(reading: Reading, assessments: Sequence[Assessment]) -> str:
    categories = {item.category for item in assessments}
    blood_and_urine = {TestCategory.BLOOD, TestCategory.URINE}
    if not assessments:
        subject = "Vital signs" if reading.vitals else "Medical document"
    elif categories == blood_and_urine:
        subject = "Blood and urine test results"
    elif len(categories) == 1 and categories <= blood_and_urine:
        subject = f"{next(iter(categories)).value.capitalize()} test results"
    else:
        subject = "Laboratory results"
    day = reading.document_date or reading.test_date
    return f"{subject} of {day.day} {day:%B %Y}" if day else subject


def _summary(reading: Reading, assessments: Sequence[Assessment]) -> Iterator[str]:
    """Yield two to five plain sentences."""
    abnormal = [item for item in assessments if item.standing == "abnormal"]
    unknown = sum(item.standing == "unknown" for item in assessments)
    yield _count_sentence(len(assessments), len(abnormal), unknown, len(reading.vitals))
    if abnormal:
        yield f"Outside {_their(len(abnormal))} range: {_named(abnormal)}."
    if any(item.critical for item in assessments):
        yield "At least one value is far outside what is usual: please contact a doctor today."
    strange_vitals = sum(vital.is_abnormal is True for vital in reading.vitals)
    if strange_vitals:
        signs = _counted(strange_vitals, "vital sign")
        yield f"{signs} {_is(strange_vitals)} outside what is usual for adults at rest."
    if abnormal or strange_vitals:
        yield (
            "A value outside its range is common and by itself does not mean an illness; your doctor can say what it "
            "means for you."
        )
    else:
        yield "Discuss the results with your doctor if you have complaints or questions."


def _count_sentence(total: int, abnormal: int, unknown: int, vitals: int) -> str:
    if total == 0:
        return f"The document notes {_counted(vitals, 'vital sign')} and no laboratory values."
    start = f"The report contains {_counted(total, 'laboratory value')}"
    start += f" and {_counted(vitals, 'vital sign')}" if vitals else ""
    compared = total - unknown
    if compared == 0:
        return f"{start}, without {'a range to compare it' if total == 1 else 'ranges to compare them'} with."
    rest = f"; {unknown} {'has' if unknown == 1 else 'have'} no range to compare with" if unknown else ""
    if abnormal == 0:
        return f"{start}; {_all(compared, unknown)} within {_their(compared)} range{rest}."
    if total == 1:
        return f"{start}, which is outside its range."
    return f"{start}; {abnormal} of the values {_is(abnormal)} outside {_their(abnormal)} range{rest}."


def _all(compared: int, unknown: int) -> str:
    if compared == 1:
        return "the one that has a range is" if unknown else "it is"
    return f"all {compared} that have a range are" if unknown else "all of them are"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _their(number: int) -> str:
    return "its" if number == 1 else "their"


def _named(abnormal: Sequence[Assessment]) -> str:
    named = [f"{spoken(item.row.name)} ({_word(item)}, {spoken(result_text(item.row))})" for item in abnormal]
    shown, more = named[:NAMES_IN_SUMMARY], len(named) - NAMES_IN_SUMMARY
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _word(item: Assessment) -> str:
    return _WORDS[item.direction or Direction.UNCLEAR]


def _flags(reading: Reading, assessments: Sequence[Assessment], confidence: Decimal) -> Iterator[str]:
    """Yield short codes, the general ones first, then one per known analyte in reading order."""
    if any(item.standing == "abnormal" for item in assessments):
        yield "ABNORMAL_VALUES"
    if any(item.critical for item in assessments):
        yield "CRITICAL_VALUES"
    if any(vital.is_abnormal for vital in reading.vitals):
        yield "ABNORMAL_VITALS"
    if assessments and all(item.standing == "unknown" for item in assessments):
        yield "NO_REFERENCE_RANGES"
    if confidence < LOW_CONFIDENCE:
        yield "LOW_CONFIDENCE"
    for item in assessments:
        if item.analyte is None:
            continue
        if item.critical is not None:
            yield f"CRITICAL_{item.critical.upper()}_{item.analyte.key}"
        if item.direction is not None:
            prefix = "ABNORMAL" if item.direction is Direction.UNCLEAR else item.direction.upper()
            yield f"{prefix}_{item.analyte.key}"
