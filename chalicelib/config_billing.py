"""Where plans are sold: what a stage says of the App Store, Google Play and Stripe.

Each is absent in a stage that sells nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

_APP_STORE_URLS: Final = {
    "Production": "https://api.storekit.apple.com",
    "Sandbox": "https://api.storekit-sandbox.apple.com",
}


class AppStore(msgspec.Struct, frozen=True):
    """How purchases in the App Store are verified. Absent in a stage that sells nothing there.

    `products` maps what is bought there (product ids) to our plans. `environment` is `Production` or `Sandbox`: what
    was signed for the one is refused by the other. `app_apple_id` is the number in the app's address in the App Store;
    production needs it. `roots` replaces Apple's root certificate by others (DER in base64), for simulated stores.
    `has_online_checks` asks Apple's OCSP responder about each certificate.
    """

    bundle_id: str
    products: Mapping[str, str]
    environment: str = "Production"
    app_apple_id: int | None = None
    api_url: str = "https://api.storekit.apple.com"
    roots: tuple[str, ...] = ()
    has_online_checks: bool = False


class PlayStore(msgspec.Struct, frozen=True):
    """How purchases on Google Play are verified. Absent in a stage that sells nothing there.

    `products` maps what is bought there (`product id:base plan id`) to our plans. A push of Pub/Sub is genuine when its
    token is Google's, made for `push_audience` and by the service account `push_email`, which the push subscription
    names. Test purchases unlock nothing unless `admits_test_purchases` says so.
    Sources: Google "Real-time developer notifications reference", "Authentication for push subscriptions".
    """

    package_name: str
    push_audience: str
    push_email: str
    products: Mapping[str, str]
    issuers: tuple[str, ...] = ("https://accounts.google.com", "accounts.google.com")
    jwks_url: str = "https://www.googleapis.com/oauth2/v3/certs"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
    api_url: str = "https://androidpublisher.googleapis.com/androidpublisher/v3"
    admits_test_purchases: bool = False


class Stripe(msgspec.Struct, frozen=True):
    """How plans are paid through Stripe. Absent in a stage that sells nothing there.

    `products` maps Stripe's price ids to our plans. `is_live` says that real money moves: events and objects of the
    other mode are refused. `success_url` and `cancel_url` are where the page to pay on leads back to.
    """

    products: Mapping[str, str]
    success_url: str
    cancel_url: str
    is_live: bool = False
    api_url: str = "https://api.stripe.com"


def texts(value: str) -> tuple[str, ...]:
    """Read `one, another`."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _pairs(value: str) -> dict[str, str]:
    """Read `product=plan,product=plan`."""
    return {key.strip(): plan.strip() for key, _, plan in (pair.partition("=") for pair in texts(value))}


def app_store(environment: Mapping[str, str]) -> AppStore | None:
    """Read the settings of the App Store; a stage without `APP_STORE_BUNDLE_ID` sells nothing there.

    Raises:
        ValueError: an environment that is none, or production with other roots than Apple's or without an app id.
    """
    if not environment.get("APP_STORE_BUNDLE_ID"):
        return None
    name, roots = environment.get("APP_STORE_ENVIRONMENT", "Production"), environment.get("APP_STORE_ROOTS", "")
    if name not in _APP_STORE_URLS:
        raise ValueError(f"APP_STORE_ENVIRONMENT is one of {', '.join(_APP_STORE_URLS)}")
    if name == "Production" and roots:
        raise ValueError("in production Apple's root alone is trusted: APP_STORE_ROOTS is for simulated stores")
    app_apple_id = environment.get("APP_STORE_APP_ID")
    if name == "Production" and app_apple_id is None:
        raise ValueError("in production APP_STORE_APP_ID must name the app")
    return AppStore(
        bundle_id=environment["APP_STORE_BUNDLE_ID"],
        products=_pairs(environment["APP_STORE_PRODUCTS"]),
        environment=name,
        app_apple_id=None if app_apple_id is None else int(app_apple_id),
        api_url=environment.get("APP_STORE_API_URL", _APP_STORE_URLS[name]).rstrip("/"),
        roots=texts(roots),
        has_online_checks=environment.get("APP_STORE_HAS_ONLINE_CHECKS", "false") == "true",
    )


def play_store(environment: Mapping[str, str]) -> PlayStore | None:
    """Read the settings of Google Play; a stage without `PLAY_PACKAGE_NAME` sells nothing there."""
    if not environment.get("PLAY_PACKAGE_NAME"):
        return None
    usual = {one.name: one.default for one in msgspec.structs.fields(PlayStore)}
    return PlayStore(
        package_name=environment["PLAY_PACKAGE_NAME"],
        push_audience=environment["PLAY_PUSH_AUDIENCE"],
        push_email=environment["PLAY_PUSH_EMAIL"],
        products=_pairs(environment["PLAY_PRODUCTS"]),
        jwks_url=environment.get("PLAY_JWKS_URL", str(usual["jwks_url"])),
        token_url=environment.get("PLAY_TOKEN_URL", str(usual["token_url"])),
        api_url=environment.get("PLAY_API_URL", str(usual["api_url"])).rstrip("/"),
        admits_test_purchases=environment.get("PLAY_ADMITS_TEST_PURCHASES", "false") == "true",
    )


def stripe(environment: Mapping[str, str]) -> Stripe | None:
    """Read the settings of Stripe; a stage without `STRIPE_PRODUCTS` sells nothing there."""
    if not environment.get("STRIPE_PRODUCTS"):
        return None
    return Stripe(
        products=_pairs(environment["STRIPE_PRODUCTS"]),
        success_url=environment["STRIPE_SUCCESS_URL"],
        cancel_url=environment["STRIPE_CANCEL_URL"],
        is_live=environment.get("STRIPE_IS_LIVE", "false") == "true",
        api_url=environment.get("STRIPE_API_URL", "https://api.stripe.com").rstrip("/"),
    )
