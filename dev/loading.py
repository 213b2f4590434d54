"""Loads the application as `chalice local` does, and puts the bridge beside it."""

from __future__ import annotations

import logging
import os
import sys

from chalice.app import Chalice
from chalice.config import Config
from chalice.deploy.validate import validate_routes

from dev.bridge import Bridge
from dev.faulty import SPARED
from dev.provision import session_without_account
from dev.stage import STAGE, Ports, chalice_factory, settings_of


def load_app(ports: Ports) -> tuple[Chalice, Config]:
    """Import `app.py` in the stage's environment, and check its routes as a deployment would."""
    config = chalice_factory(ports).create_config_obj(chalice_stage_name=STAGE)
    app: Chalice = config.chalice_app
    validate_routes(app.routes)
    return app, config


def start_bridge(app: Chalice, config: Config, ports: Ports) -> Bridge:
    """Begin to carry events between the embedded cloud and the application's functions."""
    from botocore.config import Config as ClientConfig

    from deploy.resources import declare

    settings = settings_of(ports)
    # Every worker of the bridge holds a connection while it polls.
    patient = ClientConfig(
        read_timeout=30, max_pool_connections=64, retries={"total_max_attempts": 1}, user_agent_extra=SPARED
    )
    session = session_without_account(settings.region)
    bridge = Bridge(
        app,
        config,
        declare(settings),
        s3=session.client("s3", endpoint_url=ports.cloud_url, config=patient),
        sqs=session.client("sqs", endpoint_url=ports.cloud_url, config=patient),
        events=session.client("events", endpoint_url=ports.cloud_url, config=patient),
    )
    bridge.start()
    return bridge


def write_log_lines() -> None:
    """Send what is logged to standard error, which the run keeps in a file."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)


def child_environment(ports: Ports) -> dict[str, str]:
    """Return the environment of our own child processes: this one's, without a way to a real account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "PORT": str(ports.service),
        "CLOUD_PORT": str(ports.cloud),
        "IDENTITY_PROVIDER_PORT": str(ports.identity_provider),
        "STOREFRONT_PORT": str(ports.storefront),
        "MODELS_PORT": str(ports.models),
        "AWS_REGION": settings_of(ports).region,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A proxy cannot reach our loopback.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
