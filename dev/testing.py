"""The second engine for tests: an embedded cloud on a free port that lives as long as a `with` block."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parent.parent
_CLOUD: Final = _ROOT / ".venv-cloud" / "bin" / "ministack"


@contextmanager
def embedded_cloud(services: str = "dynamodb,s3,sqs,secretsmanager") -> Iterator[str]:
    """Start an embedded cloud on loopback, yield its address, and stop it.

    Raises:
        RuntimeError: it did not start within 30 seconds; carries the end of its log.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="serenya-cloud-") as folder:
        log = Path(folder) / "cloud.log"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "TMPDIR": folder,
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "SERVICES": services,
            "MINISTACK_REGION": "eu-central-1",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(_CLOUD)], env=environment, cwd=folder, stdout=output, stderr=output, start_new_session=True
            )
        try:
            _wait_until_healthy(port, process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    sys.stderr.write(log.read_text(errors="replace")[-2000:])
    raise RuntimeError("the embedded cloud did not start")
