"""The child's side of binding: reads pictures on standard input, writes the PDF to standard output."""

from __future__ import annotations

import sys

import msgspec

from chalicelib.documents.binding import Pages, bind


def main() -> None:
    """Bind the pictures on standard input."""
    pages = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Pages)
    sys.stdout.buffer.write(bind(pages.pictures))


if __name__ == "__main__":
    main()
