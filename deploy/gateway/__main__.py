"""Shows what a stage's gateway is to do: `python -m deploy.gateway [--stage dev]`.

With `--allow-logs` it lets API Gateway write logs, once for an account and region. `python -m deploy.chalice deploy`
does so by itself; whoever applies a package needs it before.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from deploy.gateway.apply import Apply

if TYPE_CHECKING:
    from deploy.gateway.declaration import Gateway


def main(arguments: list[str]) -> int:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.gateway", description="Show what the gateway is to do.")
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--allow-logs", action="store_true", help="let API Gateway write logs in this account")
    options = parser.parse_args(arguments)
    from deploy.chalice import Factory, gateway_of

    factory = Factory(str(Path.cwd()), environ=os.environ)
    gateway = gateway_of(factory.create_config_obj(options.stage))
    if options.allow_logs:
        print("\n".join(Apply(gateway, boto3.client).allow_logs()) or "API Gateway may write logs already.")
        return 0
    print("\n".join(_lines(gateway)))
    return 0


def _lines(gateway: Gateway) -> list[str]:
    stage = gateway.stage_throttle
    answers = [
        f"  {kind:32} {one.status} {one.headers.get('Retry-After', '')}" for kind, one in gateway.responses.items()
    ]
    methods = [
        f"  {verb:6} {path:40} {one.rate} a second, {one.burst} at once"
        for (path, verb), one in sorted(gateway.throttles.items())
    ]
    return [
        f"Stage {gateway.stage}, at /{gateway.api_stage}; logs to {gateway.access_log_group}",
        f"Every method: {stage.rate} a second, {stage.burst} at once; but",
        *methods,
        "Answers of its own, with their status and when to come back:",
        *answers,
        f"X-Ray: {'on' if gateway.is_traced else 'off'}; web ACL: {gateway.web_acl_arn or 'none'}",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
