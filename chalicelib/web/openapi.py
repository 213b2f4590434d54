"""The OpenAPI 3.1 document, generated from the declared routes and the structs that they take and give."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Final

from chalicelib.config import VERSION
from chalicelib.web.api import MULTIPART, Endpoint
from chalicelib.web.errors import ErrorEnvelope
from chalicelib.web.response import JSON, Raw, encode

_PARAMETER: Final = re.compile(r"{(\w+)}")
_TAGS: Final = {
    "auth": "Identity",
    "user": "Identity",
    "process": "Documents",
    "chat": "Chat",
    "subscriptions": "Subscriptions",
    "payments": "Subscriptions",
    "webhooks": "Webhooks",
    "gdpr": "Privacy",
}
_QUERY: Final[dict[str, dict[str, Any]]] = {
    "limit": {"schema": {"type": "integer", "minimum": 1, "maximum": 100}, "description": "How many at most."},
    "cursor": {"schema": {"type": "string"}, "description": "The `next_cursor` of the page before, as it was given."},
    "history": {"schema": {"type": "string"}, "description": "`true`: with how that came about.", "example": "true"},
    "explain": {"schema": {"type": "string"}, "description": "`true`: with why that is so.", "example": "true"},
    "content_type": {
        "schema": {"type": "string", "enum": ["result", "report", "results", "reports"]},
        "required": True,
    },
}
"""What is said of the names that stand in a URL's query."""
_CORRELATION: Final = {
    "X-Request-ID": {
        "description": "Names this answer in our log.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9-]{8,64}$"},
    }
}
_ETAG: Final = {"ETag": {"description": "Changes with the content.", "required": True, "schema": {"type": "string"}}}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of what the caller has.",
    "schema": {"type": "string"},
}
_PATIENCE: Final = {
    "Retry-After": {
        "description": "Whole seconds to wait before another try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
_LATER: Final = (429, 503)
_SIGNED: Final = {
    "type": "object",
    "description": "As its sender signs it: the bytes are verified before they are read.",
}


class Contract(Raw, frozen=True, kw_only=True):
    """The document as an answer."""

    MEDIA: ClassVar = (JSON,)


def served(endpoints: Sequence[Endpoint]) -> Contract:
    """Return the document as an answer."""
    return Contract(
        body=encode(document(endpoints)), content_type=JSON, headers={"Cache-Control": "public, max-age=300"}
    )


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document for these routes. The same routes give the same bytes."""
    # A cold start must not pay for what is asked for once a week.
    from chalicelib.web.openapi_shapes import schemas_of

    by_shape, schemas = schemas_of(_taken(endpoints), [ErrorEnvelope, *_given(endpoints)])
    schemas["ErrorEnvelope"]["properties"]["success"] = {"const": False}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        for number, path in enumerate(endpoint.paths):
            operation = _operation(endpoint, path, number, by_shape)
            paths.setdefault(path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Serenya backend",
            "version": VERSION,
            "description": "Explains medical documents to people. Success has its fields at the root beside "
            "`success: true`; failures have one envelope. Decimals are JSON numbers with exactly their digits.",
        },
        "servers": [{"url": ".", "description": "The stage that serves this document."}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _taken(endpoints: Iterable[Endpoint]) -> list[type[Any]]:
    """The structs of requests, in the order of declaration."""
    return [one for endpoint in endpoints for one in (endpoint.body, endpoint.form) if one not in {None, bytes}]


def _given(endpoints: Iterable[Endpoint]) -> list[type[Any]]:
    """The structs of answers, in the order of declaration."""
    answers = [one for endpoint in endpoints for one in (endpoint.answers, *endpoint.other_answers)]
    return [one for one in answers if not issubclass(one, Raw)]


def _operation(endpoint: Endpoint, path: str, number: int, refs: dict[type[Any], Any]) -> dict[str, Any]:
    text = inspect.getdoc(endpoint.view) or ""
    name = endpoint.view.__name__
    operation: dict[str, Any] = {
        "operationId": name if number == 0 else f"{name}_alias_{number}",
        "summary": text.split("\n", 1)[0],
        "tags": [_tag(endpoint.paths[0])],
        "security": [] if endpoint.guard.is_public else [{"accessToken": []}],
        "responses": _responses(endpoint, path, refs),
    }
    if parameters := _parameters(endpoint, path):
        operation["parameters"] = parameters
    if (content := _request(endpoint, refs)) is not None:
        operation["requestBody"] = content
    if endpoint.guard.public_because:
        operation["description"] = f"Public: {endpoint.guard.public_because}."
    return operation


def _request(endpoint: Endpoint, refs: dict[type[Any], Any]) -> dict[str, Any] | None:
    """What is sent. A body whose fields may all be absent may be absent itself."""
    if endpoint.form is not None:
        return {"required": True, "content": {MULTIPART: {"schema": refs[endpoint.form]}}}
    if endpoint.body is bytes:
        return {"required": True, "content": {JSON: {"schema": _SIGNED}}}
    if endpoint.body is None:
        return None
    return {"content": {JSON: {"schema": refs[endpoint.body]}}}


def _tag(path: str) -> str:
    first, *rest = path.strip("/").split("/")
    return _TAGS.get(rest[1] if first == "api" else first, "Operations")


def _parameters(endpoint: Endpoint, path: str) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": False, **_QUERY.get(name, {"schema": {"type": "string"}})}
        for name in endpoint.query
    ]
    return in_path + in_query + ([_IF_NONE_MATCH] if _has_tag(endpoint) else [])


def _has_tag(endpoint: Endpoint) -> bool:
    return getattr(endpoint.answers, "HAS_ETAG", False)


def _responses(endpoint: Endpoint, path: str, refs: dict[type[Any], Any]) -> dict[str, Any]:
    success = {"description": "Success.", "headers": _CORRELATION, "content": _content(endpoint, refs)}
    responses: dict[str, Any] = {str(endpoint.status): success}
    if _has_tag(endpoint):
        success["headers"] = _CORRELATION | _ETAG
        responses["304"] = {"description": "The caller has it.", "headers": success["headers"]}
    if links := getattr(endpoint.answers, "LINKS", ()):
        success["links"] = {one.operation: one.as_openapi() for one in links}
    for status, codes in sorted(_codes(endpoint, path).items()):
        responses[str(status)] = _failure(status, codes, refs[ErrorEnvelope])
    return responses


def _content(endpoint: Endpoint, refs: dict[type[Any], Any]) -> dict[str, Any]:
    if issubclass(endpoint.answers, Raw):
        is_json = endpoint.answers.MEDIA == (JSON,)
        shape = {"type": "object"} if is_json else {"type": "string"}
        return {media: {"schema": shape} for media in endpoint.answers.MEDIA}
    schemas = [refs[one] for one in (endpoint.answers, *endpoint.other_answers)]
    content = {JSON: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}}
    return content | {media: {"schema": {"type": "string", "format": "binary"}} for media in endpoint.binary}


def _failure(status: int, codes: list[str], envelope: dict[str, Any]) -> dict[str, Any]:
    """A failure: the envelope, with one of the codes that the route has for the status."""
    narrowed = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(codes)}.",
        "headers": _CORRELATION | (_PATIENCE if status in _LATER else {}),
        "content": {JSON: {"schema": {"allOf": [envelope, narrowed]}}},
    }


def _codes(endpoint: Endpoint, path: str) -> dict[int, list[str]]:
    """The codes of a route by status: its own, and those that every route of its kind may answer."""
    declared = [
        *getattr(endpoint.answers, "ERRORS", ()),
        "429 RATE_LIMIT_EXCEEDED",
        "500 INTERNAL_ERROR",
        "503 SERVICE_UNAVAILABLE",
    ]
    if not endpoint.guard.is_public:
        declared += ["401 MISSING_TOKEN", "401 INVALID_TOKEN", "401 TOKEN_EXPIRED", "401 SESSION_REVOKED"]
        declared += ["403 ACCOUNT_SUSPENDED"]
    if endpoint.body not in {None, bytes}:
        declared += ["400 INVALID_JSON", "400 INVALID_REQUEST"]
    if issubclass(endpoint.answers, Raw) and _PARAMETER.search(path):
        declared += ["404 NOT_FOUND"]
    if endpoint.body is not None or endpoint.form is not None:
        declared += ["413 REQUEST_TOO_LARGE", "415 UNSUPPORTED_MEDIA_TYPE"]
    by_status: dict[int, list[str]] = {}
    for one in dict.fromkeys(declared):
        status, code = one.split(" ", 1)
        by_status.setdefault(int(status), []).append(code)
    return by_status
