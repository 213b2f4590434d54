"""One question to a model: prompt, fence, payment, schema, and one attempt to have a bad answer repaired."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic

from chalicelib.clock import Clock
from chalicelib.gateways.analyst.conversation import (
    Attachment,
    Model,
    ModelDown,
    ModelNonsense,
    ModelReply,
    ModelRequest,
    PromptKind,
    Stop,
    Turn,
)
from chalicelib.gateways.analyst.fencing import draw_fence, fenced
from chalicelib.gateways.analyst.model_answer import BadAnswer, Said, read_answer
from chalicelib.gateways.analyst.prompt_files import Prompt, prompt_for
from chalicelib.gateways.analyst.spending import Purse
from chalicelib.observe.log import log

# A report of ten pages has about 60 values, at 70 tokens each.
_MOST_OUTPUT: Final = {PromptKind.ANALYSIS: 12_000, PromptKind.REPORT: 4_000, PromptKind.CHAT: 1_200}
_LEAST_SECONDS: Final = 1.0
_KEPT_OF_BAD_ANSWER: Final = 20_000
_CUT_OFF: Final = "it was cut off; write shorter texts"


@dataclass(frozen=True, slots=True)
class Data:
    """A text that is data: what it is, and the text. It is fenced."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked(Generic[Said]):
    """An answer that fits its schema, and what it must not give away."""

    said: Said
    system: str
    fence: str
    prompt_name: str


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks one model. Safe under threads."""

    model: Model
    purse: Purse
    clock: Clock

    def ask(
        self,
        kind: PromptKind,
        schema: type[Said],
        instruction: str,
        data: Sequence[Data],
        *,
        owner_id: str,
        deadline: datetime,
        attachment: Attachment | None = None,
        pages: int = 1,
    ) -> Asked[Said]:
        """Return an answer that fits `schema`, before `deadline`. `instruction` is ours, `data` is everybody's.

        Raises:
            ModelDown, ModelNotAllowed, ModelUnfit: as `Purse.pay_for` does, and ModelDown where the time is over.
            ModelNonsense: neither the answer nor its repair fits, or the model refused.
        """
        if attachment is not None:
            self.model.check_fit(attachment)
        prompt = prompt_for(kind)
        fence: str = draw_fence(*(one.text for one in data))
        text = "\n\n".join([instruction, *(fenced(one.label, one.text, fence) for one in data)])
        request = ModelRequest(prompt.system(fence), (Turn("user", text, attachment),), _MOST_OUTPUT[kind])
        reply = self._pay(request, kind, owner_id, deadline, pages)
        try:
            return _read(reply, schema, request, fence, prompt)
        except BadAnswer as fault:
            log("model_answer_refused", level=logging.WARNING, analyst=self.model.name, kind=kind.value, attempt=1)
            again = _repair(request, reply, fault)
        reply = self._pay(again, kind, owner_id, deadline, pages)
        try:
            return _read(reply, schema, again, fence, prompt)
        except BadAnswer as fault:
            log("model_answer_refused", level=logging.WARNING, analyst=self.model.name, kind=kind.value, attempt=2)
            raise ModelNonsense("the answer does not fit, and its repair does not either") from fault

    def _pay(
        self, request: ModelRequest, kind: PromptKind, owner_id: str, deadline: datetime, pages: int
    ) -> ModelReply:
        left = (deadline - self.clock.now()) / timedelta(seconds=1)
        if left < _LEAST_SECONDS:
            raise ModelDown("there is no time left to ask")
        return self.purse.pay_for(self.model, request, left, owner_id, kind, pages)


def _read(reply: ModelReply, schema: type[Said], request: ModelRequest, fence: str, prompt: Prompt) -> Asked[Said]:
    if reply.stop is Stop.REFUSED:
        raise ModelNonsense("the model refused")
    if reply.stop is Stop.CUT_OFF:
        raise BadAnswer(_CUT_OFF)
    return Asked(read_answer(reply.text, schema), request.system, fence, prompt.name)


def _repair(request: ModelRequest, reply: ModelReply, fault: BadAnswer) -> ModelRequest:
    """Show the model its own answer and where it fails. What is said of the fault names places, not contents."""
    said = reply.text.strip()[:_KEPT_OF_BAD_ANSWER] or "(nothing)"
    told = f"That answer cannot be used: {fault}. Answer again, with the whole JSON object of part 4 and nothing else."
    turns = (*request.turns, Turn("assistant", said), Turn("user", told))
    return ModelRequest(request.system, turns, request.most_output_tokens)
