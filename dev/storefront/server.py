"""The simulated stores on a loopback port: the APIs of all three, and paths by which things are made to happen.

POST /control/buy       {"provider", "plan_id", "account"?, "is_shared"?}   somebody buys
POST /control/happen    {"provider", "external_id", "happening"}            a subscription goes on (`Happening`)
POST /control/advance   {"seconds"?, "days"?}                               the stores' clock moves
POST /control/weather   {"repeats"?, "drops"?, "delay_seconds"?, "seed"?}   what befalls notifications from now on
GET  /control/truth     ?provider=&external_id=                             what a store holds to be so
any other path          the API of the store that knows it
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from chalicelib.clock import iso
from chalicelib.models.states import SubscriptionProvider
from dev.loopback import Listener, Loopback, Requests
from dev.storefront.post import PostOffice, Receipt, Weather
from dev.storefront.words import Happening, HttpAnswer, Shop, VirtualClock

_MOST_BODY_BYTES: Final = 1024 * 1024
_CONTROL: Final = "/control/"


class FlowingClock(VirtualClock):
    """The stores' clock beside a service that goes by the machine's: it flows with it, and can be moved ahead."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the present instant, later than every one before."""
        with self._lock:
            self._instant = max(self._instant + timedelta(milliseconds=1), datetime.now(UTC) + self._ahead)
            return self._instant

    def advance(self, by: timedelta) -> None:
        """Let time pass for the stores alone."""
        with self._lock:
            self._ahead += by
            self._instant += by


class UnknownRequestError(Exception):
    """A control request that asks for nothing that there is. The text says what there is."""


class Controls:
    """What a developer or a test can make happen. Each act delivers the notifications that are due then."""

    def __init__(self, shops: Sequence[Shop], clock: VirtualClock, post: PostOffice) -> None:
        self._shops = {shop.name: shop for shop in shops}
        self._clock = clock
        self._post = post

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a control path stands for.

        Raises:
            UnknownRequestError: there is no such path, store, subscription or happening, or it cannot happen now.
        """
        try:
            match method, path.removeprefix(_CONTROL):
                case "POST", "buy":
                    return self._buy(body)
                case "POST", "happen":
                    return self._happen(body)
                case "POST", "advance":
                    by = timedelta(days=float(body.get("days", 0)), seconds=float(body.get("seconds", 0)))
                    self._clock.advance(by)
                    return {"now": iso(self._clock.now()), "deliveries": self._deliver()}
                case "POST", "weather":
                    self._post.turn(_weather(body))
                    return {}
                case "GET", "truth":
                    return self._truth(query)
        except (KeyError, ValueError, TypeError) as wrong:
            raise UnknownRequestError(f"{type(wrong).__name__}: {wrong}") from wrong
        raise UnknownRequestError(f"there is no {method} {path}")

    def _buy(self, body: Mapping[str, Any]) -> dict[str, Any]:
        shop = self._shop(body)
        is_shared = body.get("is_shared") is True
        external_id = shop.buy(body.get("account"), str(body["plan_id"]), is_shared=is_shared)
        return {"external_id": external_id, "deliveries": self._deliver()}

    def _happen(self, body: Mapping[str, Any]) -> dict[str, Any]:
        shop, external_id = self._shop(body), str(body["external_id"])
        happening = Happening(body["happening"])
        if not shop.can(external_id, happening):
            raise ValueError(f"{happening} cannot happen to this subscription now")
        return {"external_id": shop.happen(external_id, happening), "deliveries": self._deliver()}

    def _truth(self, query: Mapping[str, str]) -> dict[str, Any]:
        truth = self._shop(query).truth(query["external_id"])
        return {
            "tier": truth.tier.value,
            "will_renew": truth.will_renew,
            "until": None if truth.until is None else iso(truth.until),
            "account": truth.account,
        }

    def _shop(self, asked: Mapping[str, Any]) -> Shop:
        return self._shops[SubscriptionProvider(asked["provider"])]

    def _deliver(self) -> list[dict[str, Any]]:
        for shop in self._shops.values():
            self._post.post(shop.take_deliveries())
        return [_as_json(receipt) for receipt in self._post.carry()]


def _weather(body: Mapping[str, Any]) -> Weather:
    return Weather(
        repeats=float(body.get("repeats", 0)),
        drops=float(body.get("drops", 0)),
        longest_delay=timedelta(seconds=float(body.get("delay_seconds", 0))),
        seed=int(body.get("seed", 0)),
    )


def _as_json(receipt: Receipt) -> dict[str, Any]:
    return {
        "provider": receipt.delivery.provider.value,
        "event_id": receipt.delivery.event_id,
        "path": receipt.delivery.path,
        "attempt": receipt.attempt,
        "status": receipt.status,
    }


class StorefrontServer(Loopback):
    """Answers for the stores; with port 0 it takes a free one."""

    def __init__(self, port: int = 0) -> None:
        self._server = _Server(("127.0.0.1", port), _Requests)
        super().__init__(self._server, "storefront")

    def open(self, shops: Sequence[Shop], controls: Controls) -> None:
        """Let these shops answer from now on. They are made once the address is known, which stands in what they
        send."""
        self._server.shops = tuple(shops)
        self._server.controls = controls


class _Server(Listener):
    shops: tuple[Shop, ...] = ()
    controls: Controls | None = None

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Ask the control paths or the shops."""
        if target.startswith(_CONTROL):
            return self._controlled(method, target, body)
        for shop in self.shops:
            found = shop.answer(method, target, headers, body)
            if found is not None:
                return found
        return _trouble(404, f"no store knows {method} {target}")

    def _controlled(self, method: str, target: str, body: bytes) -> HttpAnswer:
        address = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        try:
            content = json.loads(body or b"{}")
            if self.controls is None or not isinstance(content, dict):
                raise UnknownRequestError("the body must be an object")
            return _json_answer(200, self.controls.answer(method, address.path, query, content))
        except (UnknownRequestError, ValueError) as error:
            return _json_answer(400, {"error": str(error)})


def _json_answer(status: int, content: Mapping[str, Any]) -> HttpAnswer:
    return HttpAnswer(status, json.dumps(content).encode())


def _trouble(status: int, message: str) -> HttpAnswer:
    """Write an error as Google and Stripe do, whose clients read it."""
    return _json_answer(status, {"error": {"code": status, "message": message}})


class _Requests(Requests):
    server: _Server

    def _any(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > _MOST_BODY_BYTES:
            self.close_connection = True
            self._send(_json_answer(413, {"error": "no such body"}))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(length))
        try:
            answer = self.server.answer(self.command, self.path, headers, body)
        except Exception as defect:
            # A store that breaks answers 500, and says to the developer where.
            answer = _trouble(500, f"{type(defect).__name__}: {defect}")
        self._send(answer)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _any  # noqa: N815  # http.server looks for these names

    def _send(self, answer: HttpAnswer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
