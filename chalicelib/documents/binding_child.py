"""The child's side of binding: reads pictures on standard input, writes the PDF to standard output."""

from __future__ import annotations

import sys

import msgspec

from chalicelib.documents.binding import bind
from chalicelib.gateways.analyst.findings import FileType


class Pages(msgspec.Struct, frozen=True):
    """Pictures that passed inspection, in their order."""

    pictures: list[tuple[FileType, bytes]]


def main() -> None:
    """Bind the pictures on standard input."""
    pages = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Pages)
    sys.stdout.buffer.write(bind(pages.pictures))


if __name__ == "__main__":
    main()
