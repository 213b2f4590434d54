"""The examination of a PDF, in the child: its structure, everything in its objects, then each page as it is drawn."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from chalicelib.documents.file_kinds import BLANK, ends_as_zip
from chalicelib.documents.inspection_pdf_objects import examine_objects
from chalicelib.documents.inspection_pdf_reading import Document, open_document
from chalicelib.documents.inspection_terms import Bounds, Refusal, RefusedError, Verdict

# Behind an %%EOF outside a stream stands nothing, or what the next revision of the file begins with. Printers and
# scanners add a little noise, so a kilobyte is let pass.
_MARKS: Final = re.compile(rb"endstream|stream|%%EOF")
_NEXT: Final = re.compile(rb"\d+\s+\d+\s+obj\b|xref")
_TOLERATED: Final = 1024


def examine_pdf(content: bytes, bounds: Bounds) -> Verdict:
    """Read the whole document twice, with pypdf for what is in it and with PDFium for how it is drawn.

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
    from pypdf.errors import DependencyError

    try:
        return _examine_document(open_document(content, bounds), bounds)
    except (RefusedError, MemoryError, DependencyError):
        raise
    except Exception as error:  # pypdf's errors arrive as a dozen types, and every one means a bad file
        raise RefusedError(_reason(error)) from error


def _reason(error: BaseException) -> Refusal:
    from pypdf.errors import LimitReachedError

    cause: BaseException | None = error
    while cause is not None:  # pypdf wraps what it meets
        if isinstance(cause, MemoryError):
            raise MemoryError from error
        if isinstance(cause, (RecursionError, LimitReachedError)):
            return Refusal.TOO_COMPLEX
        cause = cause.__cause__ or cause.__context__
    return Refusal.DAMAGED


def _examine_document(document: Document, bounds: Bounds) -> int:
    root = document.at(document.reader.trailer, "/Root")
    if not isinstance(root, dict):
        raise RefusedError(Refusal.DAMAGED)
    pages = _page_count(document, root, bounds)
    if pages == 0:
        raise RefusedError(Refusal.NO_PAGES)
    if pages > bounds.max_pages:
        raise RefusedError(Refusal.TOO_MANY_PAGES, pages, bounds.max_pages)
    form = document.at(root, "/AcroForm")
    if isinstance(form, dict) and "/XFA" in form:
        raise RefusedError(Refusal.DYNAMIC_FORM)
    if "/Collection" in root:  # a portfolio: its pages say "open me elsewhere", its documents are attached
        raise RefusedError(Refusal.ATTACHMENT)
    examine_objects(document, bounds)
    return pages


def _page_count(document: Document, root: Any, bounds: Bounds) -> int:
    """Return how many leaves the tree of pages has. A branch that grows in two places is no tree's."""
    top = document.at(root, "/Pages")
    if not isinstance(top, dict):
        raise RefusedError(Refusal.DAMAGED)
    declared = document.at(top, "/Count")
    if isinstance(declared, int) and declared > bounds.max_pages:
        return int(declared)
    pages, branches, waiting = 0, {id(top)}, [top]
    while waiting:
        kids = document.at(waiting.pop(), "/Kids")
        for kid in map(document.resolve, kids if isinstance(kids, list) else ()):
            if isinstance(kid, dict) and "/Kids" in kid:
                if id(kid) in branches:
                    raise RefusedError(Refusal.DAMAGED)
                branches.add(id(kid))
                waiting.append(kid)
            else:
                pages += isinstance(kid, dict)
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
        # A document whose owner has no password and whose user has one opens for pypdf, not for those who read it.
        is_locked = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        raise RefusedError(Refusal.ENCRYPTED if is_locked else Refusal.DAMAGED) from error


def _examine_page(size: tuple[float, float], drawn: int, bounds: Bounds) -> None:
    if not all(math.isfinite(side) and side > 0 for side in size):
        raise RefusedError(Refusal.DAMAGED)
    if max(size) > bounds.max_page_points:
        raise RefusedError(Refusal.TOO_MANY_PIXELS, int(max(size)), int(bounds.max_page_points))
    if drawn > bounds.max_drawn_per_page:
        raise RefusedError(Refusal.TOO_COMPLEX, drawn, bounds.max_drawn_per_page)
