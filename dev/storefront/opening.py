"""The three simulated stores beside a running service, and what the service's stage must know of them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from chalicelib.clock import SystemClock
from dev.storefront.apple_shop import AppleShop
from dev.storefront.google_shop import GoogleShop
from dev.storefront.post import PostOffice, Send, over_http
from dev.storefront.server import Controls, FlowingClock, StorefrontServer
from dev.storefront.stripe_shop import StripeShop

SANDBOX: Final = "Sandbox"
"""The App Store's environment on this machine: in production Apple's own root alone is trusted."""


class Storefront:
    """All stores on one port. Use it in a `with` block, or `start` and `stop` it; with port 0 it takes a free one.

    The stores' clock flows with the machine's and can be moved ahead. What signs a request is dated by the machine's
    own clock, by which the service judges it. What the stores list for a reconciliation goes back from their own
    instant: moved ahead by more than a month, Google and the App Store's sandbox have forgotten the service's present.
    """

    def __init__(self, service_url: str | Callable[[], str], port: int = 0) -> None:
        """Bind the port. Where the service answers may be found out later, when there is something to tell it."""
        clock = FlowingClock()
        self.apple = AppleShop(clock, environment=SANDBOX)
        self.google = GoogleShop(clock, wall=_wall)
        self.stripe = StripeShop(clock, wall=SystemClock())
        shops = (self.apple, self.google, self.stripe)
        self.server = StorefrontServer(port)
        self.server.open(shops, Controls(shops, clock, PostOffice(_send_to(service_url), clock, shops)))

    def start(self) -> None:
        """Begin to answer."""
        self.server.start()

    def stop(self) -> None:
        """End, and give the port back."""
        self.server.stop()

    def root(self) -> str:
        """Return the certificate by which the simulated App Store's signatures are verified (`APP_STORE_ROOTS`), drawn
        anew for every run."""
        return ",".join(base64.b64encode(root).decode() for root in self.apple.roots())

    def secrets(self) -> Mapping[str, Mapping[str, str | None]]:
        """Return what belongs into the secrets of a stage, by their names in `deploy/resources.py`."""
        return {
            "app_store": self.apple.secret(),
            "play_store": self.google.api.secret(),
            "stripe": self.stripe.secret(),
        }


def _send_to(service_url: str | Callable[[], str]) -> Send:
    if isinstance(service_url, str):
        return over_http(service_url)
    return lambda delivery: over_http(service_url())(delivery)  # noqa: PLW0108  # its address is known later


def _wall() -> datetime:
    return datetime.now(UTC)
