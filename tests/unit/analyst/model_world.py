"""What tests of models share: books and secrets in memory, documents, and what an honest model says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.clock import SystemClock
from chalicelib.gateways.analyst.findings import Document, FileType
from dev.model_mind import Heard, honest_answer
from dev.model_stand_in import KEY

_ANALYSIS = '"schema": "serenya-analysis/1"'


@dataclass
class OpenBook:
    """A spending book in memory; `cap` is in millionths of a dollar."""

    cap: int = 10**9
    micros: int = 0
    is_turned_on: bool = True
    set_asides: list[int] = field(default_factory=list)

    def is_on(self) -> bool:
        return self.is_turned_on

    def set_aside(self, user_id: str, micros: int) -> datetime | None:
        if self.micros + micros > self.cap:
            return None
        self.micros += micros
        self.set_asides.append(micros)
        return datetime(2026, 3, 14, tzinfo=UTC)

    def settle(self, user_id: str, difference: int, set_aside_at: datetime) -> None:
        self.micros += difference


@dataclass
class FixedSecrets:
    """Secrets that are what they are."""

    value: Mapping[str, Any] = field(default_factory=lambda: {"api_key": KEY})

    def json(self, secret_id: str) -> Mapping[str, Any]:
        return self.value


def said_about(pdf: bytes) -> dict[str, Any]:
    """Return what an honest model answers about a PDF."""
    return honest_answer(Heard("", "", _ANALYSIS, (), (("pdf", pdf),), 0))


def soon(seconds: float = 60) -> datetime:
    return SystemClock().now() + timedelta(seconds=seconds)


def a_pdf(content: bytes, owner_id: str = "owner") -> Document:
    return Document(content, FileType.PDF, owner_id)
