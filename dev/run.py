"""`make run` and `make demo`: everything started, one real document taken through, then served until Ctrl-C."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import Final

from dev.children import Child, wait_until
from dev.cloud import PYTHON, start_surroundings
from dev.journey import travel
from dev.stage import SERVICE_LOG, Ports, require_free
from dev.supervision import CommandFailedError, Session
from dev.upkeep import keep_up


def run(session: Session, ports: Ports) -> int:
    """Start, show one document, explain, and serve until somebody stops it."""
    service = _start(session, ports, "run")
    try:
        travel(ports, session.say)
    except CommandFailedError as error:
        session.complain(f"\nThe document did not get through: {error}\nThe service stays up, so that you can look.")
    session.say(HOW_TO_USE.format(url=ports.service_url))
    session.is_serving = True
    keep_up(session, service, lambda: start_service(session, ports))
    return 0


def demo(session: Session, ports: Ports) -> int:
    """Start, show one document, and end."""
    _start(session, ports, "demo")
    travel(ports, session.say)
    session.say("\nThe demonstration is complete.")
    return 0


def _start(session: Session, ports: Ports, command: str) -> Child:
    started = time.monotonic()
    session.claim_folder(command)
    require_free(ports.service, "the service", "PORT")
    session.say("Starting the embedded cloud, the identity provider, the stores and the service …")
    start_surroundings(session, ports)
    SERVICE_LOG.unlink(missing_ok=True)
    service = start_service(session, ports)
    session.say(f"Ready after {time.monotonic() - started:.1f} s.")
    return service


def start_service(session: Session, ports: Ports) -> Child:
    """Start the service and wait until it answers.

    Raises:
        ChildEndedError: it did not; the text has the end of its log.
    """
    from dev.loading import child_environment

    service = session.children.start(
        "The service", PYTHON, ["dev.server"], log=SERVICE_LOG, environment=child_environment(ports)
    )
    wait_until(lambda: _is_up(ports), service, "The start of the service", seconds=30)
    return service


def _is_up(ports: Ports) -> bool:
    try:
        with urllib.request.urlopen(f"{ports.service_url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


HOW_TO_USE: Final = """
The service is at {url}, a page to read and try its contract at {url}/docs.

In another terminal (each token is a new sign-in, and ends the one before):

  export TOKEN=$(make -s token)
  curl -H "Authorization: Bearer $TOKEN" {url}/user/profile

  make buy PLAN=premium_monthly     buys a plan for that user (PROVIDER=google or stripe; the default is apple)
  make reset-usage                  fires the usage reset now
  make reconcile                    asks the simulated stores for what was missed

Its log is .run/service.log. It starts anew when the code changes; what the embedded cloud holds stays until
this ends. Press Ctrl-C to stop.
"""
