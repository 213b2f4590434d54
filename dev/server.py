"""The service itself: `chalice local`'s server with the stage `local`, and the event bridge in the same process."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from dev.faulty import faults_wanted
from dev.http_server import create_server
from dev.loading import load_app, start_bridge, write_log_lines
from dev.stage import ports_from


def main() -> None:
    """Serve until SIGTERM. Events of functions that run then are given a moment to finish."""
    write_log_lines()
    ports = ports_from(os.environ)
    app, config = load_app(ports)
    bridge = start_bridge(app, config, ports)
    server = create_server(app, config.scope(config.chalice_stage, "api_handler"), ports.service).server

    def stop(*_: Any) -> None:
        # The server is waiting in this very thread: asking it to stop from here would wait for ever.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    with faults_wanted(os.environ):
        print(f"Serving on {ports.service_url}", flush=True)
        server.serve_forever(poll_interval=0.1)
        bridge.stop()


if __name__ == "__main__":
    main()
