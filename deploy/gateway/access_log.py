"""What API Gateway writes of each request: one JSON line without anything that says who asked."""

from __future__ import annotations

import json
from typing import Final

FIELDS: Final = {
    "request_id": "$context.requestId",
    "at": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    # The declared path, such as /gdpr/erasure-status/{id}. Never `path`: ids stand in it, and one of them is a secret.
    "route": "$context.resourcePath",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "response_bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "integration_latency_ms": "$context.integration.latency",
    "integration_status": "$context.integration.status",
    # The id under which Lambda logged it.
    "function_request_id": "$context.integration.requestId",
    "trace_id": "$context.xrayTraceId",
    "waf": "$context.wafResponseCode",
}
"""No address, no user agent, no query string, no header, no text of an error: docs/security.md allows ids alone."""


def access_log_format() -> str:
    """Return the format for API Gateway. Every value is quoted: what is missing is written as a bare `-`."""
    return json.dumps(FIELDS, separators=(",", ":"))
