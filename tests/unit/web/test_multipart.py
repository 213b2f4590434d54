"""The form reader: one file and short fields come through; everything else is refused by name, never a crash."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import errors
from chalicelib.web.multipart import Form, FormLimits, read_form, safe_file_name

BOUNDARY = "dart-http-boundary-x7.KQ+z_1"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
SMALL = FormLimits(max_file_bytes=1000, max_fields=4, max_field_bytes=50)


def part(name: str, content: bytes, *, file_name: str | None = None, headers: str = "") -> bytes:
    named = f'; filename="{file_name}"' if file_name is not None else ""
    head = f'Content-Disposition: form-data; name="{name}"{named}\r\n{headers}\r\n'
    return f"--{BOUNDARY}\r\n{head}".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


FILE = part("file", b"%PDF-1.7 \x00\xff\r\n--x", file_name="report.pdf", headers="Content-Type: application/pdf\r\n")


def code_of(content_type: str | None, body: bytes, limits: FormLimits = SMALL) -> str:
    with pytest.raises(errors.ServiceError) as refused:
        read_form(content_type, body, limits)
    assert isinstance(refused.value, (errors.InvalidRequest, errors.TooLarge))
    return refused.value.code


def test_the_apps_form_is_read_with_its_bytes_untouched() -> None:
    read = read_form(TYPE, form(part("file_type", b"pdf"), FILE, part("file_size", b"20")))
    assert dict(read.fields) == {"file_type": "pdf", "file_size": "20"}
    assert read.file.content == b"%PDF-1.7 \x00\xff\r\n--x"
    assert (read.file.file_name, read.file.content_type) == ("report.pdf", "application/pdf")


def test_a_quoted_boundary_with_a_charset_beside_it_is_read() -> None:
    read = read_form(f'Multipart/Form-Data; charset=utf-8; boundary="{BOUNDARY}"', form(FILE))
    assert read.file.content.startswith(b"%PDF")


def test_a_file_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert len(read_form(TYPE, form(part("file", b"x" * 1000, file_name="a")), SMALL).file.content) == 1000
    assert code_of(TYPE, form(part("file", b"x" * 1001, file_name="a"))) == "FILE_TOO_LARGE"


def test_five_mebibytes_and_one_byte_are_too_large_for_an_upload() -> None:
    body = form(part("file", b"\0" * (5 * 1024 * 1024 + 1), file_name="a.pdf"))
    assert code_of(TYPE, body, FormLimits()) == "FILE_TOO_LARGE"
    huge = form(part("file", b"\0" * (8 * 1024 * 1024), file_name="a.pdf"))
    assert code_of(TYPE, huge, FormLimits()) == "FILE_TOO_LARGE"


def test_a_part_that_announces_too_much_is_too_large() -> None:
    body = form(part("file", b"x" * 1001, file_name="a", headers="Content-Length: 1001\r\n"))
    assert code_of(TYPE, body) == "FILE_TOO_LARGE"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param(None, form(FILE), id="no content type"),
        pytest.param("", form(FILE), id="empty content type"),
        pytest.param("application/json", form(FILE), id="another content type"),
        pytest.param("multipart/mixed; boundary=x", form(FILE), id="another multipart"),
        pytest.param("multipart/form-data", form(FILE), id="no boundary"),
        pytest.param('multipart/form-data; boundary=""', form(FILE), id="empty boundary"),
        pytest.param("multipart/form-data; boundary=" + "x" * 71, form(FILE), id="boundary too long"),
        pytest.param("multipart/form-data; boundary=\u0416\ud800", form(FILE), id="boundary not ASCII"),
        pytest.param("multipart/form-data; boundary=x;" + "; a=b" * 300, form(FILE), id="endless content type"),
        pytest.param(TYPE, b"", id="empty body"),
        pytest.param(TYPE, form(), id="no part at all"),
        pytest.param(TYPE, form(part("file_type", b"pdf")), id="no file part"),
        pytest.param(TYPE, form(part("document", b"x", file_name="b.pdf")), id="the file under another name"),
        pytest.param(TYPE, form(part("file", b"", file_name="a.pdf")), id="empty file part"),
        pytest.param(TYPE, form(part("file", b"", file_name="")), id="nothing chosen in a browser"),
    ],
)
def test_where_there_is_no_file_the_code_says_so(content_type: str | None, body: bytes) -> None:
    assert code_of(content_type, body) == "NO_FILE_PROVIDED"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(form(FILE, FILE), id="two files"),
        pytest.param(form(FILE, part("extra", b"x", file_name="b.pdf")), id="a second file under another name"),
        pytest.param(form(FILE, part("a", b"1"), part("a", b"2")), id="a field twice"),
        pytest.param(form(FILE, part("", b"1")), id="a field without a name"),
        pytest.param(form(FILE, part("n" * 101, b"1")), id="a long field name"),
        pytest.param(form(FILE, part("a", b"x" * 51)), id="a long field"),
        pytest.param(form(FILE, part("a", b"\xff")), id="a field that is not UTF-8"),
        pytest.param(form(FILE, *(part(f"f{n}", b"") for n in range(5))), id="too many parts"),
        pytest.param(form(FILE)[:-30], id="cut off in the file"),
        pytest.param(form(FILE)[:-4], id="cut off before its last dashes"),
        pytest.param(form(FILE) + b"more", id="something behind the end"),
        pytest.param(form(FILE).replace(BOUNDARY.encode(), b"other"), id="wrong boundary"),
        pytest.param(form(FILE).replace(b"\r\n", b"\n"), id="wrong line ends"),
        pytest.param(
            form(part("file", b"x", file_name="a", headers="Content-Type: multipart/mixed; boundary=y\r\n")),
            id="a form in the form",
        ),
        pytest.param(
            form(part("file", b"eHg=", file_name="a", headers="Content-Transfer-Encoding: base64\r\n")),
            id="a base64 part",
        ),
        pytest.param(form(part("file", b"x", headers="X-Long: " + "y" * 500 * 10 + "\r\n")), id="a huge header"),
        pytest.param(form(part("file", b"x", headers="".join(f"X-{n}: y\r\n" for n in range(20)))), id="many headers"),
        pytest.param(form(part("file", b"x", headers="Content-Length: 7\r\n")), id="a wrong length"),
        pytest.param(form(part("file", b"x", headers="Content-Length: -1\r\n")), id="a negative length"),
        pytest.param(form(f"--{BOUNDARY}\r\n\r\nx\r\n".encode()), id="a part without headers"),
        pytest.param(
            form(f"--{BOUNDARY}\r\nContent-Disposition: attachment\r\n\r\nx\r\n".encode()), id="not form data"
        ),
    ],
)
def test_a_malformed_form_is_refused(body: bytes) -> None:
    limits = FormLimits(max_file_bytes=100_000, max_fields=4, max_field_bytes=50)
    assert code_of(TYPE, body, limits) == "FILE_VALIDATION_FAILED"


def is_read_or_refused(content_type: str, body: bytes) -> Form | errors.ServiceError:
    try:
        return read_form(content_type, body, SMALL)
    except errors.ServiceError as refused:
        assert refused.status in (400, 413)
        return refused


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.binary(max_size=300))
def test_arbitrary_bytes_are_never_more_than_refused(content_type: str, body: bytes) -> None:
    is_read_or_refused(content_type, body)
    is_read_or_refused(f"multipart/form-data; boundary={content_type}", body)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    *(f"--{BOUNDARY}".encode(), f"--{BOUNDARY}--".encode(), b"\r\n", b"\r\n\r\n", b"\n", b"--", b": "),
                    *(b"Content-Disposition: form-data", b'; name="file"', b'; filename="', b'"', b"Content-Length: 9"),
                    *(FILE, part("a", b"1"), b"Content-Type: text/plain; charset=nothing", b"\\", b"%22", b"\x00"),
                ]
            ),
            st.binary(max_size=6),
        ),
        max_size=14,
    )
)
def test_pieces_of_forms_in_any_order_are_never_more_than_refused(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    is_read_or_refused(TYPE, body)
    is_read_or_refused(TYPE, f"--{BOUNDARY}\r\n".encode() + body + f"\r\n--{BOUNDARY}--\r\n".encode())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=900))
def test_any_content_comes_through_as_it_was_sent(content: bytes) -> None:
    read = is_read_or_refused(TYPE, form(part("file", content, file_name="a.pdf")))
    if content and BOUNDARY.encode() not in content:
        assert isinstance(read, Form)
        assert read.file.content == content


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("Größe der Blutwerte (2026) +1.PDF", "Größe der Blutwerte (2026) +1.PDF"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\fakepath\\scan.jpg", "scan.jpg"),
        ("..", "document"),
        ("", "document"),
        (None, "document"),
        ("/", "document"),
        ("\x00\r\n\u202e", "document"),
        ("a\x00b.pdf", "ab.pdf"),
        ("a\r\nSet-Cookie: x=1.pdf", "a Set-Cookie_ x_1.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("<script>alert(1)</script>.pdf", "script_.pdf"),
        ('"; drop table.pdf', "drop table.pdf"),
        ("e\u0301te\u0301.pdf", "\u00e9t\u00e9.pdf"),
        ("检验报告.png", "检验报告.png"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("x" * 300, "x" * 120),
    ],
)
def test_a_file_name_becomes_one_that_can_be_shown(name: str | None, shown: str) -> None:
    assert safe_file_name(name) == shown


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400))
def test_any_file_name_becomes_short_harmless_and_stable(name: str) -> None:
    shown = safe_file_name(name)
    assert 0 < len(shown) <= 120
    assert not set(shown) & set("/\\<>:\"'|?*%&;`$\r\n\t\0")
    assert not shown.startswith(".")
    assert all(unicodedata.category(c)[0] != "C" for c in shown)
    assert unicodedata.is_normalized("NFC", shown)
    assert safe_file_name(shown) == shown
