"""The OpenAPI 3.1 document, generated from the declared routes and the structs that they take and give."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

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
_REF: Final = "#/components/schemas/{name}"


def served(endpoints: Sequence[Endpoint]) -> Raw:
    """Return the document as an answer."""
    return Raw(body=encode(document(endpoints)), content_type=JSON, headers={"Cache-Control": "public, max-age=300"})


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document for these routes. The same routes give the same bytes."""
    shapes = _shapes(endpoints)
    refs, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    by_shape = dict(zip(shapes, refs, strict=True))
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
            "schemas": dict(sorted(_decimals_as_numbers(components).items())),
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _shapes(endpoints: Iterable[Endpoint]) -> list[type[Any]]:
    """All structs of the document, each once, in the order of declaration."""
    found: dict[type[Any], None] = {ErrorEnvelope: None}
    for endpoint in endpoints:
        for shape in (endpoint.body, endpoint.form, endpoint.answers, *endpoint.other_answers):
            if shape is not None and shape is not Raw:
                found[shape] = None
    return list(found)


def _operation(endpoint: Endpoint, path: str, number: int, refs: dict[type[Any], Any]) -> dict[str, Any]:
    text = inspect.getdoc(endpoint.view) or ""
    name = endpoint.view.__name__
    operation: dict[str, Any] = {
        "operationId": name if number == 0 else f"{name}_alias_{number}",
        "summary": text.split("\n", 1)[0],
        "tags": [_tag(endpoint.paths[0])],
        "security": [] if endpoint.guard.is_public else [{"accessToken": []}],
        "responses": _responses(endpoint, refs),
    }
    if parameters := _parameters(endpoint, path):
        operation["parameters"] = parameters
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": refs[endpoint.body]}}}
    if endpoint.form is not None:
        operation["requestBody"] = {"required": True, "content": {MULTIPART: {"schema": refs[endpoint.form]}}}
    if endpoint.guard.public_because:
        operation["description"] = f"Public: {endpoint.guard.public_because}."
    return operation


def _tag(path: str) -> str:
    first, *rest = path.strip("/").split("/")
    return _TAGS.get(rest[1] if first == "api" else first, "Operations")


def _parameters(endpoint: Endpoint, path: str) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in endpoint.query
    ]
    return in_path + in_query


def _responses(endpoint: Endpoint, refs: dict[type[Any], Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
    if endpoint.answers is not Raw:
        schemas = [refs[one] for one in (endpoint.answers, *endpoint.other_answers)]
        content = {JSON: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}}
    content |= {media: {"schema": {"type": "string", "format": "binary"}} for media in endpoint.binary}
    responses: dict[str, Any] = {str(endpoint.status): {"description": "Success.", "content": content}}
    for status, codes in sorted(_codes(endpoint).items()):
        responses[str(status)] = {
            "description": f"{HTTPStatus(status).phrase}: {', '.join(codes)}.",
            "content": {JSON: {"schema": refs[ErrorEnvelope]}},
        }
    return responses


def _codes(endpoint: Endpoint) -> dict[int, list[str]]:
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
    if endpoint.body is not None:
        declared += ["400 INVALID_JSON", "400 INVALID_REQUEST"]
    if endpoint.body is not None or endpoint.form is not None:
        declared += ["413 REQUEST_TOO_LARGE", "415 UNSUPPORTED_MEDIA_TYPE"]
    by_status: dict[int, list[str]] = {}
    for one in dict.fromkeys(declared):
        status, code = one.split(" ", 1)
        by_status.setdefault(int(status), []).append(code)
    return by_status


def _decimals_as_numbers(components: dict[str, Any]) -> dict[str, Any]:
    """Decimals are written as numbers on the wire; the schema generator knows them as text."""
    plain: dict[str, Any] = _rewritten(components)
    return plain


def _rewritten(node: Any) -> Any:
    if isinstance(node, dict):
        if node.get("format") == "decimal":
            return {key: value for key, value in node.items() if key not in {"format", "type"}} | {"type": "number"}
        return {key: _rewritten(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_rewritten(one) for one in node]
    return node
