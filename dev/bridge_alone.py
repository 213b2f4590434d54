"""The event bridge without the service, for `chalice local` beside `make cloud`."""

from __future__ import annotations

import os
import signal
import threading

from dev.loading import load_app, start_bridge, write_log_lines
from dev.stage import ports_from


def main() -> None:
    """Carry events until SIGTERM."""
    write_log_lines()
    ports = ports_from(os.environ)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    app, config = load_app(ports)
    bridge = start_bridge(app, config, ports)
    print("The bridge carries events.", flush=True)
    ended.wait()
    bridge.stop()


if __name__ == "__main__":
    main()
