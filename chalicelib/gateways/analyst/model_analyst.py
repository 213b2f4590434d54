"""The analyst that asks a language model: what it says is checked against the data before anybody sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from chalicelib.errors import NotMedical
from chalicelib.gateways.analyst.asking import Asked, Asking, Data
from chalicelib.gateways.analyst.conversation import Attachment, ModelDown, ModelNonsense, ModelUnfit, PromptKind
from chalicelib.gateways.analyst.document_text import DocumentText, read_text
from chalicelib.gateways.analyst.findings import Analysis, Document, FileType
from chalicelib.gateways.analyst.local.disclaimers import ASK_YOUR_DOCTOR, IN_AN_EMERGENCY, NOT_A_DIAGNOSIS
from chalicelib.gateways.analyst.model_answer import SaidAnalysis, SaidReply, SaidReport, confidence
from chalicelib.gateways.analyst.smaller_picture import smaller_picture
from chalicelib.gateways.analyst.talk import Fact, Narrative, Question, Reply, ReportRequest
from chalicelib.gateways.analyst.text_guard import Grounds, Unusable, checked, checked_line, numbers_in
from chalicelib.observe.log import log

TALK_DISCLAIMERS: Final = (NOT_A_DIAGNOSIS, ASK_YOUR_DOCTOR, IN_AN_EMERGENCY)
OUT_OF_SCOPE: Final = (
    "I can only help with questions about your health documents and values. Please ask me about one of those."
)
_MOST_FOLLOW_UPS: Final = 3
_SHARE_FOR_TEXT: Final = 0.3
"""Of the time there is, as much may go into reading the document's text; a picture read by OCR can take it all."""

ReadText = Callable[[Document, float], DocumentText]


@dataclass(frozen=True, slots=True)
class ModelAnalyst:
    """Asks one model. `read_text` and `smaller_picture` are confined processes unless a test hands in others."""

    asking: Asking
    read_text: ReadText = read_text
    smaller_picture: Callable[[bytes], bytes | None] = smaller_picture

    @property
    def name(self) -> str:
        """The name of the API behind it."""
        return self.asking.model.name

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        """Return what the document says, before `deadline`: values as they stand in it, and the model's explanation.

        Raises:
            NotMedical: the model says that it is none, and code finds no laboratory values in it.
            ModelDown, ModelNonsense, ModelUnfit, ModelNotAllowed: no answer, and why; see `conversation`.
        """
        from chalicelib.gateways.analyst.composing import compose
        from chalicelib.gateways.analyst.evidence_check import EvidenceCheck
        from chalicelib.gateways.analyst.model_words import Answered

        text = self._text(document, deadline)
        asked = self._ask_about(document, text, deadline)
        said = asked.said
        if not said.is_medical:
            self._require_no_values(text)
            raise NotMedical()
        check = EvidenceCheck(text)
        analysis = compose(
            Answered(
                said=said,
                labs=check.labs(said.lab_results),
                vitals=check.vitals(said.vitals),
                text=text,
                system=asked.system,
                fence=asked.fence,
                model_used=self._model_used(asked.prompt_name),
            )
        )
        return msgspec.structs.replace(analysis, analyst=self.name)

    def answer(self, question: Question, deadline: datetime) -> Reply:
        """Return an answer to a person's question, before `deadline`.

        Raises:
            ModelDown, ModelNonsense, ModelNotAllowed: no answer, or none that may be shown.
        """
        from chalicelib.gateways.analyst.local.talking import urgent_about

        asked = self.asking.ask(
            PromptKind.CHAT,
            SaidReply,
            _instruction(question),
            [Data("question", question.message), Data("values", _as_json(question.facts))],
            owner_id=question.owner_id,
            deadline=deadline,
        )
        said = asked.said
        content, follow_ups = OUT_OF_SCOPE, tuple[str, ...]()
        if said.is_in_scope:
            grounds = _grounds(asked, f"{question.message}\n{_lines(question.facts)}", question.facts)
            content = _required(said.reply, grounds, 4_000)
            follow_ups = _lines_of(said.follow_ups, grounds, 160)[:_MOST_FOLLOW_UPS]
        return Reply(
            content="\n\n".join([*urgent_about(question.facts), content]),
            confidence_score=confidence(said.confidence),
            suggested_follow_ups=follow_ups,
            disclaimers=TALK_DISCLAIMERS,
            model_used=self._model_used(asked.prompt_name),
            analyst=self.name,
            is_in_scope=said.is_in_scope,
        )

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        """Return the words of a doctor's report, before `deadline`. What of the model's may not be shown is code's.

        Raises:
            ModelDown, ModelNonsense, ModelNotAllowed: no answer, or none that may be shown.
        """
        from chalicelib.gateways.analyst.local.talking import narrative_of

        length = "Write a summary: each section in half the words." if request.is_brief else "Write the whole report."
        asked = self.asking.ask(
            PromptKind.REPORT,
            SaidReport,
            length,
            [Data("values", _as_json(request.facts))],
            owner_id=request.owner_id,
            deadline=deadline,
        )
        said, by_code = asked.said, narrative_of(request)
        if not said.is_medical:
            raise ModelNonsense("the model takes the values for something else")
        numbers = numbers_in([_as_json(request.facts)])
        grounds = _grounds(asked, _lines(request.facts), request.facts, numbers)
        summary = _required(said.executive_summary, grounds, 4_000)
        analysis = _optional(said.laboratory_analysis, grounds, 12_000)
        trends = _optional(said.trends, grounds, 8_000)
        return Narrative(
            # What code found stands first, urgent notice included: no word of the model's can stand in its place.
            executive_summary=f"{by_code.executive_summary}\n\n{summary}",
            laboratory_analysis="\n\n".join(filter(None, (by_code.laboratory_analysis, analysis))),
            trends="\n\n".join(filter(None, (by_code.trends, trends))),
            questions_for_doctor=_lines_of(said.questions, grounds, 300)[:8] or by_code.questions_for_doctor,
            recommendations=_lines_of(said.recommendations, grounds, 300)[:6] or by_code.recommendations,
            confidence_score=min(confidence(said.confidence), Decimal(10)),
            disclaimers=by_code.disclaimers,
            model_used=self._model_used(asked.prompt_name),
            analyst=self.name,
        )

    def _text(self, document: Document, deadline: datetime) -> DocumentText:
        left = (deadline - self.asking.clock.now()) / timedelta(seconds=1)
        if left <= 0:
            raise ModelDown("the deadline had passed before the reading began")
        return self.read_text(document, left * _SHARE_FOR_TEXT)

    def _ask_about(self, document: Document, text: DocumentText, deadline: datetime) -> Asked[SaidAnalysis]:
        """Ask with the document as it was uploaded; where the model does not take that, with what says the same.

        That is a smaller picture, or a PDF's text. A refused request is not paid for.
        """
        is_pdf = document.file_type is FileType.PDF
        whole = Attachment(document.content, document.file_type, is_scan=is_pdf and text.source != "text")
        try:
            return self._ask_with(whole, document, text, deadline)
        except ModelUnfit:
            smaller = None if is_pdf else self.smaller_picture(document.content)
            if smaller is None and not (is_pdf and text.is_known):
                raise
            log("document_sent_in_another_form", analyst=self.name, is_picture=smaller is not None)
        substitute = None if smaller is None else Attachment(smaller, FileType.JPG)
        return self._ask_with(substitute, document, text, deadline)

    def _ask_with(
        self, attachment: Attachment | None, document: Document, text: DocumentText, deadline: datetime
    ) -> Asked[SaidAnalysis]:
        data = [Data("document text", text.whole)] if text.is_known else []
        attached = "Read the attached document." if attachment is not None else "Read this document."
        return self.asking.ask(
            PromptKind.ANALYSIS,
            SaidAnalysis,
            attached + (" Its text, as a program read it, follows." if data else ""),
            data,
            owner_id=document.owner_id,
            deadline=deadline,
            attachment=attachment,
            pages=text.page_count,
        )

    def _require_no_values(self, text: DocumentText) -> None:
        """Do not take a model's word for "not medical" where code read laboratory values with their ranges."""
        rows = text.reading.rows if text.reading is not None else ()
        if any(row.range_text is not None for row in rows):
            log("model_verdict_overruled", level=logging.WARNING, analyst=self.name)
            raise ModelNonsense("the model calls a laboratory report not medical")

    def _model_used(self, prompt_name: str) -> str:
        return f"{self.asking.model.model_id} ({prompt_name})"


def _instruction(question: Question) -> str:
    prepared = question.prepared_prompt
    return f"The person chose this question of ours: {prepared}" if prepared else "Answer the person's question."


def _as_json(facts: tuple[Fact, ...]) -> str:
    return msgspec.json.encode(facts).decode()


def _lines(facts: tuple[Fact, ...]) -> str:
    """Return what facts say besides names and numbers of their own, line by line, as something not to be copied."""
    texts = (text for fact in facts for text in (fact.name, fact.value, fact.unit or "", fact.reference_range or ""))
    return "\n".join(text for text in texts if len(text.split()) >= 5)


def _grounds(
    asked: Asked[SaidReply] | Asked[SaidReport],
    data: str,
    facts: tuple[Fact, ...],
    numbers: frozenset[Decimal] | None = None,
) -> Grounds:
    abnormal = tuple(fact.name for fact in facts if fact.is_abnormal)
    return Grounds(secrets=asked.system, fence=asked.fence, data=data, numbers=numbers, abnormal=abnormal)


def _required(text: str, grounds: Grounds, longest: int) -> str:
    found = _optional(text, grounds, longest)
    if found is None:
        raise ModelNonsense("the model's words may not be shown")
    return found


def _optional(text: str, grounds: Grounds, longest: int) -> str | None:
    if not text.strip():
        return None
    try:
        return checked(text, grounds, longest)
    except Unusable as refused:
        log("model_words_refused", level=logging.WARNING, reason=refused.reason)
        raise ModelNonsense("the model's words may not be shown") from refused


def _lines_of(texts: tuple[str, ...], grounds: Grounds, longest: int) -> tuple[str, ...]:
    lines: list[str] = []
    for text in texts:
        try:
            line = checked_line(text, grounds, longest) if text.strip() else None
        except Unusable as refused:
            log("model_words_refused", level=logging.WARNING, reason=refused.reason)
            raise ModelNonsense("the model's words may not be shown") from refused
        if line:
            lines.append(line)
    return tuple(dict.fromkeys(lines))
