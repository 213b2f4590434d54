"""A laboratory report of one page whose PDF is plain text: small, quickly read, and printable in a curl command."""

from __future__ import annotations

import io
from functools import cache
from uuid import uuid4

from reportlab.pdfgen.canvas import Canvas

ROWS = (
    ("Test", "Result", "Unit", "Reference Range"),
    ("Ferritin", "12.5", "ng/mL", "30 - 400"),
    ("TSH", "2.10", "mIU/L", "0.40 - 4.00"),
    ("Glucose", "5.1", "mmol/L", "3.9 - 5.5"),
)
COLUMNS = (60, 220, 320, 420)


LETTER = (("Dear", "friends,"), ("we", "met", "on", "Sunday"), ("and", "sang."))


def new_report() -> str:
    """A report whose bytes nobody handed in before."""
    return f"{_printed('Laboratory Report', ROWS)}%{uuid4().hex}\n"


def new_letter() -> str:
    """A document that is no medical one: its analysis fails, and is not tried again by itself."""
    return f"{_printed('A letter', LETTER)}%{uuid4().hex}\n"


@cache
def _printed(title: str, rows: tuple[tuple[str, ...], ...]) -> str:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=0, invariant=1)
    canvas.drawString(60, 780, title)
    canvas.drawString(60, 760, "Collected: 2026-03-01")
    for number, row in enumerate(rows):
        for x, cell in zip(COLUMNS, row, strict=False):
            canvas.drawString(x, 720 - 20 * number, cell)
    canvas.save()
    # A comment at the beginning has bytes that are no text; another byte in its place moves nothing.
    return "".join(chr(byte) if byte < 128 else "?" for byte in buffer.getvalue())
