"""Calls through Stripe's library: with the stage's key, time-outs and bounded repeats, and failures in our own terms.

The library is imported by the first call: a process that never meets Stripe does not pay for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from chalicelib import errors
from chalicelib.observe.log import log

if TYPE_CHECKING:
    import stripe

_Answer = TypeVar("_Answer")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_CONNECT_AND_READ_SECONDS: Final = (2.0, 6.0)
_REPEATS: Final = 1
"""The library repeats what is safe to repeat, after half a second: every POST of ours carries an idempotency key."""


class SecretReader(Protocol):
    """Reads JSON secrets and keeps them for a while."""

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        """Return the secret."""
        ...


class StripeCalls:
    """Makes calls. Safe under threads."""

    def __init__(self, secrets: SecretReader, secret_id: str, url: str) -> None:
        self._secrets = secrets
        self._secret_id = secret_id
        self._url = url
        self._kept: tuple[str, stripe.StripeClient] | None = None
        self._making = threading.Lock()

    def ask(self, what: str, call: Callable[[stripe.StripeClient], _Answer]) -> _Answer:
        """Make a call; `what` names it in the log.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Stripe does not answer, has had too much of us, or does not take our key.
            Conflict: IDEMPOTENCY_KEY_REUSED; the key stands for another call.
            Unexpected: Stripe calls the request wrong. A defect of ours, logged.
        """
        import stripe

        try:
            return self._made(call)
        except stripe.StripeError as failure:
            raise _translated(what, failure) from failure

    def find(self, what: str, call: Callable[[stripe.StripeClient], _Answer]) -> _Answer | None:
        """Make a call; None where Stripe does not know what was asked for. Raises what `ask` raises."""
        import stripe

        try:
            return self._made(call)
        except stripe.InvalidRequestError as refusal:
            if refusal.http_status == 404 and refusal.code == "resource_missing":
                return None
            raise _translated(what, refusal) from refusal
        except stripe.StripeError as failure:
            raise _translated(what, failure) from failure

    def _made(self, call: Callable[[stripe.StripeClient], _Answer]) -> _Answer:
        """Call, and once more with a fresh key where Stripe does not take ours: it may have just been rolled."""
        import stripe

        client = self._client(is_suspected_stale=False)
        try:
            return call(client)
        except (stripe.AuthenticationError, stripe.PermissionError):
            other = self._client(is_suspected_stale=True)
            if other is client:
                raise
            return call(other)

    def _client(self, *, is_suspected_stale: bool) -> stripe.StripeClient:
        secret = self._secrets.json(self._secret_id, is_suspected_stale=is_suspected_stale)
        key = secret.get("api_key")
        if not isinstance(key, str) or not key:
            raise errors.Unavailable(message="The service has no usable key of Stripe.")
        with self._making:
            if self._kept is None or self._kept[0] != key:
                self._kept = key, _client(key, self._url)
            return self._kept[1]


def _client(key: str, url: str) -> stripe.StripeClient:
    import stripe

    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise errors.Unavailable(message="Stripe is spoken to over TLS alone.")
    # Telemetry would write an id into the home directory and tell Stripe of our machines.
    stripe.enable_telemetry = False
    # It writes the address of every call, in which customers and subscriptions are named.
    logging.getLogger("stripe").setLevel(logging.WARNING)
    return stripe.StripeClient(
        key,
        base_addresses={"api": url},
        max_network_retries=_REPEATS,
        http_client=stripe.RequestsClient(timeout=_CONNECT_AND_READ_SECONDS),
    )


def _translated(what: str, failure: stripe.StripeError) -> errors.ServiceError:
    """Say it in our terms. The library's own text may quote what was sent, and stays behind."""
    import stripe

    status = failure.http_status
    if isinstance(failure, stripe.IdempotencyError):
        return errors.Conflict(
            "IDEMPOTENCY_KEY_REUSED",
            user_message="This was asked for before, in other words. Please start again.",
        )
    is_ours = isinstance(failure, stripe.AuthenticationError | stripe.PermissionError)
    is_passing = status is None or status in (429, 409) or status >= 500
    fields = {"call": what, "status": status, "code": failure.code, "request_id": failure.request_id}
    if is_ours or is_passing:
        log("stripe_did_not_answer", level=logging.ERROR if is_ours else logging.WARNING, error=failure, **fields)
        return errors.Unavailable("PROVIDER_UNAVAILABLE", "Stripe does not answer at the moment.")
    log("stripe_request_refused", level=logging.ERROR, error=failure, **fields)
    return errors.Unexpected(message="The payment provider refused a request of ours.")
