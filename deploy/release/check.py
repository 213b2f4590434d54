"""The check of a new version before anybody's call reaches it: invoked by its number, past the alias and the API.

Health, refusals, and the path of a sign-in up to the provider's keys: a forged token must be refused as forged (401
`INVALID_TOKEN`), which takes configuration, the secret, the network and the provider's published keys; if one of them
fails, the answer is another. With the ID token of a synthetic person, they sign in, read their profile and sign out.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chalicelib.config import VERSION, Settings
from deploy.permissions import FUNCTIONS
from deploy.release.names import API_FUNCTION, function_name
from deploy.release.place import Place, Refused

_ADDRESS: Final = "192.0.2.1"
"""An address of nobody (RFC 5737), counted by the limits like any other."""

_HARMLESS: Final[Mapping[str, Any]] = {"Records": []}
_HARMLESS_TO: Final[Mapping[str, Mapping[str, Any]]] = {
    "move_people": _HARMLESS,
    # Chalice wants one record; a key that is nobody's is looked at and left alone.
    "document_uploaded": {
        "Records": [{"s3": {"bucket": {"name": "none"}, "object": {"key": "uploads/release-check"}}}]
    },
}

_CONSENTS: Final = (
    "medical_disclaimers",
    "terms_of_service",
    "privacy_policy",
    "healthcare_consultation",
    "emergency_care_limitation",
)


@dataclass(frozen=True, slots=True)
class Probe:
    """A request, and what must come back: a status, and values at paths such as `error.code` in the answer."""

    name: str
    method: str
    path: str
    status: int
    says: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Checks versions. `id_token` is a synthetic person's, or empty where the stage has none."""

    place: Place
    say: Callable[[str], None]
    id_token: str = ""
    provider: str = "google"

    def run(self, versions: Mapping[str, str]) -> None:
        """Check a set of versions, by function.

        Raises:
            Refused: one of them does not answer as it must; nothing was sent to it but this.
        """
        for function, version in sorted(versions.items()):
            harmless = _HARMLESS if FUNCTIONS[function].receives_from else _HARMLESS_TO.get(function)
            if harmless is not None:
                self._starts(function, version, harmless)
        for probe in probes(self.place.settings):
            self._answer(versions[API_FUNCTION], probe)
        if self.id_token:
            self._sign_in_and_out(versions[API_FUNCTION])

    def _starts(self, function: str, version: str, event: Mapping[str, Any]) -> None:
        """An event about nothing shows that the function can start: code, role, settings. What a schedule starts has no
        such event: it shares its code with these."""
        answer = self._lambda.invoke(
            FunctionName=function_name(self.place.settings.stage, function),
            Qualifier=version,
            Payload=json.dumps(dict(event)).encode(),
        )
        if "FunctionError" in answer:
            raise Refused(f"{function}, version {version}, does not start: {_text(answer)}")

    def _sign_in_and_out(self, version: str) -> None:
        body = {
            "provider": self.provider,
            "auth_token": self.id_token,
            "consent_acknowledgments": {**dict.fromkeys(_CONSENTS, True), "version": "1.0"},
            "device_info": {"platform": "ios", "app_installation_id": "release-check", "app_version": "1.0.0"},
        }
        begun = Probe("a synthetic person signs in", "POST", "/auth/oauth-onboarding", 200, body=body)
        token = str(self._answer(version, begun)["access_token"])
        self._answer(version, Probe("… reads their profile", "GET", "/user/profile", 200, token=token))
        out = Probe("… and signs out", "POST", "/auth/logout", 200, body={}, token=token)
        self._answer(version, out)
        ended = Probe("… whose token is worth nothing then", "GET", "/user/profile", 401, token=token)
        self._answer(version, ended)

    def _answer(self, version: str, probe: Probe) -> dict[str, Any]:
        answer = self._lambda.invoke(
            FunctionName=function_name(self.place.settings.stage, API_FUNCTION),
            Qualifier=version,
            Payload=json.dumps(request(probe)).encode(),
        )
        text = _text(answer)
        if "FunctionError" in answer:
            raise Refused(f"Version {version} fails: {probe.name}: {text}")
        response = _as_object(text)
        body = _body(response)
        wrong = [f"{path} is {_at(body, path)!r}" for path, said in probe.says.items() if _at(body, path) != said]
        if response.get("statusCode") != probe.status or wrong:
            code = _at(body, "error.code") or ""
            raise Refused(
                f"Version {version} does not answer as it must: {probe.name}: "
                f"{response.get('statusCode')} {code} instead of {probe.status} {'; '.join(wrong)}".rstrip()
            )
        self.say(f"  {probe.name}: {probe.status}")
        return body

    @property
    def _lambda(self) -> Any:
        return self.place.client("lambda")


def probes(settings: Settings) -> tuple[Probe, ...]:
    """Return what every version must answer, in every stage."""
    google = forged_token(settings.google.issuers[0], settings.google.audiences[0])
    apple = forged_token(settings.apple.issuers[0], settings.apple.audiences[0])
    device = {"platform": "ios", "app_installation_id": "release-check", "app_version": "1.0.0"}
    refused = {"error.code": "INVALID_TOKEN"}
    return (
        Probe("health", "GET", "/health", 200, {"status": "healthy", "version": VERSION}),
        Probe("a profile without a token", "GET", "/user/profile", 401),
        Probe("a profile with a forged token", "GET", "/user/profile", 401, refused, token=google),
        Probe(
            "a sign-in with a forged token of Google",
            "POST",
            "/auth/oauth-onboarding",
            401,
            refused,
            {"provider": "google", "id_token": google, "device_info": device},
        ),
        Probe(
            "a sign-in with a forged token of Apple",
            "POST",
            "/auth/oauth-onboarding",
            401,
            refused,
            {"provider": "apple", "apple_id_token": apple, "device_info": device},
        ),
    )


def forged_token(issuer: str, audience: str) -> str:
    """Write an ID token in which everything is right but the key and the signature."""
    now = int(time.time())
    header = {"alg": "RS256", "typ": "JWT", "kid": "release-check"}
    claims = {"iss": issuer, "aud": audience, "sub": "release-check", "iat": now, "exp": now + 600}
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, bytes(256)))


def request(probe: Probe) -> dict[str, Any]:
    """Write a probe as API Gateway hands a request to the function."""
    headers = {"Content-Type": "application/json"}
    if probe.token:
        headers["Authorization"] = f"Bearer {probe.token}"
    return {
        "resource": probe.path,
        "path": probe.path,
        "httpMethod": probe.method,
        "requestContext": {
            "resourcePath": probe.path,
            "path": probe.path,
            "httpMethod": probe.method,
            "identity": {"sourceIp": _ADDRESS},
        },
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "stageVariables": {},
        "body": None if probe.body is None else json.dumps(dict(probe.body)),
        "isBase64Encoded": False,
    }


def _text(answer: Mapping[str, Any]) -> str:
    text: str = answer["Payload"].read().decode()
    return text


def _body(response: Mapping[str, Any]) -> dict[str, Any]:
    text = response.get("body") or "{}"
    if response.get("isBase64Encoded"):
        text = base64.b64decode(text)
    return _as_object(text)


def _as_object(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object; whatever else somebody answers has nothing that is asked for."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _at(body: Mapping[str, Any], path: str) -> Any:
    found: Any = body
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
