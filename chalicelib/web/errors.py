"""Every failure in the app's one envelope: ours, Chalice's own, and defects."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec
from chalice.app import Response

from chalicelib import errors
from chalicelib.observe.log import correlation_id, log
from chalicelib.web.request import correlation_id_from
from chalicelib.web.response import CORS, JSON, Headers, encode

_WEBHOOKS: Final = "/webhooks/"
_SIGN_IN_PATHS: Final = ("/auth/oauth-onboarding", "/auth/google", "/auth/google-onboarding")


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The machine-readable part of a failure."""

    code: str
    category: errors.Category
    message: str
    user_message: str
    recovery_strategy: errors.Recovery
    details: dict[str, Any]
    correlation_id: str


class ErrorEnvelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the app reads on every failure; `error_description` stands on 400s of sign-in alone."""

    success: bool
    message: str
    error: ErrorBody
    error_description: str | None = None


def envelope(error: errors.ServiceError, correlation: str, path: str | None = None) -> Response:
    """Write an error as the app expects it. The internal cause stays inside."""
    body = ErrorEnvelope(
        success=False,
        message=error.message,
        error=ErrorBody(
            code=error.code,
            category=error.category,
            message=error.message,
            user_message=error.user_message,
            recovery_strategy=error.recovery,
            details=error.details,
            correlation_id=correlation,
        ),
        error_description=error.user_message if error.status == 400 and path in _SIGN_IN_PATHS else None,
    )
    headers: Headers = {**error.headers, "X-Request-ID": correlation, "Content-Type": JSON, "Cache-Control": "no-store"}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, int(error.retry_after_seconds)))
    headers |= CORS.get_access_control_headers()
    return Response(body=encode(body), status_code=error.status, headers=headers)


def to_response(error: Exception, correlation: str, path: str | None = None) -> Response:
    """Answer any exception. What is not ours is a defect: logged with where it was raised, answered without a word
    of it."""
    _count(error, path)
    if not isinstance(error, errors.ServiceError) or isinstance(error, errors.Unexpected):
        log("request_failed_unexpectedly", level=logging.ERROR, error=error, path=path)
        return envelope(errors.Unexpected(), correlation, path)
    if error.status >= 500:
        log("request_failed", level=logging.WARNING, error=error.__cause__, code=error.code, path=path)
    return envelope(error, correlation, path)


def _count(error: Exception, path: str | None) -> None:
    """Write the lines that are counted: refusals for want of units, and failures to take what a store sends."""
    if isinstance(error, errors.QuotaSpent):
        log("quota_denied", code=error.code, path=path)
    is_failure = not isinstance(error, errors.ServiceError) or error.status >= 500
    if is_failure and path is not None and path.startswith(_WEBHOOKS):
        log("webhook_failed", level=logging.ERROR, path=path)


_CHALICE_FAILURES: Final[dict[int, type[errors.ServiceError]]] = {
    400: errors.InvalidRequest,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    415: errors.UnsupportedMediaType,
}


def in_our_envelope(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """HTTP middleware: rewrite what Chalice answers by itself (405, 415, 500 …), which has another shape and no CORS
    headers."""
    headers = getattr(event, "headers", None) or {}
    try:
        response = get_response(event)
    except Exception as error:  # noqa: BLE001  # the edge: whatever was raised gets an answer in our shape
        return to_response(error, correlation_id() or correlation_id_from(headers))
    if not isinstance(response.body, dict) or "Code" not in response.body:
        return response
    ours = _CHALICE_FAILURES.get(response.status_code, errors.Unexpected)
    rewritten = envelope(ours(), correlation_id_from(headers))
    if "Allow" in response.headers:
        rewritten.headers["Allow"] = response.headers["Allow"]
    return rewritten
