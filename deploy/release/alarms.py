"""Which alarms take a release back."""

from __future__ import annotations

from chalicelib.config import Settings


def rollback_alarms(settings: Settings) -> tuple[str, ...]:
    """Return the names of the alarms that a release answers to."""
    return () if settings.stage else ()
