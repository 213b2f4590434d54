"""The examination of a PDF, in the child: its structure, everything in its objects, then each page as it is drawn."""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING, Final

from chalicelib.documents.file_kinds import BLANK, ends_as_zip
from chalicelib.documents.inspection_pdf_objects import examine_objects
from chalicelib.documents.inspection_terms import Bounds, Refusal, RefusedError, Verdict

if TYPE_CHECKING:
    import pikepdf

# Behind an %%EOF outside a stream stands nothing, or what the next revision of the file begins with. Printers and
# scanners add a little noise, so a kilobyte is let pass.
_MARKS: Final = re.compile(rb"endstream|stream|%%EOF")
_NEXT: Final = re.compile(rb"\d+\s+\d+\s+obj\b|xref")
_TOLERATED: Final = 1024


def examine_pdf(content: bytes, bounds: Bounds) -> Verdict:
    """Read the whole document twice, with qpdf for what is in it and with PDFium for how it is drawn.

    Two readers, because PDFium does not show a document's objects, and because a file on which they disagree is
    made for one of them. A cross-reference table is not repaired: a file that needs it is cut off or was tampered
    with.

    Raises:
        RefusedError: for each of the reasons but `too_many_pixels` of a lone picture.
    """
    _refuse_second_file(content)
    page_count = _examine_structure(content, bounds)
    _examine_pages(content, page_count, bounds)
    return Verdict(page_count=page_count)


def _refuse_second_file(content: bytes) -> None:
    if ends_as_zip(content):
        raise RefusedError(Refusal.SECOND_FILE)
    is_inside = False
    for mark in _MARKS.finditer(content):
        if mark[0] != b"%%EOF":
            is_inside = mark[0] == b"stream"
        elif not is_inside:
            behind = content[mark.end() : mark.end() + 2 * _TOLERATED]
            if len(behind.strip(BLANK)) > _TOLERATED and not _NEXT.search(behind):
                raise RefusedError(Refusal.SECOND_FILE)


def _examine_structure(content: bytes, bounds: Bounds) -> int:
    import pikepdf

    picture_bytes = bounds.max_pixels * 4
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=picture_bytes,
        run_length_max_memory=picture_bytes,
        png_max_memory=picture_bytes,
        tiff_max_memory=picture_bytes,
        parser_max_container_size=bounds.max_values,
        parser_max_nesting=100,
        max_stream_filters=4,
    )
    try:
        # Scanners fill the last block with zeros, and qpdf looks for the end in the last kilobyte alone.
        source = io.BytesIO(content.rstrip(BLANK))
        with pikepdf.open(source, attempt_recovery=False, inherit_page_attributes=False) as document:
            return _examine_document(document, bounds)
    except (RefusedError, MemoryError):
        raise
    except pikepdf.PasswordError as error:
        raise RefusedError(Refusal.ENCRYPTED) from error
    except Exception as error:  # qpdf's errors arrive as several types, and every one means a bad file
        limited = pikepdf.settings.qpdf_limit_errors()
        raise RefusedError(Refusal.EXPANDS_TOO_MUCH if limited else Refusal.DAMAGED) from error


def _examine_document(document: pikepdf.Pdf, bounds: Bounds) -> int:
    import pikepdf

    pages = len(document.pages)
    if pages == 0:
        raise RefusedError(Refusal.NO_PAGES)
    if pages > bounds.max_pages:
        raise RefusedError(Refusal.TOO_MANY_PAGES, pages, bounds.max_pages)
    form = document.Root.get("/AcroForm")
    if form is not None and "/XFA" in form:
        raise RefusedError(Refusal.DYNAMIC_FORM)
    if "/Collection" in document.Root:  # a portfolio: its pages say "open me elsewhere", its documents are attached
        raise RefusedError(Refusal.ATTACHMENT)
    examine_objects(document, bounds)
    if pikepdf.settings.qpdf_limit_errors():  # objects that exceed a limit are read as null, which hides them
        raise RefusedError(Refusal.EXPANDS_TOO_MUCH)
    return pages


def _examine_pages(content: bytes, expected: int, bounds: Bounds) -> None:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
        if document.get_formtype() in (pypdfium2.raw.FORMTYPE_XFA_FULL, pypdfium2.raw.FORMTYPE_XFA_FOREGROUND):
            raise RefusedError(Refusal.DYNAMIC_FORM)
        if len(document) != expected:
            raise RefusedError(Refusal.DAMAGED)
        for number in range(expected):
            page = document[number]
            _examine_page(page.get_size(), pypdfium2.raw.FPDFPage_CountObjects(page), bounds)
            page.close()
    except pypdfium2.PdfiumError as error:
        raise RefusedError(Refusal.DAMAGED) from error


def _examine_page(size: tuple[float, float], drawn: int, bounds: Bounds) -> None:
    if not all(math.isfinite(side) and side > 0 for side in size):
        raise RefusedError(Refusal.DAMAGED)
    if max(size) > bounds.max_page_points:
        raise RefusedError(Refusal.TOO_MANY_PIXELS, int(max(size)), int(bounds.max_page_points))
    if drawn > bounds.max_drawn_per_page:
        raise RefusedError(Refusal.TOO_COMPLEX, drawn, bounds.max_drawn_per_page)
