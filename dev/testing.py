"""The second engine for tests: an embedded cloud on a free port that lives as long as a `with` block."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.children import Children
from dev.ministack import SERVICES, start_ministack
from dev.stage import HOST


@contextmanager
def embedded_cloud(services: str = SERVICES, *, is_enforcing: bool = False) -> Iterator[str]:
    """Start an embedded cloud on loopback, yield its address, and stop it. It ends with this process at the latest.
    With `is_enforcing` it checks signatures and policies.

    Raises:
        NotInstalledError: its virtual environment is missing.
        ChildEndedError: it did not start; the text has the end of its log.
    """
    children = Children()
    with tempfile.TemporaryDirectory(prefix="serenya-cloud-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        try:
            start_ministack(children, port, folder=Path(folder), services=services, is_enforcing=is_enforcing)
            yield f"http://{HOST}:{port}"
        finally:
            children.stop()


def free_port() -> int:
    """Return a loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
