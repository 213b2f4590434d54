"""A PDF's objects, each read where the document's own tables say that it is, and nothing that needs a repair."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from chalicelib.documents.file_kinds import BLANK
from chalicelib.documents.inspection_terms import Bounds, Refusal, RefusedError

if TYPE_CHECKING:
    from pypdf import PdfReader
    from pypdf.generic import PdfObject

_GAP: Final = rb"(?:[\s\0]++|%[^\r\n]*+[\r\n])*+"  # possessive: megabytes of it are matched without a stack
_BEGIN: Final = re.compile(rb"[\s\0]*(\d{1,10})[\s\0]+(\d{1,5})[\s\0]+obj" + _GAP)
# Behind an object stands its end, or, where a writer forgot that, what follows next.
_END: Final = re.compile(_GAP + rb"(?:endobj|\d+[\s\0]+\d+[\s\0]+obj|xref|startxref|\Z)")
_SKIPPED: Final = re.compile(_GAP)
_START: Final = re.compile(rb"startxref[\s\0]*(\d{1,10})" + _GAP + rb"\Z")
# Where readers look for the last mark of a file.
_TAIL: Final = 2048

# pypdf repairs what it can and says so in its log. A repaired document is one that readers disagree on, so all but
# these remarks is a refusal: about values that carry nothing, or what encryption leaves behind.
_HARMLESS: Final = (
    "Superfluous whitespace found in object header",
    "Xref table not zero-indexed",
    "NumberObject(",
    "%(error)s : FloatObject",
    "%(exception)s; initial string",
    "Illegal character in NameObject",
    "Unexpected escaped string",
    "RC4 is not supported",
    "Adding missing padding",
    "Ignoring padding error",
    "ignore '/Perms' verify failed",
)
# Of a key that stands twice, some readers take the first value and some the last: a way to show a check one thing
# and the user another. Writers do it with these, and none of them leads to an action, a file or a stream.
_TWICE: Final = frozenset(
    {"/MediaBox", "/CropBox", "/TrimBox", "/BleedBox", "/ArtBox", "/Rotate", "/PageMode", "/PageLayout", "/ProcSet"}
    | {"/Title", "/Author", "/Subject", "/Keywords", "/Creator", "/Producer", "/CreationDate", "/ModDate", "/Lang"}
)


class _Remarks(logging.Handler):
    """Takes pypdf's warnings off the log, which is nobody's here, and remembers whether one of them was a repair."""

    is_repaired = False

    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith("Multiple definitions in dictionary") and isinstance(record.args, dict):
            self.is_repaired |= record.args.get("key") not in _TWICE
        else:
            self.is_repaired |= not str(record.msg).startswith(_HARMLESS)


def is_stream(value: object) -> bool:
    """Whether this value, as pypdf reads it, is a stream."""
    from pypdf.generic import StreamObject

    return isinstance(value, StreamObject)


@dataclass(frozen=True, slots=True)
class Document:
    """An opened PDF. `places` are number, generation and offset of the objects that stand by themselves."""

    reader: PdfReader
    content: bytes
    places: tuple[tuple[int, int, int], ...]
    remarks: _Remarks
    max_objects: int
    generations: dict[int, int] = field(default_factory=dict)

    def resolve(self, value: object) -> Any:
        """Return what a reference refers to, by its number alone as PDFium does; None for null and for nothing."""
        from pypdf.generic import IndirectObject, NullObject

        if isinstance(value, IndirectObject):
            generation = self.generations.get(value.idnum)
            if generation is None:
                return None
            value = self.reader.get_object(IndirectObject(value.idnum, generation, self.reader))
        return None if isinstance(value, NullObject) else value

    def at(self, mapping: Any, key: str) -> Any:
        """Return the value of a dictionary's key, resolved."""
        return self.resolve(mapping.get(key))

    def filters(self, stream: Any) -> list[str]:
        """Return the names of a stream's filters, the outermost first."""
        declared = self.at(stream, "/Filter")
        if declared is None:
            return []
        return [str(self.resolve(name)) for name in (declared if isinstance(declared, list) else [declared])]

    def objects(self) -> Iterator[PdfObject]:
        """Yield every object in use and every one in an object stream, used by a page or not.

        An object stream is itself yielded before it is unpacked. Nothing that was read is kept.

        Raises:
            RefusedError: DAMAGED, TOO_COMPLEX.
        """
        holders = {holder for holder, _ in self.reader.xref_objStm.values()}
        for number, generation, offset in self.places:
            value = self._read(number, generation, offset)
            yield value
            if is_stream(value) and (number in holders or self.at(value, "/Type") == "/ObjStm"):
                yield from self._inside(value)

    def _read(self, number: int, generation: int, offset: int) -> Any:
        from pypdf.generic import IndirectObject, read_object

        begin = _BEGIN.match(self.content, offset)
        assert begin
        self.remarks.is_repaired = False
        self.reader.stream.seek(begin.end())
        value = read_object(self.reader.stream, self.reader)
        is_whole = _END.match(self.content, self.reader.stream.tell()) and not isinstance(value, IndirectObject)
        if not is_whole or self.remarks.is_repaired:
            raise RefusedError(Refusal.DAMAGED)
        # pypdf's own get_object would also decrypt, but looks elsewhere when an object is not where it should be.
        encryption = self.reader._encryption
        if encryption is None or self._is_plain(value, number):
            return value
        return encryption.decrypt_object(value, number, generation, strict=False)

    def _is_plain(self, value: Any, number: int) -> bool:
        """Whether this object of an encrypted document is written as it is."""
        encrypt = self.reader.trailer.raw_get("/Encrypt")
        if number == getattr(encrypt, "idnum", None):
            return True
        if not is_stream(value):
            return False
        kind = self.at(value, "/Type")
        assert self.reader._encryption
        is_exempt = not self.reader._encryption.EncryptMetadata or "/Crypt" in self.filters(value)
        return kind == "/XRef" or (kind == "/Metadata" and is_exempt)

    def _inside(self, stream: Any) -> Iterator[PdfObject]:
        from pypdf.generic import read_object

        self.remarks.is_repaired = False
        data = stream.get_data()
        starts = self._starts(data, self.at(stream, "/N"), self.at(stream, "/First"))
        source = io.BytesIO(data)
        for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
            skipped = _SKIPPED.match(data, start)
            source.seek(skipped.end() if skipped else start)
            value = read_object(source, self.reader)
            if self.remarks.is_repaired or source.tell() > end or data[source.tell() : end].strip(BLANK):
                raise RefusedError(Refusal.DAMAGED)
            yield value
            self.remarks.is_repaired = False

    def _starts(self, data: bytes, count: object, first: object) -> list[int]:
        if not (isinstance(count, int) and isinstance(first, int) and count >= 0 and 0 <= first <= len(data)):
            raise RefusedError(Refusal.DAMAGED)
        if count > self.max_objects:
            raise RefusedError(Refusal.TOO_COMPLEX, count, self.max_objects)
        numbers = data[:first].replace(b"\0", b" ").split(maxsplit=2 * count)[: 2 * count]
        starts = sorted(first + int(number) for number in numbers[1::2])
        if len(starts) != count or (starts and not first <= starts[0] <= starts[-1] <= len(data)):
            raise RefusedError(Refusal.DAMAGED)
        return starts


def open_document(content: bytes, bounds: Bounds) -> Document:
    """Read the cross-reference tables, and check that they lead to what they say.

    Raises:
        RefusedError: DAMAGED, ENCRYPTED, TOO_COMPLEX. Others: what pypdf raises on bad files, of any type.
    """
    from pypdf import PdfReader, overwrite_configuration

    overwrite_configuration(
        maximum_declared_stream_length=len(content),
        zlib_maximum_output_length=bounds.max_stream_bytes,
        lzw_maximum_output_length=bounds.max_stream_bytes,
        run_length_maximum_output_length=bounds.max_stream_bytes,
        jbig2dec_binary=None,
    )
    remarks, logger = _Remarks(), logging.getLogger("pypdf")
    logger.handlers, logger.propagate = [remarks], False
    content = _trimmed(content)
    try:
        # Strict until the tables are read: what is lenient afterwards is the reading of single values.
        reader = PdfReader(io.BytesIO(content), strict=True, xref_stream_maximum_entries=4 * bounds.max_objects)
    except NotImplementedError as error:  # another way of encryption than by password
        raise RefusedError(Refusal.ENCRYPTED) from error
    if remarks.is_repaired:
        raise RefusedError(Refusal.DAMAGED)
    if reader.is_encrypted and not reader.decrypt(""):
        raise RefusedError(Refusal.ENCRYPTED)
    reader.strict = False
    places = _places(reader, content, bounds.max_objects)
    generations = {number: generation for number, generation, _ in places} | dict.fromkeys(reader.xref_objStm, 0)
    return Document(reader, content, places, remarks, bounds.max_objects, generations)


def _trimmed(content: bytes) -> bytes:
    """Return the document from its header, which places are counted from, to its last mark, its table made exact."""
    content = content.rstrip(BLANK)  # scanners fill the last block with zeros
    begin, end = content.find(b"%PDF-"), content.rfind(b"%%EOF", max(0, len(content) - _TAIL))
    content = content[max(begin, 0) : end]
    start = _START.search(content, max(0, len(content) - _TAIL))
    if begin < 0 or end < 0 or not start:
        raise RefusedError(Refusal.DAMAGED)
    # Writers count the line break before the table or they do not; readers, qpdf among them, take both.
    at = int(start[1])
    at += len(content[at : at + 4]) - len(content[at : at + 4].lstrip(BLANK))
    return content[: start.start()] + b"startxref\n%d\n%%%%EOF" % at


def _places(reader: PdfReader, content: bytes, most: int) -> tuple[tuple[int, int, int], ...]:
    count = sum(map(len, reader.xref.values())) + len(reader.xref_objStm)
    if count > most:
        raise RefusedError(Refusal.TOO_COMPLEX, count, most)
    places = []
    for generation, offsets in reader.xref.items():
        for number, offset in offsets.items():
            if offset == 0:  # how some writers say that there is no such object
                continue
            begin = _BEGIN.match(content, offset) if offset > 0 else None
            if not begin or (int(begin[1]), int(begin[2])) != (number, generation):
                raise RefusedError(Refusal.DAMAGED)
            places.append((number, generation, offset))
    return tuple(places)
