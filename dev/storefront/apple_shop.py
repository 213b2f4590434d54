"""The simulated App Store: sells subscriptions of one app, lets things happen to them, and signs as Apple does."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from chalicelib import config
from chalicelib.gateways.app_store_signatures import PRODUCTION
from chalicelib.gateways.provider_facts import Phase
from chalicelib.models.states import SubscriptionProvider, Tier
from dev.storefront.apple_api import AppleApi, Sent
from dev.storefront.apple_certificates import SigningChain
from dev.storefront.apple_happenings import HAPPENINGS, Told
from dev.storefront.apple_subscriptions import PLANS, PRODUCTS, Subscription, Transaction, milliseconds, whole
from dev.storefront.words import Delivery, Happening, HttpAnswer, Truth, VirtualClock

BUNDLE_ID: Final = "app.serenya"
APP_APPLE_ID: Final = 6_480_000_001
_PATH: Final = "/webhooks/apple"


class AppleShop:
    """One app in a simulated App Store. Implements `words.Shop`; safe under threads."""

    def __init__(self, clock: VirtualClock, environment: str = PRODUCTION, bundle_id: str = BUNDLE_ID) -> None:
        self.chain = SigningChain()
        self.environment = environment
        self.bundle_id = bundle_id
        self.app_apple_id = APP_APPLE_ID
        self.api = AppleApi(bundle_id, clock.now, self._statuses_of, self._transactions_of)
        self._clock = clock
        # Two shops, such as those of two runs, give no id twice.
        self._ids = itertools.count(2 * 10**15 + secrets.randbelow(10**9) * 10**5)
        self._subscriptions: dict[str, Subscription] = {}
        self._deliveries: list[Delivery] = []
        self._history: list[Sent] = []
        self._lock = threading.RLock()

    @property
    def name(self) -> SubscriptionProvider:
        """Which store it is."""
        return SubscriptionProvider.APPLE

    def roots(self) -> list[bytes]:
        """Return the root certificates (DER) by which what is signed here can be verified."""
        return [self.chain.root]

    def settings(self, api_url: str) -> config.AppStore:
        """Return the settings of a stage that sells in this shop, whose API listens there."""
        return config.AppStore(
            bundle_id=self.bundle_id,
            products={product: plan_id for plan_id, product in PRODUCTS.items()},
            environment=self.environment,
            app_apple_id=self.app_apple_id,
            api_url=api_url,
            roots=tuple(base64.b64encode(root).decode() for root in self.roots()),
        )

    def environment_variables(self, api_url: str) -> dict[str, str]:
        """Return the same as environment variables. Only a sandbox may have roots of its own (see `config.py`)."""
        stage = self.settings(api_url)
        return {
            "APP_STORE_BUNDLE_ID": stage.bundle_id,
            "APP_STORE_APP_ID": str(stage.app_apple_id),
            "APP_STORE_ENVIRONMENT": stage.environment,
            "APP_STORE_PRODUCTS": ",".join(f"{product}={plan_id}" for product, plan_id in stage.products.items()),
            "APP_STORE_API_URL": stage.api_url,
            "APP_STORE_ROOTS": ",".join(stage.roots),
        }

    def secret(self) -> dict[str, str]:
        """Return what belongs into the secret `app-store` of a stage."""
        return self.api.secret()

    def buy(self, account: str | None, plan_id: str, *, is_shared: bool = False, is_trial: bool = False) -> str:
        """Let somebody buy a plan, or get it from their family, of whom `account` paid; return the original transaction
        id.

        Raises:
            ValueError: there is no such plan.
        """
        if plan_id not in PLANS:
            raise ValueError(f"the App Store sells {', '.join(PLANS)}, and not {plan_id}")
        with self._lock:
            now, original_id = self._now(), self._next_id()
            bought = Subscription(original_id, account, is_shared, PLANS[plan_id], run_at=now)
            bought.add_term(original_id, is_trial=is_trial)
            self._subscriptions[original_id] = bought
            self._tell(bought, Told("SUBSCRIBED", "INITIAL_BUY"))
        return original_id

    def can(self, external_id: str, happening: Happening) -> bool:
        """Whether that can happen to this subscription as it stands."""
        with self._lock:
            found = HAPPENINGS.get(happening)
            return found is not None and found.can(self._subscriptions[external_id], self._now())

    def happen(self, external_id: str, happening: Happening) -> str:
        """Let it happen; the original transaction id stays.

        Raises:
            ValueError: it cannot happen now.
        """
        with self._lock:
            if not self.can(external_id, happening):
                raise ValueError(f"{happening} cannot happen to this subscription now")
            subscription = self._subscriptions[external_id]
            told = HAPPENINGS[happening].happen(subscription, self._move_to, self._next_id)
            self._tell(subscription, told)
        return external_id

    def truth(self, external_id: str) -> Truth:
        """Return what the App Store holds to be so now."""
        with self._lock:
            subscription, now = self._subscriptions[external_id], self._now()
            until = subscription.paid_until
            is_open = until is not None and now < until
            tier = subscription.last.plan.tier if is_open else Tier.FREE
            # Who is lent it is not named by what is signed: the account there is the payer's.
            account = None if subscription.is_shared else subscription.last.account
            return Truth(tier, subscription.will_renew, until, account)

    def hand_over(self, external_id: str, account: str) -> None:
        """Let a later purchase name another account, as when somebody signs in to the app as somebody else and buys
        again with the same Apple account. The transactions before keep theirs."""
        with self._lock:
            self._subscriptions[external_id].account = account

    def extend(self, external_id: str, days: int) -> None:
        """Let a developer give somebody days: the term that counts ends later."""
        with self._lock:
            subscription = self._subscriptions[external_id]
            subscription.last.ends_at += timedelta(days=days)
            subscription.run_at = subscription.last.ends_at
            self._tell(subscription, Told("RENEWAL_EXTENDED"))

    def refund(self, external_id: str, transaction_id: str, percentage: int | None = None) -> None:
        """Give money back for any transaction, all or a part of it (in thousandths of a percent)."""
        with self._lock:
            subscription = self._subscriptions[external_id]
            [found] = [one for one in subscription.transactions if one.transaction_id == transaction_id]
            found.revoked_at = self._now()
            found.revocation = "REFUND_FULL" if percentage is None else "REFUND_PRORATED"
            found.percentage = 100_000 if percentage is None else percentage
            if found is subscription.last:
                subscription.phase, subscription.will_renew = Phase.EXPIRED, False
            self._tell(subscription, Told("REFUND", about=found))

    def transaction_ids(self, external_id: str) -> list[str]:
        """Return the ids of a subscription's transactions, oldest first."""
        with self._lock:
            return [one.transaction_id for one in self._subscriptions[external_id].transactions]

    def signed_transaction(self, external_id: str) -> str:
        """Return the last transaction as StoreKit gives it to the app, which posts it to the service."""
        with self._lock:
            subscription = self._subscriptions[external_id]
            return self.signed_of(subscription, subscription.last)

    def signed_of(self, subscription: Subscription, transaction: Transaction, **changes: Any) -> str:
        """Sign a transaction, with changes where a test wants one that should not be."""
        payload = {**subscription.transaction_payload(transaction, self._now()), **self._app, **changes}
        return self.chain.sign(payload)

    def tell(self, payload: Mapping[str, Any]) -> Delivery:
        """Sign any notification, note it in the history, and return it as it goes over the wire."""
        with self._lock:
            body = {"notificationUUID": str(uuid4()), "version": "2.0", **payload}
            body.setdefault("signedDate", milliseconds(self._now()))
            signed = self.chain.sign(body)
            self._history.append(Sent(self._now(), signed))
            content = json.dumps({"signedPayload": signed}).encode()
            headers = {"content-type": "application/json"}
            return Delivery(self.name, body["notificationUUID"], _PATH, headers, content)

    def data_of(self, external_id: str, **changes: Any) -> dict[str, Any]:
        """Return the `data` of a notification about a subscription as it stands."""
        with self._lock:
            return self._data(self._subscriptions[external_id], None) | changes

    def take_deliveries(self) -> list[Delivery]:
        """Return the notifications since the last time, in the order in which they were made."""
        with self._lock:
            taken, self._deliveries = self._deliveries, []
            return taken

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer | None:
        """Answer a call of the App Store Server API; None for a path that is not Apple's."""
        with self._lock:
            return self.api.answer(method, path, headers, body, self._history)

    @property
    def _app(self) -> dict[str, Any]:
        return {"bundleId": self.bundle_id, "environment": self.environment}

    def _tell(self, subscription: Subscription, told: Told) -> None:
        payload: dict[str, Any] = {"notificationType": told.kind, "data": self._data(subscription, told.about)}
        if told.subtype is not None:
            payload["subtype"] = told.subtype
        self._deliveries.append(self.tell(payload))

    def _data(self, subscription: Subscription, about: Transaction | None) -> dict[str, Any]:
        stated = self._stated(subscription, about)
        del stated["originalTransactionId"]
        return {**self._app, "appAppleId": self.app_apple_id, "bundleVersion": "1", **stated}

    def _stated(self, subscription: Subscription, about: Transaction | None = None) -> dict[str, Any]:
        renewal = {**subscription.renewal_payload(self._now()), "environment": self.environment}
        return {
            "originalTransactionId": subscription.original_id,
            "status": subscription.status,
            "signedTransactionInfo": self.signed_of(subscription, about or subscription.last),
            "signedRenewalInfo": self.chain.sign(renewal),
        }

    def _statuses_of(self, transaction_id: str) -> list[dict[str, Any]] | None:
        found = self._with_transaction(transaction_id)
        return None if found is None else [self._stated(found)]

    def _transactions_of(self, transaction_id: str) -> list[str] | None:
        found = self._with_transaction(transaction_id)
        return None if found is None else [self.signed_of(found, one) for one in found.transactions]

    def _with_transaction(self, transaction_id: str) -> Subscription | None:
        """Every subscription here is a customer of its own."""
        if transaction_id in self._subscriptions:
            return self._subscriptions[transaction_id]
        for subscription in self._subscriptions.values():
            if any(one.transaction_id == transaction_id for one in subscription.transactions):
                return subscription
        return None

    def _now(self) -> datetime:
        return whole(self._clock.now())

    def _next_id(self) -> str:
        return str(next(self._ids))

    def _move_to(self, instant: datetime) -> datetime:
        """Let time pass until then, if it has not; return the present instant."""
        ahead = instant - self._now()
        if ahead > timedelta(0):
            self._clock.advance(ahead)
        return self._now()
