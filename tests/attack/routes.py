"""Every route of `app.py` as an attacker finds it: a good request for each, to which bad things are done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from urllib3.filepost import encode_multipart_formdata

import app as page
from chalicelib.web.api import Endpoint
from tests.api.service import CONSENTS, DEVICE
from tests.api.test_guarded_routes import JOB, REQUESTS, Good

PUBLIC_REQUESTS: Mapping[str, Good] = {
    "POST /auth/oauth-onboarding": Good(
        body={"provider": "google", "id_token": "x", "consent_acknowledgments": CONSENTS, "device_info": DEVICE}
    ),
    "POST /auth/refresh": Good(body={"refresh_token": "x", "device_id": "phone"}),
    "POST /auth/logout": Good(body={}),
    "POST /webhooks/apple-identity": Good(body={"payload": "x"}),
    "POST /webhooks/apple": Good(body={"signedPayload": "x"}),
    "GET /chat/prompts": Good(),
    "GET /subscriptions/plans": Good(),
    "GET /gdpr/erasure-status/{id}": Good(path={"id": JOB}),
    "GET /health": Good(),
    "GET /health/check": Good(),
    "GET /openapi.json": Good(),
    "GET /docs": Good(path={"name": "start.js"}),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request that can be made: by the declared path of a route, with its gaps filled."""

    endpoint: Endpoint
    declared: str
    path: str
    body: Any
    content_type: str

    @property
    def method(self) -> str:
        """GET, POST …"""
        return self.endpoint.method

    @property
    def name(self) -> str:
        """The route as it is declared."""
        return f"{self.method} {self.declared}"


def requests(*, is_public: bool | None = None) -> Iterator[Request]:
    """Yield a good request for every declared path, aliases included; of guarded or of public routes alone if asked.

    Raises:
        KeyError: a route has no good request yet; it belongs beside the others.
    """
    for endpoint in page.api.endpoints:
        if is_public not in (None, endpoint.guard.is_public):
            continue
        name = f"{endpoint.method} {endpoint.paths[0]}"
        good = REQUESTS.get(name) or PUBLIC_REQUESTS[name]
        body, content_type = good.body, endpoint.content_type
        if good.form is not None:
            body, content_type = encode_multipart_formdata(good.form)
        for declared in endpoint.paths:
            path = declared
            for gap, value in good.path.items():
                path = path.replace(f"{{{gap}}}", value)
            yield Request(endpoint, declared, path, body, content_type)


def fields(shape: Any) -> Iterator[tuple[str, ...]]:
    """Yield the way to each field of a body, those of structs inside it included; none of a body that is raw bytes."""
    for inner in _structs(shape):
        for one in msgspec.structs.fields(inner):
            yield (one.encode_name,)
            yield from ((one.encode_name, *deeper) for deeper in fields(one.type))


def _structs(kind: Any) -> Iterator[type[Any]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in getattr(kind, "__args__", ()):
        yield from _structs(part)
