"""Quota, rates and events: more than one's share, and documents that nobody was given leave to put there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3

from chalicelib import config, wiring
from chalicelib.web.limits import SIGN_IN, UPLOAD, Limiter
from tests.api.service import CONSENTS, DEVICE, minutes, s3_event
from tests.api.test_guarded_routes import PICTURE
from tests.attack.battlefield import PRESIGNED, Answered, Battlefield, Person
from tests.attack.record import Tried

SECTION = "7 Evasion of quota and rates"
SPENT: Final = "402 USAGE_LIMIT_EXCEEDED"
UPLOADS: Final = "/api/v1/process/upload-url"


def _reserve(field: Battlefield, person: Person, key: str, **headers: str) -> Answered:
    return field.send("POST", UPLOADS, PRESIGNED, by=person, headers={"Idempotency-Key": key, **headers})


def _used(field: Battlefield, person: Person) -> int:
    return int(field.do("GET", "/subscriptions/usage", by=person)["documents_used"])


def _spent(field: Battlefield, name: str) -> Person:
    """Somebody on the free plan whose five units of this month are used."""
    person = field.signed_in(name, f"phone-of-{name}")
    for number in range(5):
        job = field.upload(person, upload_timestamp=f"2026-03-14T0{number}:00:00Z")
        assert field.do("GET", f"/api/v1/process/status/{job}", by=person)["status"] == "completed"
    assert _used(field, person) == 5
    return person


def test_five_units_are_five_however_they_are_asked_for(field: Battlefield, tried: Tried) -> None:
    person = _spent(field, "hungry")
    jobs = [one["job_id"] for one in field.do("GET", "/api/v1/process/jobs", by=person)["jobs"]]

    def refused(how: str, answer: Answered, where: str = "POST upload-url") -> None:
        tried.answered(f"A sixth document: {how}", where, SPENT, [answer.code])

    refused("as usual", _reserve(field, person, "1"))
    refused(
        "with headers of a client that pays", _reserve(field, person, "2", **{"X-Tier": "premium", "X-Plan": "family"})
    )
    body = {**PRESIGNED, "tier": "premium", "quota": 99, "usage_current_period": {"documents_processed": 0}}
    refused("with a tier in the body", field.send("POST", UPLOADS, body, by=person))
    refused(
        "as pages of one", field.send("POST", UPLOADS, {"pages": [{"file_type": "png", "file_size": 9}] * 2}, by=person)
    )
    for job in jobs:
        field.do("DELETE", f"/api/v1/process/cleanup/{job}", by=person)
    assert _used(field, person) == 5
    refused("after all results were cleaned up", _reserve(field, person, "3"))
    field.sign_in_again(person)
    refused("after signing in anew", _reserve(field, person, "4"))
    session = field.service.sign_in(
        claims={"email": f"{person.name}@google.example"}, device_info={**DEVICE, "app_installation_id": "a-new-phone"}
    )["session"]
    person.session_id, person.device_id = session["session_id"], "a-new-phone"
    refused("on another phone", _reserve(field, person, "5"))
    field.do("POST", "/auth/logout", {"logout_all_devices": True}, by=person)
    field.sign_in_again(person)
    refused("after signing out everywhere", _reserve(field, person, "6"))
    for test in (
        "test_fifty_at_once_get_exactly_five",
        "test_10_parallel_uploads_with_one_unit_left_make_one_job",
    ):
        tried.held("Many documents at once", "the table, on an atomic engine", "five at most", f"see `{test}`", 50)
    retried = field.send("POST", f"/api/v1/process/retry/{jobs[0]}", {}, by=person)
    tried.answered("A sixth document: trying a cleaned one again", "POST retry", "404 JOB_NOT_FOUND", [retried.code])


def test_a_unit_that_was_given_back_is_not_had_twice(field: Battlefield, tried: Tried) -> None:
    person = field.signed_in("twice", "phone-of-twice")
    job = json.loads(_reserve(field, person, "once").body)["job_id"]
    assert _used(field, person) == 1
    for _ in range(4):
        field.send("DELETE", f"/api/v1/process/cleanup/{job}", by=person)
    assert _used(field, person) == 0
    for key in ("a", "b", "c", "d", "e"):
        assert _reserve(field, person, key).status == 200
    answer = _reserve(field, person, "f")
    tried.answered("Giving one unit back four times", "DELETE cleanup", SPENT, [answer.code], 4)
    _deliver(field, f"uploads/{person.user_id}/{job}.pdf", b"%PDF-1.4")
    assert _used(field, person) == 5
    tried.held("An event for a form whose unit was given back", "document_uploaded", "nothing is analysed", "removed")


def _deliver(field: Battlefield, key: str, content: bytes | None) -> None:
    settings = config.settings()
    if content is not None:
        boto3.client("s3", region_name=settings.region).put_object(Bucket=settings.bucket_name, Key=key, Body=content)
    field.service.client.lambda_.invoke("document_uploaded", s3_event(settings.bucket_name, key))


KEYS: Mapping[str, Callable[[str, str], str]] = {
    "a job that never was": lambda user, _: f"uploads/{user}/result_0b7e9d0c-6d0e-4a55-9d4b-5f0f6b1f7c99.png",
    "somebody who never was": lambda _, job: f"uploads/nobody/{job}.png",
    "one's own folder, somebody else's job": lambda user, job: f"uploads/{user}/{job}.png",
    "another prefix": lambda user, job: f"results/{user}/{job}.json",
    "a prefix that only begins so": lambda user, job: f"uploads2/{user}/{job}.png",
    "no prefix": lambda _, job: f"{job}.png",
    "dot segments": lambda user, job: f"uploads/../results/{user}/{job}.png",
    "more segments": lambda user, job: f"uploads/{user}/a/{job}.png",
    "another suffix": lambda user, job: f"uploads/{user}/{job}.exe",
    "two suffixes": lambda user, job: f"uploads/{user}/{job}.png.pdf",
    "a page that there is not": lambda user, job: f"uploads/{user}/{job}.99.png",
    "an empty name": lambda user, _: f"uploads/{user}/.png",
    "a line end": lambda user, job: f"uploads/{user}/{job}.png\n",
    "a NUL": lambda user, job: f"uploads/{user}/{job}\x00.png",
    "letters of another script": lambda user, job: f"uploads/{user}/{job.replace('e', 'е')}.png",
    "a percent sign": lambda user, _: f"uploads/{user}/%2e%2e%2f.png",
    "a plus sign": lambda user, job: f"uploads/{user}/+{job}.png",
    "a thousand characters": lambda user, _: f"uploads/{user}/{'x' * 900}.png",
    "a script": lambda user, _: f"uploads/{user}/<script>alert(1)</script>.png",
    "a chat's job": lambda user, job: f"uploads/{user}/{job.replace('result_', 'chat_')}.png",
}


def test_an_event_for_an_object_that_nobody_reserved_analyses_nothing(field: Battlefield, tried: Tried) -> None:
    job, mallory = field.ada.has["job"], field.mallory
    used, settings = _used(field, mallory), config.settings()
    for name, make in KEYS.items():
        key = make(mallory.user_id, job)
        for content, what in ((PICTURE, "with an object"), (None, "without one")):
            _deliver(field, key, content)
            for queue, function in (
                (settings.priority_queue, "analyse_priority"),
                (settings.retries_queue, "retry_analysis"),
                (settings.backlog_queue, "analyse_backlog"),
            ):
                field.service.deliver_messages(queue, function)
            _remove(key)
            assert f"results/{mallory.user_id}/" not in field.state()
            assert _used(field, mallory) == used
            where = "the function of S3's events"
            tried.held(
                f"An event, {what}: {name}", where, "nothing is analysed or counted", "nothing is analysed or counted"
            )


def _remove(key: str) -> None:
    settings = config.settings()
    boto3.client("s3", region_name=settings.region).delete_object(Bucket=settings.bucket_name, Key=key)


def test_an_event_that_is_no_event_is_refused_whole(field: Battlefield, tried: Tried) -> None:
    events: Mapping[str, Any] = {
        "no records": {"Records": []},
        "a test of S3": {"Service": "Amazon S3", "Event": "s3:TestEvent"},
    }
    for name, event in events.items():
        with field.unchanged():
            field.service.client.lambda_.invoke("document_uploaded", event)
        tried.held(f"An event of S3: {name}", "document_uploaded", "nothing happens", "nothing happens")


def test_the_same_event_a_hundred_times_analyses_once(field: Battlefield, tried: Tried) -> None:
    person = field.signed_in("again", "phone-of-again")
    job = field.upload(person)
    with field.unchanged():
        for _ in range(100):
            _deliver(field, f"uploads/{person.user_id}/{job}.png", None)
    assert _used(field, person) == 1
    tried.held(
        "The event of an upload, a hundred times more",
        "document_uploaded",
        "one analysis, one unit",
        "one analysis, one unit",
        100,
    )


class _Counted:
    """Counts calls as the table would, in memory."""

    def __init__(self) -> None:
        self.totals: dict[tuple[str, str, int], int] = {}

    def add(self, limit: str, subject: str, window: int, calls: int) -> int:
        key = (limit, subject, window)
        self.totals[key] = self.totals.get(key, 0) + calls
        return self.totals[key]


def test_no_header_is_a_way_around_a_rate(field: Battlefield, tried: Tried, monkeypatch: Any) -> None:
    monkeypatch.setattr(wiring.rooms().limiter, "counters", _Counted())
    field.service.clock.advance(minutes(1))  # What others asked for in this minute counts too.
    disguises = [
        {"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.1.0.{number}", "Forwarded": f"for=10.2.0.{number}",
         "True-Client-IP": f"10.3.0.{number}", "CF-Connecting-IP": f"10.4.0.{number}", "X-Device-ID": f"d{number}",
         "User-Agent": f"agent/{number}", "X-Request-ID": f"request-number-{number}"}
        for number in range(SIGN_IN.calls * 2)
    ]  # fmt: skip
    body = {"provider": "google", "id_token": "x", "consents": CONSENTS, "device_info": DEVICE}
    paths = ("/auth/oauth-onboarding", "/auth/google", "/auth/google-onboarding")
    answers = [field.send("POST", paths[number % 3], body, headers=one).code for number, one in enumerate(disguises)]
    assert answers.count("401 INVALID_TOKEN") == SIGN_IN.calls
    expected = ("401 INVALID_TOKEN", "429 RATE_LIMIT_EXCEEDED")
    tried.answered("Sign-ins with another address, device and alias each time", "sign-in", expected, answers)
    answers = []
    for number, one in enumerate(disguises[: UPLOAD.calls * 2]):
        answers.append(_reserve(field, field.mallory, f"rate {number}", **one).code)
    assert answers[UPLOAD.calls :] == ["429 RATE_LIMIT_EXCEEDED"] * UPLOAD.calls
    field.service.clock.advance(minutes(1))
    tried.answered(
        "Uploads with another address, device and key each time",
        "POST upload-url",
        ("200", SPENT, "429 RATE_LIMIT_EXCEEDED"),
        answers,
    )


def test_a_limiter_counts_what_it_is_told(tried: Tried, field: Battlefield) -> None:
    """Planted: with the limit out of the way the same calls all pass, so what was refused above was the limit."""
    field.service.clock.advance(minutes(1))
    body = {"provider": "google", "id_token": "x", "consents": CONSENTS, "device_info": DEVICE}
    answers = [field.send("POST", "/auth/oauth-onboarding", body).code for _ in range(SIGN_IN.calls * 2)]
    assert isinstance(wiring.rooms().limiter, Limiter)
    tried.answered("The same without limits, for comparison", "sign-in", "401 INVALID_TOKEN", answers)


def test_who_leaves_and_comes_back_is_somebody_new(field: Battlefield, tried: Tried) -> None:
    """Known and accepted: erasure forgets whom it erased, so it also forgets what they used."""
    person = _spent(field, "phoenix")
    field.do("POST", "/gdpr/erasure-request", {"confirmation_text": "DELETE"}, by=person)
    assert field.service.deliver_messages(config.settings().erasures_queue, "carry_erasure_on") == 1
    again = field.signed_in("phoenix", "phone-of-phoenix")
    assert again.user_id != person.user_id
    answer = _reserve(field, again, "1").code
    tried.answered("Erasing oneself for five new documents", "the whole of it", "200", [f"{answer}"])
