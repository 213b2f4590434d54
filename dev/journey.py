"""One real document through the running service, over HTTP, as the app would send it, and an account of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import urllib3

from chalicelib.clock import iso
from dev.children import ROOT
from dev.supervision import CommandFailedError

SAMPLE: Final = ROOT / "tests" / "data" / "lab-reports" / "pathology-panel-10-pages.pdf"
DEMO_EMAIL: Final = "demo@google.example"
TERMINAL_EMAIL: Final = "terminal@google.example"
CONSENTS: Final = (
    "medical_disclaimers",
    "terms_of_service",
    "privacy_policy",
    "healthcare_consultation",
    "emergency_care_limitation",
)
_POLL_SECONDS: Final = 0.35  # the contract allows 200 questions a minute about a status
_LONGEST_ANALYSIS_SECONDS: Final = 90.0
_COLUMNS: Final = ("test", "value", "unit", "range", "")


class Addresses(Protocol):
    """Where a service answers, and the identity provider that it trusts."""

    @property
    def service_url(self) -> str:
        """The service itself."""
        ...

    @property
    def identity_provider_url(self) -> str:
        """The identity provider."""
        ...


class Backend:
    """The calls of the app that a journey takes."""

    def __init__(self, ports: Addresses) -> None:
        self._ports = ports
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=35), retries=False)
        self.access_token = ""

    def sign_in(self, email: str = DEMO_EMAIL) -> dict[str, Any]:
        """Get an ID token from the local identity provider and sign in with it, giving all five consents."""
        issued = self._call("POST", f"{self._ports.identity_provider_url}/google/token", json={"email": email})
        answer = self._service(
            "POST",
            "/auth/oauth-onboarding",
            json={
                "provider": "google",
                "id_token": issued["id_token"],
                "consent_acknowledgments": {**dict.fromkeys(CONSENTS, True), "version": "1.0"},
                "device_info": {"platform": "ios", "app_installation_id": "local-demo", "app_version": "1.0.0"},
            },
        )
        self.access_token = answer["access_token"]
        return answer

    def subscription(self) -> dict[str, Any]:
        """Ask what the user may use and has used."""
        return self._service("GET", "/subscriptions/current")

    def upload(self, document: Path) -> dict[str, Any]:
        """Hand in a document as the app does, in a multipart body."""
        content = document.read_bytes()
        fields = {
            "file": (document.name, content, "application/pdf"),
            "file_type": "pdf",
            "file_size": str(len(content)),
            "upload_timestamp": iso(datetime.now(UTC)),
        }
        return self._service("POST", "/api/v1/process/upload", fields=fields)

    def upload_by_form(self, document: Path) -> dict[str, Any]:
        """Ask for a form and hand in a document with it, past the service."""
        content = document.read_bytes()
        declared = {"file_type": "pdf", "file_size": len(content)}
        answer = self._service("POST", "/api/v1/process/upload-url", json=declared)
        form = answer["upload"]
        response = self._http.request("POST", form["url"], fields={**form["fields"], "file": (document.name, content)})
        if response.status not in {200, 201, 204}:
            raise CommandFailedError(f"The form was answered {response.status}: {response.data[:300]!r}")
        return answer

    def status(self, job_id: str) -> dict[str, Any]:
        """Ask where a job stands."""
        return self._service("GET", f"/api/v1/process/status/{job_id}")

    def result(self, job_id: str) -> dict[str, Any]:
        """Get what a document says."""
        return self._service("GET", f"/api/v1/process/result/{job_id}")

    def _service(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        return self._call(method, self._ports.service_url + path, headers=headers, **request)

    def _call(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, url, **request)
            answer = response.json()
        except urllib3.exceptions.NewConnectionError as error:
            raise CommandFailedError(f"Nothing answers at {url}. Start the service with `make run` first.") from error
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise CommandFailedError(f"{method} {url} did not answer as it should: {error}") from error
        if response.status != 200 or not isinstance(answer, dict):
            raise CommandFailedError(f"{method} {url} answered {response.status}: {_reason(answer)}")
        return answer


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a journey and how long it took."""

    name: str
    seconds: float


class Account:
    """Tells the steps of a journey as they happen."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.steps: list[Step] = []

    @contextmanager
    def step(self, name: str) -> Any:
        """Time a step; what the caller puts into the list that it gets is told beside it."""
        notes: list[str] = []
        started = time.monotonic()
        yield notes
        seconds = time.monotonic() - started
        self.steps.append(Step(name, seconds))
        self.say(f"  {name:<26}{seconds * 1000:>7.0f} ms   {'; '.join(notes)}")


def travel(ports: Addresses, say: Callable[[str], None]) -> dict[str, Any]:
    """Take one document through the service, tell it step by step, and return the result.

    Raises:
        CommandFailedError: a step was refused, or the analysis failed or did not end.
    """
    backend = Backend(ports)
    account = Account(say)
    say(f"\n{SAMPLE.name}, as the app would send it:\n")
    with account.step("sign in, five consents") as notes:
        notes.append(f"user {backend.sign_in()['user']['id']}")
    with account.step("usage before") as notes:
        notes.append(_usage(backend.subscription()))
    with account.step("upload") as notes:
        job_id = backend.upload(SAMPLE)["job_id"]
        notes.append(job_id)
    with account.step("analysis, by S3 event") as notes:
        notes.append(f"{wait_for(backend, job_id)} questions about its status")
    with account.step("result") as notes:
        result = backend.result(job_id)
        notes.append(
            f"{len(result['lab_results'])} laboratory results, {len(result['vitals'])} vitals, "
            f"confidence {result['confidence_score']} of 10, by {result['processing_summary']['analyst']}"
        )
    with account.step("usage after") as notes:
        notes.append(_usage(backend.subscription()))
    abnormal = [row for row in result["lab_results"] if row["is_abnormal"]]
    say(f"\n{len(abnormal)} findings outside their range:\n")
    for line in table_of(abnormal):
        say(f"  {line}")
    return result


def table_of(findings: Iterable[dict[str, Any]]) -> list[str]:
    """Write findings as the lines of an aligned table."""
    rows: list[Sequence[str]] = [_COLUMNS]
    rows.extend(
        (
            str(one["test_name"]),
            _number(one["test_value"]),
            str(one["test_unit"] or ""),
            _range(one),
            direction(one),
        )
        for one in findings
    )
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column == 1 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return [lines[0], "  ".join("─" * width for width in widths).rstrip(), *lines[1:]]


def direction(finding: dict[str, Any]) -> str:
    """Say on which side of its range a value lies: high, low, or nothing where the numbers cannot tell."""
    value, low, high = (
        _as_number(finding.get(name)) for name in ("test_value", "reference_range_low", "reference_range_high")
    )
    if value is not None and high is not None and value > high:
        return "high"
    if value is not None and low is not None and value < low:
        return "low"
    return ""


def wait_for(backend: Backend, job_id: str) -> int:
    """Ask for a job's status until it is done, and return how often.

    Raises:
        CommandFailedError: it failed, or was not done in time.
    """
    give_up_at = time.monotonic() + _LONGEST_ANALYSIS_SECONDS
    asked = 0
    while time.monotonic() < give_up_at:
        answer = backend.status(job_id)
        asked += 1
        if answer["status"] == "completed":
            return asked
        if answer["status"] != "processing":
            raise CommandFailedError(
                f"The analysis ended as {answer['status']!r}: {answer.get('error_message') or 'without a reason'}."
            )
        time.sleep(_POLL_SECONDS)
    raise CommandFailedError(f"The analysis was not done after {_LONGEST_ANALYSIS_SECONDS:.0f} s.")


def _usage(subscription: dict[str, Any]) -> str:
    usage = subscription["usage"]
    return f"{usage['documents_processed']} of {usage['limit']} documents this month"


def _reason(answer: Any) -> str:
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        return f"{answer['error'].get('code')} – {answer.get('message')}"
    return str(answer)[:300]


def _range(finding: dict[str, Any]) -> str:
    low, high = finding.get("reference_range_low"), finding.get("reference_range_high")
    if low is not None and high is not None:
        return f"{_number(low)} – {_number(high)}"
    if high is not None:
        return f"< {_number(high)}"
    return f"> {_number(low)}" if low is not None else str(finding.get("reference_range_text") or "")


def _number(value: Any) -> str:
    number = _as_number(value)
    return str(value) if number is None else f"{number:g}"


def _as_number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
