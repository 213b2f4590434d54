"""Analysts turn a document into laboratory results, vital signs and an explanation."""

from __future__ import annotations

from chalicelib.gateways.analyst.findings import Analyst


def analyst_named(name: str) -> Analyst:
    """Return the analyst that a stage asks for; its libraries are imported when it first reads something.

    Raises:
        ValueError: no analyst has that name; the service must not start without one.
    """
    if name == "local":
        from chalicelib.gateways.analyst.local.analyst import LocalAnalyst

        return LocalAnalyst()
    raise ValueError(f"no analyst is called {name!r}")
