"""Scans whose items are read as plain JSON. Botocore builds each value by the shape that the API declares for it, which
takes ten times as long as reading the JSON, and gives the same but for binary values, of which there are none here."""

from __future__ import annotations

import json
import threading
from typing import Any, Final

_HOOK: Final = "before-parse.dynamodb.Scan"


class QuickScan:
    """A call for scans (`(operation, arguments) -> answer`) through a client of botocore, which signs, sends, repeats
    and checks as ever. Others may use the client meanwhile, for scans too."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._taken = threading.local()
        client.meta.events.register(_HOOK, self._take, unique_id=f"quick-scan-{id(self)}")

    def __call__(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Ask, and return the answer.

        Raises:
            ClientError: the table refuses, as always.
        """
        self._taken.is_on, self._taken.items = True, None
        try:
            answer = self._client._make_api_call(operation, arguments)
        finally:
            self._taken.is_on = False
        if self._taken.items is not None:
            answer["Items"] = self._taken.items
        return answer

    def _take(self, response_dict: dict[str, Any], **_: Any) -> None:
        """Take the items out of an answer before it is read; one that refuses has none."""
        if not getattr(self._taken, "is_on", False) or response_dict["status_code"] != 200:
            return
        body = json.loads(response_dict["body"])
        self._taken.items = body.pop("Items", None)
        response_dict["body"] = json.dumps(body).encode()
