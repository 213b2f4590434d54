"""The words of the App Store's notifications (version 2): every type with its subtypes, and what each tells.

Source: Apple "notificationType" and "subtype", up to the changes of 27 April 2026. What a notification changes is read
from the transaction and the renewal information that it carries, never from its type: each is a full account of the
state, so that a type alone cannot mislead.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NOTIFICATION_TYPES: Final[Mapping[str, Mapping[str | None, str]]] = MappingProxyType(
    {
        "SUBSCRIBED": {"INITIAL_BUY": "bought for the first time", "RESUBSCRIBE": "bought again"},
        "DID_RENEW": {None: "renewed", "BILLING_RECOVERY": "renewed after a failed payment"},
        "DID_CHANGE_RENEWAL_PREF": {
            "UPGRADE": "changed to a higher plan at once",
            "DOWNGRADE": "changes to a lower plan at the next renewal",
            None: "the change of plan was taken back",
        },
        "DID_CHANGE_RENEWAL_STATUS": {
            "AUTO_RENEW_ENABLED": "renewal turned on",
            "AUTO_RENEW_DISABLED": "renewal turned off",
        },
        "OFFER_REDEEMED": {
            None: "an offer for the present plan was redeemed",
            "INITIAL_BUY": "bought for the first time with an offer",
            "RESUBSCRIBE": "bought again with an offer",
            "UPGRADE": "changed to a higher plan at once with an offer",
            "DOWNGRADE": "changes to a lower plan at the next renewal with an offer",
        },
        "DID_FAIL_TO_RENEW": {
            "GRACE_PERIOD": "the payment failed, access goes on until the grace period ends",
            None: "the payment failed, access is suspended",
        },
        "GRACE_PERIOD_EXPIRED": {None: "the grace period ended without a payment"},
        "EXPIRED": {
            "VOLUNTARY": "ended after renewal was turned off",
            "BILLING_RETRY": "ended because the payment kept failing",
            "PRICE_INCREASE": "ended because a higher price was not agreed to",
            "PRODUCT_NOT_FOR_SALE": "ended because the plan is no longer sold",
            None: "ended for another reason",
        },
        "PRICE_INCREASE": {"PENDING": "a higher price awaits agreement", "ACCEPTED": "a higher price was agreed to"},
        "PRICE_CHANGE": {None: "the price of a plan was changed"},
        "REFUND": {None: "a transaction was refunded"},
        "REFUND_DECLINED": {None: "a refund was declined"},
        "REFUND_REVERSED": {None: "a refund was taken back"},
        "REVOKE": {None: "the family no longer shares it"},
        "CONSUMPTION_REQUEST": {None: "Apple asks how much was used before it decides on a refund; not answered"},
        "RENEWAL_EXTENDED": {None: "the term was extended"},
        "RENEWAL_EXTENSION": {
            "SUMMARY": "an extension for all was carried out",
            "FAILURE": "an extension failed for one subscription",
        },
        "ONE_TIME_CHARGE": {None: "something that is no subscription was bought"},
        "EXTERNAL_PURCHASE_TOKEN": {
            "CREATED": "a token for purchases outside of the App Store was made",
            "ACTIVE_TOKEN_REMINDER": "such a token is still active",
            "UNREPORTED": "such a token was not reported",
        },
        "RESCIND_CONSENT": {None: "a parent withdrew the consent to a child's use of the app"},
        "METADATA_UPDATE": {None: "what is shown of a subscription was changed"},
        "MIGRATION": {None: "a subscription was moved to Apple's Advanced Commerce"},
        "TEST": {None: "a test that somebody of ours asked for"},
    }
)


def is_known_type(notification_type: str) -> bool:
    """Whether we know what this type tells."""
    return notification_type in NOTIFICATION_TYPES


def is_known_subtype(notification_type: str, subtype: str | None) -> bool:
    """Whether we know what this subtype adds."""
    return subtype in NOTIFICATION_TYPES.get(notification_type, {})
