"""What stands around the deployed service on this machine: the emulated cloud, an identity provider, stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.emulated.deployment import Deployment, deploy
from deploy.emulated.job import Place
from deploy.emulated.project import emulated_project
from deploy.generate import ROOT
from deploy.resources import declare
from dev.identity_provider import AUDIENCES, IdentityProvider
from dev.provision import put_given
from dev.stage import environment_of, ports_from
from dev.storefront.opening import Storefront
from dev.testing import embedded_cloud

STAGE: Final = "dev"
FOLDER: Final = ROOT / "build" / "deploy-local"
_OF_STORES: Final = ("APP_STORE_", "PLAY_", "STRIPE_")


@dataclass(frozen=True, slots=True)
class Running:
    """The deployed service and everything around it."""

    deployment: Deployment
    storefront: Storefront
    place: Place


@contextmanager
def deployed(folder: Path = FOLDER) -> Iterator[Running]:
    """Start everything, deploy, and stop it all in the end.

    The stage is `dev`, with its own names and policies; where it asks Google, Apple and the stores, it asks ours.

    Raises:
        NotInstalledError, ChildEndedError: the emulated cloud did not start. NotDeployedError: the deployment failed.
    """
    urls: list[str] = []
    storefront = Storefront(lambda: urls[0])
    storefront.start()
    try:
        with IdentityProvider() as provider, embedded_cloud(services="", is_enforcing=True) as cloud_url:
            deployment = deploy(emulated_project(folder, STAGE, _environment(provider, storefront)), cloud_url)
            _put_secrets(deployment, provider, storefront)
            urls.append(deployment.service_url)
            yield Running(deployment, storefront, Place(deployment.service_url, provider.url))
    finally:
        storefront.stop()


def _environment(provider: IdentityProvider, storefront: Storefront) -> dict[str, str]:
    """What the stage `dev` is told besides what it is told in an account: ours in the place of everybody else."""
    local = environment_of(ports_from({"STOREFRONT_PORT": storefront.server.url.rsplit(":", 1)[-1]}))
    selling = {name: value for name, value in local.items() if name.startswith(_OF_STORES)}
    signing_in: dict[str, str] = {}
    for name in AUDIENCES:
        signing_in |= {
            f"{name.upper()}_CLIENT_IDS": AUDIENCES[name],
            f"{name.upper()}_ISSUERS": provider.issuer(name),
            f"{name.upper()}_JWKS_URL": provider.jwks_url(name),
        }
    apple = {"APPLE_AUTH_URL": f"{provider.url}/apple/auth", "HAS_APPLE_SIGN_IN_KEY": "true"}
    return {**selling, **signing_in, **apple, "APP_STORE_ROOTS": storefront.root()}


def _put_secrets(deployment: Deployment, provider: IdentityProvider, storefront: Storefront) -> None:
    resources, secrets = declare(deployment.settings), deployment.client("secretsmanager")
    put_given(resources.apple_sign_in, provider.apple_tokens.secret(), secrets)
    for name, value in storefront.secrets().items():
        put_given(getattr(resources, name), value, secrets)
