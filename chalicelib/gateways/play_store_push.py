"""Real-time developer notifications: pushed by Pub/Sub with Google's token, checked, and told as notices.

Sources: Google "Real-time developer notifications reference guide", "Authentication for push subscriptions" (Pub/Sub).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.config import IdentityProvider, PlayStore
from chalicelib.gateways.jwks import Fetch
from chalicelib.gateways.oidc import IdTokens
from chalicelib.gateways.provider_facts import Notice
from chalicelib.models.states import AuthProvider, SubscriptionProvider
from chalicelib.observe.log import log
from chalicelib.rules import Rules

_BEARER: Final = re.compile(r"[Bb]earer ([A-Za-z0-9_.-]+)")
PURCHASE_TOKEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{7,1023}")
"""Never dots alone: a token stands in a path."""
ORDER_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SUBSCRIPTIONS: Final = 1
"""`productType` of a voided purchase."""

SUBSCRIPTION_TYPES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "SUBSCRIPTION_RECOVERED",
        2: "SUBSCRIPTION_RENEWED",
        3: "SUBSCRIPTION_CANCELED",
        4: "SUBSCRIPTION_PURCHASED",
        5: "SUBSCRIPTION_ON_HOLD",
        6: "SUBSCRIPTION_IN_GRACE_PERIOD",
        7: "SUBSCRIPTION_RESTARTED",
        8: "SUBSCRIPTION_PRICE_CHANGE_CONFIRMED",
        9: "SUBSCRIPTION_DEFERRED",
        10: "SUBSCRIPTION_PAUSED",
        11: "SUBSCRIPTION_PAUSE_SCHEDULE_CHANGED",
        12: "SUBSCRIPTION_REVOKED",
        13: "SUBSCRIPTION_EXPIRED",
        17: "SUBSCRIPTION_ITEMS_CHANGED",
        18: "SUBSCRIPTION_CANCELLATION_SCHEDULED",
        19: "SUBSCRIPTION_PRICE_CHANGE_UPDATED",
        20: "SUBSCRIPTION_PENDING_PURCHASE_CANCELED",
        22: "SUBSCRIPTION_PRICE_STEP_UP_CONSENT_UPDATED",
    }
)
VOIDED: Final = "VOIDED_PURCHASE"
TEST: Final = "TEST_NOTIFICATION"
ONE_TIME: Final = "ONE_TIME_PRODUCT_NOTIFICATION"


class _Malformed(Exception):
    """A genuine push that is not what Google documents."""


class Pushes:
    """Tells genuine pushes from forged ones, and reads them."""

    def __init__(self, store: PlayStore, clock: Clock, rules: Rules, fetch: Fetch) -> None:
        self._store = store
        self._clock = clock
        google = IdentityProvider(AuthProvider.GOOGLE, store.issuers, (store.push_audience,), store.jwks_url)
        self._tokens = IdTokens((google,), clock, rules, fetch)

    def verify(self, raw_body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check who pushed this and for which app, and tell what it is about. What is genuine and not understood is a
        notice of an unknown type: asking Google to repeat it would not make it better.

        Raises:
            Unauthenticated: INVALID_SIGNATURE, or WRONG_ENVIRONMENT for another app's.
            Unavailable: PROVIDER_UNAVAILABLE; Google's keys cannot be had.
        """
        self._check_sender(headers.get("authorization", ""))
        event_id = f"sha256:{hashlib.sha256(raw_body).hexdigest()}"
        try:
            message = _message(raw_body)
            event_id = _text(message.get("messageId"), _MESSAGE_ID) or event_id
            told = _decoded(message.get("data"))
            self._check_app(told)
        except _Malformed as wrong:
            return self._unknown("MALFORMED", event_id, self._clock.now(), {"reason": str(wrong)})
        return self._told(told, event_id, _instant(told.get("eventTimeMillis")) or self._clock.now())

    def _check_sender(self, authorization: str) -> None:
        bearer = _BEARER.fullmatch(authorization)
        if bearer is None:
            log("play_store_push_refused", reason="no token")
            raise _forged()
        try:
            sender = self._tokens.verify(AuthProvider.GOOGLE, bearer[1])
        except errors.Unauthenticated as refusal:
            raise _forged() from refusal
        # Anybody can have Google sign a token for any audience: who asked for it is what makes it ours.
        if not sender.is_email_verified or sender.email != self._store.push_email:
            log("play_store_push_refused", reason="another sender")
            raise _forged()

    def _check_app(self, told: Mapping[str, Any]) -> None:
        package = told.get("packageName")
        if not isinstance(package, str):
            raise _Malformed("no package name")
        if package != self._store.package_name:
            log("play_store_push_refused", reason="another app")
            raise errors.Unauthenticated("WRONG_ENVIRONMENT", "The notification is about another app.")

    def _told(self, told: Mapping[str, Any], event_id: str, happened_at: datetime) -> Notice:
        """Tell the one thing that a notification is about; the kinds exclude each other."""
        match told:
            case {"subscriptionNotification": {"notificationType": number, "purchaseToken": purchase_token}}:
                name = SUBSCRIPTION_TYPES.get(number) if type(number) is int else None
                if name is None:
                    kept = {"notificationType": _short(number)}
                    return self._unknown(f"SUBSCRIPTION_{_short(number)}", event_id, happened_at, kept)
                payload = {"purchase_token": _text(purchase_token, PURCHASE_TOKEN)}
                return self._notice(name, event_id, happened_at, payload)
            case {"voidedPurchaseNotification": {"purchaseToken": _, "orderId": _} as voided}:
                is_subscription = voided.get("productType", _SUBSCRIPTIONS) == _SUBSCRIPTIONS
                return self._notice(VOIDED, event_id, happened_at, _voided(voided) if is_subscription else {})
            case {"oneTimeProductNotification": {}}:
                return self._notice(ONE_TIME, event_id, happened_at, {})
            case {"testNotification": {}}:
                return self._notice(TEST, event_id, happened_at, {})
            case _:
                kinds = sorted(_short(name) for name in told if name.endswith("Notification"))
                return self._unknown("UNKNOWN", event_id, happened_at, {"kinds": kinds[:5]})

    def _notice(self, name: str, event_id: str, happened_at: datetime, payload: Mapping[str, Any]) -> Notice:
        if any(value is None for value in payload.values()):
            return self._unknown(name, event_id, happened_at, {"reason": "no usable purchase token or order id"})
        return Notice(SubscriptionProvider.GOOGLE, event_id, name, happened_at, is_known=True, payload=payload)

    def _unknown(self, name: str, event_id: str, happened_at: datetime, kept: Mapping[str, Any]) -> Notice:
        """Only what names the kind is kept: what we do not know may hold anything."""
        raw = json.dumps(kept, sort_keys=True)
        return Notice(SubscriptionProvider.GOOGLE, event_id, name, happened_at, is_known=False, payload={}, raw=raw)


def voided_notice(voided: Mapping[str, Any]) -> Notice | None:
    """Tell an entry of the list of voided purchases as the push that it stands for; None for one that is no use. Its id
    is made from the order's, so that it is the same however often the list is read."""
    happened_at = _instant(voided.get("voidedTimeMillis"))
    payload = _voided(voided)
    if happened_at is None or None in payload.values():
        return None
    event_id = f"voided:{payload['order_id']}"
    return Notice(SubscriptionProvider.GOOGLE, event_id, VOIDED, happened_at, is_known=True, payload=payload)


def _voided(voided: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "purchase_token": _text(voided.get("purchaseToken"), PURCHASE_TOKEN),
        "order_id": _text(voided.get("orderId"), ORDER_ID),
    }


def _message(raw_body: bytes) -> Mapping[str, Any]:
    envelope = _object(raw_body)
    message = envelope.get("message")
    if not isinstance(message, dict):
        raise _Malformed("no message")
    return message


def _decoded(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, str):
        raise _Malformed("no data")
    try:
        return _object(base64.b64decode(data, validate=True))
    except binascii.Error as wrong:
        raise _Malformed("not base64") from wrong


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as wrong:
        raise _Malformed("not JSON") from wrong
    if not isinstance(found, dict):
        raise _Malformed("not an object")
    return found


def _instant(milliseconds: Any) -> datetime | None:
    """Read milliseconds since 1970, written as a number or as text."""
    if isinstance(milliseconds, bool) or not re.fullmatch(r"[0-9]{1,14}", str(milliseconds)):
        return None
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def _text(value: Any, shape: re.Pattern[str]) -> str | None:
    return value if isinstance(value, str) and shape.fullmatch(value) else None


def _short(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "", str(value))[:40]


def _forged() -> errors.Unauthenticated:
    return errors.Unauthenticated("INVALID_SIGNATURE", "The notification was not sent by Google for us.")
