"""Routes as declarations: path, guard, limit, body and answer in one statement; everything around a view happens
here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from chalice.app import Chalice, Request, Response

from chalicelib import errors
from chalicelib.observe import audit, load
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import correlate
from chalicelib.rules import Rules
from chalicelib.web.errors import in_our_envelope, to_response
from chalicelib.web.guard import AccessTokens, Guard
from chalicelib.web.limits import Limit, Limiter, subject_of_user
from chalicelib.web.request import Call, Caller, correlation_id_from, decode_body
from chalicelib.web.response import CORS, JSON, Answer, Raw, WithStatus, to_http
from chalicelib.web.run_time import watched

View = Callable[[Call[Any]], Answer | WithStatus[Any] | Raw]
V = TypeVar("V", bound=Callable[..., Any])

MULTIPART: Final = "multipart/form-data"
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_DEEPEST_PATH: Final = 8
_REFUSALS: Final = (401, 403)


class Services(Protocol):
    """What answering a request needs from the rooms."""

    @property
    def rules(self) -> Rules:
        """The numbers."""
        ...

    @property
    def access_tokens(self) -> AccessTokens:
        """Verifies access tokens."""
        ...

    @property
    def limiter(self) -> Limiter:
        """Counts calls."""
        ...

    def subject_of_address(self, address: str) -> str:
        """Return a keyed hash of a client address: no address is stored."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One declared route: what the OpenAPI document and the architecture tests are made from."""

    method: str
    paths: tuple[str, ...]
    view: View
    guard: Guard
    limit: Limit | None
    body: type[Any] | None
    answers: type[Any]
    form: type[Any] | None
    query: tuple[str, ...]
    status: int
    other_answers: tuple[type[Any], ...] = ()
    binary: tuple[str, ...] = ()

    @property
    def content_type(self) -> str:
        """What a request must declare: multipart where the route reads a form, JSON elsewhere."""
        return JSON if self.form is None else MULTIPART

    def body_of(self, request: Request, rules: Rules) -> bytes:
        """Return the request's body.

        Raises:
            TooLarge: it is above the limit of JSON bodies, or of a file and the form around it.
        """
        limit = rules.body_limit_bytes if self.form is None else rules.upload_limit_bytes + rules.form_overhead_bytes
        raw = request.raw_body or b""
        content = raw.encode() if isinstance(raw, str) else raw
        if len(content) > limit:
            code = None if self.form is None else "FILE_TOO_LARGE"
            raise errors.TooLarge(code, details={"limit_bytes": limit})
        return content


class Api:
    """Declares routes on a Chalice application."""

    def __init__(self, app: Chalice, services: Callable[[], Services]) -> None:
        self.app = app
        self.services = services
        self.endpoints: list[Endpoint] = []
        app.register_middleware(in_our_envelope, "http")
        app.api.binary_types.append(MULTIPART)

    def route(
        self,
        method: str,
        *paths: str,
        guard: Guard,
        limit: Limit | None,
        form: type[Any] | None = None,
        query: tuple[str, ...] = (),
        status: int = 200,
        binary: tuple[str, ...] = (),
    ) -> Callable[[V], V]:
        """Declare a route: the first path is its name, the others are aliases. Returns the view unchanged.

        What a route reads and answers stands in the view's own types: `Call[Body]`, with None for a route without a
        JSON body and `bytes` for one whose room verifies what was sent before it reads it; and the answer, which may
        stand in a `WithStatus`; of several, as `A | B | Raw`, the first is the ordinary one. `binary` names the media
        types that it answers with bytes to whoever accepts them.
        `limit` is None where an answer asks nobody anything: a probe must not fail because something else does. `form`
        describes a multipart body, which the room reads by itself. The error codes of a route stand on its answer
        struct, as `ERRORS`, written `"404 JOB_NOT_FOUND"`.
        """

        def declare(view: V) -> V:
            body, answers, *others = _shapes_of(view)
            endpoint = Endpoint(
                method, paths, view, guard, limit, body, answers, form, query, status, tuple(others), binary
            )
            self.endpoints.append(endpoint)
            self.app.api.binary_types.extend(one for one in binary if one not in self.app.api.binary_types)
            for number, path in enumerate(paths):
                name = view.__name__ if number == 0 else f"{view.__name__}_alias_{number}"
                register = self.app.route(
                    path, methods=[method], cors=CORS, name=name, content_types=[endpoint.content_type]
                )
                register(self._served(endpoint, path))
            return view

        return declare

    def answer_unknown_paths_if(self, is_local: bool) -> None:
        """Locally, answer unknown paths in our envelope; deployed, API Gateway's gateway responses do that, and the
        local gateway has none."""
        if is_local:
            for depth in range(1, _DEEPEST_PATH + 1):
                path = "".join(f"/{{part_{number}}}" for number in range(depth))
                register = self.app.route(path, methods=list(_METHODS), cors=CORS, name="unknown_path")
                register(_unknown_path)

    def _served(self, endpoint: Endpoint, route: str) -> Callable[..., Response]:
        def serve(**path: str) -> Response:
            request = self.app.current_request
            assert request is not None, "Chalice calls views within requests alone"
            headers = {name.lower(): value for name, value in request.headers.items()}
            correlation = correlation_id_from(headers)
            correlate(correlation)
            audit.begin(_address_of(request))
            began, failure = time.monotonic(), None
            with watched(request.lambda_context, endpoint.view.__name__):
                try:
                    response = to_http(self._answer(endpoint, route, request, headers, path, correlation), correlation)
                except Exception as error:  # noqa: BLE001  # the edge: whatever was raised gets an answer in our shape
                    failure = error
                    _audit_refusal(error, endpoint)
                    response = to_response(error, correlation, endpoint.paths[0])
            load.answered(endpoint.paths[0], response.status_code, (time.monotonic() - began) * 1000, failure)
            return response

        return serve

    def _answer(
        self,
        endpoint: Endpoint,
        route: str,
        request: Request,
        headers: Mapping[str, str],
        path: Mapping[str, str],
        correlation: str,
    ) -> Answer | WithStatus[Any] | Raw:
        services = self.services()
        raw = endpoint.body_of(request, services.rules)
        caller = endpoint.guard.admit(headers, services.access_tokens)
        if caller is not None:
            audit.concerns(caller.user_id)
        address = _address_of(request)
        if endpoint.limit is not None:
            services.limiter.count(endpoint.limit, _subject(endpoint.limit, caller, address, services))
        call: Call[Any] = Call(
            body=raw if endpoint.body is bytes else decode_body(raw, endpoint.body) if endpoint.body else None,
            caller_or_none=caller,
            path=path,
            query=_single_values(request),
            headers=headers,
            raw_body=raw,
            client_address=address,
            correlation_id=correlation,
            route=route,
        )
        return endpoint.view(call)


def _shapes_of(view: Callable[..., Any]) -> tuple[Any, ...]:
    """Return the struct of a view's body (None without one), and those of its answers."""
    hints = get_type_hints(view)
    answers = hints.pop("return")
    if get_origin(answers) is WithStatus:
        (answers,) = get_args(answers)
    (call,) = hints.values()
    (body,) = get_args(call)
    several = get_args(answers) if get_origin(answers) in {Union, UnionType} else (answers,)
    return None if body is type(None) else body, *(one for one in several if one is not Raw)


def _audit_refusal(error: Exception, endpoint: Endpoint) -> None:
    """Put into the audit trail who was not let in. What a public route refuses, its room records: it knows whom."""
    if not isinstance(error, errors.ServiceError):
        return
    route = endpoint.view.__name__
    if isinstance(error, errors.TooManyRequests) and endpoint.limit is not None:
        audit.record(AuditEvent.LIMIT_REACHED, route=route, limit=endpoint.limit.name)
    elif error.code == "ACCOUNT_SUSPENDED":
        audit.record(AuditEvent.ACCOUNT_REFUSED, route=route, cause=error.code)
    elif error.status in _REFUSALS and not endpoint.guard.is_public:
        audit.record(AuditEvent.ACCESS_REFUSED, route=route, cause=error.code)


def _address_of(request: Request) -> str:
    return str(request.context.get("identity", {}).get("sourceIp", "unknown"))


def _unknown_path(**_: str) -> Response:
    return Response(body={"Code": "NotFoundError"}, status_code=404)


def _subject(limit: Limit, caller: Caller | None, address: str, services: Services) -> str:
    if limit.is_per_address or caller is None:
        return services.subject_of_address(address)
    return subject_of_user(caller.user_id)


def _single_values(request: Request) -> dict[str, str]:
    """Of a parameter given several times the last one counts."""
    given = request.query_params
    return {} if given is None else {name: given[name] for name in given}
