"""ETags of the list of prepared questions."""

from __future__ import annotations

import pytest

from chalicelib.chat.answers import content_type_named
from chalicelib.chat.options import ContentType
from chalicelib.chat.prompts import is_named

TAG = 'W/"abc"'


@pytest.mark.parametrize(
    ("header", "is_known"),
    [
        ('W/"abc"', True),
        ('"abc"', True),
        ('"x", W/"abc"', True),
        ('"x" ,"abc","y"', True),
        ("*", True),
        (" * ", True),
        ("", False),
        ('"x"', False),
        ("abc", False),
        ('W/"abcd"', False),
        ('"ab", "c"', False),
        ("*, *", False),
    ],
)
def test_a_tag_is_found_weak_or_strong_alone_or_in_a_list(header: str, is_known: bool) -> None:
    assert is_named(TAG, header) is is_known


@pytest.mark.parametrize("name", ["result", "results", "Result", " RESULTS "])
def test_a_kind_of_content_is_known_in_the_apps_forms(name: str) -> None:
    assert content_type_named(name) is ContentType.RESULT


@pytest.mark.parametrize("name", ["", "s", "resultss", "analysis", "result,report"])
def test_other_words_are_no_kind_of_content(name: str) -> None:
    assert content_type_named(name) is None
