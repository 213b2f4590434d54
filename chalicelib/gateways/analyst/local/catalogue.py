"""What common laboratory tests measure, in plain words: a lookup by the many names that laboratories print."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

Specimen = Literal["blood", "urine"]

# Words that say where the sample came from or how it was treated, and not what was measured.
_NOISE = frozenset(
    {"serum", "plasma", "blood", "whole", "edta", "urine", "level", "levels", "estimation", "s", "p", "naf", "method"}
)
# A name with one of these measures something else than the analyte that it also mentions.
_OTHER_MEASURES = frozenset({"ratio", "index", "antibody", "antibodies", "anti", "binding", "clearance", "receptor"})


class Analyte(msgspec.Struct, frozen=True):
    """A test in plain words.

    `about` says what is measured, as a phrase; `high` and `low` complete "can go with". `key` is the upper-case word
    that medical flags are made of.
    """

    key: str
    name: str
    group: str
    specimen: Specimen
    aliases: tuple[str, ...]
    about: str
    high: str
    low: str


class _Contents(msgspec.Struct, frozen=True):
    questions: dict[str, str]
    analytes: tuple[Analyte, ...]


def find(name: str, specimen: Specimen) -> Analyte | None:
    """Return the test that `name` stands for in a sample of `specimen`, or None where the catalogue does not know it.

    Looks for the whole name, then for its parts (without brackets, in brackets, before a comma), then for a known name
    of some length inside it. The same name means different things in blood and urine, so the two never mix.
    """
    known = _names()[specimen]
    for variant in _variants(name):
        if variant in known:
            return known[variant]
    words = _words(name).split()
    if _OTHER_MEASURES.intersection(words):
        return None
    return next((known[part] for part in _long_parts(words) if part in known), None)


def question_about(analyte: Analyte) -> str:
    """Return a question that a patient may ask their doctor when `analyte` is outside its range."""
    return _contents().questions[analyte.group]


def analytes() -> tuple[Analyte, ...]:
    """Return every test of the catalogue, in its order."""
    return _contents().analytes


@functools.cache
def _contents() -> _Contents:
    return msgspec.json.decode(Path(__file__).with_name("catalogue.json").read_bytes(), type=_Contents)


@functools.cache
def _names() -> dict[Specimen, dict[str, Analyte]]:
    names: dict[Specimen, dict[str, Analyte]] = {"blood": {}, "urine": {}}
    for analyte in analytes():
        for alias in analyte.aliases:
            names[analyte.specimen][_words(alias)] = analyte
    return names


def _words(name: str) -> str:
    """Return the words of `name` without case, accents and punctuation."""
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", name) if not unicodedata.combining(mark))
    return " ".join(re.findall(r"\w+", plain.casefold().replace("_", " ")))


def _variants(name: str) -> Iterator[str]:
    outside = re.sub(r"[(\[].*?[)\]]", " ", name)
    inside = re.findall(r"[(\[](.*?)[)\]]", name)
    if "/" in outside and "ratio" not in name.casefold():
        yield f"{_words(outside)} ratio"  # "Cholesterol/HDL" is neither of the two
    for part in (name, outside, re.split(r"[,;:]", outside)[0], *inside):
        words = _words(part)
        yield words
        if len(words) >= 3 and all(len(word) == 1 for word in words.split()):
            yield words.replace(" ", "")  # V.G.M. is VGM
        yield " ".join(word for word in words.split() if word not in _NOISE)


def _long_parts(words: list[str]) -> Iterator[str]:
    """Yield the runs of neighbouring words, longest first, that are long enough not to match by accident."""
    for length in range(len(words) - 1, 0, -1):
        for start in range(len(words) - length + 1):
            part = " ".join(words[start : start + length])
            if len(part) >= 5:
                yield part
