"""Google Play: pushes are verified and taken as a reason to ask; what counts is what the publisher API says now."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.config import PlayStore as PlayStoreSettings
from chalicelib.gateways import play_store_orders as orders
from chalicelib.gateways import play_store_purchases as purchases
from chalicelib.gateways.google_tokens import SecretReader, ServiceAccountTokens
from chalicelib.gateways.jwks import Fetch, fetch_over_http
from chalicelib.gateways.play_store_api import SCOPE, Answer, PublisherApi
from chalicelib.gateways.play_store_push import ORDER_ID, PURCHASE_TOKEN, Pushes, voided_notice
from chalicelib.gateways.provider_facts import Facts, Notice, SubscriptionSeen
from chalicelib.models.states import SubscriptionProvider
from chalicelib.observe.log import log
from chalicelib.rules import Rules

_RECENT_ORDERS: Final = 12
"""So many orders are read with each purchase: as many calls as for one, and no renewal is lost with its notice."""
_MOST_LINKS: Final = 4
"""So many purchases before this one are read too. Google forgets each of them 60 days after its end."""
_VOIDED_REACH: Final = timedelta(days=30)
_MOST_PAGES: Final = 200
_MOST_PRODUCT_CHARACTERS: Final = 256
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Purchase:
    """A purchase as Google knows it, and the orders of it that were asked for; each with when we began to ask."""

    token: str
    answer: Answer
    seen_at: datetime
    orders: Mapping[str, Answer]
    orders_seen_at: datetime

    @property
    def facts(self) -> Facts:
        """What they say."""
        seen = purchases.subscription(self.token, self.answer, self.orders, self.seen_at)
        return Facts((seen,), orders.payments(self.orders.values(), self.token, self.orders_seen_at))


class PlayStore:
    """Google Play as a provider. Safe under threads; it keeps nothing but keys and an access token."""

    def __init__(
        self,
        settings: PlayStoreSettings,
        secrets: SecretReader,
        secret_id: str,
        clock: Clock,
        rules: Rules,
        fetch: Fetch = fetch_over_http,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._pushes = Pushes(settings, clock, rules, fetch)
        tokens = ServiceAccountTokens(secrets, secret_id, settings.token_url, SCOPE, clock)
        self._api = PublisherApi(tokens, settings.api_url, settings.package_name)

    @property
    def name(self) -> SubscriptionProvider:
        """Google."""
        return SubscriptionProvider.GOOGLE

    def verify(self, raw_body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check that Google pushed this for our app, and tell what it is about.

        Raises:
            Unauthenticated: INVALID_SIGNATURE, or WRONG_ENVIRONMENT for another app's notification.
            Unavailable: PROVIDER_UNAVAILABLE; Google's keys cannot be had.
        """
        return self._pushes.verify(raw_body, headers)

    def read(self, notice: Notice) -> Facts:
        """Return the present state of what a notice is about. A test purchase is nothing, unless the stage admits
        them.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Google Play does not answer.
        """
        purchase_token, order_id = notice.payload.get("purchase_token"), notice.payload.get("order_id")
        if not isinstance(purchase_token, str):
            return Facts()
        purchase = self._asked(purchase_token, order_id)
        if purchase is not None:
            return self._with_those_before(purchase)
        log("play_store_purchase_not_known", event_id=notice.event_id, event_type=notice.event_type)
        return self._order_alone(purchase_token, order_id)

    def claim(self, purchase_token: str, product_id: str) -> Facts:
        """Return what a purchase is that the app reports.

        Raises:
            InvalidRequest: INVALID_PURCHASE: Google knows no such purchase, not any more, or of another product; or it
            is a test purchase, and the stage admits none.
            Unavailable: PROVIDER_UNAVAILABLE; Google Play does not answer.
        """
        is_token = PURCHASE_TOKEN.fullmatch(purchase_token) is not None
        if not is_token or not 0 < len(product_id) <= _MOST_PRODUCT_CHARACTERS:
            raise _invalid_purchase()
        purchase = self._asked(purchase_token, None)
        if purchase is None or not self._is_admitted(purchase) or not purchases.sells(purchase.answer, product_id):
            raise _invalid_purchase()
        return self._with_those_before(purchase)

    def missed(self, since: datetime, until: datetime) -> Iterator[Notice]:
        """Return a notice for each purchase that was voided in that time, oldest first; Google remembers 30 days.

        This is the one list that Google has. It lists no subscriptions and repeats no notification once Pub/Sub gave
        up, so a reconciliation has to `look` at every live purchase token; a purchase whose every notification was lost
        comes back only when the app reports it.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Google Play does not answer.
        """
        now = self._clock.now()
        # An hour within the reach: Google refuses what is older by its own clock.
        since, until = max(since, now - _VOIDED_REACH + timedelta(hours=1)), min(until, now)
        if since >= until:
            return
        found: list[Notice] = []
        page: str | None = None
        for _ in range(_MOST_PAGES):
            voided, page = self._api.voided(_milliseconds(since), _milliseconds(until), page)
            found += [notice for one in voided if (notice := voided_notice(one)) is not None]
            if page is None:
                break
        yield from sorted(found, key=lambda notice: (notice.happened_at, notice.event_id))

    def look(self, external_id: str) -> Facts | None:
        """Return what Google says of a purchase token now; None where it knows none, or not any more.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Google Play does not answer.
        """
        purchase = self._asked(external_id, None)
        return self._with_those_before(purchase) if purchase is not None else None

    def acknowledge(self, seen: SubscriptionSeen) -> None:
        """Tell Google that a purchase was delivered: what nobody acknowledges within three days is refunded. Safe to
        repeat. A purchase that cannot be acknowledged any more is logged.

        Google is asked again first: with a new sign-up in the Play Store itself, and with no other, it is told whose it
        is, because it names the account of the expired purchase no longer once this one is acknowledged.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Google Play does not answer.
        """
        if not seen.needs_acknowledgement or seen.term is None:
            return
        answer = self._api.subscription(seen.external_id)
        if answer is not None and not purchases.is_to_acknowledge(answer):
            return
        product_id = seen.term.product.partition(":")[0]
        is_nameless = answer is not None and purchases.is_made_in_the_store(answer)
        if answer is None or not self._api.acknowledge(
            product_id, seen.external_id, seen.account if is_nameless else None
        ):
            log("play_store_acknowledgement_refused", level=logging.WARNING, product=product_id)

    def _asked(self, purchase_token: str, order_id: str | None) -> _Purchase | None:
        if not PURCHASE_TOKEN.fullmatch(purchase_token):
            return None
        seen_at = self._clock.now()
        answer = self._api.subscription(purchase_token)
        if answer is None:
            return None
        latest = purchases.latest_order(answer)
        wanted = orders.recent(latest, _RECENT_ORDERS) if latest is not None else ()
        wanted = tuple(dict.fromkeys([*wanted, *([order_id] if order_id is not None else [])]))
        orders_seen_at = self._clock.now()
        found = {str(order.get("orderId")): order for order in self._api.orders(wanted)}
        return _Purchase(purchase_token, answer, seen_at, found, orders_seen_at)

    def _with_those_before(self, purchase: _Purchase) -> Facts:
        """Return what a purchase says, and those before it: their end may not have been told. It belongs to whom they
        belonged, where it names nobody itself."""
        if not self._is_admitted(purchase):
            log("play_store_test_purchase_ignored")
            return Facts()
        chain, asked = [purchase], {purchase.token}
        while len(chain) <= _MOST_LINKS and (token := purchases.token_before(chain[-1].answer)) is not None:
            before = self._asked(token, None) if token not in asked else None
            if before is None:
                break
            asked.add(token)
            chain.append(before)
        facts = [one.facts for one in chain]
        seen = [subscription for one in facts for subscription in one.subscriptions]
        account = next((one.account for one in seen if one.account is not None), None)
        seen[0] = replace(seen[0], account=account)
        return Facts(tuple(seen), tuple(payment for one in facts for payment in one.payments))

    def _order_alone(self, purchase_token: str, order_id: Any) -> Facts:
        """Return what is left of a purchase that Google has forgotten: its orders can still be refunded."""
        if not isinstance(order_id, str) or not ORDER_ID.fullmatch(order_id):
            return Facts()
        seen_at = self._clock.now()
        return Facts(payments=orders.payments(self._api.orders([order_id]), purchase_token, seen_at))

    def _is_admitted(self, purchase: _Purchase) -> bool:
        return self._settings.admits_test_purchases or not purchases.is_test(purchase.answer)


def _milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def _invalid_purchase() -> errors.InvalidRequest:
    return errors.InvalidRequest(
        "INVALID_PURCHASE",
        "Google Play knows no such purchase of this product.",
        user_message="We could not find this purchase on Google Play.",
    )
