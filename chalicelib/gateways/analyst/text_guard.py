"""What a model wrote in its own words, on its way to people: what must not be in it is taken out, or all of it is.

A model that was talked round by a document, by a person, or by itself writes things that no schema of fields forbids.
Two kinds are told apart. What nobody ever wants to see (links, markup, our instructions, requests for passwords) makes
the whole text unusable, because the rest came from the same hand. What may be an honest mistake (a number that is not
in the data, a copied sentence, advice on a dose, a promise of health) costs the sentence; if much of a text goes that
way, all of it does. Whoever called then uses words that code made.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from chalicelib.gateways.analyst import text_traits as traits
from chalicelib.gateways.analyst.fencing import visible
from chalicelib.gateways.analyst.local.numbers import NUMBER, to_decimal

_SECRET_SHINGLE: Final = 6
_LONGEST_WORD: Final = 100
_MOST_DROPPED: Final = 0.34
_SMALL: Final = Decimal(12)
_SENTENCE_END: Final = re.compile(r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bProf\.)(?<=[.!?;])[\"')*_]*\s+")
_MARKDOWN_START: Final = re.compile(r"\s*(?:#{1,6}\s+|[-*+]\s+|\d{1,2}[.)]\s+|>\s+)?")


class Unusable(Exception):
    """A text that must not be shown in any part. `reason` is a code for the log."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a text may draw on.

    `secrets` are texts of ours that must not come out, `data` is what was fenced: it may be spoken of, not copied.
    `numbers` are those that may be named (None: any); `abnormal` are the names of values outside their range, about
    which nobody is reassured. So many words in a row are a copy (`copied_run`): few beside values, more in a letter,
    whose findings can hardly be told in other words.
    """

    secrets: str
    fence: str
    data: str
    numbers: frozenset[Decimal] | None = None
    abnormal: tuple[str, ...] = ()
    copied_run: int = 5
    _copied: frozenset[tuple[str, ...]] = field(init=False, default=frozenset())
    _secret: frozenset[tuple[str, ...]] = field(init=False, default=frozenset())
    _known: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        """Work out once what every sentence is held against."""
        words = [_words(line) for line in re.split(r"\n|(?<=[.!?;])\s", self.data)]
        runs = {run for line in words for run in _runs(line, self.copied_run)}
        whole = {tuple(line) for line in words if len(line) >= self.copied_run - 2}
        object.__setattr__(self, "_copied", frozenset(runs | whole))
        object.__setattr__(self, "_secret", frozenset(_runs(_words(self.secrets), _SECRET_SHINGLE)))
        object.__setattr__(self, "_known", frozenset(_words(self.data)))

    def copies(self, sentence: list[str]) -> bool:
        """Whether a sentence repeats the data instead of speaking of it."""
        return tuple(sentence) in self._copied or any(run in self._copied for run in _runs(sentence, self.copied_run))

    def leaks(self, words: list[str]) -> bool:
        """Whether words of ours come out, forwards or backwards."""
        backwards = [word[::-1] for word in reversed(words)]
        return any(run in self._secret for one in (words, backwards) for run in _runs(one, _SECRET_SHINGLE))

    def knows(self, name: str) -> bool:
        """Whether a word stands in the data."""
        return bool(self._known.intersection(_words(name)))


def checked(text: str, grounds: Grounds, longest: int) -> str | None:
    """Return what of a text may be shown, at most `longest` characters; None where too little of it is left.

    Raises:
        Unusable: it holds what must never be shown; nothing else of the same answer should be shown either.
    """
    shown = unicodedata.normalize("NFC", visible(text)).strip()
    _refuse(shown, grounds)
    kept: list[str] = []
    total = dropped = 0
    for line in shown.splitlines():
        start, sentences = _split(line)
        good = [one for one in sentences if not _is_doubtful(one, grounds)]
        total, dropped = total + len(sentences), dropped + len(sentences) - len(good)
        if good or not sentences:
            kept.append(start + " ".join(good))
    if total == 0 or dropped > total * _MOST_DROPPED:
        return None
    whole = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return whole if len(whole) <= longest else None


def checked_line(text: str, grounds: Grounds, longest: int) -> str | None:
    """Return a text for one line: `checked`, without markdown; None where any of it had to go.

    Raises:
        Unusable: as `checked` does.
    """
    line = " ".join(text.split())
    found = checked(line, grounds, longest)
    return re.sub(r"[#*_`|~>]+", "", found).strip() or None if found is not None and len(found) == len(line) else None


def is_harmless_line(text: str) -> bool:
    """Whether a line that was copied from a document can be shown as a name or a source: it has no link, no address and
    no tag in it, and asks for nothing."""
    plain = unicodedata.normalize("NFKC", visible(text))
    return not any(pattern.search(plain) for pattern in traits.NEVER_IN_A_ROW)


def is_name(text: str) -> bool:
    """Whether a text that only a model vouches for can be the name of a test: short, and no sentence."""
    is_short = 0 < len(text.split()) <= 8 and len(text) <= 80
    return is_short and is_harmless_line(text) and not any(pattern.search(text) for pattern in traits.DOUBTFUL)


def numbers_in(texts: Iterable[str]) -> frozenset[Decimal]:
    """Return the numbers in some texts, as a reader of either decimal mark may take them."""
    found: set[Decimal] = set()
    for text in texts:
        for match in re.finditer(NUMBER, text):
            for has_commas in (False, True):
                number = to_decimal(match.group().rstrip(".,"), has_commas)
                if number is not None:
                    found.add(number)
    return frozenset(found)


def _refuse(text: str, grounds: Grounds) -> None:
    # No word of a language is that long, and patterns take quadratic time over one.
    if any(len(word) > _LONGEST_WORD for word in text.split()):
        raise Unusable("shape")
    plain = unicodedata.normalize("NFKC", text)
    if grounds.fence in re.sub(r"[\W_]", "", plain.casefold()):
        raise Unusable("fence")
    for reason, pattern in traits.NEVER.items():
        if pattern.search(plain):
            raise Unusable(reason)
    if any(grounds.leaks(_words(one)) for one in (plain, plain[::-1], traits.rotated(plain))):
        raise Unusable("instructions")


def _is_doubtful(sentence: str, grounds: Grounds) -> bool:
    words = _words(sentence)
    return (
        any(pattern.search(sentence) for pattern in traits.DOUBTFUL)
        or grounds.copies(words)
        or _has_foreign_number(sentence, grounds)
        or _has_foreign_name(sentence, grounds)
        or _reassures(sentence, grounds)
        or not traits.is_english(words)
    )


def _has_foreign_number(sentence: str, grounds: Grounds) -> bool:
    if grounds.numbers is None:
        return False
    named = numbers_in([sentence])
    return any(number > _SMALL or number != int(number) for number in named - grounds.numbers)


def _has_foreign_name(sentence: str, grounds: Grounds) -> bool:
    if traits.PERSON.search(sentence):
        return True
    return any(
        not (grounds.knows(match[1]) or grounds.knows(match[2]) or traits.is_term(match[1], match[2]))
        for match in traits.NAME_PAIR.finditer(sentence)
    )


def _reassures(sentence: str, grounds: Grounds) -> bool:
    if not grounds.abnormal:
        return False
    if traits.ALL_WELL.search(sentence) and not traits.NOT_ALL.search(sentence):
        return True
    plain = sentence.casefold()
    is_named = any(name.casefold() in plain for name in grounds.abnormal if len(name) > 2)
    return is_named and traits.WELL.search(plain) is not None and traits.NOT_WELL.search(plain) is None


def _split(line: str) -> tuple[str, list[str]]:
    """Return the markdown that a line begins with, and its sentences."""
    match = _MARKDOWN_START.match(line)
    start = match.group() if match else ""
    rest = line[len(start) :].strip()
    return start, [one for one in _SENTENCE_END.split(rest) if re.search(r"\w", one)]


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return re.findall(r"[^\W_]+", "".join(mark for mark in folded if not unicodedata.combining(mark)))


def _runs(words: list[str], length: int) -> Iterator[tuple[str, ...]]:
    for start in range(len(words) - length + 1):
        yield tuple(words[start : start + length])
