"""Foreign text on its way to a model: marked as data between lines that nobody outside can know."""

from __future__ import annotations

import secrets
import unicodedata
from typing import Final

MOST_CHARACTERS: Final = 60_000
_KEPT_CONTROLS: Final = "\n\t"


def draw_fence(*texts: str) -> str:
    """Return a word of 64 random bits, good for one request, that occurs in none of the texts."""
    while True:
        fence = secrets.token_hex(8)
        if not any(fence in text for text in texts):
            return fence


def fenced(label: str, text: str, fence: str, most: int = MOST_CHARACTERS) -> str:
    """Return `text` between a first and a last line that carry the fence, without marks that nobody can see.

    Invisible characters (zero width, tags, changes of direction, controls) hide words from people and not from models.
    """
    return f"[begin {label} {fence}]\n{visible(text)[:most]}\n[end {label} {fence}]"


def visible(text: str) -> str:
    """Return the text without control, format and private characters."""
    return "".join(mark for mark in text if mark in _KEPT_CONTROLS or not unicodedata.category(mark).startswith("C"))
