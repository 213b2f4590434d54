"""One JSON line per thing that happened: past tense, ids yes, personal data never."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from chalicelib.observe.registry import COUNTED

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

CORRELATION: Final = "correlation_id"
"""Under this name the id of a request travels: in lines, with messages, with calls to models."""

_correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)


@cache
def _logger() -> Logger:
    # A tenth of a cold start, and most requests write no line.
    from aws_lambda_powertools import Logger

    return Logger(service="serenya", use_rfc3339=True, location=None, utc=True, log_uncaught_exceptions=False)


def correlate(correlation_id: str | None) -> None:
    """Put this id on every line that follows in the present request or event."""
    _correlation_id.set(correlation_id)


def correlation_id() -> str | None:
    """Return the id of the present request or event."""
    return _correlation_id.get()


@contextmanager
def correlated_apart() -> Iterator[None]:
    """Let what is done inside put other ids on its lines, such as a job's; afterwards the id is what it was before."""
    before = _correlation_id.get()
    try:
        yield
    finally:
        _correlation_id.set(before)


def log(event: str, /, *, level: int = logging.INFO, error: BaseException | None = None, **fields: Any) -> None:
    """Write one line: what happened, and the ids that it happened to. A line that the registry counts is counted.

    An error is written as its type and where it was raised, without its text: texts of foreign errors may quote a
    document.
    """
    extra: dict[str, Any] = {"event": event, CORRELATION: _correlation_id.get(), **fields}
    if error is not None:
        extra["error_type"] = type(error).__name__
        extra["error_at"] = _raised_at(error)
        if error.__cause__ is not None:
            extra["caused_by"] = type(error.__cause__).__name__
            extra["caused_at"] = _raised_at(error.__cause__)
    logger = _logger()
    write = {logging.WARNING: logger.warning, logging.ERROR: logger.error}.get(level, logger.info)
    write(event, extra=extra)
    metric = COUNTED.get(event)
    if metric is not None:
        from chalicelib.observe.metrics import measure

        measure({metric: 1}, line=event)


def _raised_at(error: BaseException) -> str | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return None
    code = trace.tb_frame.f_code
    return f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}:{code.co_name}"
