"""What must hold of every answer beside what the contract says of it."""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response

ERROR_FIELDS = {"code", "category", "message", "user_message", "recovery_strategy", "details", "correlation_id"}


@schemathesis.check
def one_envelope(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """A failure is the one envelope and nothing else, whoever made the answer; it carries its own correlation id, CORS
    headers and no word of what is inside."""
    status = response.status_code
    assert response.headers.get("access-control-allow-origin") == ["*"], f"{status} has no CORS headers"
    if status < 400:
        return None
    assert response.headers["content-type"] == ["application/json"], response.headers["content-type"]
    body = json.loads(response.content)
    allowed = {"success", "message", "error"} | ({"error_description"} if status == 400 else set())
    assert set(body) <= allowed, f"{status} has {sorted(set(body) - allowed)} beside the envelope"
    assert body["success"] is False
    assert isinstance(body["message"], str)
    assert body["message"]
    assert set(body["error"]) == ERROR_FIELDS
    assert response.headers["x-request-id"] == [body["error"]["correlation_id"]]
    text = response.content.decode()
    assert not any(word in text for word in ("Traceback", "botocore", 'File "', "chalicelib")), "it tells of the inside"
    if status in {429, 503}:
        assert int(response.headers["retry-after"][0]) >= 1
    return None


@schemathesis.check
def no_overload(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Nothing is refused for the fuzz's own sake: 503 and 429 would hide what lies behind them."""
    if response.status_code == 429:
        code = json.loads(response.content)["error"]["code"]
        assert code == "RETRY_LIMIT_REACHED", code
    assert response.status_code != 503, response.content.decode()
    return None
