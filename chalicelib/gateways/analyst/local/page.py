"""Words, lines and pages with their places, the same for a PDF's text and for a picture's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median


@dataclass(frozen=True, slots=True)
class Word:
    """A run of characters without a space. The y axis points down, the unit is whatever the page has."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    is_bold: bool = False
    score: float = 1.0  # how sure the reader of a picture was, 0 to 1

    @property
    def height(self) -> float:
        """The height of its type."""
        return self.y1 - self.y0

    @property
    def middle(self) -> float:
        """Its vertical middle."""
        return (self.y0 + self.y1) / 2


@dataclass(frozen=True, slots=True)
class Line:
    """Words that stand beside each other, from left to right."""

    words: tuple[Word, ...]
    page: int

    @property
    def text(self) -> str:
        """The line as read."""
        return " ".join(word.text for word in self.words)

    @property
    def x0(self) -> float:
        """Where it begins."""
        return self.words[0].x0

    @property
    def x1(self) -> float:
        """Where it ends."""
        return max(word.x1 for word in self.words)

    @property
    def top(self) -> float:
        """Its upper edge: the median of its words', so that a raised exponent does not count."""
        return median(word.y0 for word in self.words)

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return median(word.y1 for word in self.words)

    @property
    def height(self) -> float:
        """The height of its type."""
        return median(word.height for word in self.words)

    @property
    def is_bold(self) -> bool:
        """Is all of it bold?"""
        return all(word.is_bold for word in self.words)

    @property
    def score(self) -> float:
        """How sure the reader was of the least certain word, 0 to 1."""
        return min(word.score for word in self.words)


@dataclass(frozen=True, slots=True)
class Page:
    """The words of one page, in any order."""

    number: int
    words: tuple[Word, ...]


@dataclass(slots=True)
class _Growing:
    """A line while its words are gathered, with what every further word asks for."""

    words: list[Word]
    middles: float  # summed
    height: float

    @property
    def middle(self) -> float:
        return self.middles / len(self.words)

    def takes(self, word: Word) -> bool:
        """Does the word stand on this line, and not over one that does?"""
        height = min(self.height, max(word.height, 0.5 * self.words[0].height))
        return abs(word.middle - self.middle) < 0.45 * height and not any(_stands_over(w, word) for w in self.words)


def lines_of(words: Iterable[Word], page: int) -> list[Line]:
    """Return the words as lines from top to bottom; a word belongs to the line that its middle lies in."""
    growing: list[_Growing] = []
    for word in sorted(words, key=lambda w: (w.middle, w.x0)):
        near = [line for line in growing[-4:] if line.takes(word)]
        if near:
            line = min(near, key=lambda g: abs(word.middle - g.middle))
            line.words.append(word)
            line.middles += word.middle
            line.height = max(line.height, word.height)
        else:
            growing.append(_Growing([word], word.middle, word.height))
    lines = [Line(tuple(sorted(g.words, key=lambda w: w.x0)), page) for g in growing]
    return sorted(lines, key=lambda line: line.top)


def _stands_over(one: Word, other: Word) -> bool:
    narrower = min(one.x1 - one.x0, other.x1 - other.x0)
    return min(one.x1, other.x1) - max(one.x0, other.x0) > 0.3 * narrower


_GROUPS_WITH_SPACES = re.compile(r"(?<![\d.,])\d{1,3} \d{3} ?(?:à|á|a|-|–|bis|to|et) ?\d{1,3} \d{3}(?![\d.,])")


def with_joined_groups(pages: list[Page]) -> list[Page]:
    """Return the pages with 250 000 as one word, where the document's ranges show that it writes thousands so."""
    lines = {page.number: lines_of(page.words, page.number) for page in pages}
    if not any(_GROUPS_WITH_SPACES.search(line.text) for page_lines in lines.values() for line in page_lines):
        return pages
    return [Page(n, tuple(w for line in page_lines for w in _joined(line))) for n, page_lines in lines.items()]


def _joined(line: Line) -> list[Word]:
    words: list[Word] = []
    for word in line.words:
        last = words[-1] if words else None
        if last and word.x0 - last.x1 < 0.75 * line.height and _is_group(last.text, word.text):
            words[-1] = replace(last, text=last.text + word.text, x1=word.x1)
        else:
            words.append(word)
    return words


def _is_group(left: str, right: str) -> bool:
    return (
        re.fullmatch(r"[(\[<>]?[1-9]\d{0,2}(?:\d{3})*", left) is not None
        and re.fullmatch(r"\d{3}[)\]]?", right) is not None
    )
