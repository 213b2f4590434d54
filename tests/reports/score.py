"""How well a reader reads the corpus: precision and recall per report and overall (`python -m tests.reports.score`)."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from chalicelib.errors import NotMedical
from chalicelib.gateways.analyst.findings import Document, FileType
from chalicelib.gateways.analyst.local.reading import Reading, Row, VitalRow
from tests.reports.make_reports import documents, expected, photographs

SAMPLES = Path(__file__).parents[1] / "data" / "lab-reports"
TEXT_THRESHOLD = 0.95
PICTURE_THRESHOLD = 0.85

Read = Callable[[Document, datetime], Reading]
Fact = tuple[str, str, str, str, str]  # name, value, unit, lower bound, upper bound, each normalised


@dataclass(frozen=True, slots=True)
class Sample:
    """A document with its expected rows, in the shape of `expected.json`."""

    name: str
    document: Document
    expected: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Score:
    """What one document gave: how many rows were expected, returned, and exact; and what went wrong, in words."""

    name: str
    expected: int
    returned: int
    exact: int
    flags_right: int = 0
    faults: tuple[str, ...] = ()

    @property
    def precision(self) -> float:
        """The share of returned rows that are exact; 1 where nothing was returned."""
        return self.exact / self.returned if self.returned else 1.0

    @property
    def recall(self) -> float:
        """The share of expected rows that were returned exactly; 1 where nothing was expected."""
        return self.exact / self.expected if self.expected else 1.0


def text_samples() -> Iterator[Sample]:
    """Yield the made-up PDFs and the published one."""
    for report in documents():
        yield Sample(report.name, Document(report.content, FileType(report.file_type)), expected(report))
    yield from _published("*.pdf")


def picture_samples() -> Iterator[Sample]:
    """Yield the made-up pictures and the published one."""
    for report in photographs():
        yield Sample(report.name, Document(report.content, FileType(report.file_type)), expected(report))
    yield from _published("*.jpg")


def _published(pattern: str) -> Iterator[Sample]:
    for path in sorted(SAMPLES.glob(pattern)):
        content = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))
        yield Sample(path.stem, Document(path.read_bytes(), FileType(path.suffix[1:])), content)


def soon() -> datetime:
    """Return a deadline that is far enough for any document of the corpus."""
    return datetime.now(UTC) + timedelta(seconds=120)


def score(sample: Sample, read: Read) -> Score:
    """Read `sample` and compare. A document that is not medical expects `NotMedical` and no rows.

    A row is exact when name, value, unit and both bounds are; numbers compare by value, names and units without regard
    to case, spaces and typography. Optional rows count neither way. A bracket alone on the last line of a name may be
    missing: it might as well be a method.
    """
    is_medical = sample.expected.get("is_medical", True)
    try:
        reading = read(sample.document, soon())
    except NotMedical:
        wanted = sum(not row.get("is_optional") for row in sample.expected["lab_results"])
        return Score(sample.name, wanted, 0, 0, faults=("taken for not medical",) if is_medical else ())
    if not is_medical:
        return Score(sample.name, 0, max(1, len(reading.rows)), 0, faults=("not medical, and read all the same",))
    return _compare(sample, reading)


def _compare(sample: Sample, reading: Reading) -> Score:
    rows = sample.expected["lab_results"]
    wanted = [row for row in rows if not row.get("is_optional")]
    optional = {(_value(row["test_value"]), _unit(row["test_unit"])) for row in rows if row.get("is_optional")}
    expected_facts = [_expected_fact(row) for row in wanted]
    missing = Counter(expected_facts)
    full_facts = {
        _expected_fact({**row, "test_name": row["short_name"]}): _expected_fact(row)
        for row in wanted
        if "short_name" in row
    }
    flags = {fact: row["is_abnormal"] for fact, row in zip(expected_facts, wanted, strict=True)}
    exact = flags_right = false_rows = 0
    faults: list[str] = []
    for row in reading.rows:
        fact, is_abnormal = full_facts.get(_found_fact(row), _found_fact(row)), row.is_abnormal
        if missing[fact]:
            missing[fact] -= 1
            exact += 1
            flags_right += flags[fact] is None or flags[fact] == is_abnormal
            if flags[fact] is not None and flags[fact] != is_abnormal:
                faults.append(f"flag    {' | '.join(fact)}: {is_abnormal}")
        elif (fact[1], fact[2]) not in optional:
            false_rows += 1
            faults.append(f"false   {' | '.join(fact)}")
    faults += [f"missing {' | '.join(fact)}" for fact in missing.elements()]
    faults += _other_faults(sample, reading)
    return Score(sample.name, len(wanted), exact + false_rows, exact, flags_right, tuple(faults))


def _other_faults(sample: Sample, reading: Reading) -> Iterator[str]:
    if "vitals" in sample.expected:
        wanted = {(vital["vital_type"], vital["value"]) for vital in sample.expected["vitals"]}
        found = {(vital.vital_type.value, _vital_value(vital)) for vital in reading.vitals}
        yield from (f"vital missing {kind} {value}" for kind, value in sorted(wanted - found))
        yield from (f"vital false   {kind} {value}" for kind, value in sorted(found - wanted))
    day = reading.document_date.isoformat() if reading.document_date else None
    if day != sample.expected.get("document_date"):
        yield f"date {day}, not {sample.expected.get('document_date')}"


def _vital_value(vital: VitalRow) -> str:
    if vital.systolic is not None or vital.diastolic is not None:
        return f"{_value(vital.systolic)}/{_value(vital.diastolic)}"
    return _value(vital.numeric)


def _expected_fact(row: dict[str, Any]) -> Fact:
    return (
        _name(row["test_name"]),
        _value(row["test_value"]),
        _unit(row["test_unit"]),
        _value(row["reference_range_low"]),
        _value(row["reference_range_high"]),
    )


def _found_fact(row: Row) -> Fact:
    return _name(row.name), _value(row.value), _unit(row.unit), _value(row.low), _value(row.high)


def _name(text: str) -> str:
    """Keep letters, digits, % and #, without case and accents' encodings: punctuation and spaces are typography."""
    return re.sub(r"[^\w%#]|_", "", unicodedata.normalize("NFKC", text).casefold())


def _unit(text: str | None) -> str:
    """Write units alike: `10³/µL` and `10^3/uL`, `x10^9/L` and `10*9/L`; "(calc)" is no part of a unit."""
    plain = unicodedata.normalize("NFKC", text or "").casefold().replace("(calc)", "").replace("μ", "u")
    return re.sub(r"[\s^*.]|(?<![a-z])[x×](?=10)", "", plain)


def _value(value: Decimal | float | str | None) -> str:
    """Write numbers by value ("15.00" and 15 are one), words without case and spaces, "< 9,0" as "<9.0", None as ""."""
    if value is None:
        return ""
    if isinstance(value, str):
        plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", value).casefold()).replace("–", "-")
        return plain.replace(",", ".") if plain[:1] in "<>≤≥" else plain
    return format(Decimal(str(value)).normalize(), "f")


def total(name: str, scores: Iterable[Score]) -> Score:
    """Return the sums of `scores`: every row weighs the same."""
    parts = list(scores)
    return Score(
        name,
        sum(s.expected for s in parts),
        sum(s.returned for s in parts),
        sum(s.exact for s in parts),
        sum(s.flags_right for s in parts),
    )


def describe(item: Score) -> str:
    """Return one line about a score."""
    return (
        f"{item.name:<34} expected {item.expected:>4}  returned {item.returned:>4}  exact {item.exact:>4}  "
        f"precision {item.precision:6.1%}  recall {item.recall:6.1%}  flags {item.flags_right}/{item.exact}"
    )


def _print_group(title: str, samples: Iterable[Sample], read: Read, *, threshold: float, is_verbose: bool) -> bool:
    scores = []
    for sample in samples:
        scores.append(score(sample, read))
        print(describe(scores[-1]))
        if is_verbose:
            print("".join(f"    {fault}\n" for fault in scores[-1].faults), end="")
    everything = total(title, scores)
    print(describe(everything), end="\n\n")
    return min(everything.precision, everything.recall) >= threshold


def main(arguments: list[str]) -> int:
    """Print the scores of the local reader; 0 when all thresholds are met, else 1.

    Arguments: `-v` prints every fault, `--text` leaves the pictures out, a word keeps the reports named with it.
    """
    from chalicelib.gateways.analyst.local.reader import read

    words = [word for word in arguments if not word.startswith("-")]

    def kept(samples: Iterator[Sample]) -> Iterator[Sample]:
        return (sample for sample in samples if all(word in sample.name for word in words))

    is_verbose = "-v" in arguments
    is_good = _print_group("TEXT", kept(text_samples()), read, threshold=TEXT_THRESHOLD, is_verbose=is_verbose)
    if "--text" not in arguments:
        is_good &= _print_group(
            "PICTURES", kept(picture_samples()), read, threshold=PICTURE_THRESHOLD, is_verbose=is_verbose
        )
    return 0 if is_good else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
