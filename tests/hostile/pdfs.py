"""Hostile PDFs by name: bombs, loops, things behind, and damage."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping

from tests.hostile import active_pdfs
from tests.hostile.plain import BLANK, a_program, an_archive, encrypted, linearized, plain_pdf
from tests.hostile.raw_pdf import CATALOG, PAGE, PAGES, bomb, one_page, pdf, stream, with_xref_stream

Maker = Callable[[], bytes]


def _many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % n for n in range(3, count + 3))
    pages = b"<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 9 9] >>" % (kids, count)
    return pdf([CATALOG, pages, *([b"<< /Type /Page /Parent 2 0 R >>"] * count)])


def _laughs() -> bytes:
    """Each form draws the next one ten times, twelve deep."""
    forms = []
    for level in range(12):
        following = b"/Resources << /XObject << /F %d 0 R >> >>" % (6 + level)
        forms.append(stream(b"/F Do " * 10, b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] " + following))
    forms.append(stream(b"0 0 1 1 re f", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]"))
    page = PAGE.replace(b"/Resources << >>", b"/Resources << /XObject << /F 5 0 R >> >>")
    return one_page(*forms, page=page, contents=stream(b"/F Do " * 10))


def _circles() -> bytes:
    """Pages that hold themselves, and a form that draws itself."""
    resources = b"/Resources << /XObject << /F 5 0 R >> >>"
    form = stream(b"/F Do /F Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] " + resources)
    pages = b"<< /Type /Pages /Kids [3 0 R 3 0 R 2 0 R] /Count 3 >>"
    return pdf([CATALOG, pages, PAGE.replace(b"/Resources << >>", resources), stream(b"/F Do"), form])


def _form_that_draws_itself() -> bytes:
    resources = b"/Resources << /XObject << /F 5 0 R >> >>"
    form = stream(b"/F Do /F Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] " + resources)
    return one_page(form, page=PAGE.replace(b"/Resources << >>", resources), contents=stream(b"/F Do"))


def _picture(width: int, height: int, data: bytes, filters: bytes = b"/FlateDecode") -> bytes:
    entries = b"/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace /DeviceRGB "
    picture = stream(data, entries % (width, height) + b"/Filter " + filters)
    page = PAGE.replace(b"/Resources << >>", b"/Resources << /XObject << /I 5 0 R >> >>")
    return one_page(picture, page=page, contents=stream(b"/I Do"))


def _shifted(document: bytes) -> bytes:
    start = document.rfind(b"startxref")
    return document[:start] + b"startxref\n%d\n%%%%EOF\n" % (len(document) // 3)


def _lzw_bomb() -> bytes:
    # Every code extends the one before: the longest strings that the table of 4,096 allows, again and again.
    codes: list[tuple[int, int]] = []
    for round_ in range(40):
        codes += [(256, 12 if round_ else 9), (0, 9)]
        codes += [(n, 9 if n < 511 else 10 if n < 1023 else 11 if n < 2047 else 12) for n in range(258, 4094)]
    codes.append((257, 12))
    bits = "".join(format(code, f"0{width}b") for code, width in codes)
    data = int(bits, 2) << (-len(bits) % 8)
    return data.to_bytes((len(bits) + 7) // 8, "big")


def _own_past() -> bytes:
    document = pdf([CATALOG, PAGES, PAGE, stream(b"")])
    start = document.rfind(b"xref\n", 0, document.rfind(b"startxref"))
    return pdf([CATALOG, PAGES, PAGE, stream(b"")], b"/Prev %d" % start)


def _in_a_circle() -> bytes:
    document = pdf([CATALOG, PAGES, PAGE, stream(b"")], b"/Prev 1000000000")
    first = document.rfind(b"xref\n", 0, document.rfind(b"startxref"))
    second = len(document)
    table = b"xref\n0 0\ntrailer\n<< /Size 5 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (first, second)
    return document.replace(b"1000000000", b"%010d" % second) + table


def _locked_by_certificate() -> bytes:
    return pdf([CATALOG, PAGES, PAGE, stream(b"")], b"/Encrypt << /Filter /Adobe.PubSec /V 4 >>")


def _with_branch_twice() -> bytes:
    branch = b"<< /Type /Pages /Parent 2 0 R /Kids [3 0 R] /Count 1 >>"
    return pdf([CATALOG, PAGES.replace(b"3 0 R", b"5 0 R 5 0 R"), PAGE, stream(b""), branch])


def _with_wrong_length(data: bytes, length: bytes, entries: bytes = b"") -> bytes:
    return one_page(contents=b"<< %s /Length %s >>\nstream\n%s\nendstream" % (entries, length, data))


REFUSED: Mapping[str, tuple[Maker, set[str]]] = {
    **active_pdfs.REFUSED,
    "only a header": (lambda: b"%PDF-1.7\n", {"damaged"}),
    "a header and noise": (lambda: b"%PDF-1.7\n" + bytes(range(256)) * 200 + b"%%EOF", {"damaged"}),
    "cut in the middle": (lambda: plain_pdf(20)[:3000], {"damaged"}),
    "cut at the end": (lambda: plain_pdf()[:-60], {"damaged"}),
    "cut linearized": (lambda: linearized()[:-500], {"damaged"}),
    "a table that points nowhere": (lambda: _shifted(BLANK()), {"damaged"}),
    "a table with wrong places": (lambda: pdf([CATALOG, PAGES, PAGE, stream(b"")], offset_error=7), {"damaged"}),
    "a table that is its own past": (_own_past, {"damaged"}),
    "tables that are each other's past": (_in_a_circle, {"damaged"}),
    "a table in lines of its own": (lambda: BLANK().replace(b" 00000 n", b" 00000  n"), {"damaged"}),
    "an object that is a reference": (lambda: one_page(b"1 0 R"), {"damaged"}),
    "a branch of pages in two places": (_with_branch_twice, {"damaged"}),
    "a certificate": (_locked_by_certificate, {"encrypted"}),
    "password, AES-256": (lambda: encrypted(plain_pdf(), "AES-256", "u"), {"encrypted"}),
    "password, and none for the owner": (lambda: encrypted(plain_pdf(), "AES-256", "u", ""), {"encrypted"}),
    "password, RC4": (lambda: encrypted(plain_pdf(), "RC4-128", "u"), {"encrypted"}),
    "30,000 pages": (lambda: _many_pages(30_000), {"too_many_pages"}),
    "51 pages": (lambda: plain_pdf(51), {"too_many_pages"}),
    "no pages": (lambda: pdf([CATALOG, b"<< /Type /Pages /Kids [] /Count 0 >>"]), {"no_pages"}),
    "no catalog": (lambda: pdf([b"<< /Type /Nothing >>"]), {"damaged", "no_pages"}),
    "a page tree in a circle": (_circles, {"damaged"}),
    "a page of 10^9 points": (
        lambda: one_page(page=PAGE.replace(b"595 842", b"1000000000 1000000000")),
        {"too_many_pixels"},
    ),
    "a bomb as contents": (
        lambda: one_page(contents=stream(bomb(600), b"/Filter /FlateDecode")),
        {"expands_too_much"},
    ),
    "a bomb in a bomb": (
        lambda: one_page(contents=stream(zlib.compress(bomb(1500), 9), b"/Filter [/FlateDecode /FlateDecode]")),
        {"expands_too_much"},
    ),
    "a bomb in text": (
        lambda: one_page(
            contents=stream(base64.a85encode(bomb(900)) + b"~>", b"/Filter [/ASCII85Decode /FlateDecode]")
        ),
        {"expands_too_much"},
    ),
    "many filters": (
        lambda: one_page(contents=stream(b"x", b"/Filter [" + b"/FlateDecode " * 40 + b"]")),
        {"expands_too_much"},
    ),
    "many small bombs": (lambda: one_page(*[stream(bomb(30), b"/Filter /FlateDecode")] * 40), {"expands_too_much"}),
    "a run-length bomb": (
        lambda: one_page(contents=stream(b"\x81\0" * 2_000_000 + b"\x80", b"/Filter /RunLengthDecode")),
        {"expands_too_much"},
    ),
    "an LZW bomb": (lambda: one_page(contents=stream(_lzw_bomb(), b"/Filter /LZWDecode")), {"expands_too_much"}),
    "a bomb as object stream": (
        lambda: with_xref_stream([CATALOG, PAGES, PAGE, stream(b"")], [b"<< >>"], padding=170 << 20),
        {"expands_too_much"},
    ),
    "a bomb as reference stream": (
        lambda: with_xref_stream([CATALOG, PAGES, PAGE, stream(b"")], [b"1"], entries_packed=bomb(2000)),
        {"expands_too_much", "damaged", "too_complex"},
    ),
    "a bomb behind an owner's password": (
        lambda: encrypted(one_page(contents=stream(bomb(600), b"/Filter /FlateDecode")), "AES-256"),
        {"expands_too_much"},
    ),
    "a bomb with a wrong length": (
        lambda: _with_wrong_length(bomb(600), b"9", b"/Filter /FlateDecode"),
        {"expands_too_much"},
    ),
    "a picture of 3.6 gigapixels": (lambda: _picture(60_000, 60_000, bomb(1)), {"too_many_pixels"}),
    "a small picture with a bomb": (lambda: _picture(10, 10, bomb(900)), {"expands_too_much"}),
    "ten to the twelve forms": (_laughs, {"too_complex", "expands_too_much"}),
    "100,000 objects": (lambda: one_page(*[b"null"] * 100_000), {"too_complex"}),
    "two million values": (lambda: one_page(b"[" + b"0 " * 2_000_000 + b"]"), {"too_complex", "expands_too_much"}),
    "arrays 100,000 deep": (lambda: one_page(b"[" * 100_000 + b"]" * 100_000), {"too_complex"}),
    "a length that is its own": (lambda: _with_wrong_length(b"x", b"4 0 R"), {"too_complex"}),
    "an archive behind it": (lambda: BLANK() + an_archive(), {"second_file"}),
    "an archive behind it, disguised": (lambda: BLANK() + an_archive(b"startxref\n0\n%%EOF\n"), {"second_file"}),
    "two megabytes behind it": (lambda: BLANK() + b"\x01payload " * 220_000, {"second_file"}),
}


NOT_A_PDF: Mapping[str, Maker] = {
    "text": lambda: b"Haemoglobin 14.1 g/dL\n" * 40,
    "a web page": lambda: b"<!DOCTYPE html><html><body>Haemoglobin</body></html>",
    "an archive": an_archive,
    "a program": a_program,
    "an archive with a PDF behind it": lambda: an_archive() + BLANK(),
    "a web page with a PDF behind it": lambda: b"<html><script>1</script>" + BLANK(),
    "a program with a PDF behind it": lambda: a_program() + BLANK(),
    "noise": lambda: bytes((n * 7919 + 13) % 251 + 1 for n in range(5000)),
    "zeros": lambda: b"\0" * 5000,
}
