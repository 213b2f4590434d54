"""Harmless PDFs, an archive and a program: what the hostile files are made from, and the genuine ones."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Final

from pypdf import PdfReader, PdfWriter

from tests.hostile.raw_pdf import CATALOG, PAGE, pdf, stream


def plain_pdf(pages: int = 1) -> bytes:
    """A harmless document of so many pages."""
    objects = [CATALOG, b""]
    for number in range(pages):
        objects.append(PAGE.replace(b"/Contents 4 0 R", b"/Contents %d 0 R" % (len(objects) + 2)))
        objects.append(stream(b"0 0 1 rg 72 72 %d 40 re f" % (number + 10)))
    kids = b" ".join(b"%d 0 R" % number for number in range(3, len(objects) + 1, 2))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, pages)
    return pdf(objects)


def linearized() -> bytes:
    """Fifty pages, linearized and in object streams, as qpdf writes them: no library that is used here can."""
    return (Path(__file__).parent / "fifty-pages-linearized.pdf").read_bytes()


def encrypted(document: bytes, algorithm: str, user: str = "", owner: str = "the laboratory") -> bytes:
    """The same document under an owner's password, and a user's where there is one."""
    writer, target = PdfWriter(PdfReader(io.BytesIO(document))), io.BytesIO()
    writer.encrypt(user, owner, algorithm=algorithm)
    writer.write(target)
    return target.getvalue()


def an_archive(comment: bytes = b"") -> bytes:
    """A small ZIP."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("payload.txt", "x" * 500)
        archive.comment = comment
    return target.getvalue()


def a_program() -> bytes:
    """The header of a Windows program, with the bytes that make it one."""
    return b"MZ" + b"\0" * 58 + (64).to_bytes(4, "little") + b"PE\0\0" + b"\x4c\x01" + b"\0" * 400


BLANK: Final = plain_pdf
