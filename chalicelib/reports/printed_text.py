"""Text on its way to paper: escaped for the printer's markup, markdown turned into it, and only what the font shows."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

MISSING_GLYPH: Final = "□"
_TOKEN: Final = re.compile(r"\\(?P<literal>[^\w\s])|(?P<bold>\*\*|__)|(?P<plain>[*_`~])|(?P<text>[^\\*_`~]+|\\)")
_ENTITY: Final = re.compile(r"&(?:lt|gt|amp|#\d{1,6}|quot);")

Shows = Callable[[str], bool]
"""Whether the font has a glyph."""


class Line(NamedTuple):
    """One paragraph of markdown: how it begins, and its text in the printer's markup."""

    is_heading: bool
    is_bullet: bool
    markup: str


def plain_markup(text: str, shows: Shows) -> str:
    """Return a text that was sent, as markup that shows exactly it: no tag in it means anything."""
    return escape("".join(_shown(mark, shows) for mark in text))


def lines_of(markdown: str, shows: Shows) -> Iterator[Line]:
    """Yield the paragraphs of a markdown text: headings, bullets and bold are kept, the rest is text."""
    for raw in markdown.splitlines():
        line = raw.strip()
        if not line:
            continue
        is_heading, is_bullet = line.startswith("#"), re.match(r"[-*+]\s", line) is not None
        text = line.lstrip("#").strip() if is_heading else line[1:].strip() if is_bullet else line
        yield Line(is_heading, is_bullet, _inline(text, shows))


def _inline(text: str, shows: Shows) -> str:
    parts: list[str] = []
    is_bold = False
    for found in _TOKEN.finditer(text):
        if found["bold"]:
            parts.append("</b>" if is_bold else "<b>")
            is_bold = not is_bold
        elif found["literal"]:
            parts.append(plain_markup(found["literal"], shows))
        elif found["text"]:
            # An entity is the markdown of one mark; it becomes that mark, and is escaped again.
            parts.append(plain_markup(_ENTITY.sub(lambda entity: html.unescape(entity[0]), found["text"]), shows))
    return "".join(parts) + ("</b>" if is_bold else "")


def _shown(mark: str, shows: Shows) -> str:
    if mark in "\t\r\n":
        return " "
    return mark if shows(mark) else MISSING_GLYPH
