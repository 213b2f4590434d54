"""What the inspecting process and its child say to each other: the task, the bounds, the verdict."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class Refusal(StrEnum):
    """Why a file is not taken. The value is public: the app finds it as `details.reason`."""

    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    NO_PAGES = "no_pages"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_COMPLEX = "too_complex"
    EXPANDS_TOO_MUCH = "expands_too_much"
    ACTIVE_CONTENT = "active_content"
    DYNAMIC_FORM = "dynamic_form"
    ATTACHMENT = "attachment"
    SECOND_FILE = "second_file"


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a document may hold. The real sample, ten pages, has 198 objects and expands to 4.5 MB."""

    max_pages: int = 50
    # A picture, and each picture in a PDF: a page of A4 scanned at 600 dots per inch has 35 million pixels.
    max_pixels: int = 40_000_000
    # The PDF reference's own limit for a side of a page is 14,400 points, 200 inches.
    max_page_points: float = 14_400.0
    max_objects: int = 50_000
    # Values inside the objects, numbers and names included.
    max_values: int = 1_000_000
    # Text, lines and pictures drawn on one page.
    max_drawn_per_page: int = 200_000
    # One compressed stream, unpacked; a picture's stream may have 4 bytes per pixel instead.
    max_stream_bytes: int = 32 * 1024 * 1024
    max_unpacked_bytes: int = 512 * 1024 * 1024
    # A progressive JPEG of a camera has about 10 scans; each costs a pass over the whole picture.
    max_scans: int = 100


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the child is asked: are the bytes after this line a good file of this type?"""

    file_type: Literal["pdf", "jpg", "png"]
    bounds: Bounds


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the child found. With a `refusal`, `found` and `limit` are the numbers behind it, where there are any."""

    refusal: Refusal | None = None
    found: int | None = None
    limit: int | None = None
    page_count: int = 0
    width: int | None = None
    height: int | None = None


class RefusedError(Exception):
    """Raised inside the child where a file turns out not to be acceptable."""

    def __init__(self, refusal: Refusal, found: int | None = None, limit: int | None = None) -> None:
        self.refusal, self.found, self.limit = refusal, found, limit
        super().__init__(refusal.value)
