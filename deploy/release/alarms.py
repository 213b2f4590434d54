"""Which alarms take a release back."""

from __future__ import annotations

from deploy.watch.rendered import rollback_alarms

__all__ = ["rollback_alarms"]
