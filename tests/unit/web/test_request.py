"""Bodies: what is JSON, and what only looks like it."""

from __future__ import annotations

import msgspec
import pytest

from chalicelib import errors
from chalicelib.web.request import decode_body


class _Name(msgspec.Struct):
    name: str


@pytest.mark.parametrize("bad", [b"\xff", b"\xe9", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82"])
@pytest.mark.parametrize("field", [b"name", b"ignored"])
def test_text_that_is_not_utf_8_is_refused_in_every_field(field: bytes, bad: bytes) -> None:
    body = b'{"name": "Ada", "' + field + b'": "' + bad + b'"}'
    with pytest.raises(errors.InvalidRequest) as refusal:
        decode_body(body, _Name)
    assert refusal.value.code == "INVALID_JSON"


def test_text_of_any_script_is_read() -> None:
    body = '{"ignored": "\u65e5\u672c", "name": "Zo\u00eb \U0001f600"}'.encode()
    assert decode_body(body, _Name).name == "Zo\u00eb \U0001f600"
