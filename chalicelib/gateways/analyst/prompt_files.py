"""Prompts as they lie in `prompts/`: one file per kind and version, each in four parts.

A prompt is changed by adding a file with the next version and naming it here; results say which one they came from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from chalicelib.gateways.analyst.conversation import PromptKind

VERSIONS: Final[Mapping[PromptKind, int]] = {PromptKind.ANALYSIS: 1, PromptKind.REPORT: 1, PromptKind.CHAT: 1}
PARTS: Final = ("Role and limits", "Is this medical at all", "The task", "The output schema")
_HEADING: Final = re.compile(r"^## (\d)\. (.+)$", re.MULTILINE)
_FENCE: Final = "{fence}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """The system's part of a request: four texts in the order of `PARTS`."""

    kind: PromptKind
    version: int
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """What results call it: `analysis/1`."""
        return f"{self.kind}/{self.version}"

    def system(self, fence: str) -> str:
        """Return the whole prompt; `fence` is the word by which the model knows data in this one request."""
        titled = (f"## {number}. {title}\n\n{part}" for number, (title, part) in enumerate(self._titled(), 1))
        return "\n\n".join(titled).replace(_FENCE, fence)

    def _titled(self) -> list[tuple[str, str]]:
        return list(zip(PARTS, self.parts, strict=True))


@cache
def prompt_for(kind: PromptKind) -> Prompt:
    """Return the present prompt of a kind; read once per process.

    Raises:
        ValueError: the file does not have exactly the four parts, or its first part does not speak of the fence.
    """
    version = VERSIONS[kind]
    path = Path(__file__).parent / "prompts" / f"{kind}.v{version}.md"
    pieces = _HEADING.split(path.read_text(encoding="utf-8"))
    titles, parts = tuple(pieces[2::3]), tuple(part.strip() for part in pieces[3::3])
    if pieces[0].strip() or titles != PARTS or not all(parts) or _FENCE not in parts[0]:
        raise ValueError(f"{path.name} is not a prompt in four parts")
    return Prompt(kind, version, parts)
