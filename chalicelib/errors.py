"""The one error tree: what can go wrong, the public code of it, and what the caller is told.

    ServiceError
    ├── InvalidRequest          400  validation   something in the request is wrong
    │   └── …                        one subclass per public code where code depends on it
    ├── Unauthenticated         401  business     the app refreshes its token on 401, and only then
    │   └── UnknownToken            its form or signature says so: nobody was looked up
    ├── QuotaSpent              402  business     the app shows its text (it hides that of 403 and 429)
    ├── Forbidden               403  business     the token is fine, but not enough
    ├── NotFound                404  business     never was, not yours, and expired are one answer
    ├── Conflict                409  business
    ├── TooLarge                413  validation
    ├── Unprocessable           422  validation
    ├── TooManyRequests         429  technical    carries Retry-After
    ├── Unavailable             503  external     carries Retry-After; "try later", never the caller's fault
    └── Unexpected              500  technical    a defect of ours

Codes outlive class names: the shipped app compares them. `user_message` is for people and is public; `cause` (the
chained exception) is for operators and never leaves the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar


class Category(StrEnum):
    """Whose fault it is, in the app's words."""

    VALIDATION = "validation"
    BUSINESS = "business"
    TECHNICAL = "technical"
    EXTERNAL = "external"


class Recovery(StrEnum):
    """What the app should do about it."""

    RETRY = "retry"
    FALLBACK = "fallback"
    ESCALATE = "escalate"
    IGNORE = "ignore"


class ServiceError(Exception):
    """An error with a public face. Subclasses fix status and category; the code names the exact case."""

    status: ClassVar[int] = 500
    category: ClassVar[Category] = Category.TECHNICAL
    recovery: ClassVar[Recovery] = Recovery.ESCALATE
    default_code: ClassVar[str] = "INTERNAL_ERROR"
    default_user_message: ClassVar[str] = "Something went wrong on our side. Please try again in a moment."

    def __init__(
        self,
        code: str | None = None,
        message: str | None = None,
        *,
        user_message: str | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after_seconds: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code or self.default_code
        self.user_message = user_message or self.default_user_message
        self.message = message or self.user_message
        self.details: dict[str, Any] = dict(details or {})
        self.retry_after_seconds = retry_after_seconds
        self.headers: dict[str, str] = dict(headers or {})
        super().__init__(f"{self.code}: {self.message}")


class InvalidRequest(ServiceError):
    """The request is wrong and stays wrong however often it is repeated."""

    status = 400
    category = Category.VALIDATION
    recovery = Recovery.IGNORE
    default_code = "INVALID_REQUEST"
    default_user_message = "The request could not be understood."


class Unauthenticated(ServiceError):
    """No token, or one that is expired, forged or revoked. The app answers it with a refresh."""

    status = 401
    category = Category.BUSINESS
    recovery = Recovery.RETRY
    default_code = "UNAUTHORIZED"
    default_user_message = "Please sign in again."


class UnknownToken(Unauthenticated):
    """A token that is not ours, or not a provider's for us, by its form or signature: nobody was looked up for it."""


class QuotaSpent(ServiceError):
    """The period's units are used up. `details` carries `used`, `limit` and `resets_at`."""

    status = 402
    category = Category.BUSINESS
    recovery = Recovery.FALLBACK
    default_code = "USAGE_LIMIT_EXCEEDED"
    default_user_message = "You have used all documents of this month. Upgrade, or wait for the next period."


class Forbidden(ServiceError):
    """The caller is known, and this is not for them."""

    status = 403
    category = Category.BUSINESS
    recovery = Recovery.ESCALATE
    default_code = "FORBIDDEN"
    default_user_message = "You are not allowed to do this."


class NotFound(ServiceError):
    """Never was, belongs to somebody else, or has expired: one answer for all three."""

    status = 404
    category = Category.BUSINESS
    recovery = Recovery.IGNORE
    default_code = "NOT_FOUND"
    default_user_message = "We could not find what you asked for."


class MethodNotAllowed(ServiceError):
    """The path exists, the method on it does not."""

    status = 405
    category = Category.VALIDATION
    recovery = Recovery.IGNORE
    default_code = "METHOD_NOT_ALLOWED"
    default_user_message = "This address does not support that method."


class Conflict(ServiceError):
    """The request is fine, and the state of things is against it."""

    status = 409
    category = Category.BUSINESS
    recovery = Recovery.IGNORE
    default_code = "CONFLICT"
    default_user_message = "That is not possible at the moment."


class TooLarge(ServiceError):
    """The body, or the file in it, is above its limit."""

    status = 413
    category = Category.VALIDATION
    recovery = Recovery.IGNORE
    default_code = "REQUEST_TOO_LARGE"
    default_user_message = "That is too large."


class UnsupportedMediaType(ServiceError):
    """The content type is not one that the route reads."""

    status = 415
    category = Category.VALIDATION
    recovery = Recovery.IGNORE
    default_code = "UNSUPPORTED_MEDIA_TYPE"
    default_user_message = "This content type is not supported here."


class Unprocessable(ServiceError):
    """Well-formed, and still nothing we can work with."""

    status = 422
    category = Category.VALIDATION
    recovery = Recovery.IGNORE
    default_code = "UNPROCESSABLE"
    default_user_message = "We could not work with that."


class TooManyRequests(ServiceError):
    """A limit per minute is reached. Always carries `retry_after_seconds`."""

    status = 429
    category = Category.TECHNICAL
    recovery = Recovery.RETRY
    default_code = "RATE_LIMIT_EXCEEDED"
    default_user_message = "That was a lot at once. Please wait a moment."


class Unavailable(ServiceError):
    """Something that we depend on does not answer. Always carries `retry_after_seconds`."""

    status = 503
    category = Category.EXTERNAL
    recovery = Recovery.RETRY
    default_code = "SERVICE_UNAVAILABLE"
    default_user_message = "The service is briefly unavailable. Please try again in a moment."

    def __init__(
        self, code: str | None = None, message: str | None = None, *, retry_after_seconds: int = 5, **more: Any
    ) -> None:
        super().__init__(code, message, retry_after_seconds=retry_after_seconds, **more)


class Unexpected(ServiceError):
    """A defect: what reaches the caller when anything else was raised."""


# Failures of a job rather than of a request: they end in `failures/…json`, never in an HTTP status.


class JobFailure(Exception):
    """A document that cannot be analysed. `code` and `reason` are shown to its owner; retrying would not help."""

    code: ClassVar[str] = "PROCESSING_FAILED"
    reason: ClassVar[str] = "We could not read this document."

    def __init__(self, reason: str | None = None) -> None:
        self.public_reason = reason or self.reason
        super().__init__(f"{self.code}: {self.public_reason}")


class NotMedical(JobFailure):
    """The document was read, and it is not a medical one."""

    code = "INVALID_MEDICAL_DOCUMENT"
    reason = "This does not look like a medical document."


class Unreadable(JobFailure):
    """The document could not be opened or holds nothing that can be read."""

    code = "FILE_VALIDATION_FAILED"
    reason = "This document could not be read. Is it complete, and not protected by a password?"


class AnalystUnavailable(Exception):
    """The analyst did not answer, was too slow, or answered nonsense: worth another try later."""
