"""The detailed explanation of a reading, in markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from chalicelib.gateways.analyst.findings import VitalType
from chalicelib.gateways.analyst.local.assessment import Assessment, meaning, measures, question
from chalicelib.gateways.analyst.local.deviation import Direction, how_far, range_text, result_text
from chalicelib.gateways.analyst.local.disclaimers import DISCLAIMERS
from chalicelib.gateways.analyst.local.markdown_text import escaped, table
from chalicelib.gateways.analyst.local.reading import VitalRow

VITAL_NAMES = {
    VitalType.BLOOD_PRESSURE: "Blood pressure",
    VitalType.HEART_RATE: "Heart rate",
    VitalType.TEMPERATURE: "Body temperature",
    VitalType.WEIGHT: "Weight",
    VitalType.HEIGHT: "Height",
    VitalType.OXYGEN_SATURATION: "Oxygen saturation",
}
_ARROWS = {Direction.LOW: "low", Direction.HIGH: "high", Direction.UNCLEAR: "out of the ordinary"}


def interpretation(assessments: Sequence[Assessment], vitals: Sequence[VitalRow]) -> str:
    """Return the markdown: urgent notice, values outside, within and without a range, vital signs, disclaimers.

    Everything that comes from the document is escaped. Parts without content are left out; the disclaimers never are.
    """
    abnormal = [item for item in assessments if item.standing == "abnormal"]
    parts = [
        *urgent([item for item in assessments if item.critical]),
        *_outside(abnormal),
        *_within([item for item in assessments if item.standing == "normal"]),
        *_without_range([item for item in assessments if item.standing == "unknown"]),
        *_vital_signs(vitals),
        "## Please note",
        "\n".join(f"- {sentence}" for sentence in DISCLAIMERS),
    ]
    return "\n\n".join(parts) + "\n"


def vital_text(vital: VitalRow) -> str:
    """Return value and unit of a vital sign, not escaped."""
    if vital.systolic is not None or vital.diastolic is not None:
        upper = "–" if vital.systolic is None else format(vital.systolic, "f")
        lower = "–" if vital.diastolic is None else format(vital.diastolic, "f")
        return f"{upper}/{lower} {vital.unit}"
    return f"{vital.numeric:f} {vital.unit}" if vital.numeric is not None else "–"


def vital_interpretation(vital: VitalRow) -> str:
    """Return the plain-text explanation that goes with a single vital sign."""
    name, value = VITAL_NAMES[vital.vital_type], vital_text(vital)
    if vital.is_abnormal is None:
        return f"{name} was noted as {value}. By itself it is neither normal nor abnormal."
    if vital.is_abnormal:
        return (
            f"{name} was noted as {value}, outside what is usual for adults at rest. A single measurement says little; "
            "measure again at rest and tell your doctor."
        )
    return f"{name} was noted as {value}, within what is usual for adults at rest."


def urgent(critical: Sequence[Assessment]) -> Iterator[str]:
    """Yield the notice about critical values, heading first; nothing where there is none."""
    if not critical:
        return
    named = "; ".join(f"**{escaped(item.row.name)}** {escaped(result_text(item.row))}" for item in critical)
    yield "## Please contact a doctor today"
    yield (
        f"Far outside the usual range: {named}. Laboratories usually report such values to the doctor at once. They "
        "can also come from a problem with the sample or from an error in reading your document, so compare with the "
        "original."
    )


def _outside(abnormal: Sequence[Assessment]) -> Iterator[str]:
    if not abnormal:
        return
    yield "## Values outside their range"
    order = {group: number for number, group in enumerate(dict.fromkeys(item.group for item in abnormal))}
    ordered = sorted(abnormal, key=lambda item: order[item.group])
    for group, items in groupby(ordered, key=lambda item: item.group):
        members = list(items)
        yield f"### {escaped(group)}"
        yield from (_explained(item) for item in members)
        questions = dict.fromkeys(question(item) for item in members)
        yield "**To ask your doctor:**\n\n" + "\n".join(f"- {text}" for text in questions)


def _explained(item: Assessment) -> str:
    assert item.direction is not None  # an abnormal row always has one
    span = range_text(item.row)
    heading = f"#### {escaped(item.row.name)}: {escaped(result_text(item.row))} ({_ARROWS[item.direction]})"
    lines = [
        f"- What it measures: {_measured(item)}",
        f"- How far it is off: {how_far(item.row, item.direction)}{f' (range {escaped(span)})' if span else ''}.",
        f"- What this can mean: {meaning(item)}",
    ]
    return heading + "\n\n" + "\n".join(lines)


def _measured(item: Assessment) -> str:
    return measures(item) if item.analyte is None else f"{item.analyte.about}."


def _within(normal: Sequence[Assessment]) -> Iterator[str]:
    if not normal:
        return
    yield "## Values within their range"
    yield table(
        ("Test", "Result", "Range"),
        ([escaped(part) for part in (item.row.name, result_text(item.row), range_text(item.row))] for item in normal),
    )


def _without_range(unknown: Sequence[Assessment]) -> Iterator[str]:
    if not unknown:
        return
    yield "## Values without a range"
    yield "The report gives nothing to compare these values with."
    yield table(
        ("Test", "Result"), ([escaped(part) for part in (item.row.name, result_text(item.row))] for item in unknown)
    )


def _vital_signs(vitals: Sequence[VitalRow]) -> Iterator[str]:
    if not vitals:
        return
    words = {True: "outside what is usual", False: "usual", None: ""}
    yield "## Vital signs"
    yield table(
        ("Vital sign", "Measured", "For adults at rest"),
        ((VITAL_NAMES[vital.vital_type], escaped(vital_text(vital)), words[vital.is_abnormal]) for vital in vitals),
    )
