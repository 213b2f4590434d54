"""Links: which calls follow an answer and what they take out of it; declared on answers as `LINKS`, shown in the
contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_POINTERS: Final = ("/", "request:/")


class Link(msgspec.Struct, frozen=True):
    """A call that makes sense after an answer.

    `operation` is the name of the route's function in `app.py`. `parameters` and `body` say what goes into it:
    `"/id"` is a JSON pointer into the answer, `"request:/id"` one into the body that was sent, and everything else
    stands for itself; in lists and maps each part is read so.
    """

    operation: str
    parameters: Mapping[str, str] = {}
    body: Mapping[str, Any] = {}

    def as_openapi(self) -> dict[str, Any]:
        """Return the link object of OpenAPI 3.1."""
        link: dict[str, Any] = {"operationId": self.operation}
        if self.parameters:
            link["parameters"] = _expressed(self.parameters)
        if self.body:
            link["requestBody"] = _expressed(self.body)
        return link


def _expressed(value: Any) -> Any:
    """Write pointers as OpenAPI's runtime expressions."""
    if isinstance(value, Mapping):
        return {name: _expressed(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_expressed(part) for part in value]
    if isinstance(value, str) and value.startswith(_POINTERS):
        source, _, pointer = value.rpartition(":")
        return f"${source or 'response'}.body#{pointer}"
    return value
