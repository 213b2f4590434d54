"""A whole run for a fuzz: embedded cloud, identity provider, stores and service, on ports and in a folder of its
own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from deploy.resources import declare
from dev.children import Children, wait_until
from dev.identity_provider import IdentityProvider
from dev.loading import child_environment
from dev.ministack import start_ministack
from dev.provision import clients_at, create, put_given
from dev.stage import Ports, settings_of
from dev.storefront.opening import Storefront
from dev.testing import free_port


@dataclass(frozen=True)
class Place:
    """Where the service answers, and who stands around it."""

    ports: Ports
    provider: IdentityProvider
    stores: Storefront
    log: Path

    @property
    def url(self) -> str:
        return self.ports.service_url


@contextmanager
def running(folder: Path) -> Iterator[Place]:
    """Run everything for as long as the block; nothing is left afterwards."""
    ports = Ports(*(free_port() for _ in range(5)))
    children, log = Children(), folder / "service.log"
    with ExitStack() as stack:
        stack.callback(children.stop)
        start_ministack(children, ports.cloud, folder=folder)
        settings = settings_of(ports)
        resources, clients = declare(settings), clients_at(ports.cloud_url, settings.region)
        create(resources, clients)
        provider = stack.enter_context(IdentityProvider(ports.identity_provider))
        stores = stack.enter_context(_stores(ports))
        put_given(resources.apple_sign_in, provider.apple_tokens.secret(), clients.secretsmanager)
        for name, value in stores.secrets().items():
            put_given(getattr(resources, name), value, clients.secretsmanager)
        environment = {name: value for name, value in child_environment(ports).items() if "SERENYA_" not in name}
        service = children.start(
            "The service",
            Path(sys.executable),
            ["tests.fuzz.server"],
            log=log,
            environment=environment | {"APP_STORE_ROOTS": stores.root()},
        )
        wait_until(lambda: _is_up(ports), service, "The start of the service", seconds=60)
        yield Place(ports, provider, stores, log)


@contextmanager
def _stores(ports: Ports) -> Iterator[Storefront]:
    stores = Storefront(ports.service_url, ports.storefront)
    stores.start()
    try:
        yield stores
    finally:
        stores.stop()


def _is_up(ports: Ports) -> bool:
    try:
        return urllib3.request("GET", f"{ports.service_url}/health", timeout=5, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False
