"""What people are told about a file that is not taken: what is the matter, and what they can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.documents.file_kinds import Kind
from chalicelib.documents.inspection_terms import Refusal

SUPPORTED: Final = "We can read PDF, JPG and PNG files."
RETRY: Final = "We could not check the file just now. Please try again in a moment."
TOOK_TOO_LONG: Final = (
    "This file is too complicated to be checked. Please save it again as a simpler PDF, or take a photo of the page."
)
NOT_READABLE: Final = "This file could not be read safely. Please save it again as a PDF, or take a photo of the page."

PICTURES_ONLY: Final = "Several pages are sent as JPG or PNG pictures. Please send a PDF by itself."

OTHER_KINDS: Final[Mapping[Kind, str]] = {
    Kind.HEIC: (
        "This is a HEIC picture, which we cannot read. Please choose 'Most compatible' in your camera's format "
        "settings, or share the photo as a JPG."
    ),
    Kind.GIF: "This is a GIF picture, which we cannot read. Please save it as a JPG or PNG.",
    Kind.WEBP: "This is a WebP picture, which we cannot read. Please save it as a JPG or PNG.",
    Kind.TIFF: "This is a TIFF picture, which we cannot read. Please save it as a PDF, JPG or PNG.",
    Kind.BMP: "This is a BMP picture, which we cannot read. Please save it as a JPG or PNG.",
    Kind.SVG: "This is an SVG drawing, which we cannot read. Please save it as a PDF, JPG or PNG.",
    Kind.DICOM: "This is a DICOM image. We read the written report: please upload that as a PDF or a photo.",
    Kind.OFFICE: "This is an office document. Please export it as a PDF and upload that.",
    Kind.ARCHIVE: "This is an archive or an office document. Please upload the document in it as a PDF.",
    Kind.HTML: "This is a web page. Please print it to a PDF and upload that.",
    Kind.PROGRAM: "This is a program, not a document. We can read PDF, JPG and PNG files.",
    Kind.TEXT: "This is a plain text file. Please save it as a PDF and upload that.",
}

REFUSALS: Final[Mapping[Refusal, str]] = {
    Refusal.ENCRYPTED: (
        "This PDF is protected by a password. Please save it without the password, or take a photo of the page."
    ),
    Refusal.DAMAGED: "This file is damaged or incomplete. Please download or export it again.",
    Refusal.NO_PAGES: "This PDF has no pages. Please export it again.",
    Refusal.TOO_MANY_PAGES: (
        "This PDF has {found} pages, and we can read up to {limit}. Please upload the pages with your results."
    ),
    Refusal.TOO_MANY_PIXELS: "A picture in this file is too large. Please save it at a lower resolution.",
    Refusal.TOO_COMPLEX: TOOK_TOO_LONG,
    Refusal.EXPANDS_TOO_MUCH: NOT_READABLE,
    Refusal.ACTIVE_CONTENT: (
        "This PDF contains scripts or actions, which we do not accept. Please print it to a new PDF and upload that."
    ),
    Refusal.DYNAMIC_FORM: "This PDF is an interactive form. Please print it to a new PDF and upload that.",
    Refusal.ATTACHMENT: "This PDF has other files attached. Please print it to a new PDF and upload that.",
    Refusal.SECOND_FILE: "This file contains a second file. Please print or save it as a new file and upload that.",
}


def too_large(limit_bytes: int) -> str:
    """Say how large a file may be, in whole megabytes."""
    return f"This file is larger than {limit_bytes // (1024 * 1024)} MB. Please upload a smaller one, or fewer pages."
