"""The table's indexes, for whoever answers queries over them from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.models import keys

INDEX_KEYS: Final[Mapping[str, tuple[str, str]]] = {
    keys.EMAIL_INDEX: ("GSI1PK", "GSI1SK"),
    keys.EXTERNAL_INDEX: ("GSI2PK", "GSI2SK"),
    keys.DUE_INDEX: ("GSI3PK", "GSI3SK"),
}
"""Partition and sort key of each."""
