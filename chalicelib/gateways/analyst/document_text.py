"""What code reads in a document before a model is asked: the text that the model's quotes are looked for in."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from chalicelib.gateways.analyst.findings import Document
from chalicelib.gateways.analyst.local.exchange import Order, received
from chalicelib.gateways.analyst.local.page_text import PageText, TextLine
from chalicelib.gateways.analyst.local.reading import Reading
from chalicelib.gateways.confined import ConfinedError, Limits, run_confined
from chalicelib.observe.log import log

CHILD_MODULE: Final = "chalicelib.gateways.analyst.local.page_text"
_MEMORY_BYTES: Final = 4 * 1024**3
_OUTPUT_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DocumentText:
    """A document's lines, and the reading of code where it found something medical.

    Without lines nothing that a model says of the document can be checked: a picture where pictures cannot be read, a
    scan, or a file that was too much for the reader.
    """

    lines: tuple[TextLine, ...] = ()
    page_count: int = 1
    source: Literal["text", "ocr", "none"] = "none"
    reading: Reading | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is a text to check against."""
        return bool(self.lines)

    @property
    def whole(self) -> str:
        """All lines, with a line before each page that says which it is."""
        texts: list[str] = []
        page = 0
        for line in self.lines:
            if line.page != page:
                page = line.page
                texts.append(f"(page {page})")
            texts.append(line.text)
        return "\n".join(texts)


def read_text(document: Document, seconds: float) -> DocumentText:
    """Read a document in a confined process, within `seconds`. What cannot be read is an empty text, never an error."""
    payload = msgspec.msgpack.encode(Order(Document(document.content, document.file_type), seconds))
    limits = Limits(
        wall_seconds=seconds,
        cpu_seconds=max(1, int(2 * seconds)),
        memory_bytes=_MEMORY_BYTES,
        output_bytes=_OUTPUT_BYTES,
        open_files=128,
    )
    try:
        found = msgspec.msgpack.decode(run_confined(CHILD_MODULE, payload, limits), type=PageText)
    except (ConfinedError, msgspec.MsgspecError) as error:
        log("document_text_not_read", level=logging.WARNING, error=error)
        return DocumentText()
    reading = received(found.reading) if found.reading is not None else None
    return DocumentText(found.lines, found.page_count, found.source, reading)
