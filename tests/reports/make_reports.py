"""The corpus: every made-up report, and a command that writes them with their expected rows into a directory."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.reports import (
    american,
    clinics,
    commonwealth,
    continental,
    elsewhere,
    european,
    iberian,
    indian,
    letters,
    pictures,
)
from tests.reports.lines import Line, Report, as_number

DOCUMENTS: tuple[Callable[[], Report], ...] = (
    american.american_reference_laboratory,
    american.american_in_and_out_of_range,
    commonwealth.british_two_columns,
    american.typewriter_printout,
    commonwealth.canadian_range_before_result,
    european.german_laboratory,
    european.french_laboratory,
    iberian.spanish_laboratory,
    european.italian_laboratory,
    iberian.brazilian_laboratory,
    indian.indian_blood_count,
    indian.indian_vitamins_and_thyroid,
    clinics.singapore_range_before_result,
    clinics.philippine_urinalysis,
    commonwealth.australian_cumulative,
    letters.discharge_letter,
    letters.patient_portal,
    clinics.kenyan_liver_form,
    continental.dutch_laboratory,
    continental.turkish_laboratory,
    elsewhere.pakistani_newest_first,
    continental.polish_laboratory,
    continental.swiss_practice,
    elsewhere.colon_printout,
    elsewhere.serology_report,
    elsewhere.nutrition_label,
    elsewhere.bank_statement,
    letters.hardware_invoice,
    letters.short_story,
)


def documents() -> Iterator[Report]:
    """Yield the text PDFs, always the same bytes in the same order."""
    for make in DOCUMENTS:
        yield make()


def photographs() -> Iterator[Report]:
    """Yield the pictures, always the same bytes in the same order: photographs, scans and a fax."""
    yield pictures.photographed(clinics.kenyan_liver_form())
    yield pictures.scanned(clinics.singapore_range_before_result())
    yield pictures.faxed(iberian.spanish_laboratory())
    yield pictures.held(commonwealth.canadian_range_before_result())
    yield pictures.scanned_pdf(american.american_in_and_out_of_range())


def expected(report: Report) -> dict[str, Any]:
    """Return what should be read in `report`, in the shape of the published samples' `expected.json`."""
    return {
        "source": f"{report.name}.{report.file_type}",
        "is_medical": report.is_medical,
        "document_date": report.document_date.isoformat() if report.document_date else None,
        "lab_results": [_expected_row(line) for line in report.lines],
        "vitals": [{"vital_type": vital.vital_type, "value": vital.value} for vital in report.vitals],
    }


def _expected_row(line: Line) -> dict[str, Any]:
    number = as_number(line.value)
    row: dict[str, Any] = {
        "test_name": line.name.replace("\n", " "),
        "test_value": line.value if number is None else float(number),
        "test_unit": line.unit.replace("\n", " ") if line.unit else None,
        "reference_range_low": None if line.low is None else float(line.low),
        "reference_range_high": None if line.high is None else float(line.high),
        "is_abnormal": line.is_abnormal,
    }
    *first_lines, last_line = line.name.split("\n")
    if first_lines and last_line.startswith("(") and last_line.endswith(")"):
        row["short_name"] = " ".join(first_lines)
    return {**row, "is_optional": True} if line.is_optional else row


def write(report: Report, directory: Path) -> Path:
    """Write `report` and its expected rows into `directory`; return the path of the document."""
    path = directory / f"{report.name}.{report.file_type}"
    path.write_bytes(report.content)
    text = json.dumps(expected(report), indent=1, ensure_ascii=False)
    (directory / f"{report.name}.expected.json").write_text(text + "\n", encoding="utf-8")
    return path


def main(arguments: list[str]) -> int:
    """Write the whole corpus into the directory that is the first argument."""
    if len(arguments) != 1:
        print("usage: python -m tests.reports.make_reports DIRECTORY", file=sys.stderr)
        return 2
    directory = Path(arguments[0])
    directory.mkdir(parents=True, exist_ok=True)
    for report in (*documents(), *photographs()):
        print(write(report, directory))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
