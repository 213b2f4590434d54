"""Items of the move's engine, which reads and writes them by itself: phase, copies, marks, figures."""

from __future__ import annotations

from chalicelib.models.base import Item


class MigrationItem(Item, discriminator="migration"):
    """Anything that the engine keeps under `MIGRATION#`. Declares nothing: `chalicelib/migration` knows what is in
    it."""
