"""Records the most used calls of the app on the embedded cloud: events, answers of AWS, and who asked for them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest

from bench.recorded import AT, ENVIRONMENT, FILE, AwsCall, Context, Exchange, Recorded, asked_by, write

Event = dict[str, Any]
_VALUES: Final = (
    ("Test", "Result", "Unit", "Reference range"),
    ("Ferritin", "8", "ng/mL", "15 - 150"),
    ("Hemoglobin", "13.9", "g/dL", "12.0 - 15.5"),
    ("Glucose", "92", "mg/dL", "70 - 99"),
    ("Creatinine", "0.82", "mg/dL", "0.50 - 1.10"),
    ("Potassium", "4.3", "mmol/L", "3.5 - 5.1"),
)
_ADDRESS: Final = "203.0.113.7"
_QUESTION: Final = {
    "conversation_id": "c-1",
    "message": "What does this mean?",
    "context": {"health_data": {"lab_results": [{"test_name": "Ferritin", "test_value": 8, "test_unit": "ng/mL"}]}},
}


def event_of(method: str, resource: str, target: str, headers: dict[str, str], body: bytes = b"") -> Event:
    """Return an event as API Gateway writes it for a REST API; multipart bodies come in base64."""
    parts = urlsplit(target)
    pairs = zip(resource.split("/"), parts.path.split("/"), strict=True)
    path = {name[1:-1]: value for name, value in pairs if name.startswith("{")}
    query, is_binary = dict(parse_qsl(parts.query)), headers.get("Content-Type", "").startswith("multipart/")
    return {
        "resource": resource,
        "path": parts.path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "pathParameters": path or None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "path": parts.path,
            "identity": {"sourceIp": _ADDRESS},
        },
        "body": base64.b64encode(body).decode() if is_binary else body.decode() or None,
        "isBase64Encoded": is_binary,
    }


class Recorder:
    """Notes what leaves the process, and which call of botocore's it was for."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.calls: list[AwsCall] = []

    def forget(self) -> None:
        """Begin anew."""
        self.exchanges, self.calls = [], []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note until the block ends."""
        from botocore.client import BaseClient
        from urllib3.connectionpool import HTTPConnectionPool
        from urllib3.response import HTTPResponse

        call, send = BaseClient._make_api_call, HTTPConnectionPool.urlopen  # type: ignore[attr-defined]

        def called(client: Any, operation: str, sent: dict[str, Any]) -> Any:
            self.calls.append(AwsCall(client.meta.service_model.service_name, operation, dict(sent)))
            return call(client, operation, sent)

        def sent(pool: HTTPConnectionPool, method: str, url: str, *more: Any, **given: Any) -> Any:
            answer = send(pool, method, url, *more, **given)
            content, headers = answer.read() if not given.get("preload_content", True) else answer.data, answer.headers
            kept = {name: value for name, value in headers.items() if name.lower() != "transfer-encoding"}
            self.exchanges.append(Exchange(asked_by(method, given.get("headers")), answer.status, kept, content))
            return HTTPResponse(
                body=content if given.get("preload_content", True) else io.BytesIO(content),
                headers=kept,
                status=answer.status,
                preload_content=given.get("preload_content", True),
                request_method=method,
            )

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BaseClient, "_make_api_call", called)
            patch.setattr(HTTPConnectionPool, "urlopen", sent)
            yield


class Scribe:
    """Prepares people and documents, and records calls about them."""

    def __init__(self, service: Any, recorder: Recorder) -> None:
        self.service = service
        self.recorder = recorder
        self.people = 0

    def person(self) -> dict[str, Any]:
        """Return what somebody new was answered at their sign-in, with the claims to sign in again."""
        self.people += 1
        claims = {"sub": f"google-{self.people}", "email": f"person-{self.people}@google.example"}
        return {**self.service.sign_in(claims=claims), "claims": claims}

    def record(self, name: str, prepare: Callable[[], Event]) -> Recorded:
        """Record a call about one person in a process that has just begun, and about another right afterwards."""
        import app
        from chalicelib import wiring

        events = prepare(), prepare()
        wiring.rooms.cache_clear()
        heard = []
        for event in events:
            self.recorder.forget()
            with self.recorder.watching():
                answer = app.app(event, Context())
            assert answer["statusCode"] in {200, 202}, (name, answer)
            heard.append((self.recorder.exchanges, self.recorder.calls, answer["statusCode"]))
        (cold, _, _), (warm, calls, status) = heard
        return Recorded(name, events[1], events[0], cold, warm, calls, status)


def _signed(token: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": f"Bearer {token}", "User-Agent": "Serenya/1.4.2"}


def _calls(scribe: Scribe) -> Iterator[tuple[str, Callable[[], Event]]]:
    from tests.api.service import CONSENTS, DEVICE

    def get(resource: str, target: str = "") -> Callable[[], Event]:
        return lambda: event_of("GET", resource, target or resource, _signed(scribe.person()["access_token"]))

    def post(resource: str, person: dict[str, Any], body: Any) -> Event:
        return event_of("POST", resource, resource, _signed(person["access_token"]), json.dumps(body).encode())

    def refresh() -> Event:
        body = {"refresh_token": scribe.person()["refresh_token"], "device_id": "phone-1"}
        return event_of(
            "POST", "/auth/refresh", "/auth/refresh", {"Content-Type": "application/json"}, json.dumps(body).encode()
        )

    def sign_in() -> Event:
        token = scribe.service.id_token(**scribe.person()["claims"])
        body = {"provider": "google", "id_token": token, "consent_acknowledgments": CONSENTS, "device_info": DEVICE}
        return post("/auth/google", {"access_token": ""}, body)

    yield "profile", get("/user/profile")
    yield "refresh", refresh
    yield "sign-in of a known user", sign_in
    yield "subscription", get("/subscriptions/current")
    yield "usage", get("/subscriptions/usage")
    yield "prepared questions", get("/chat/prompts", "/chat/prompts?content_type=results")
    yield "chat message", lambda: post("/chat/messages", scribe.person(), _QUESTION)
    yield from _calls_about_documents(scribe)


def _calls_about_documents(scribe: Scribe) -> Iterator[tuple[str, Callable[[], Event]]]:
    from urllib3.filepost import encode_multipart_formdata

    content = _report()

    def upload() -> Event:
        file = ("report.pdf", content, "application/pdf")
        form: dict[str, Any] = {
            "file": file,
            "file_type": "pdf",
            "file_size": str(len(content)),
            "upload_timestamp": "2026-03-14",
        }
        body, media = encode_multipart_formdata(form)
        headers = {**_signed(scribe.person()["access_token"]), "Content-Type": media}
        return event_of("POST", "/api/v1/process/upload", "/api/v1/process/upload", headers, body)

    def about(what: str) -> Callable[[], Event]:
        def ask() -> Event:
            token = scribe.person()["access_token"]
            job = scribe.service.upload(token, content)["job_id"]
            scribe.service.deliver_uploads()
            resource = f"/api/v1/process/{what}"
            return event_of("GET", resource, resource.replace("{job_id}", job), _signed(token))

        return ask

    yield "upload", upload
    yield "status", about("status/{job_id}")
    yield "result", about("result/{job_id}")
    yield "listing", about("jobs")


def _report() -> bytes:
    """One page with a few values, as a laboratory prints them."""
    from reportlab.pdfgen.canvas import Canvas

    paper = io.BytesIO()
    page = Canvas(paper, invariant=1)
    for number, row in enumerate(_VALUES):
        for column, text in enumerate(row):
            page.drawString(60 + 130 * column, 780 - 20 * number, text)
    page.save()
    return paper.getvalue()


def record() -> None:
    """Record every call and write the file."""
    import boto3

    from chalicelib.models.schema import table_definition
    from dev.identity_provider import IdentityProvider
    from dev.testing import embedded_cloud

    with embedded_cloud() as endpoint, IdentityProvider() as provider, pytest.MonkeyPatch.context() as patch:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}.items():
            patch.setenv(name, value)
        keys_at = {name: provider.jwks_url(name) for name in ("google", "apple")}
        patch.setattr(provider, "jwks_url", keys_at.__getitem__)
        # Tokens name a port no more: they are read where no provider listens.
        patch.setattr(provider, "issuer", lambda _: ENVIRONMENT["GOOGLE_ISSUERS"])
        from chalicelib.web.limits import Limiter
        from tests.api import service as whole

        # All sign in from one address. The first call of a minute is told to nobody, so that nothing is missing.
        patch.setattr(Limiter, "count", lambda *_: None)
        boto3.client("dynamodb", region_name="eu-central-1").create_table(**table_definition("serenya-test"))
        with whole.running(provider, patch) as service:
            scribe = Scribe(service, Recorder())
            found = [scribe.record(name, prepare) for name, prepare in _calls(scribe)]
            assert service.clock.now() == AT
    write(found)
    print(f"{len(found)} calls: {FILE.name}, {FILE.stat().st_size // 1024} KB")
