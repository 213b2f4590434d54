"""`make deploy-local`: deploys into an emulated cloud, does the main job there, and serves until Ctrl-C."""

from __future__ import annotations

import sys
import time
from typing import Final

from deploy.emulated.deployment import NotDeployedError
from deploy.emulated.job import main_job
from deploy.emulated.surroundings import deployed
from dev.children import ChildEndedError
from dev.ministack import ADMINISTRATOR, NotInstalledError
from dev.supervision import CommandFailedError

_EXPECTED: Final = (ChildEndedError, CommandFailedError, NotDeployedError, NotInstalledError)


def main(arguments: list[str]) -> int:
    """Deploy and do the job; with `--once` end then. Returns 1 where something of it failed."""
    started = time.monotonic()
    print("Deploying the package of the stage dev into an emulated cloud that enforces permissions …", flush=True)
    try:
        with deployed() as running:
            print(f"Deployed after {time.monotonic() - started:.0f} s. The main job:\n", flush=True)
            main_job(running.deployment, running.place, _say, f"demo-{time.time_ns()}@google.example")
            if "--once" not in arguments:
                _serve(running.deployment.service_url, running.deployment.cloud_url)
    except _EXPECTED as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Nothing is left running.")
    return 0


def _serve(service_url: str, cloud_url: str) -> None:
    key, secret = ADMINISTRATOR
    print(f"\nThe service is at   {service_url}")
    print(f"The cloud is at     {cloud_url}   (AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret})")
    print("Press Ctrl-C to stop.", flush=True)
    while True:
        time.sleep(3600)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
