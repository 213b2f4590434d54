"""What purchases and checkouts ask of others: a proof of who is there, and the stores; `wiring.py` hands it over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.gateways.provider_facts import Facts, Provider
from chalicelib.models.profile import UserItem
from chalicelib.models.states import SubscriptionProvider
from chalicelib.web.request import Caller


class FreshProof(Protocol):
    """Asks for a biometric proof of the last minutes, of everybody who has a registration."""

    def require(self, user: UserItem, caller: Caller) -> None:
        """Let pass, or raise Forbidden, BIOMETRIC_REQUIRED."""
        ...


class AppleClaims(Provider, Protocol):
    """The App Store, which verifies purchases too."""

    def claim(self, signed_transaction: str) -> Facts:
        """Return what a signed transaction is; InvalidRequest, INVALID_PURCHASE, where it is none of ours."""
        ...


class GoogleClaims(Provider, Protocol):
    """Google Play, which verifies purchases too."""

    def claim(self, purchase_token: str, product_id: str) -> Facts:
        """Return what a purchase is; InvalidRequest, INVALID_PURCHASE, where it is none of ours."""
        ...


class Session(Protocol):
    """A page where somebody pays."""

    @property
    def session_id(self) -> str:
        """Its id at Stripe."""
        ...

    @property
    def url(self) -> str:
        """Its address."""
        ...

    @property
    def expires_at(self) -> datetime:
        """Until when it can be used."""
        ...


class Cashier(Provider, Protocol):
    """What is asked of Stripe beyond what is asked of all stores."""

    def checkout(self, user_id: str, plan_id: str, idempotency_key: str) -> Session:
        """Open a page; the same key gives the same one. InvalidRequest, UNKNOWN_PLAN, where it is not sold."""
        ...

    def cancel(self, external_id: str, *, immediately: bool, reason: str | None, idempotency_key: str) -> Facts:
        """End a subscription and return how it stands then. Safe to repeat.

        Raises:
            AmountRefusedError: it was ended, and with it an amount is told that no money can be.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of a stage; None where it sells nothing."""

    apple: AppleClaims | None = None
    google: GoogleClaims | None = None
    stripe: Cashier | None = None

    @property
    def providers(self) -> Mapping[SubscriptionProvider, Provider]:
        """Those that there are, by name."""
        there: tuple[Provider | None, ...] = (self.apple, self.google, self.stripe)
        return {one.name: one for one in there if one is not None}
