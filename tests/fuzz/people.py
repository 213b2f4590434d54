"""The people of a fuzz: who signs in, what each of them has, and what a genuine caller knows."""

from __future__ import annotations

import base64
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import urllib3
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dev.journey import CONSENTS
from tests.fuzz.paper import new_letter, new_report
from tests.fuzz.place import Place

FRESH_SECONDS = 480
"""An access token lives for 15 minutes; somebody who has one for this long signs in again."""


@dataclass
class Person:
    """Somebody who is signed in."""

    email: str
    device_id: str
    provider: str = "google"
    signed_in_at: float = 0.0
    access_token: str = ""
    refresh_token: str = ""
    user_id: str = ""
    jobs: list[str] = field(default_factory=list)
    chats: list[str] = field(default_factory=list)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    registration_id: str = ""
    challenge: str = ""

    @property
    def public_key(self) -> str:
        return _base64(self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def signed(self, challenge: str) -> str:
        return _base64(self.key.sign(base64.b64decode(challenge), ec.ECDSA(SHA256())))


class People:
    """Signs people in, prepares them, and knows whose token is whose."""

    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self.chance = random.Random(seed)
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=35), retries=False)
        self._numbers = itertools.count(1)
        self._named: dict[str, Person] = {}
        self._by_token: dict[str, Person] = {}
        self._makers: dict[str, Callable[[Person], None]] = {
            "premium": self._prepare_premium,
            "free": lambda _: None,
            "chooser": self._prepare_chooser,
            "paying": self._prepare_paying,
        }

    def call(self, person: Person | None, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Make one call that must succeed, and return its body."""
        headers = {"Authorization": f"Bearer {person.access_token}"} if person else {}
        sent = more or ({"json": body} if body is not None else {})
        answer = self._http.request(method, f"{self.place.url}{path}", headers=headers, **sent)
        assert answer.status in {200, 202}, (method, path, answer.status, answer.data)
        found: dict[str, Any] = answer.json()
        return found

    def id_token(self, email: str, provider: str = "google") -> str:
        return self.place.provider.issue(provider, email=email, sub=f"sub-{email}")

    def newcomer(self) -> Person:
        """Somebody who was never here before."""
        number = next(self._numbers)
        person = Person(f"person-{number}@google.example", f"phone-{number}")
        self.sign_in(person)
        return person

    def named(self, name: str) -> Person:
        """Somebody whom the fuzz meets again and again, prepared when first asked for, and always freshly signed in."""
        person = self._named.get(name)
        if person is None:
            person = self._named[name] = self.newcomer()
            self._makers[name](person)
        if time.monotonic() - person.signed_in_at > FRESH_SECONDS:
            self.sign_in(person)
        return person

    def of_token(self, token: str) -> Person | None:
        return self._by_token.get(token)

    def sign_in(self, person: Person) -> None:
        answer = self.call(None, "POST", "/auth/oauth-onboarding", self.sign_in_body(person.email, person.device_id))
        person.access_token, person.refresh_token = answer["access_token"], answer["refresh_token"]
        person.user_id, person.signed_in_at = answer["user"]["id"], time.monotonic()
        self._by_token[person.access_token] = person

    def sign_in_body(self, email: str, device_id: str) -> dict[str, Any]:
        return {
            "provider": "google",
            "id_token": self.id_token(email),
            "consent_acknowledgments": {**dict.fromkeys(CONSENTS, True), "version": "1.0"},
            "device_info": {"platform": "ios", "app_installation_id": device_id, "app_version": "1.0.0"},
        }

    def met(self, access_token: str, refresh_token: str, user_id: str, device_id: str) -> None:
        """Remember somebody who signed in by a case of the fuzz."""
        self._by_token[access_token] = Person(
            "", device_id, access_token=access_token, refresh_token=refresh_token, user_id=user_id
        )

    def buy(self, person: Person, store: str, plan_id: str = "premium_monthly") -> str:
        """Sell a plan, and have the service hear of it."""
        shop = getattr(self.place.stores, store)
        external_id: str = shop.buy(person.user_id, plan_id)
        for delivery in shop.take_deliveries():
            answer = self._http.request(
                "POST", f"{self.place.url}{delivery.path}", headers=dict(delivery.headers), body=delivery.body
            )
            assert answer.status == 200, (delivery.path, answer.data)
        return external_id

    def upload(self, person: Person, content: str = "", *, is_waited_for: bool = True) -> str:
        """Hand in a document, and wait until it has been analysed."""
        content = content or new_report()
        fields = {
            "file": ("report.pdf", content.encode(), "application/pdf"),
            "file_type": "pdf",
            "file_size": str(len(content)),
            "upload_timestamp": str(uuid4()),
        }
        job_id: str = self.call(person, "POST", "/api/v1/process/upload", fields=fields)["job_id"]
        person.jobs.append(job_id)
        if is_waited_for:
            self.wait_for(person, job_id)
        return job_id

    def fail(self, person: Person) -> str:
        """Hand in what cannot be analysed, and wait until that is known."""
        job_id = self.upload(person, new_letter(), is_waited_for=False)
        self.wait_for(person, job_id, ending="failed")
        return job_id

    def wait_for(self, person: Person, job_id: str, ending: str = "completed") -> None:
        give_up_at = time.monotonic() + 60
        while (shown := self.call(person, "GET", f"/api/v1/process/status/{job_id}"))["status"] == "processing":
            assert time.monotonic() < give_up_at, f"{job_id} is still processing"
            time.sleep(0.1)
        assert shown["status"] == ending, shown

    def enrol(self, person: Person) -> None:
        """Enrol the person's key."""
        registered = self.register(person)
        self.call(person, "POST", "/auth/biometric/complete", self.completion(person, registered["challenge"]))

    def register(self, person: Person) -> dict[str, Any]:
        body = {"biometric_type": "face", "device_id": person.device_id}
        answer = self.call(person, "POST", "/auth/biometric/register", body)
        person.registration_id = answer["registration_id"]
        return answer

    @staticmethod
    def completion(person: Person, challenge: str) -> dict[str, Any]:
        return {
            "registration_id": person.registration_id,
            "signed_challenge": person.signed(challenge),
            "biometric_public_key": person.public_key,
        }

    def ask(self, person: Person, question: dict[str, str]) -> None:
        """Ask something, and wait for the answer."""
        job_id = self.call(person, "POST", "/api/v1/chat/messages", question)["job_id"]
        self.wait_for_answer(person, job_id)
        person.chats.append(job_id)

    def wait_for_answer(self, person: Person, job_id: str) -> None:
        give_up_at = time.monotonic() + 60
        while self.call(person, "GET", f"/api/v1/chat/jobs/{job_id}/status")["status"] == "processing":
            assert time.monotonic() < give_up_at, f"{job_id} is still processing"
            time.sleep(0.1)

    def _prepare_premium(self, person: Person) -> None:
        self.buy(person, "apple")
        for _ in range(3):
            self.upload(person)
        order = {"document_ids": [person.jobs[0]], "report_preferences": {"report_style": "summary"}}
        report = self.call(person, "POST", "/api/v1/process/doctor-report", order)["job_id"]
        self.wait_for(person, report)
        person.jobs.append(report)
        question = {"content_id": person.jobs[0].removeprefix("result_"), "message": "What is ferritin?"}
        self.ask(person, question)

    def _prepare_paying(self, person: Person) -> None:
        self.buy(person, "stripe")

    def _prepare_chooser(self, person: Person) -> None:
        for given in (False, True, False, True):
            body = {"consent_given": given, "consent_version": "2.0"}
            self.call(person, "PUT", "/user/consents/privacy_policy", body)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
