"""What passes between the analyst and its child process: a document to read, and a reading or a coded failure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from chalicelib.errors import AnalystUnavailable, NotMedical, Unreadable
from chalicelib.gateways.analyst.findings import Document
from chalicelib.gateways.analyst.local.reading import Reading


class Order(msgspec.Struct, frozen=True):
    """What the child is asked to do."""

    document: Document
    deadline: datetime


class Answer(msgspec.Struct, frozen=True):
    """A reading, or which of the analyst's errors stands for it."""

    reading: Reading | None = None
    failure: Literal["not_medical", "unreadable", "unavailable"] | None = None
    reason: str = ""


def answer(order: Order) -> Answer:
    """Return what became of an order."""
    from chalicelib.gateways.analyst.local.reader import read

    try:
        return Answer(reading=read(order.document, order.deadline))
    except NotMedical:
        return Answer(failure="not_medical")
    except Unreadable:
        return Answer(failure="unreadable")
    except AnalystUnavailable as error:
        return Answer(failure="unavailable", reason=str(error))


def outcome(given: Answer) -> Reading:
    """Return the reading of an answer, or raise the error that it stands for.

    Raises:
        NotMedical, Unreadable, AnalystUnavailable: as `read` does.
    """
    if given.failure == "not_medical":
        raise NotMedical()
    if given.failure == "unreadable":
        raise Unreadable()
    if given.reading is None:
        raise AnalystUnavailable(given.reason or "the reader gave no answer")
    return given.reading
