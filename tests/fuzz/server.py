"""The service as `make run` serves it, but that its limits per minute are so wide that a fuzz does not meet them.

Sign-ins are counted per address, and a fuzz comes from one: after ten cases it would see nothing but 429. What limits
do is tested by `tests/api/test_limits.py`; everything else here is what a developer runs.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from chalicelib.web.limits import Limit, Limiter
from dev.http_server import create_server
from dev.loading import load_app, start_bridge, write_log_lines
from dev.stage import ports_from

WIDER = 100_000


class WideLimiter:
    """Counts as the service does, against wider limits."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    def count(self, limit: Limit, subject: str) -> None:
        self._limiter.count(replace(limit, calls=limit.calls * WIDER), subject)


class WideRooms:
    """The rooms that answering a request asks, with wider limits."""

    def __init__(self, rooms: Any) -> None:
        self._rooms = rooms
        self.limiter = WideLimiter(rooms.limiter)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rooms, name)


def widen_limits() -> None:
    """Put the wider limits into the loaded application."""
    import app as page

    rooms: Callable[[], Any] = page.api.services

    @cache
    def wide() -> Any:
        return WideRooms(rooms())

    page.api.services = wide


def main() -> None:
    """Serve until SIGTERM."""
    write_log_lines()
    ports = ports_from(os.environ)
    app, config = load_app(ports)
    widen_limits()
    bridge = start_bridge(app, config, ports)
    server = create_server(app, config.scope(config.chalice_stage, "api_handler"), ports.service).server
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"Serving on {ports.service_url}", flush=True)
    server.serve_forever(poll_interval=0.1)
    bridge.stop()


if __name__ == "__main__":
    main()
