"""Files that look suspicious and are what people really have: they must pass."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from PIL import Image

from tests.hostile.pictures import jpg, picture, png
from tests.hostile.plain import BLANK, encrypted, linearized, plain_pdf
from tests.hostile.raw_pdf import CATALOG, PAGE, PAGES, bomb, one_page, packed, pdf, stream

Maker = Callable[[], bytes]

SUSPICIOUS = b"MZ\x90\0 PK\x03\x04 PK\x05\x06 <script>alert(1)</script> \x7fELF /JavaScript /JS /Launch %%EOF "


def _with_suspicious_bytes() -> bytes:
    text = stream(b"BT (MZ PK\x03\x04 <script>alert\\(1\\)</script> /JavaScript /Launch) Tj ET")
    return one_page(stream(SUSPICIOUS * 50), contents=text)


def _archive_signature_near_the_end() -> bytes:
    return BLANK().replace(b"%%EOF", b"% PK\x05\x06 PK\x05\x06" + b"\x01" * 40 + b"\n%%EOF")


def _with_revision() -> bytes:
    document = BLANK()
    start = document.rfind(b"xref\n", 0, document.rfind(b"startxref"))
    place = len(document)
    return document + (
        b"90 0 obj\n<< /Note (signed) >>\nendobj\nxref\n90 1\n%010d 00000 n \n"
        b"trailer\n<< /Size 91 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n"
        % (place, start, place + len(b"90 0 obj\n<< /Note (signed) >>\nendobj\n"))
    )


def _with_data_for_machines() -> bytes:
    xml = packed(b'<?xml version="1.0"?><Bundle><Observation/></Bundle>', b"/Type /EmbeddedFile")
    names = b"/Names << /EmbeddedFiles << /Names [(a) 5 0 R] >> >>"
    spec = b"<< /Type /Filespec /F (report.xml) /AFRelationship /Data /EF << /F 6 0 R >> >>"
    return one_page(spec, xml, catalog=CATALOG.replace(b">>", names + b">>"))


def _with_links() -> bytes:
    link = b"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /%s /URI (https://x.test) /N /NextPage >> >>"
    links = b"/Annots [%s %s] /Contents" % (link % b"URI", link % b"Named")
    opening = CATALOG.replace(b">>", b"/OpenAction [3 0 R /Fit] >>")
    return one_page(page=PAGE.replace(b"/Contents", links), catalog=opening)


def _with_role_named_like_an_action() -> bytes:
    return one_page(b"<< /Type /StructElem /S /Launch /P 2 0 R >>")


def _with_form() -> bytes:
    field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (x) /Rect [0 0 9 9] >>"
    form = CATALOG.replace(b">>", b"/AcroForm << /Fields [5 0 R] >> >>")
    return one_page(field, catalog=form, page=PAGE.replace(b"/Contents", b"/Annots [5 0 R] /Contents"))


def _scanned(filters: bytes, data: bytes, width: int, height: int, bits: int) -> bytes:
    entries = b"/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent %d /ColorSpace /DeviceGray "
    scan = stream(data, entries % (width, height, bits) + b"/Filter " + filters)
    page = PAGE.replace(b"/Resources << >>", b"/Resources << /XObject << /I 5 0 R >> >>")
    return one_page(scan, page=page, contents=stream(b"595 0 0 842 0 0 cm /I Do"))


def _with_inherited_page_size() -> bytes:
    page = b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>"
    pages = PAGES.replace(b"/Count", b"/MediaBox [0 0 595 842] /Resources << >> /Count")
    return pdf([CATALOG, pages, page, stream(b"BT ET")])


def _with_line_break_before_table() -> bytes:
    document = BLANK()
    start = document.rfind(b"xref\n", 0, document.rfind(b"startxref"))
    return document.replace(b"startxref\n%d" % start, b"startxref\n%d" % (start - 1))


def _with_objects_that_are_not_there() -> bytes:
    page = PAGE.replace(b"/Contents", b"/Annots [98 0 R] /Metadata 99 0 R /Contents")
    document = one_page(b"null", page=page)
    last = document.rindex(b" 00000 n")
    return document[: last - 10] + b"0" * 10 + document[last:]


def _with_lengths(difference: int) -> bytes:
    text = b"BT ET " * 20
    contents = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text) + difference, text)
    return one_page(contents=contents)


PDFS: Mapping[str, Maker] = {
    "suspicious bytes": _with_suspicious_bytes,
    "archive signatures near the end": _archive_signature_near_the_end,
    "an owner's password only, AES-256": lambda: encrypted(plain_pdf(2), "AES-256"),
    "an owner's password only, AES-128": lambda: encrypted(plain_pdf(2), "AES-128"),
    "an owner's password only, RC4": lambda: encrypted(plain_pdf(2), "RC4-128"),
    "an owner's password only, RC4 of old": lambda: encrypted(plain_pdf(2), "RC4-40"),
    "fifty pages, linearized, with object streams": linearized,
    "fifty pages": lambda: plain_pdf(50),
    "a line break before its table": _with_line_break_before_table,
    "objects that are not there": _with_objects_that_are_not_there,
    "a length that is too short": lambda: _with_lengths(-7),
    "a length that is too long": lambda: _with_lengths(3),
    "a title that stands twice": lambda: one_page(b"<< /Title (Blood) /Title (Blood) /Producer (x) >>"),
    "white space before it": lambda: b"\r\n" + BLANK(),
    "a byte order mark before it": lambda: b"\xef\xbb\xbf" + BLANK(),
    "noise behind it": lambda: BLANK() + b"printed by PrinterName 9\r\n" + b"\0" * 4000,
    "a second revision": _with_revision,
    "data for machines attached": _with_data_for_machines,
    "links and a first page": _with_links,
    "a role named like an action": _with_role_named_like_an_action,
    "a filled form": _with_form,
    "a page size that is inherited": _with_inherited_page_size,
    "a fax at 600 dots": lambda: _scanned(b"/FlateDecode", bomb(5), 4960, 7016, 1),
    "a grey scan at 600 dots": lambda: _scanned(b"/FlateDecode", bomb(34), 4960, 7016, 8),
    "a photo as a page": lambda: _scanned(b"/DCTDecode", jpg(mode="L"), 320, 200, 8),
    "a photo in text": lambda: _scanned(b"[/ASCIIHexDecode /DCTDecode]", jpg(mode="L").hex().encode(), 320, 200, 8),
}


def _with_orientation() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "<script>alert(1)</script> MZ PK\x03\x04"
    return jpg(exif=exif)


def _motion_photo() -> bytes:
    return jpg() + b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + b"\x01" * 50_000 + b"MotionPhoto_Data MZ PK\x03\x04"


def _animated() -> bytes:
    frames = [Image.new("RGB", (60, 40), (n * 40, 0, 0)) for n in range(5)]
    target = io.BytesIO()
    frames[0].save(target, "PNG", save_all=True, append_images=frames[1:])
    return target.getvalue()


JPGS: Mapping[str, Maker] = {
    "plain": jpg,
    "progressive": lambda: jpg(progressive=True),
    "grey": lambda: jpg(mode="L"),
    "for print": lambda: jpg(mode="CMYK"),
    "a camera's notes": _with_orientation,
    "a film behind it": _motion_photo,
    "a smaller copy behind it": lambda: jpg() + jpg(size=(32, 20)),
    "one pixel": lambda: jpg(size=(1, 1)),
    "24 megapixels": lambda: jpg(size=(6000, 4000), quality=30),
}

PNGS: Mapping[str, Maker] = {
    "plain": png,
    "transparent": lambda: png(mode="RGBA"),
    "palette": lambda: png(mode="P"),
    "one bit": lambda: png(mode="1"),
    "sixteen bits": lambda: picture("PNG", mode="I;16"),
    "animated": _animated,
    "the leftover of a crop behind it": lambda: png() + b"\x01\x02" * 3000,
}
