"""Makes the hostile and the genuine files, for the tests or into a folder: `python -m tests.hostile.make_files out`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.hostile import genuine, pdfs, pictures, plain


@dataclass(frozen=True, slots=True)
class Sample:
    """A file by name, how it is made, what it is called, and the code and reasons with which it is to be refused."""

    name: str
    make: Callable[[], bytes]
    file_name: str
    code: str | None = None
    reasons: frozenset[str] = frozenset()
    sentence: str = ""


def hostile() -> Iterator[Sample]:
    """Files that are to be refused."""
    invalid = "FILE_VALIDATION_FAILED"
    for kind, table in (("pdf", pdfs.REFUSED), ("jpg", pictures.REFUSED_JPG), ("png", pictures.REFUSED_PNG)):
        for name, (make, reasons) in table.items():
            yield Sample(f"{kind}: {name}", make, f"report.{kind}", invalid, frozenset(reasons))
    for name, other in pdfs.NOT_A_PDF.items():
        yield Sample(f"called .pdf: {name}", other, "report.pdf", invalid, frozenset({"content_differs"}))
    for extension, (make, sentence) in pictures.UNREAD.items():
        called = f"photo.{extension}"
        yield Sample(f"unread: {called}", make, called, "UNSUPPORTED_FILE_TYPE", sentence=sentence)
        yield Sample(f"disguised: {called}.jpg", make, f"{called}.jpg", invalid, sentence=sentence)
    misnamed = (("png", pictures.jpg), ("jpg", pictures.png), ("jpeg", plain.BLANK), ("pdf", pictures.jpg))
    for extension, make in misnamed:
        yield Sample(f"misnamed: as {extension}", make, f"a.{extension}", invalid, frozenset({"content_differs"}))
    yield Sample("empty", lambda: b"", "report.pdf", "NO_FILE_PROVIDED")


def genuine_files() -> Iterator[Sample]:
    """Files that are to pass."""
    for kind, table in (("pdf", genuine.PDFS), ("jpg", genuine.JPGS), ("png", genuine.PNGS)):
        for name, make in table.items():
            yield Sample(f"{kind}: {name}", make, f"report.{kind}")


def main(folder: Path) -> None:
    """Write all files into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for verdict, samples in (("hostile", hostile()), ("genuine", genuine_files())):
        for number, sample in enumerate(samples, 1):
            words = re.sub(r"\W+", "-", sample.name.lower()).strip("-")
            extension = sample.file_name.rpartition(".")[2]
            (folder / f"{verdict}-{number:02}-{words}.{extension}").write_bytes(sample.make())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
