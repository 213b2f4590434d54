"""People of the load test: what each does next, and how often they may in a minute."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, Final

from urllib3.filepost import encode_multipart_formdata

from chalicelib.clock import SystemClock, iso

_WEIGHTS: Final = {
    "profile": 20,
    "status": 26,
    "listing": 10,
    "usage": 9,
    "subscription": 9,
    "prepared questions": 8,
    "result": 9,
    "upload": 1,
    "chat message": 4,
    "plans": 3,
    "refresh": 1,
}
"""Of a hundred requests. An app that waits for a document asks for its status many times."""
_A_MINUTE: Final = {
    "status": 190,
    "result": 95,
    "upload": 4,
    "chat message": 25,
    "prepared questions": 45,
    "usage": 9,
    "subscription": 9,
    "plans": 1,
}
"""A little less than the limits; who has reached one looks at the profile."""
_GENERAL: Final = ("profile", "listing")
_MOST_GENERAL: Final = 95
_IN_ALL: Final = {"upload": 5, "chat message": 45, "refresh": 1}
"""A free month; and what is counted by address, which is one for all."""
_BY_ADDRESS: Final = {"plans": 80, "refresh": 8}
"""So many people may at all."""
_QUESTION: Final = {"context": {"health_data": {"lab_results": [{"test_name": "Ferritin", "test_value": 8}]}}}


class WrongAnswerError(Exception):
    """An answer that nobody may get here. The text says which."""


@dataclass
class Person:
    """Somebody who is signed in, and uses one of the connections with others."""

    number: int
    access_token: str
    refresh_token: str
    document: bytes
    dice: random.Random
    jobs: dict[str, str] = field(default_factory=dict)
    """Their documents, and where they stand."""
    _minute: int = 0
    _this_minute: Counter[str] = field(default_factory=Counter)
    _ever: Counter[str] = field(default_factory=Counter)

    def next_act(self) -> str | None:
        """Draw what to do; None for somebody who has called as often as they may in this minute."""
        (name,) = self.dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        if name == "result" and "completed" not in self.jobs.values():
            name = "status"
        if name == "status" and not self.jobs:
            name = "listing"
        minute = int(time.time() // 60)
        if minute != self._minute:
            self._minute, self._this_minute = minute, Counter()
        is_elsewhere = self.number >= _BY_ADDRESS.get(name, self.number + 1)
        is_spent = (
            is_elsewhere
            or self._this_minute[name] >= _A_MINUTE.get(name, 100)
            or self._ever[name] >= _IN_ALL.get(name, 10**9)
        )
        name = "profile" if is_spent else name
        if name in _GENERAL and sum(self._this_minute[one] for one in _GENERAL) >= _MOST_GENERAL:
            return None
        self._this_minute[name] += 1
        self._ever[name] += 1
        return name

    def do(self, name: str, http: HTTPConnection) -> float:
        """Do it, and return the seconds from the question to the last byte of its answer.

        Raises:
            WrongAnswerError: it was refused, or failed.
        """
        method, path, body, headers = self._request(name)
        headers = {"Authorization": f"Bearer {self.access_token}", "Content-Type": "application/json", **headers}
        began = time.perf_counter()
        http.request(method, path, body, headers)
        answer = http.getresponse()
        content = answer.read()
        seconds = time.perf_counter() - began
        if answer.status not in {200, 202}:
            raise WrongAnswerError(f"{method} {path}: {answer.status} {content[:300]!r}")
        self._note(name, path, json.loads(content))
        return seconds

    def wait_for_documents(self, http: HTTPConnection, seconds: float) -> None:
        """Ask for the status of what was handed in until it is done.

        Raises:
            WrongAnswerError: it failed, or takes too long.
        """
        until = time.monotonic() + seconds
        while "processing" in self.jobs.values():
            self.do("status", http)
            if time.monotonic() > until:
                raise WrongAnswerError(f"not done after {seconds:g} s: {self.jobs}")
            time.sleep(0.5)

    def _note(self, name: str, path: str, answer: dict[str, Any]) -> None:
        if name == "refresh":
            self.access_token, self.refresh_token = answer["access_token"], answer["refresh_token"]
        elif name == "upload":
            self.jobs[answer["job_id"]] = "processing"
        elif name == "status":
            self.jobs[path.rpartition("/")[2]] = answer["status"]
            if answer["status"] not in {"processing", "completed"}:
                raise WrongAnswerError(f"a document ended as {answer['status']}: {answer}")

    def _request(self, name: str) -> tuple[str, str, bytes, dict[str, str]]:
        """Return method, path, body and headers."""
        made: dict[str, Callable[[], tuple[str, str, bytes, dict[str, str]]]] = {
            "upload": self._upload,
            "chat message": self._ask,
            "refresh": self._refresh,
        }
        if name in made:
            return made[name]()
        done = [job for job, state in self.jobs.items() if state == "completed"]
        paths = {
            "profile": "/user/profile",
            "status": f"/api/v1/process/status/{self.dice.choice(list(self.jobs) or [''])}",
            "result": f"/api/v1/process/result/{self.dice.choice(done or [''])}",
            "listing": "/api/v1/process/jobs",
            "usage": "/subscriptions/usage",
            "subscription": "/subscriptions/current",
            "prepared questions": "/chat/prompts?content_type=results",
            "plans": "/subscriptions/plans",
        }
        return "GET", paths[name], b"", {}

    def _upload(self) -> tuple[str, str, bytes, dict[str, str]]:
        form: dict[str, Any] = {
            "file": ("report.pdf", self.document, "application/pdf"),
            "file_type": "pdf",
            "file_size": str(len(self.document)),
            "upload_timestamp": f"{iso(SystemClock().now())}-{self._ever['upload']}",
        }
        body, media = encode_multipart_formdata(form)
        return "POST", "/api/v1/process/upload", body, {"Content-Type": media}

    def _ask(self) -> tuple[str, str, bytes, dict[str, str]]:
        said = {
            "conversation_id": "c-1",
            "message": f"What does this mean ({self._ever['chat message']})?",
            **_QUESTION,
        }
        return "POST", "/chat/messages", json.dumps(said).encode(), {}

    def _refresh(self) -> tuple[str, str, bytes, dict[str, str]]:
        body = {"refresh_token": self.refresh_token, "device_id": "phone-1"}
        return "POST", "/auth/refresh", json.dumps(body).encode(), {}
