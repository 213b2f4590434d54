"""Putting foreign text into markdown and sentences so that it stays text: no markup, no links, no HTML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST_TEXT = 120

_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_MARKUP = re.compile(r"[\\`*_\[\]#|~@]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def plain(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return `text` on one line, without control and direction marks, and cut to `longest` characters."""
    visible = "".join(" " if _is_invisible(mark) else mark for mark in unicodedata.normalize("NFC", text))
    line = " ".join(visible.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def spoken(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return `text` for a sentence shown as it is: `plain`, without marks that a renderer might act on."""
    worded = re.sub(r"<(?=\s*=?\s*\d)", "below ", text)
    worded = re.sub(r">(?=\s*=?\s*\d)", "above ", worded)
    worded = re.sub(r"(?<=\d)\*(?=\d)", "^", worded)  # 10*9/L
    bare = re.sub(r"[<>`\[\]{}|*\\~]|_(?=\W|$)|(?<!\w)_", " ", worded)
    return plain(re.sub(r"://|\bwww\.|@", " ", bare), longest)


def escaped(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return `text` as markdown that shows exactly `plain(text)`.

    Backslashes take the meaning from punctuation (CommonMark 2.4), also from the marks that make bare links (GFM 6.9);
    `<`, `>` and `&` become entities, so that a renderer which allows HTML sees none. Marks that mean something only at
    the start of a line stay: put the text into a heading or a cell, or after other words.
    """
    quoted = re.sub(r"[<>&]", lambda match: f"\0{match[0]}", plain(text, longest))
    backslashed = _MARKUP.sub(lambda match: f"\\{match[0]}", quoted)
    return re.sub(r"\0([<>&])", lambda match: _ENTITIES[match[1]], backslashed)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table. Cells must be escaped already; an empty one shows a dash."""
    lines = [_line(titles), _line(["---"] * len(titles)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell or "–" for cell in cells) + " |"


def _is_invisible(mark: str) -> bool:
    """Whether a character is a control, a format mark (such as a change of direction) or has no meaning yet."""
    return unicodedata.category(mark) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
