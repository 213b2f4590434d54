"""The engine knows holdings, keys and items, and nothing of what Serenya is about."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import path_of

SERENYA = re.compile(
    r"serenya|medical|doctor|patient|diagnos|laborator|"
    r"\b(users?_id|profile|session|device|biometric|consent|subscription|payment|email|e-mail|upload|document|report)s?\b",
    re.IGNORECASE,
)
CORE = """
    backfill changes checkpoints conditions control copy_state copying drain fence figures gates guard_rails home layout
    limited marks moves pace phases places pool ports reads replay schema standing table tending workers writes
""".split()  # noqa: SIM905  # a list of forty lines says no more
"""Modules of the engine itself. Beside them stand the mapping, and what reports and speaks to operators."""


@pytest.mark.parametrize("name", CORE)
def test_the_core_knows_no_word_of_serenya(name: str) -> None:
    source = path_of(f"chalicelib.migration.{name}").read_text(encoding="utf-8")

    assert SERENYA.findall(source) == []


@pytest.mark.parametrize("name", CORE)
def test_the_core_does_not_import_the_mapping(name: str) -> None:
    assert "migration.serenya" not in path_of(f"chalicelib.migration.{name}").read_text(encoding="utf-8")
