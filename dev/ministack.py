"""The embedded cloud: MiniStack as a child process, on loopback, in memory, without a way out."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from dev.children import ROOT, Child, Children, wait_until
from dev.stage import HOST

SERVICES: Final = "dynamodb,s3,sqs,events,secretsmanager,kms,iam,sts"
REGION: Final = "eu-central-1"
ACCOUNT_ID: Final = "000000000000"
ADMINISTRATOR: Final = ("local", "local")
"""The key, and its secret, that may do everything in an embedded cloud that enforces permissions."""
_ENFORCING: Final = {"AUTH": "true", "AWS_ACCESS_KEY_ID": ADMINISTRATOR[0], "AWS_SECRET_ACCESS_KEY": ADMINISTRATOR[1]}
_PYTHON: Final = ROOT / ".venv-cloud" / "bin" / "python"


class NotInstalledError(Exception):
    """The embedded cloud's virtual environment is not there. The text says how to make it."""


def start_ministack(
    children: Children, port: int, *, folder: Path, services: str = SERVICES, is_enforcing: bool = False
) -> Child:
    """Start an embedded cloud and wait until it answers (0.3 s on a quick machine). It keeps everything in memory.

    `folder` takes its log and its temporary files. With `is_enforcing` it checks signatures and policies: then a
    function may do what its role may, and `ADMINISTRATOR` everything.

    Raises:
        NotInstalledError: its virtual environment is missing.
        ChildEndedError: it did not start; the text has the end of its log.
    """
    if not _PYTHON.exists():
        raise NotInstalledError(f"The embedded cloud is not installed in {_PYTHON.parent.parent}: run `make setup`.")
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    child = children.start(
        "The embedded cloud",
        _PYTHON,
        ["ministack"],
        log=folder / "cloud.log",
        environment=_environment(port, temporary, services) | (_ENFORCING if is_enforcing else {}),
        folder=folder,
        # It would wait for every open connection, and has nothing to save.
        grace_seconds=0,
    )
    wait_until(lambda: is_healthy(port), child, "The start of the embedded cloud", seconds=30)
    return child


def is_healthy(port: int) -> bool:
    """Whether an embedded cloud answers on that port."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/_ministack/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _environment(port: int, temporary: Path, services: str) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "GATEWAY_PORT": str(port),
        # Without these it listens on every interface: the gateway, an MQTT broker (8883) and an SFTP server.
        "BIND_HOST": HOST,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Names in the addresses that it hands out, of queues for example.
        "MINISTACK_HOST": HOST,
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "SERVICES": services,
        "PERSIST_STATE": "0",
        # A machine with Docker must behave like one without.
        "DOCKER_HOST": "unix:///nonexistent",
        "LOG_LEVEL": "WARNING",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
