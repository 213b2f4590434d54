"""The local reader on reports that it was not written for: text PDFs, pictures, and documents that are not medical."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chalicelib.errors import NotMedical
from chalicelib.gateways.analyst.findings import Document, FileType
from chalicelib.gateways.analyst.local.reading import Reading, Row
from tests.reports import score as scoring
from tests.reports.make_reports import documents, photographs, write
from tests.reports.score import PICTURE_THRESHOLD, TEXT_THRESHOLD, Sample, Score, describe


def _read() -> scoring.Read:
    from chalicelib.gateways.analyst.local.reader import read

    return read


def _account(scores: list[Score]) -> str:
    return "\n".join(line for item in scores for line in (describe(item), *(f"    {fault}" for fault in item.faults)))


@pytest.fixture(scope="session")
def text_scores() -> list[Score]:
    """The scores of the text PDFs, read once per session."""
    return [scoring.score(sample, _read()) for sample in scoring.text_samples()]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole corpus as files, with its expected rows beside them."""
    directory = tmp_path_factory.mktemp("reports")
    for report in (*documents(), *photographs()):
        write(report, directory)
    return directory


def test_text_reports_of_many_laboratories_are_read_exactly(text_scores: list[Score]) -> None:
    everything = scoring.total("all", text_scores)
    assert everything.expected > 250
    assert everything.recall >= TEXT_THRESHOLD, _account(text_scores)
    assert everything.precision >= TEXT_THRESHOLD, _account(text_scores)


def test_no_text_report_is_lost_behind_a_good_average(text_scores: list[Score]) -> None:
    poor = [item for item in text_scores if item.recall < 0.7]
    assert not poor, _account(poor)


def test_abnormal_values_are_flagged_as_the_report_says(text_scores: list[Score]) -> None:
    everything = scoring.total("all", text_scores)
    assert everything.flags_right >= 0.97 * everything.exact > 0, _account(text_scores)


def test_vital_signs_of_a_letter_are_found_and_none_invented(text_scores: list[Score]) -> None:
    assert not [fault for item in text_scores for fault in item.faults if fault.startswith("vital")]


@pytest.mark.parametrize(
    "kinds", [("-photo",), pytest.param(("-photo", "-held", "-scanned"), marks=pytest.mark.prove)], ids=len
)
def test_photographed_and_scanned_reports_are_read(kinds: tuple[str, ...]) -> None:
    # The others are left to `python -m tests.reports.score`: reading is slow.
    scores = [scoring.score(sample, _read()) for sample in scoring.picture_samples() if sample.name.endswith(kinds)]
    assert len(scores) == len(kinds)
    everything = scoring.total("pictures", scores)
    assert min(everything.recall, everything.precision) >= PICTURE_THRESHOLD, _account(scores)


@pytest.mark.parametrize("name", ["hardware-invoice", "short-story", "nutrition-label", "bank-statement"])
def test_a_document_that_is_not_medical_is_refused(name: str) -> None:
    report = next(report for report in documents() if report.name == name)
    with pytest.raises(NotMedical):
        _read()(Document(report.content, FileType.PDF), scoring.soon())


def test_the_corpus_is_made_alike_each_time(corpus: Path) -> None:
    for report in documents():
        assert (corpus / f"{report.name}.pdf").read_bytes() == report.content


def test_every_expected_value_is_printed_in_its_report(corpus: Path) -> None:
    import pypdfium2

    for report in documents():
        pages = pypdfium2.PdfDocument(corpus / f"{report.name}.pdf")
        text = "".join(page.get_textpage().get_text_bounded() for page in pages)
        digits = "".join(character for character in text if character.isalnum())
        for line in report.lines:
            shown = "".join(character for character in (line.shown or line.value) if character.isalnum())
            assert shown in digits, f"{report.name}: {line.name} {line.value}"


def test_a_reader_that_repeats_rows_loses_precision_and_a_blind_one_loses_recall() -> None:
    sample = next(iter(scoring.text_samples()))
    whole = _perfect(sample)
    blind = msgspec.structs.replace(whole, rows=())
    doubled = msgspec.structs.replace(whole, rows=whole.rows * 2)
    assert scoring.score(sample, lambda document, deadline: whole).recall == 1
    assert scoring.score(sample, lambda document, deadline: blind).recall == 0
    assert scoring.score(sample, lambda document, deadline: doubled).precision == 0.5


def _perfect(sample: Sample) -> Reading:
    rows = tuple(_perfect_row(row) for row in sample.expected["lab_results"])
    return Reading(
        rows=rows, vitals=(), document_date=None, test_date=None, page_count=1, text_source="text", reader_version="0"
    )


def _perfect_row(row: dict[str, Any]) -> Row:
    number = {
        key: None if row[key] is None else Decimal(str(row[key]))
        for key in ("reference_range_low", "reference_range_high")
    }
    value = row["test_value"]
    return Row(
        name=row["test_name"],
        value=value if isinstance(value, str) else Decimal(str(value)),
        unit=row["test_unit"],
        low=number["reference_range_low"],
        high=number["reference_range_high"],
        range_text=None,
        flag=None,
        is_abnormal=row["is_abnormal"],
        section=None,
        confidence=Decimal("9.0"),
        page=1,
        text="",
    )
