"""Hostile PDFs by name: bombs, loops, scripts, things inside, things behind, and damage."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from pikepdf import Encryption, Pdf

from tests.hostile.raw_pdf import CATALOG, PAGE, PAGES, bomb, one_page, packed, pdf, stream, with_xref_stream

Maker = Callable[[], bytes]


def saved(document: Pdf, **options: Any) -> bytes:
    """A document's bytes as qpdf writes them."""
    target = io.BytesIO()
    document.save(target, **options)
    return target.getvalue()


def plain_pdf(pages: int = 1) -> Pdf:
    """A harmless document of so many pages."""
    document = Pdf.new()
    for number in range(pages):
        page = document.add_blank_page(page_size=(595, 842))
        page.Contents = document.make_stream(b"0 0 1 rg 72 72 %d 40 re f" % (number + 10))
    return document


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


def _with_catalog(entries: bytes, *more: bytes) -> bytes:
    return one_page(*more, catalog=CATALOG.replace(b">>", entries + b" >>"))


def _with_annotation(entries: bytes, *more: bytes) -> bytes:
    annotation = b"<< /Type /Annot /Rect [0 0 9 9] %s >>" % entries
    return one_page(*more, page=PAGE.replace(b"/Contents", b"/Annots [%s] /Contents" % annotation))


def _attached(content: bytes, entries: bytes = b"") -> bytes:
    spec = b"<< /Type /Filespec /F (a.exe) /EF << /F 6 0 R >> >>"
    names = b"/Names << /EmbeddedFiles << /Names [(a) 5 0 R] >> >>"
    return _with_catalog(names + entries, spec, packed(content, b"/Type /EmbeddedFile"))


def _encrypted(**options: Any) -> bytes:
    return saved(plain_pdf(), encryption=Encryption(**options))


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


BLANK: Maker = lambda: saved(plain_pdf())  # noqa: E731  # named once, used in several rows below

REFUSED: Mapping[str, tuple[Maker, set[str]]] = {
    "only a header": (lambda: b"%PDF-1.7\n", {"damaged"}),
    "a header and noise": (lambda: b"%PDF-1.7\n" + bytes(range(256)) * 200 + b"%%EOF", {"damaged"}),
    "cut in the middle": (lambda: saved(plain_pdf(20))[:3000], {"damaged"}),
    "cut at the end": (lambda: saved(plain_pdf())[:-60], {"damaged"}),
    "cut linearized": (lambda: saved(plain_pdf(20), linearize=True)[:-500], {"damaged"}),
    "a table that points nowhere": (lambda: _shifted(BLANK()), {"damaged"}),
    "a table with wrong places": (lambda: pdf([CATALOG, PAGES, PAGE, stream(b"")], offset_error=7), {"damaged"}),
    "a table that is its own past": (_own_past, {"damaged"}),
    "password, AES-256": (lambda: _encrypted(owner="o", user="u", R=6), {"encrypted"}),
    "password, RC4": (lambda: _encrypted(owner="o", user="u", R=3, aes=False, metadata=False), {"encrypted"}),
    "30,000 pages": (lambda: _many_pages(30_000), {"too_many_pages"}),
    "51 pages": (lambda: saved(plain_pdf(51)), {"too_many_pages"}),
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
    "a picture of 3.6 gigapixels": (lambda: _picture(60_000, 60_000, bomb(1)), {"too_many_pixels"}),
    "a small picture with a bomb": (lambda: _picture(10, 10, bomb(900)), {"expands_too_much"}),
    "ten to the twelve forms": (_laughs, {"too_complex", "expands_too_much"}),
    "100,000 objects": (lambda: one_page(*[b"null"] * 100_000), {"too_complex"}),
    "two million values": (lambda: one_page(b"[" + b"0 " * 2_000_000 + b"]"), {"too_complex", "expands_too_much"}),
    "arrays 100,000 deep": (lambda: one_page(b"[" * 100_000 + b"]" * 100_000), {"damaged", "expands_too_much"}),
    "a script on opening": (
        lambda: _with_catalog(b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>"),
        {"active_content"},
    ),
    "a script in a stream": (
        lambda: _with_catalog(b"/OpenAction 5 0 R", b"<< /S /JavaScript /JS 6 0 R >>", stream(b"app.alert(1)")),
        {"active_content"},
    ),
    "a script by name": (
        lambda: _with_catalog(b"/Names << /JavaScript << /Names [(a) << /S /JavaScript /JS (1) >>] >> >>"),
        {"active_content"},
    ),
    "a script with a disguised name": (
        lambda: _with_catalog(b"/OpenAction << /#53 /J#61vaScr#69pt /#4AS (1) >>"),
        {"active_content"},
    ),
    "a script in an object stream": (
        lambda: with_xref_stream(
            [CATALOG.replace(b">>", b"/OpenAction 6 0 R >>"), PAGES, PAGE, stream(b"")],
            [b"<< /Type /Action /S /JavaScript /JS (app.alert\\(1\\)) >>"],
        ),
        {"active_content"},
    ),
    "a script on a page": (
        lambda: one_page(page=PAGE.replace(b"/Contents", b"/AA << /O << /S /JavaScript /JS (1) >> >> /Contents")),
        {"active_content"},
    ),
    "a script that nothing refers to": (lambda: one_page(b"<< /S /JavaScript /JS (1) >>"), {"active_content"}),
    "a program to launch": (
        lambda: _with_annotation(b"/Subtype /Link /A << /S /Launch /F (cmd.exe) >>"),
        {"active_content"},
    ),
    "a form to send": (
        lambda: _with_annotation(b"/Subtype /Link /A << /S /SubmitForm /F (http://x.test) >>"),
        {"active_content"},
    ),
    "a way into an attachment": (
        lambda: _with_annotation(b"/Subtype /Link /A << /S /GoToE /T << /R /C >> >>"),
        {"active_content"},
    ),
    "a film with scripts": (
        lambda: _with_annotation(b"/Subtype /RichMedia /RichMediaContent << >>"),
        {"active_content"},
    ),
    "a form in XML": (
        lambda: _with_catalog(b"/AcroForm << /Fields [] /XFA 5 0 R >>", stream(b"<xdp/>")),
        {"dynamic_form"},
    ),
    "an attached program": (lambda: _attached(a_program()), {"attachment"}),
    "an attached archive": (lambda: _attached(an_archive()), {"attachment"}),
    "an attached page with a script": (lambda: _attached(b"<html><script>1</script></html>"), {"attachment"}),
    "a portfolio": (lambda: _attached(b"a,b,c", b"/Collection << /Type /Collection >>"), {"attachment"}),
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
