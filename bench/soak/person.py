"""Somebody who uses the app for as long as the soak lasts, repeats what failed as the app would, and keeps a book of
what the service said that it had done."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import urllib3

from chalicelib.clock import SystemClock, iso
from dev.journey import CONSENTS
from dev.stage import Ports

_MOST_TRIES: Final = 12
_FORM_LIVES_SECONDS: Final = 660.0
_LONGEST_WAIT_SECONDS: Final = 15.0
_VALUES: Final = [{"test_name": "Ferritin", "test_value": 8, "test_unit": "ng/mL", "reference_range": "15-150"}]


class SoakFailedError(Exception):
    """Something that the service may not do, faults or none. The text says who was answered what."""


@dataclass
class Tally:
    """What all people together were answered. Safe under threads."""

    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, status: int | None, seconds: float) -> None:
        """Count one answer; None is none."""
        with self.lock:
            self.answers[str(status or "none")] += 1
            self.seconds.append(seconds)

    def broke(self, what: str) -> None:
        """Note what may not happen; the run ends."""
        with self.lock:
            self.broken.append(what)

    def did(self, act: str) -> None:
        """Count one thing that somebody did to its end."""
        with self.lock:
            self.acts[act] += 1


@dataclass
class Book:
    """What has to be true of one person at the end, as they were told it."""

    documents: dict[str, str] = field(default_factory=dict)
    """Jobs of this usage period by their id, and how each ended."""
    questions: int = 0
    later: dict[str, str] = field(default_factory=dict)
    """Questions whose answer is fetched later, and how each ended."""
    purchases: list[tuple[str, str, str]] = field(default_factory=list)
    """Store, plan, and the id of the subscription there."""
    is_erased: bool = False
    form_at: float = -math.inf
    """When a form was given out, on the clock that only goes on: until it is of no use any more, an erasure waits."""
    has_report: bool = False


class Person:
    """One account. Does one thing at a time."""

    def __init__(self, ports: Ports, number: int, tally: Tally, document: bytes) -> None:
        self._ports, self._tally, self._document = ports, tally, document
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=35), retries=False, maxsize=4)
        self._dice, self._drawn = random.Random(number), 0
        self.email = f"soak-{number}@google.example"
        self.user_id = self.access_token = self._refresh_token = ""
        self.book = Book()
        self.lock = threading.Lock()
        self._signs_in_on = 0

    # What a person does

    def sign_in(self) -> None:
        """Sign in, each time on another phone; the first time this makes the account."""
        self._signs_in_on += 1
        claims = {"email": self.email}
        token = self._plain("POST", f"{self._ports.identity_provider_url}/google/token", claims)["id_token"]
        device = {"platform": "ios", "app_installation_id": self._phone, "app_version": "1.0.0"}
        answer = self._ask(
            "POST",
            "/auth/oauth-onboarding",
            json={
                "provider": "google",
                "id_token": token,
                "consent_acknowledgments": {**dict.fromkeys(CONSENTS, True), "version": "1.0"},
                "device_info": device,
            },
            is_open=True,
        )
        if self.user_id not in {"", answer["user"]["id"]}:
            raise SoakFailedError(f"{self.email} is {self.user_id} and {answer['user']['id']}")
        self.user_id = answer["user"]["id"]
        self._hold(answer)

    def refresh(self) -> None:
        """Exchange the refresh token; a lost answer is asked for again with the same one."""
        body = {"refresh_token": self._refresh_token, "device_id": self._phone}
        self._hold(self._ask("POST", "/auth/refresh", json=body, is_open=True))

    def upload(self) -> None:
        """Hand in a document as the app does, the same bytes and the same timestamp however often."""
        stamp = f"{iso(SystemClock().now())}-{self._draw()}"
        fields = {
            "file": ("report.pdf", self._document, "application/pdf"),
            "file_type": "pdf",
            "file_size": str(len(self._document)),
            "upload_timestamp": stamp,
        }
        answer = self._ask("POST", "/api/v1/process/upload", fields=fields)
        self.book.documents[answer["job_id"]] = "processing"

    def upload_by_form(self) -> None:
        """Ask for a form and hand in a document with it, past the service."""
        declared = {"file_type": "pdf", "file_size": len(self._document)}
        self.book.form_at = time.monotonic()
        answer = self._ask("POST", "/api/v1/process/upload-url", json=declared, key=self._draw())
        form, file = answer["upload"], {"file": ("report.pdf", self._document)}
        sent = self._http.request("POST", form["url"], fields={**form["fields"], **file})
        if sent.status not in {200, 201, 204}:
            raise SoakFailedError(f"the form was answered {sent.status}: {sent.data[:200]!r}")
        self.book.documents[answer["job_id"]] = "processing"

    def look(self) -> None:
        """Ask how the documents and questions stand that are not done, and read what is done."""
        for job_id, state in list(self.book.documents.items()):
            if state in {"processing", "timeout"}:
                now = self._ask("GET", f"/api/v1/process/status/{job_id}")["status"]
                self.book.documents[job_id] = now
                if now == "completed":
                    self._read(job_id)
        for job_id, state in list(self.book.later.items()):
            if state == "processing":
                self.book.later[job_id] = self._ask("GET", f"/api/v1/chat/jobs/{job_id}/status")["status"]

    def clean_up(self) -> None:
        """Remove a document that was read. It stays counted."""
        done = [job_id for job_id, state in self.book.documents.items() if state == "completed"]
        if done:
            self._ask("DELETE", f"/api/v1/process/cleanup/{done[0]}")
            self.book.documents[done[0]] = "cleaned"

    def ask(self) -> None:
        """Ask a question and wait for its answer."""
        sent = {
            "conversation_id": "c-1",
            "message": f"What does this mean ({self._draw()})?",
            "context": {"health_data": {"lab_results": _VALUES}},
        }
        self._ask("POST", "/chat/messages", json=sent, key=self._draw())
        self.book.questions += 1

    def ask_later(self) -> None:
        """Ask a question whose answer is fetched later."""
        sent = {
            "content_id": "content-1",
            "message": f"And this ({self._draw()})?",
            "structured_data": {"lab_results": _VALUES},
        }
        job_id = self._ask("POST", "/api/v1/chat/messages", json=sent, key=self._draw())["job_id"]
        self.book.later[job_id] = "processing"

    def order_report(self) -> None:
        """Order the one report that everybody may have."""
        if not self.book.has_report:
            body = {"health_data": {"lab_results": _VALUES}}
            self._ask("POST", "/api/v1/process/doctor-report", json=body, key=self._draw())
            self.book.has_report = True

    def read(self) -> None:
        """Open the app: who one is, what one may use, what is under way, what one paid."""
        for path in ("/user/profile", "/subscriptions/current", "/api/v1/process/jobs", "/payments"):
            self._ask("GET", path)

    def export(self) -> None:
        """Take one's data along."""
        self._ask("GET", "/gdpr/export")

    def buy(self, store: str, plan_id: str = "premium_monthly") -> None:
        """Have a store sell a plan; it tells the service by itself, and again if that did not take it."""
        if self.book.purchases:
            return
        asked = {"provider": store, "plan_id": plan_id, "account": self.user_id}
        answer = self._plain("POST", f"{self._ports.storefront_url}/control/buy", asked)
        self.book.purchases.append((store, plan_id, answer["external_id"]))

    def leave(self) -> None:
        """Have everything erased. Who was not told that it began finds the account closed."""
        if self.book.purchases or time.monotonic() < self.book.form_at + _FORM_LIVES_SECONDS:
            return
        body = {"confirmation_text": "DELETE", "deletion_reason": None, "include_audit_anonymization": True}
        try:
            self._ask("POST", "/gdpr/erasure-request", json=body, closed_is_fine=True)
        finally:
            self.book.is_erased = True

    # How

    @property
    def _phone(self) -> str:
        return f"phone-{self._signs_in_on}"

    def _draw(self) -> str:
        self._drawn += 1
        return f"{self.email}-{self._drawn}"

    def _read(self, job_id: str) -> None:
        result = self._ask("GET", f"/api/v1/process/result/{job_id}")
        if not result["lab_results"]:
            raise SoakFailedError(f"{job_id} has no findings")

    def _hold(self, answer: Mapping[str, Any]) -> None:
        self.access_token, self._refresh_token = answer["access_token"], answer["refresh_token"]

    def _plain(self, method: str, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._http.request(method, url, json=body)
        if answer.status != 200:
            raise SoakFailedError(f"{method} {url} answered {answer.status}: {answer.data[:300]!r}")
        return dict(answer.json())

    def _ask(
        self, method: str, path: str, *, is_open: bool = False, key: str = "", closed_is_fine: bool = False, **sent: Any
    ) -> dict[str, Any]:
        """Call, and call again with the same bytes while the service says that it cannot now, or says nothing."""
        headers = {"Idempotency-Key": key} if key else {}
        if not is_open:
            headers["Authorization"] = f"Bearer {self.access_token}"
        for attempt in range(_MOST_TRIES):
            status, answer = self._once(method, path, headers, sent)
            if status in {200, 202}:
                return answer
            code = (answer.get("error") or {}).get("code")
            if status == 401 and not is_open and not closed_is_fine and code in {"TOKEN_EXPIRED", "INVALID_TOKEN"}:
                self.refresh()
                headers["Authorization"] = f"Bearer {self.access_token}"
                continue
            if closed_is_fine and attempt and status in {401, 403}:
                return answer
            is_in_progress = status == 409 and code == "MESSAGE_IN_PROGRESS" and attempt > 0
            if status not in {None, 429, 500, 502, 503, 504} and not is_in_progress:
                raise SoakFailedError(f"{self.email}: {method} {path} was answered {status} {code}: {answer}")
            time.sleep(self._wait(answer, attempt))
        raise SoakFailedError(f"{self.email}: {method} {path} was not answered after {_MOST_TRIES} tries ({code})")

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], sent: Mapping[str, Any]
    ) -> tuple[int | None, dict[str, Any]]:
        started, status, answer = time.monotonic(), None, {}
        try:
            response = self._http.request(method, self._ports.service_url + path, headers=dict(headers), **sent)
            status, answer = response.status, dict(response.json())
            answer["retry_after"] = response.headers.get("Retry-After")
        except urllib3.exceptions.HTTPError:
            pass  # To the app it is the same as being told to come again.
        self._tally.count(status, time.monotonic() - started)
        if status == 500:
            raise SoakFailedError(f"{self.email}: {method} {path} was answered 500: {answer}")
        return status, answer

    def _wait(self, answer: Mapping[str, Any], attempt: int) -> float:
        told = float(answer.get("retry_after") or 0)
        longest: float = min(_LONGEST_WAIT_SECONDS, max(told, 0.2 * 2**attempt))
        return longest * self._dice.uniform(0.8, 1.2)


Act = Callable[[Person], None]
