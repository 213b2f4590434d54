"""What a call may cost: asked for before it is made, settled and measured after it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_UP, Decimal
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.gateways.analyst.conversation import (
    Model,
    ModelDown,
    ModelNotAllowed,
    ModelReply,
    ModelRequest,
    ModelUnfit,
    PromptKind,
)
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.model_config import Prices
from chalicelib.observe.log import log
from chalicelib.observe.metrics import measure
from chalicelib.observe.registry import Metric

# Anthropic, "PDF support": up to 3,000 tokens of text and a picture for each page; "Vision": a picture has at most
# about 1,600 tokens (4,800 with the newest models).
TOKENS_PER_PAGE: Final = 4_800
TOKENS_PER_PICTURE: Final = 4_800
_CHARACTERS_PER_TOKEN: Final = 2
"""English has four; two is safe for any language of Latin letters and for JSON."""


class SpendingBook(Protocol):
    """Keeps what was spent, per person and day, and whether models may be asked."""

    def is_on(self) -> bool:
        """Whether models may be asked."""
        ...

    def set_aside(self, user_id: str, micros: int) -> datetime | None:
        """Count an amount for today; None where that is above the daily cap."""
        ...

    def settle(self, user_id: str, difference: int, set_aside_at: datetime) -> None:
        """Add what a call cost beyond what was set aside."""
        ...


@dataclass(frozen=True, slots=True)
class Purse:
    """Pays for calls. Before each one it asks whether models are turned on and sets aside the most that it can cost:
    a crash, a lost answer or many calls at once cannot spend more than the cap."""

    book: SpendingBook

    def pay_for(
        self, model: Model, request: ModelRequest, seconds: float, owner_id: str, kind: PromptKind, pages: int
    ) -> ModelReply:
        """Ask the model once, and count what it cost.

        Raises:
            ModelNotAllowed: turned off, or the owner's cap is reached; nothing was asked.
            ModelDown: no answer. What was set aside stays counted, because the provider may have worked for it.
            ModelUnfit: the request was refused; nothing is counted.
        """
        most = micros(model.prices, most_input_tokens(request, pages), request.most_output_tokens)
        set_aside_at = self._set_aside(owner_id, most, model, kind)
        try:
            reply = model.converse(request, seconds)
        except ModelDown:
            _measure_failure(model, kind, "failed")
            raise
        except ModelUnfit:
            self._settle(owner_id, -most, set_aside_at)
            _measure_failure(model, kind, "unfit")
            raise
        cost = micros(model.prices, reply.input_tokens, reply.output_tokens)
        self._settle(owner_id, cost - most, set_aside_at)
        _measure(model, kind, reply, cost)
        return reply

    def _set_aside(self, owner_id: str, most: int, model: Model, kind: PromptKind) -> datetime:
        try:
            if not self.book.is_on():
                log("model_not_asked", reason="turned_off", analyst=model.name, kind=kind.value)
                raise ModelNotAllowed("models are turned off")
            set_aside_at = self.book.set_aside(owner_id, most)
        except errors.Unavailable as failure:
            # Without the book nobody knows the cap, and asking without one could cost anything.
            raise ModelDown("the spending cannot be counted") from failure
        if set_aside_at is None:
            log("model_not_asked", level=logging.WARNING, reason="daily_cap", analyst=model.name, kind=kind.value)
            measure({Metric.DAILY_CAP_REACHED: 1}, analyst=model.name, kind=kind.value)
            raise ModelNotAllowed("the daily cap is reached")
        return set_aside_at

    def _settle(self, owner_id: str, difference: int, set_aside_at: datetime) -> None:
        try:
            self.book.settle(owner_id, difference, set_aside_at)
        except errors.Unavailable as failure:
            # The answer is there and paid for. More stays counted than was spent, which is the safe side.
            log("model_spending_not_settled", level=logging.WARNING, error=failure)


def micros(prices: Prices, input_tokens: int, output_tokens: int) -> int:
    """Return a price in millionths of a dollar, rounded up."""
    price = prices.per_input * input_tokens + prices.per_output * output_tokens
    return int(price.to_integral_value(ROUND_UP))


def most_input_tokens(request: ModelRequest, pages: int) -> int:
    """Return more tokens than a request can have."""
    characters = len(request.system) + sum(len(turn.text) for turn in request.turns)
    total = characters // _CHARACTERS_PER_TOKEN
    for turn in request.turns:
        if turn.attachment is not None:
            is_pdf = turn.attachment.file_type is FileType.PDF
            total += max(1, pages) * TOKENS_PER_PAGE if is_pdf else TOKENS_PER_PICTURE
    return total


def _measure_failure(model: Model, kind: PromptKind, outcome: str) -> None:
    measure({Metric.MODEL_CALLS: 1, Metric.MODEL_FAILURES: 1}, analyst=model.name, kind=kind.value, outcome=outcome)


def _measure(model: Model, kind: PromptKind, reply: ModelReply, cost: int) -> None:
    measure(
        {Metric.MODEL_CALLS: 1, Metric.MODEL_CENTS: Decimal(cost) / 10_000},
        analyst=model.name,
        kind=kind.value,
        outcome=reply.stop.value,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        request_id=reply.request_id,
    )
