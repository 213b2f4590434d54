"""The operators' page, read: its blocks of commands, each with the word that says how it is tested."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt

from deploy.generate import ROOT

PAGE: Final = ROOT / "docs" / "operations.md"
SHELL: Final = ("cloud", "checked")
SQL: Final = "moving"
"""What is said to PostgreSQL while a stage moves; everything else is for the shell."""
_LOOP: Final = r"\bfor (\w+) in\b"
_VALUE: Final = r"(?:\$\(.*\)|'[^']*'|\"[^\"]*\"|[^\s$]*(?:\$\w+[^\s$]*)*)"


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
            is_known = language == ("sql" if kind == SQL else "sh")
            yield Block(heading, kind if is_known else f"{language} {kind}", token.content)


def unassigned(found: Iterable[Block], given: Iterable[str] = ()) -> set[str]:
    """Return the variables of the shell that are used before a line or a loop of these blocks has set them, but for
    those `given`. What stands before a command (`A=b command`) is set for that command alone."""
    known, missing = set(given), set()
    for block in found:
        for line in re.sub(r"\\\n\s*", " ", block.text).splitlines():
            # Single quotes keep a variable from being filled in, unless they stand within double ones.
            plain = line if '"' in line else re.sub(r"'[^']*'", "", line)
            missing |= set(re.findall(r"\$\{?([A-Za-z_]\w*)", plain)) - known - set(re.findall(_LOOP, line))
            known |= set(re.findall(_LOOP, line)) | _assigned(line)
    return missing


def _assigned(line: str) -> set[str]:
    if line.startswith("export "):
        return set(re.findall(r"(\w+)=", line))
    return set(re.findall(rf"^\s*(\w+)={_VALUE}\s*(?:#.*)?$", line))
