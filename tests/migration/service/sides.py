"""Sides that go down and come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import EndpointConnectionError


class Cut:
    """Botocore's call to the table, with a way to cut what it may reach: `is_cut` says of a request whether it finds
    nobody."""

    def __init__(self, call: Callable[[str, dict[str, Any]], Any]) -> None:
        self._call = call
        self.is_cut: Callable[[str, dict[str, Any]], bool] = lambda *_: False
        self.cuts = 0

    def __call__(self, operation: str, request: dict[str, Any]) -> Any:
        if self.is_cut(operation, request):
            self.cuts += 1
            raise EndpointConnectionError(endpoint_url="https://dynamodb")
        return self._call(operation, request)


class Dsn:
    """Where the database is, for the service alone; it can be told to be nowhere, which also ends connections."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_down = False

    def __call__(self) -> str:
        if self.is_down:
            raise ConnectionRefusedError("nobody answers")
        return self.address
