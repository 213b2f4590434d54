"""Keys of a provider: how rarely they are fetched, how long they are trusted, and which of them count."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from chalicelib import errors
from chalicelib.gateways.jwks import Fetched, FetchFailed, KeyCache, fetch_over_http, usable_keys
from chalicelib.rules import Rules
from tests.support import SettableClock
from tests.unit.identity.world import GOOGLE, Provider, signing_key

MINUTE = timedelta(minutes=1)
FIRST, SECOND = "kid-first", "kid-second"


@pytest.fixture
def provider(clock: SettableClock) -> Provider:
    return Provider(GOOGLE, clock)


@pytest.fixture
def keys(provider: Provider, clock: SettableClock) -> KeyCache:
    return KeyCache("google", GOOGLE.jwks_url, provider.fetch, clock, Rules())


def test_keys_are_fetched_once_for_many_tokens(keys: KeyCache, provider: Provider) -> None:
    for _ in range(50):
        assert keys.find(FIRST) is not None

    assert provider.fetches == 1


def test_a_new_key_is_found_at_once(keys: KeyCache, provider: Provider, clock: SettableClock) -> None:
    keys.find(FIRST)
    clock.advance(MINUTE)
    provider.keys = [signing_key("second"), signing_key("first")]

    assert keys.find(SECOND) is not None
    assert keys.find(FIRST) is not None
    assert provider.fetches == 2


def test_invented_key_ids_cost_one_fetch_a_minute(keys: KeyCache, provider: Provider, clock: SettableClock) -> None:
    keys.find(FIRST)
    for minute in range(1, 4):
        clock.advance(MINUTE)
        for number in range(200):
            assert keys.find(f"invented-{minute}-{number}") is None
        assert provider.fetches == 1 + minute


class SlowProvider(Provider):
    """Takes long enough over its keys that other threads come meanwhile."""

    def fetch(self, url: str) -> Fetched:
        fetched = super().fetch(url)
        time.sleep(0.1)
        return fetched


def _found_at_once(keys: KeyCache, kids: list[str]) -> list[bool]:
    gate = threading.Barrier(len(kids))

    def ask(kid: str) -> bool:
        gate.wait()
        return keys.find(kid) is not None

    with ThreadPoolExecutor(len(kids)) as pool:
        return list(pool.map(ask, kids))


def test_invented_key_ids_cost_one_fetch_a_minute_under_threads(clock: SettableClock) -> None:
    provider = SlowProvider(GOOGLE, clock)
    keys = KeyCache("google", GOOGLE.jwks_url, provider.fetch, clock, Rules())
    keys.find(FIRST)
    clock.advance(MINUTE)

    assert _found_at_once(keys, [f"invented-{number}" for number in range(16)]) == [False] * 16
    assert provider.fetches == 2


def test_threads_that_come_while_keys_are_fetched_wait_for_them(clock: SettableClock) -> None:
    provider = SlowProvider(GOOGLE, clock)
    keys = KeyCache("google", GOOGLE.jwks_url, provider.fetch, clock, Rules())

    assert _found_at_once(keys, [FIRST] * 16) == [True] * 16
    assert provider.fetches == 1


def test_a_known_key_does_not_wait_for_a_fetch_that_hangs(clock: SettableClock, provider: Provider) -> None:
    is_hanging, may_go_on = threading.Event(), threading.Event()

    def fetch(url: str) -> Fetched:
        if provider.fetches == 1:
            is_hanging.set()
            assert may_go_on.wait(10)
        return provider.fetch(url)

    keys = KeyCache("google", GOOGLE.jwks_url, fetch, clock, Rules())
    keys.find(FIRST)
    clock.advance(timedelta(hours=2))
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(keys.find, FIRST)
        assert is_hanging.wait(10)
        assert keys.find(FIRST) is not None
        may_go_on.set()
        assert hanging.result(10) is not None


@pytest.mark.parametrize(
    ("cache_control", "fresh"),
    [
        ("public, max-age=3600, must-revalidate", timedelta(hours=1)),
        ("max-age=99999999", timedelta(hours=6)),
        ("max-age=0", MINUTE),
        ("no-store", MINUTE),
        ("", timedelta(hours=6)),
        ("x-max-age=5", timedelta(hours=6)),
    ],
)
def test_keys_are_kept_as_long_as_the_provider_says_within_our_bounds(
    keys: KeyCache, provider: Provider, clock: SettableClock, cache_control: str, fresh: timedelta
) -> None:
    provider.cache_control = cache_control
    keys.find(FIRST)
    clock.advance(fresh - timedelta(seconds=1))
    keys.find(FIRST)
    assert provider.fetches == 1
    clock.advance(timedelta(seconds=1))
    keys.find(FIRST)
    assert provider.fetches == 2


def test_a_withdrawn_key_stops_working_when_keys_are_fetched_anew(
    keys: KeyCache, provider: Provider, clock: SettableClock
) -> None:
    keys.find(FIRST)
    provider.keys = [signing_key("second")]
    clock.advance(timedelta(hours=1))

    assert keys.find(FIRST) is None


def test_known_keys_work_for_a_day_while_the_provider_is_down(
    keys: KeyCache, provider: Provider, clock: SettableClock
) -> None:
    keys.find(FIRST)
    provider.is_down = True
    clock.advance(timedelta(hours=24, minutes=59))
    assert keys.find(FIRST) is not None
    clock.advance(MINUTE)
    with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE"):
        keys.find(FIRST)


def test_an_unknown_key_cannot_be_judged_while_the_provider_is_down(
    keys: KeyCache, provider: Provider, clock: SettableClock
) -> None:
    keys.find(FIRST)
    provider.is_down = True
    clock.advance(MINUTE)

    with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE"):
        keys.find(SECOND)
    assert keys.find(FIRST) is not None


def test_without_any_key_the_provider_is_asked_again_after_seconds(
    keys: KeyCache, provider: Provider, clock: SettableClock
) -> None:
    provider.is_down = True
    for _ in range(20):
        with pytest.raises(errors.Unavailable) as refusal:
            keys.find(FIRST)
    assert (refusal.value.status, refusal.value.code, provider.fetches) == (503, "PROVIDER_UNAVAILABLE", 1)

    provider.is_down = False
    clock.advance(timedelta(seconds=5))
    assert keys.find(FIRST) is not None


def test_a_broken_key_set_does_not_replace_good_keys(keys: KeyCache, provider: Provider, clock: SettableClock) -> None:
    keys.find(FIRST)
    provider.keys = []
    clock.advance(timedelta(hours=1))

    assert keys.find(FIRST) is not None


def _published(**changes: Any) -> dict[str, Any]:
    return {
        name: value for name, value in {**signing_key("first").public_jwk(), **changes}.items() if value is not None
    }


def _weak() -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    return {**RSAAlgorithm.to_jwk(key, as_dict=True), "kid": "weak", "use": "sig"}


def _elliptic() -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": "elliptic", "use": "sig"}


def _private() -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(signing_key("first").private, as_dict=True), "kid": "private", "use": "sig"}


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0", "alg": "HS256", "use": "sig"},
        _published(use="enc"),
        _published(use=None),
        _published(alg="HS256"),
        _published(alg="RS512"),
        _published(kid=None),
        _published(kid=""),
        _published(kid=5),
        _published(n="AQAB"),
        _published(n="***"),
        _published(e=None),
        _weak(),
        _elliptic(),
        _private(),
        "a text",
        None,
        [],
    ],
    ids=[
        *(
            "symmetric",
            "for encryption",
            "without a use",
            "for HS256",
            "for RS512",
            "without an id",
            "with an empty id",
        ),
        *("with a number as id", "tiny", "garbled", "without an exponent", "of 1024 bits", "elliptic", "private"),
        *("a text", "nothing", "a list"),
    ],
)
def test_a_key_that_cannot_verify_rs256_is_ignored(entry: Any) -> None:
    good = _published(kid="good")

    assert list(usable_keys(json.dumps({"keys": [entry, good]}).encode())) == ["good"]


def test_of_two_keys_with_one_id_the_first_counts() -> None:
    stranger = {**signing_key("stranger").public_jwk(), "kid": FIRST}
    keys = usable_keys(json.dumps({"keys": [_published(), stranger]}).encode())

    assert keys[FIRST].public_numbers() == signing_key("first").private.public_key().public_numbers()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b"\xff", b"[" * 60_000])
def test_what_is_no_key_set_is_no_key_set(content: bytes) -> None:
    with pytest.raises(FetchFailed):
        usable_keys(content)


class _Publisher(BaseHTTPRequestHandler):
    """Answers by path: good, moved, large, failing once, failing always."""

    asked: ClassVar[dict[str, int]] = {}

    def do_GET(self) -> None:
        self.asked[self.path] = times = self.asked.get(self.path, 0) + 1
        match self.path:
            case "/moved":
                self._send(302, b"", Location="/good")
            case "/large":
                self._send(200, b"x" * 70_000)
            case "/once" if times == 1:
                self._send(503, b"")
            case "/down":
                self._send(503, b"")
            case _:
                self._send(200, b'{"keys": []}', **{"Cache-Control": "max-age=60"})

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def publisher() -> Iterator[str]:
    _Publisher.asked = {}
    server = HTTPServer(("127.0.0.1", 0), _Publisher)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_key_set_is_fetched_with_its_cache_control(publisher: str) -> None:
    assert fetch_over_http(f"{publisher}/good") == Fetched(b'{"keys": []}', "max-age=60")


@pytest.mark.parametrize("path", ["/moved", "/large", "/down"])
def test_a_redirect_a_flood_and_a_failure_are_not_followed(publisher: str, path: str) -> None:
    with pytest.raises(FetchFailed):
        fetch_over_http(publisher + path)

    assert "/good" not in _Publisher.asked


def test_a_fetch_is_tried_again_once(publisher: str) -> None:
    assert fetch_over_http(f"{publisher}/once").content == b'{"keys": []}'
    with pytest.raises(FetchFailed):
        fetch_over_http(f"{publisher}/down")
    assert _Publisher.asked == {"/once": 2, "/down": 2}


@pytest.mark.parametrize("url", ["http://keys.example/certs", "ftp://127.0.0.2/certs", "file:///etc/passwd"])
def test_a_key_set_is_fetched_over_tls_alone(url: str) -> None:
    with pytest.raises(FetchFailed, match="TLS"):
        fetch_over_http(url)


def test_silence_is_a_failed_fetch() -> None:
    with pytest.raises(FetchFailed):
        fetch_over_http("http://127.0.0.1:9/certs")
