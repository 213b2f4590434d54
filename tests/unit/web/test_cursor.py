"""Cursors are good for one caller and one list, and not once they are edited."""

from __future__ import annotations

import base64

import pytest

from chalicelib import errors
from chalicelib.web.cursor import Cursors

NEW, OLD = b"n" * 32, b"o" * 32
POSITION = "PAYMENT#2026-03-01#019ca9450a00-674ccdb48547a51b327c"


def cursors(*keys: bytes) -> Cursors:
    return Cursors(lambda: keys)


def refused(cursor: str, list_name: str = "payments", caller: str = "ada", keys: tuple[bytes, ...] = (NEW,)) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        cursors(*keys).position(list_name, caller, cursor)
    assert refusal.value.code == "INVALID_CURSOR"


def test_a_cursor_leads_back_to_its_position() -> None:
    cursor = cursors(NEW).make("payments", "ada", POSITION)
    assert cursors(NEW).position("payments", "ada", cursor) == POSITION
    assert "=" not in cursor


def test_a_cursor_outlives_a_rotation_of_keys_once() -> None:
    cursor = cursors(OLD).make("payments", "ada", POSITION)
    assert cursors(NEW, OLD).position("payments", "ada", cursor) == POSITION
    refused(cursor, keys=(NEW,))


def test_a_cursor_is_of_no_use_to_others_or_elsewhere() -> None:
    cursor = cursors(NEW).make("payments", "ada", POSITION)
    refused(cursor, caller="bob")
    refused(cursor, list_name="jobs")
    # No two of list, caller and position can be mistaken for each other.
    refused(cursors(NEW).make("payment", "sada", POSITION))


@pytest.mark.parametrize("cursor", ["", "x", "====", "ä", "a b", "A" * 2000, "////", "....", "e30", "null"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    refused(cursor)


def test_every_edited_character_is_noticed() -> None:
    cursor = cursors(NEW).make("payments", "ada", POSITION)
    for place, character in enumerate(cursor):
        refused(cursor[:place] + ("A" if character != "A" else "B") + cursor[place + 1 :])
        refused(cursor[:place])
    refused(cursor + "A")
    refused(cursor + "=")


def test_a_position_that_is_no_text_is_refused() -> None:
    refused(base64.urlsafe_b64encode(b"\xff" * 40).rstrip(b"=").decode())
