"""Builds the move: the mapping with the rules of other rooms, and both sides of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from chalicelib.billing.periods import period_at
from chalicelib.clock import parse_iso
from chalicelib.migration.pool import Pool
from chalicelib.migration.postgres import connect
from chalicelib.migration.serenya.legacy import SerenyaLegacy
from chalicelib.migration.serenya.mapped import SerenyaRows
from chalicelib.migration.serenya.rulebook import Rulebook
from chalicelib.models.consent import ConsentEntry
from chalicelib.privacy.consent_ledger import hash_of, seed_of


def rulebook() -> Rulebook:
    """Return the rules of other rooms that the mapping asks for."""
    return Rulebook(period_at=period_at, seed_of=seed_of, hash_of=_hash_of)


def rows_mapping(*, is_installed: bool = True) -> SerenyaRows:
    """Return the mapping for whoever has a transaction."""
    return SerenyaRows(rulebook(), is_installed=is_installed)


def legacy(dsn: str) -> SerenyaLegacy:
    """Return the legacy side at a DSN. Nothing is connected before it is asked for something."""
    return SerenyaLegacy(Pool(lambda: connect(dsn)), rows_mapping())


def _hash_of(said: Mapping[str, Any]) -> str:
    """The ledger's own hash, of an entry that is not stored yet."""
    entry = SimpleNamespace(**{**said, "changed_at": parse_iso(said["changed_at"])})
    return hash_of(cast(ConsentEntry, entry))
