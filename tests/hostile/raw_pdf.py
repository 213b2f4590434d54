"""Writes PDFs byte by byte, correct or wrong on purpose: libraries refuse to write most of what is needed here."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

HEAD = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
PAGES = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << >> /Contents 4 0 R >>"


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object as it stands, with its true length."""
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def packed(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object compressed with flate."""
    return stream(zlib.compress(data, 9), b"/Filter /FlateDecode " + entries)


def pdf(objects: Sequence[bytes], trailer: bytes = b"", *, size: int | None = None, offset_error: int = 0) -> bytes:
    """Objects 1, 2, … with a cross-reference table; object 1 is the catalog."""
    body, offsets = bytearray(HEAD), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body) + offset_error)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = size if size is not None else len(objects) + 1
    body += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (count, trailer, start)
    return bytes(body)


def one_page(*more: bytes, catalog: bytes = CATALOG, page: bytes = PAGE, contents: bytes | None = None) -> bytes:
    """A document of one page: objects 1 to 4 are catalog, pages, page and contents, `more` are 5 and on."""
    return pdf([catalog, PAGES, page, contents or stream(b"BT ET"), *more])


def with_xref_stream(
    objects: Sequence[bytes], inside: Sequence[bytes], *, padding: int = 0, entries_packed: bytes | None = None
) -> bytes:
    """Objects 1, 2, …, then an object stream with `inside`, then a cross-reference stream, as PDF 1.5 has them.

    `padding` spaces are added to the object stream. `entries_packed` replaces the compressed table itself.
    """
    body, table = bytearray(HEAD), [struct.pack(">BIH", 0, 0, 65535)]
    for number, content in enumerate(objects, 1):
        table.append(struct.pack(">BIH", 1, len(body), 0))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    holder = len(objects) + 1
    table.append(struct.pack(">BIH", 1, len(body), 0))
    body += b"%d 0 obj\n%s\nendobj\n" % (holder, _object_stream(inside, holder + 1, padding))
    table += [struct.pack(">BIH", 2, holder, index) for index in range(len(inside))]
    start, count = len(body), len(table) + 1
    table.append(struct.pack(">BIH", 1, start, 0))
    entries = b"/Type /XRef /Size %d /W [1 4 2] /Root 1 0 R" % count
    data = entries_packed or zlib.compress(b"".join(table), 9)
    xref = stream(data, b"/Filter /FlateDecode " + entries)
    body += b"%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (count - 1, xref, start)
    return bytes(body)


def _object_stream(inside: Sequence[bytes], first_number: int, padding: int) -> bytes:
    at, places = 0, []
    for index, content in enumerate(inside):
        places.append(b"%d %d" % (first_number + index, at))
        at += len(content) + 1
    head = b" ".join(places) + b"\n"
    data = head + b"\n".join(inside) + b" " * padding
    return packed(data, b"/Type /ObjStm /N %d /First %d " % (len(inside), len(head)))


def bomb(megabytes: int) -> bytes:
    """Flate data that unpacks to so many megabytes of zeros: one packed megabyte, repeated, and a true checksum."""
    piece = bytes(1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 1
    for _ in range(megabytes):
        checksum = zlib.adler32(piece, checksum)
    last = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return b"\x78\xda" + first * megabytes + last + checksum.to_bytes(4, "big")
