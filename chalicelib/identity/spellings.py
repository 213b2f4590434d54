"""The several spellings in which versions of the app send one and the same sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib import errors
from chalicelib.identity.contract import SignInRequest
from chalicelib.models.states import AuthProvider

_PROVIDERS: Final = {"google": AuthProvider.GOOGLE, "apple": AuthProvider.APPLE}


def provider_of(request: SignInRequest) -> AuthProvider:
    """Return who is to vouch for the caller.

    Raises:
        InvalidRequest: INVALID_AUTH_PROVIDER. Facebook too: its users may be stored, they cannot sign in.
    """
    provider = _PROVIDERS.get(request.provider or request.auth_provider or "")
    if provider is None:
        raise errors.InvalidRequest(
            "INVALID_AUTH_PROVIDER",
            "The provider must be google or apple.",
            user_message="Please sign in with Google or Apple.",
            details={"field": "provider", "supported": list(_PROVIDERS)},
        )
    return provider


def token_of(provider: AuthProvider, request: SignInRequest) -> str:
    """Return the ID token under any of its names; the provider's own names come first.

    Raises:
        InvalidRequest: MISSING_AUTH_TOKEN.
    """
    nested = request.google_auth.id_token if request.google_auth is not None else None
    google = (request.id_token, request.google_token, request.google_id_token, nested, request.auth_token)
    apple = (request.apple_id_token, request.auth_token)
    spelled = google if provider is AuthProvider.GOOGLE else apple
    token = next((one for one in spelled if one), None)
    if token is None:
        raise errors.InvalidRequest("MISSING_AUTH_TOKEN", f"No identity token of {provider.capitalize()} was sent.")
    return token


def acknowledgments_of(request: SignInRequest) -> Mapping[str, object]:
    """Return the boxes that were ticked; none if none were sent."""
    return request.consent_acknowledgments or request.consents or {}
