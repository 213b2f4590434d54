"""A model's own words about a document: what of them may be shown, and code's words where they may not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.gateways.analyst.document_text import DocumentText
from chalicelib.gateways.analyst.evidence_check import CheckedLab, CheckedVital
from chalicelib.gateways.analyst.findings import Analysis, LabFinding
from chalicelib.gateways.analyst.model_answer import SaidAnalysis
from chalicelib.gateways.analyst.text_guard import Grounds, Unusable, checked, checked_line, numbers_in
from chalicelib.observe.log import log

SPEECHLESS: Final = (
    "We read this document and found no values in it, and could not put it into words that we are sure of. Please ask "
    "whoever gave it to you to explain it."
)
_RUN_BESIDE_VALUES: Final = 5
_RUN_IN_A_LETTER: Final = 10


@dataclass(frozen=True, slots=True)
class Answered:
    """A model's answer about a document, held against it. `system` and `fence` must not come out."""

    said: SaidAnalysis
    labs: Sequence[CheckedLab]
    vitals: Sequence[CheckedVital]
    text: DocumentText
    system: str
    fence: str
    model_used: str


class Words:
    """The model's texts after the guard; code's where they must not be shown."""

    def __init__(self, answered: Answered, facts: Analysis, shown: Sequence[CheckedLab]) -> None:
        self._said = answered.said
        self._facts = facts
        self._has_values = bool(facts.lab_results or facts.vitals)
        self._grounds = _grounds(answered, facts, shown)
        self._is_usable = True
        whole = "\n".join((self._said.title, self._said.summary, self._said.interpretation))
        explained = [one.explanation for one in self._said.lab_results] + [one.explanation for one in self._said.vitals]
        # All of it at once: where one text is unusable, none of the others is shown either.
        self._text("\n".join((whole, *filter(None, explained))), 1_000_000)

    def title(self) -> str:
        """Code's title where there are values; the model's for letters and findings."""
        own = None if self._has_values else self._line(self._said.title, 80)
        return own or self._facts.title

    def summary(self) -> str:
        """What code found comes first, so that no word of the model's can stand in its place."""
        own = self._text(" ".join(self._said.summary.split()), 1_500)
        if own is None:
            return self._facts.summary if self._has_values else SPEECHLESS
        return f"{self._facts.summary} {own}" if self._has_values else own

    def interpretation(self) -> str:
        """Urgent notice, then the model's words, then what code says of each value, and the disclaimers."""
        own = self._text(self._said.interpretation, 12_000)
        whole = self._facts.detailed_interpretation
        if own is None:
            return whole
        first, heading, rest = whole.partition("\n\n## ") if whole.startswith("## Please contact") else ("", "", whole)
        return "\n\n".join(filter(None, (first, f"## In plain words\n\n{own}", heading.strip("\n") + rest)))

    def of_lab(self, one: CheckedLab, found: LabFinding) -> str:
        """The model's explanation of a value after code's, which says what the value is."""
        own = self._line(one.said.explanation or "", 600) if one.said is not None else None
        return found.ai_interpretation if own is None else f"{found.ai_interpretation} {own}"

    def _text(self, text: str, longest: int) -> str | None:
        return self._guarded(checked, text, longest)

    def _line(self, text: str, longest: int) -> str | None:
        return self._guarded(checked_line, text, longest)

    def _guarded(self, guard: Callable[[str, Grounds, int], str | None], text: str, longest: int) -> str | None:
        if not self._is_usable or not text.strip():
            return None
        try:
            return guard(text, self._grounds, longest)
        except Unusable as refused:
            log("model_words_refused", level=logging.WARNING, reason=refused.reason)
            self._is_usable = False
            return None


def _grounds(answered: Answered, facts: Analysis, shown: Sequence[CheckedLab]) -> Grounds:
    """What the words may draw on. Lines of values may be quoted; their numbers, and no others, may be named."""
    quoted = {one.row.text for one in shown} | {one.row.text for one in answered.vitals}
    data = "\n".join(line.text for line in answered.text.lines if line.text not in quoted)
    values = [f"{one.row.value} {one.row.range_text or ''}" for one in shown]
    values += [one.row.text for one in answered.vitals]
    values += [str(day) for day in (facts.document_date,) if day is not None]
    is_prose = not facts.lab_results and not facts.vitals and answered.text.is_known
    return Grounds(
        secrets=answered.system,
        fence=answered.fence,
        data=data,
        numbers=numbers_in([answered.text.whole] if is_prose else values),
        copied_run=_RUN_IN_A_LETTER if is_prose else _RUN_BESIDE_VALUES,
        abnormal=tuple(one.test_name for one in facts.lab_results if one.is_abnormal),
    )
