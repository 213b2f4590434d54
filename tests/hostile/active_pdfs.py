"""PDFs by name that run something, or have something in them that does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.hostile.plain import a_program, an_archive, encrypted
from tests.hostile.raw_pdf import CATALOG, PAGE, PAGES, one_page, packed, stream, with_xref_stream

Maker = Callable[[], bytes]


def _with_catalog(entries: bytes, *more: bytes) -> bytes:
    return one_page(*more, catalog=CATALOG.replace(b">>", entries + b" >>"))


def _with_annotation(entries: bytes, *more: bytes) -> bytes:
    annotation = b"<< /Type /Annot /Rect [0 0 9 9] %s >>" % entries
    return one_page(*more, page=PAGE.replace(b"/Contents", b"/Annots [%s] /Contents" % annotation))


def _attached(content: bytes, entries: bytes = b"") -> bytes:
    spec = b"<< /Type /Filespec /F (a.exe) /EF << /F 6 0 R >> >>"
    names = b"/Names << /EmbeddedFiles << /Names [(a) 5 0 R] >> >>"
    return _with_catalog(names + entries, spec, packed(content, b"/Type /EmbeddedFile"))


REFUSED: Mapping[str, tuple[Maker, set[str]]] = {
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
    "a script behind an owner's password": (
        lambda: encrypted(_with_catalog(b"/OpenAction << /S /JavaScript /JS (1) >>"), "RC4-128"),
        {"active_content"},
    ),
    "an action that stands twice": (lambda: one_page(b"<< /S /URI /S /Launch /F (cmd.exe) >>"), {"damaged"}),
    "an action behind an end that is none": (lambda: one_page(b"<< /A 1 null /S /Launch >>"), {"damaged"}),
    "an action behind an end that is none, in an object stream": (
        lambda: with_xref_stream([CATALOG, PAGES, PAGE, stream(b"")], [b"<< /A 1 null /S /Launch >>", b"<< >>"]),
        {"damaged"},
    ),
    "an action whose name stands elsewhere": (
        lambda: one_page(b"/Launch", b"<< /S 5 7 R /F (cmd.exe) >>"),
        {"active_content"},
    ),
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
}
