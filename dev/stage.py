"""The stage `local`: where its parts listen, and the environment that its functions run in."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dev.children import ROOT

if TYPE_CHECKING:
    from chalice.cli.factory import CLIFactory

    from chalicelib.config import Settings

STAGE: Final = "local"
HOST: Final = "127.0.0.1"
RUN_FOLDER: Final = Path(os.environ.get("SERENYA_RUN_FOLDER") or ROOT / ".run")
"""Where a run keeps its logs and its lock. Another folder, and other ports, allow a second run at once."""
SERVICE_LOG: Final = RUN_FOLDER / "service.log"
CLOUD_LOG: Final = RUN_FOLDER / "cloud.log"


class PortTakenError(Exception):
    """A port that we need is in use. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts of a run listen on loopback."""

    service: int
    cloud: int
    identity_provider: int
    storefront: int
    models: int = 4569

    @property
    def service_url(self) -> str:
        """The service itself."""
        return f"http://{HOST}:{self.service}"

    @property
    def cloud_url(self) -> str:
        """The embedded cloud."""
        return f"http://{HOST}:{self.cloud}"

    @property
    def identity_provider_url(self) -> str:
        """The identity provider."""
        return f"http://{HOST}:{self.identity_provider}"

    @property
    def storefront_url(self) -> str:
        """The simulated stores."""
        return f"http://{HOST}:{self.storefront}"

    @property
    def models_url(self) -> str:
        """The stand-in for language models, where the stage asks one."""
        return f"http://{HOST}:{self.models}"


def ports_from(environment: Mapping[str, str]) -> Ports:
    """Read the ports from `PORT` (8000), `CLOUD_PORT` (4566), `IDENTITY_PROVIDER_PORT` (4567), `STOREFRONT_PORT` (4568)
    and `MODELS_PORT` (4569).

    Raises:
        ValueError: one of them is not a port.
    """
    return Ports(
        service=_port(environment, "PORT", 8000),
        cloud=_port(environment, "CLOUD_PORT", 4566),
        identity_provider=_port(environment, "IDENTITY_PROVIDER_PORT", 4567),
        storefront=_port(environment, "STOREFRONT_PORT", 4568),
        models=_port(environment, "MODELS_PORT", 4569),
    )


def require_free(port: int, use: str, variable: str) -> None:
    """Check that nobody listens on a port.

    Raises:
        PortTakenError: somebody does.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTakenError(
                f"Port {port} on {HOST} is taken, and {use} needs it. Stop what listens there "
                f"(`lsof -i :{port}` names it), or choose another port with {variable}={port + 1000}."
            ) from error


def environment_of(ports: Ports) -> dict[str, str]:
    """Return what `.chalice/config.json` sets for the stage, with the addresses of this run."""
    declared = _config_file()["stages"][STAGE]["environment_variables"]
    return {**declared, **_addresses(ports)}


def settings_of(ports: Ports) -> Settings:
    """Return the stage's settings as its functions will read them."""
    from chalicelib.config import load

    return load(environment_of(ports))


def chalice_factory(ports: Ports) -> CLIFactory:
    """Return Chalice's own loader, for this stage, with the addresses of this run in its configuration."""
    from chalice.cli.factory import CLIFactory

    class LocalFactory(CLIFactory):
        """Reads `.chalice/config.json` and puts this run's addresses into it."""

        def load_project_config(self) -> dict[str, Any]:
            """Return the configuration as Chalice reads it."""
            config = _config_file()
            config["stages"][STAGE]["environment_variables"] |= _addresses(ports)
            return config

    # Chalice copies the environment unless it is handed the real one; `chalice local` hands it over too.
    return LocalFactory(str(ROOT), environ=os.environ)


_CHOSEN_BY_RUN: Final = ("ANALYST", "HAS_LEGACY_DATABASE", "LEGACY_DSN")
"""Takes the place of what the stage says: `ANALYST=bedrock make demo`, and the demonstration of the move."""


def _addresses(ports: Ports) -> dict[str, str]:
    provider, stores = ports.identity_provider_url, ports.storefront_url
    return {
        "AWS_ENDPOINT_URL": ports.cloud_url,
        "GOOGLE_ISSUERS": f"{provider}/google",
        "GOOGLE_JWKS_URL": f"{provider}/google/certs",
        "APPLE_ISSUERS": f"{provider}/apple",
        "APPLE_JWKS_URL": f"{provider}/apple/keys",
        "APPLE_AUTH_URL": f"{provider}/apple/auth",
        "APP_STORE_API_URL": stores,
        "PLAY_JWKS_URL": f"{stores}/google/certs",
        "PLAY_TOKEN_URL": f"{stores}/google/token",
        "PLAY_API_URL": f"{stores}/androidpublisher/v3",
        "STRIPE_API_URL": f"{stores}/stripe",
        "BEDROCK_ENDPOINT_URL": ports.models_url,
        "ANTHROPIC_URL": ports.models_url,
        **{name: os.environ[name] for name in _CHOSEN_BY_RUN if os.environ.get(name)},
    }


def _config_file() -> dict[str, Any]:
    config: dict[str, Any] = json.loads(Path(ROOT, ".chalice", "config.json").read_text())
    return config


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError(f"{variable} must be a port between 1 and 65535, not {text!r}.")
    return int(text)
