"""What the servers beside the service have in common: a loopback port, a thread, and a log that says nothing."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Listener(ThreadingHTTPServer):
    """Many connections at once, each in a thread that ends with the process."""

    daemon_threads = True
    request_queue_size = 64


class Requests(BaseHTTPRequestHandler):
    """One connection, kept open and buffered."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is the base class's
        """Say nothing: a request is no event of ours."""


class Loopback:
    """Something that answers on loopback. Use it in a `with` block, or `start` and `stop` it."""

    def __init__(self, listener: Listener, name: str) -> None:
        """Take over a listener that is bound; `name` is its thread's."""
        self._listener = listener
        self._thread = threading.Thread(
            target=listener.serve_forever, kwargs={"poll_interval": 0.05}, name=name, daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End, and give the port back."""
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.server_port}"
