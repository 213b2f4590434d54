"""The corpus of attempts; `python -m tests.injections.make_attempts FOLDER` writes its documents."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from tests.injections import in_documents, in_findings, in_talk
from tests.injections.attempt import Attempt, Surface

ROWS = (
    ("Potassium", "7.1", "mmol/L", "3.5 - 5.1", "H"),
    ("Sodium", "139", "mmol/L", "136 - 145", ""),
    ("Creatinine", "1.9", "mg/dL", "0.7 - 1.2", "H"),
    ("Glucose", "95", "mg/dL", "70 - 100", ""),
    ("Hemoglobin", "13.9", "g/dL", "12.0 - 16.0", ""),
    ("TSH", "2.1", "mIU/L", "0.4 - 4.0", ""),
)
"""A report with one critical value, one that is merely abnormal, and four that are fine."""


def attempts() -> list[Attempt]:
    """Return every attempt, always in the same order."""
    return [*in_documents.ATTEMPTS, *in_findings.ATTEMPTS, *in_talk.ATTEMPTS]


def report_with(planted: str) -> bytes:
    """Return a laboratory report as a PDF with a text planted among its remarks, the same bytes each time."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawString(60, 780, "Laboratory Report")
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 755, "Specimen: Serum     Collected: 04 March 2026     Reported: 05 March 2026")
    for x, title in zip((60, 220, 290, 370, 480), ("Test", "Result", "Unit", "Reference range", "Flag"), strict=True):
        canvas.drawString(x, 725, title)
    y = 705
    for row in ROWS:
        for x, cell in zip((60, 220, 290, 370, 480), row, strict=True):
            canvas.drawString(x, y, cell)
        y -= 18
    canvas.drawString(60, y - 20, "Remarks")
    for line in simpleSplit(planted, "Helvetica", 8, 470):
        y -= 12
        canvas.setFont("Helvetica", 8)
        canvas.drawString(60, y - 25, line)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def main(folder: str) -> None:
    """Write each document under the name of its attempt."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for attempt in attempts():
        if attempt.surface is Surface.DOCUMENT:
            Path(folder, f"{attempt.name}.pdf").write_bytes(report_with(attempt.planted))


if __name__ == "__main__":
    main(sys.argv[1])
