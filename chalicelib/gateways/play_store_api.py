"""The publisher API of Google Play over HTTP: purchases, orders, voided purchases, acknowledgement.

Source: the discovery document of `androidpublisher` v3 (revision 20261026). A token or order that Google does not know,
or no longer, is `None`: purchases are forgotten 60 days after their end (410, or 400 FAILED_PRECONDITION).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

from chalicelib import errors
from chalicelib.observe.log import log

if TYPE_CHECKING:
    import urllib3

SCOPE: Final = "https://www.googleapis.com/auth/androidpublisher"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_BYTES: Final = 2 * 1024 * 1024
_VOIDED_A_PAGE: Final = 1000
_NOT_THERE: Final = frozenset({400, 404, 410})
"""400 too: Google calls tokens that it never gave out invalid values, and old ones a failed precondition."""

_OURS_TO_MEND: Final = frozenset({"applicationNotFound", "keyInvalid", "badRequest", "parseError"})
"""What Google says where it is not the purchase that is unknown: the app's name, or how we ask."""

Answer = Mapping[str, Any]


class Tokens(Protocol):
    """Gives out access tokens."""

    def token(self, *, refused: str | None = None) -> str:
        """Return one; another than the refused one."""
        ...


class PublisherApi:
    """One app's purchases. Every method raises `Unavailable` when Google does not answer, refuses us, or asks us to
    wait; nothing here is worth a retry sooner than the caller's next one."""

    def __init__(self, tokens: Tokens, url: str, package_name: str) -> None:
        self._tokens = tokens
        self._app = f"{url}/applications/{quote(package_name, safe='')}"

    def subscription(self, purchase_token: str) -> Answer | None:
        """Return a SubscriptionPurchaseV2; None for a token that Google does not know."""
        return self._found("GET", f"/purchases/subscriptionsv2/tokens/{_segment(purchase_token)}")

    def orders(self, order_ids: Sequence[str]) -> list[Answer]:
        """Return those of the orders that exist, asking once for all of them. Google refuses the whole question when
        one is not there; then each is asked for by itself."""
        if len(order_ids) > 1:
            query = urlencode([("orderIds", order_id) for order_id in order_ids])
            together = self._found("GET", f"/orders:batchGet?{query}")
            if together is not None:
                return _objects(together.get("orders"))
        each = [self._found("GET", f"/orders/{_segment(order_id)}") for order_id in order_ids]
        return [order for order in each if order is not None]

    def voided(self, since_ms: int, until_ms: int, page: str | None) -> tuple[list[Answer], str | None]:
        """Return a page of the purchases that were voided in that time, and the token of the next page."""
        query = {"startTime": since_ms, "endTime": until_ms, "type": 1, "maxResults": _VOIDED_A_PAGE}
        answer = self._found(
            "GET", f"/purchases/voidedpurchases?{urlencode(query | ({'token': page} if page else {}))}"
        )
        if answer is None:
            log("play_store_refused", level=logging.ERROR, what="voidedpurchases")
            raise _unavailable()
        following = _object(answer.get("tokenPagination")).get("nextPageToken")
        return _objects(answer.get("voidedPurchases")), following if isinstance(following, str) and following else None

    def acknowledge(self, product_id: str, purchase_token: str, account: str | None) -> bool:
        """Acknowledge a purchase; safe to repeat. False for a purchase that cannot be, or not any more. `account` may
        be given for a new sign-up in the Play Store alone: Google keeps it with the purchase from then on."""
        where = f"/purchases/subscriptions/{_segment(product_id)}/tokens/{_segment(purchase_token)}:acknowledge"
        body = {"externalAccountIds": {"obfuscatedAccountId": account}} if account is not None else {}
        return self._found("POST", where, body) is not None

    def _found(self, method: str, where: str, body: Answer | None = None) -> Answer | None:
        token = self._tokens.token()
        status, content = _asked(method, self._app + where, token, body)
        if status == 401:
            status, content = _asked(method, self._app + where, self._tokens.token(refused=token), body)
        if status in _NOT_THERE and _reason(content) not in _OURS_TO_MEND:
            return None
        if status in (200, 204):
            return _decoded(content)
        # 409 is two changes at once, 429 and 5xx are "later", the others are for an operator to mend.
        level = logging.WARNING if status in (409, 429) or status >= 500 else logging.ERROR
        log("play_store_refused", level=level, what=where.split("/")[1].partition("?")[0], status=status)
        raise _unavailable()


def _asked(method: str, url: str, token: str, body: Answer | None) -> tuple[int, bytes]:
    import urllib3

    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise errors.Unavailable(message="Purchases are asked for over TLS alone.")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Accept-Encoding": "identity"}
    try:
        response = _pool().request(
            method,
            url,
            body=None if body is None else json.dumps(body).encode(),
            headers=headers | ({} if body is None else {"Content-Type": "application/json"}),
            redirect=False,
            preload_content=False,
        )
        try:
            content = response.read(_MOST_BYTES + 1, decode_content=False)
        finally:
            response.release_conn()
    except urllib3.exceptions.HTTPError as failure:
        raise _unavailable() from failure
    if len(content) > _MOST_BYTES:
        raise _unavailable()
    return response.status, content


@cache
def _pool() -> urllib3.PoolManager:
    import urllib3

    # One more try for questions that a server could not answer. An acknowledgement is repeated by whoever asked for it.
    again = urllib3.Retry(
        total=1,
        redirect=0,
        status_forcelist=(500, 502, 503, 504),
        allowed_methods=["GET"],
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=5), retries=again)


def _segment(text: str) -> str:
    return quote(text, safe="")


def _decoded(content: bytes) -> Answer:
    try:
        answer = json.loads(content or b"{}")
    except (ValueError, RecursionError) as wrong:
        raise _unavailable() from wrong
    if not isinstance(answer, dict):
        raise _unavailable()
    return answer


def _reason(content: bytes) -> str:
    """Return Google's word for why it refused, empty where it says none."""
    try:
        refusal = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return ""
    error = _object(_object(refusal).get("error"))
    reasons = [str(one.get("reason", "")) for one in _objects(error.get("errors"))]
    return reasons[0] if reasons else ""


def _object(value: Any) -> Answer:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Answer]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _unavailable() -> errors.Unavailable:
    return errors.Unavailable("PROVIDER_UNAVAILABLE", "Google Play does not answer at the moment.")
