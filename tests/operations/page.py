"""The operators' page, read: its blocks of commands, each with the word that says how it is tested."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt

from deploy.generate import ROOT

PAGE: Final = ROOT / "docs" / "operations.md"
KINDS: Final = ("cloud", "checked")


@dataclass(frozen=True, slots=True)
class Block:
    """Some commands under a heading."""

    heading: str
    kind: str
    text: str

    @property
    def commands(self) -> list[list[str]]:
        """The commands as words, without comments and assignments that stand before them."""
        joined = re.sub(r"\\\n\s*", " ", self.text)
        found = [shlex.split(line, comments=True) for line in joined.splitlines()]
        return [
            words[next(i for i, word in enumerate(words) if not re.fullmatch(r"\w+=.*", word)) :]
            for words in found
            if any(not re.fullmatch(r"\w+=.*", word) for word in words)
        ]


def blocks() -> Iterator[Block]:
    """Return every fenced block of the page in its order."""
    heading = ""
    tokens = MarkdownIt().parse(PAGE.read_text(encoding="utf-8"))
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[number + 1].content
        if token.type in {"fence", "code_block"}:
            language, _, kind = token.info.partition(" ")
            yield Block(heading, kind if language == "sh" else f"{language} {kind}", token.content)
