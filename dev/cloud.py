"""`make cloud`: the embedded cloud alone, with everything that `chalice local --stage local` needs beside it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dev.children import Child, wait_until
from dev.ministack import start_ministack
from dev.stage import CLOUD_LOG, RUN_FOLDER, Ports, require_free, settings_of
from dev.supervision import Session
from dev.upkeep import keep_up

if TYPE_CHECKING:
    from chalicelib.config import Settings
    from deploy.resources import Resources
    from dev.provision import Clients

PYTHON: Final = Path(sys.executable)
BRIDGE_LOG: Final = RUN_FOLDER / "bridge.log"
ROOTS_FILE: Final = RUN_FOLDER / "app-store-roots"
"""The certificate of this run's simulated App Store."""


def start_surroundings(session: Session, ports: Ports) -> None:
    """Start the embedded cloud, make the stage's resources in it, and start the identity provider and the stores.

    Raises:
        PortTakenError: somebody listens where one of them should.
        ChildEndedError: the embedded cloud did not start.
    """
    require_free(ports.cloud, "the embedded cloud", "CLOUD_PORT")
    require_free(ports.identity_provider, "the identity provider", "IDENTITY_PROVIDER_PORT")
    require_free(ports.storefront, "the simulated stores", "STOREFRONT_PORT")
    CLOUD_LOG.unlink(missing_ok=True)
    start_ministack(session.children, ports.cloud, folder=RUN_FOLDER)

    from deploy.resources import declare
    from dev.identity_provider import IdentityProvider
    from dev.provision import clients_at, create, put_given
    from dev.storefront.opening import Storefront

    settings = settings_of(ports)
    resources, clients = declare(settings), clients_at(ports.cloud_url, settings.region)
    create(resources, clients)
    provider = IdentityProvider(ports.identity_provider)
    put_given(resources.apple_sign_in, provider.apple_tokens.secret(), clients.secretsmanager)
    provider.start()
    storefront = Storefront(ports.service_url, ports.storefront)
    for name, value in storefront.secrets().items():
        put_given(getattr(resources, name), value, clients.secretsmanager)
    # The service, our child, gets it with its environment; whoever starts one by hand reads it from the file.
    os.environ["APP_STORE_ROOTS"] = storefront.root()
    ROOTS_FILE.write_text(storefront.root(), encoding="utf-8")
    storefront.start()
    if asks_models(settings):
        _start_models(ports, resources, clients)


def asks_models(settings: Settings) -> bool:
    """Whether the stage's analysts ask a language model, for which something has to stand in."""
    return bool({"bedrock", "anthropic"}.intersection(settings.analysts))


def _start_models(ports: Ports, resources: Resources, clients: Clients) -> None:
    from dev.model_stand_in import KEY, ModelStandIn
    from dev.provision import put_given

    require_free(ports.models, "the stand-in for language models", "MODELS_PORT")
    put_given(resources.anthropic, {"api_key": KEY}, clients.secretsmanager)
    ModelStandIn(ports.models).start()


def cloud(session: Session, ports: Ports) -> int:
    """Run the surroundings and the bridge until somebody stops them."""
    session.claim_folder("cloud")
    session.say("Starting the embedded cloud …")
    start_surroundings(session, ports)

    bridge = start_bridge_alone(session, ports)
    session.say(f"The embedded cloud is ready at {ports.cloud_url}, the identity provider at")
    session.say(f"{ports.identity_provider_url}. Events reach the functions of app.py; their log is .run/bridge.log.")
    session.say(f"The simulated stores are at {ports.storefront_url}. Now")
    session.say("`APP_STORE_ROOTS=$(cat .run/app-store-roots) .venv/bin/chalice local --stage local`")
    session.say("serves beside it. Press Ctrl-C to stop.")
    session.is_serving = True
    keep_up(session, bridge, lambda: start_bridge_alone(session, ports))
    return 0


def start_bridge_alone(session: Session, ports: Ports) -> Child:
    """Start the event bridge without the service, and wait until it carries events.

    Raises:
        ChildEndedError: it did not start; the text has the end of its log.
    """
    from dev.loading import child_environment

    BRIDGE_LOG.unlink(missing_ok=True)
    bridge = session.children.start(
        "The event bridge", PYTHON, ["dev.bridge_alone"], log=BRIDGE_LOG, environment=child_environment(ports)
    )
    wait_until(lambda: "carries events" in BRIDGE_LOG.read_text(), bridge, "The start of the bridge", seconds=30)
    return bridge
