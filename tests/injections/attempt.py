"""One attempt to talk a model round: where it is planted, what an obedient model does, what must not come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dev.model_mind import Heard

Change = Callable[[dict[str, Any], Heard], None]


class Surface(StrEnum):
    """Where foreign text reaches a model."""

    DOCUMENT = "document"
    PICTURE = "picture"
    QUESTION = "question"
    FACTS = "facts"


@dataclass(frozen=True, slots=True)
class Attempt:
    """`planted` is what stands in the document, the question or a value's name; `obey` alters an honest answer as a
    model would that follows it. No word of `forbidden` may reach anybody."""

    name: str
    surface: Surface
    planted: str
    obey: Change
    forbidden: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def says(field: str, text: str) -> Change:
    """Put a text into a field of the answer."""

    def obey(answer: dict[str, Any], _: Heard) -> None:
        answer[field] = [text] if isinstance(answer[field], list) else text

    return obey


def adds(field: str, text: str) -> Change:
    """Add a text to a field of the answer, after honest words."""

    def obey(answer: dict[str, Any], _: Heard) -> None:
        answer[field] = f"{answer[field]} {text}"

    return obey


def rewrites(row: str, **fields: Any) -> Change:
    """Change fields of the laboratory value of that name."""

    def obey(answer: dict[str, Any], _: Heard) -> None:
        for one in answer["lab_results"]:
            if one["name"] == row:
                one.update(fields)

    return obey


def drops(*rows: str) -> Change:
    """Leave out values; all of them where none is named."""

    def obey(answer: dict[str, Any], _: Heard) -> None:
        answer["lab_results"] = [one for one in answer["lab_results"] if rows and one["name"] not in rows]

    return obey


def invents(**fields: Any) -> Change:
    """Add a value."""
    row = {
        "name": "Glucose",
        "category": "blood",
        "value": "95",
        "unit": "mg/dL",
        "range": "70 - 100",
        "flag": None,
        "explanation": "It measures sugar.",
        "confidence": 9,
        "page": 1,
        "quote": "Glucose 95 mg/dL 70 - 100",
    }

    def obey(answer: dict[str, Any], _: Heard) -> None:
        answer["lab_results"].append({**row, **fields})

    return obey


def all_of(*changes: Change) -> Change:
    """Do several things."""

    def obey(answer: dict[str, Any], heard: Heard) -> None:
        for change in changes:
            change(answer, heard)

    return obey


def leaks(field: str, spell: Callable[[str], str]) -> Change:
    """Put the instructions into a field, spelt in some way."""

    def obey(answer: dict[str, Any], heard: Heard) -> None:
        answer[field] = spell(heard.system)

    return obey
