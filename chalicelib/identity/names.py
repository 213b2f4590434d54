"""Names of people: refused where the person typed them, made fit where a provider sent them."""

from __future__ import annotations

import unicodedata
from typing import Final

MOST_CHARACTERS: Final = 255

_FORBIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
# Format characters are part of names in some scripts (zero-width joiners); those that turn text around are not.
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff")


def normalised(name: str) -> str:
    """Compose (NFC) and trim."""
    return unicodedata.normalize("NFC", name).strip()


def is_acceptable(name: str) -> bool:
    """Whether a normalised name is short enough and has no control character, line break or turned text."""
    return len(name) <= MOST_CHARACTERS and not any(_is_forbidden(character) for character in name)


def made_fit(name: str | None) -> str | None:
    """Return what can be kept of a name that a provider sent: nobody is refused at the door for it. None if nothing."""
    if name is None:
        return None
    # Surrogates first: they cannot be composed, and JSON can carry them.
    kept = "".join(character for character in normalised(name) if not _is_forbidden(character))
    return kept[:MOST_CHARACTERS].strip() or None


def _is_forbidden(character: str) -> bool:
    return unicodedata.category(character) in _FORBIDDEN_CATEGORIES or character in _TURNING
