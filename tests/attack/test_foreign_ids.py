"""Ids of somebody else: answered byte for byte as ids that never were, and for the same calls and units."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import pytest

import app as page
from tests.attack.battlefield import VALUES, Answered, Battlefield
from tests.attack.record import Tried
from tests.attack.routes import fields, requests
from tests.rooms.biometric_phone import base64_of, signed, spki

SECTION = "2 Ids of somebody else"
SAME: Final = "as for an id that never was"
UUID: Final = "0b7e9d0c-6d0e-4a55-9d4b-5f0f6b1f7c99"

JOBS: Final = ("job", "reserved", "report", "question")
IN_PATHS: Mapping[str, tuple[str, ...]] = {"job_id": JOBS, "content_id": JOBS, "id": ("registration", "job")}
"""By the gap in a path: what somebody else has that can be put there."""
OPEN_GAPS: Mapping[str, str] = {
    "consent_type": "one of five words, the same for everybody",
    "name": "the name of a public file",
}


def _never_was(like: str) -> str:
    kind, _, _ = like.rpartition("_")
    return f"{kind}_{UUID}" if kind else UUID


@dataclass(frozen=True)
class InBody:
    """An id that goes in a body or a query: what to send for it."""

    method: str
    path: str
    has: tuple[str, ...]
    body: Callable[[Battlefield, str], Any]


def _proof(field: Battlefield, registration: str) -> Any:
    challenge = base64_of(bytes(32))
    return {
        "registration_id": registration,
        "challenge": challenge,
        "biometric_signature": signed(field.mallory.key, challenge),
        "signed_challenge": signed(field.mallory.key, challenge),
        "biometric_public_key": spki(field.mallory.key),
        "operation": "data_export",
    }


def _question(_: Battlefield, job: str) -> Any:
    return {"conversation_id": "c", "message": "What is this?", "attached_document_ids": [job]}


IN_BODIES: Mapping[str, InBody] = {
    "document_ids": InBody(
        "POST", "/api/v1/process/doctor-report", JOBS, lambda _, job: {"health_data": VALUES, "document_ids": [job]}
    ),
    "attached_document_ids": InBody("POST", "/chat/messages", JOBS, _question),
    "registration_id of complete": InBody("POST", "/auth/biometric/complete", ("registration",), _proof),
    "registration_id of challenge": InBody("POST", "/auth/biometric/challenge", ("registration",), _proof),
    "registration_id of verify": InBody("POST", "/auth/biometric/verify", ("registration",), _proof),
    "device_id of register": InBody(
        "POST", "/auth/biometric/register", ("device",), lambda _, one: {"biometric_type": "face", "device_id": one}
    ),
    "device_id of the device": InBody("PUT", "/user/device", ("device",), lambda _, one: {"device_id": one}),
}
LEADS_NOWHERE: Mapping[str, str] = {
    "device_id of /auth/refresh": "test_a_refresh_token_on_another_phone_is_refused",
    "device_id of /auth/logout": "ignored, by the contract: it ends the caller's session",
    "conversation_id of /chat/messages": "given back to the sender, and looked up nowhere",
    "content_id of /api/v1/chat/messages": "given back to the sender, and looked up nowhere",
    "suggested_prompt_id of /api/v1/chat/messages": "a prepared question, the same for everybody",
    "prompt_id of /chat/messages": "a prepared question, the same for everybody",
    "plan_id of /subscriptions/checkout": "a plan, the same for everybody",
    "product_id of /subscriptions/purchases": "a product, the same for everybody",
    "app_installation_id of /auth/oauth-onboarding": "the phone's own name for itself",
    **{
        f"{name} of /auth/oauth-onboarding": "an ID token; see Tokens"
        for name in ("id_token", "google_id_token", "apple_id_token")
    },
}
"""Fields that are called like ids and lead to nothing of anybody's."""


def _same(foreign: Answered, unknown: Answered, given: str, never: str) -> bool:
    return foreign.without(given) == unknown.without(never)


def _how(answer: Answered) -> str:
    return f"{SAME}: {answer.code}, {sum(answer.calls.values())} call(s)"


def _record(tried: Tried, attack: str, where: str, foreign: Answered) -> None:
    assert foreign.status in {403, 404}, f"{attack} at {where}: {foreign.code} {foreign.body[:200]!r}"
    tried.held(attack, where, SAME, _how(foreign))


def test_an_id_of_somebody_else_in_a_path_is_one_that_never_was(field: Battlefield, tried: Tried) -> None:
    for one in requests():
        for gap in re.findall(r"{(\w+)}", one.declared):
            if gap in OPEN_GAPS:
                continue
            for name in IN_PATHS[gap]:
                given = field.ada.has[name]
                never = _never_was(given)
                pattern = re.escape(one.declared).replace(re.escape(f"{{{gap}}}"), "[^/]+")
                assert re.fullmatch(pattern, one.path)
                with field.unchanged():
                    foreign, unknown = (
                        field.send(one.method, one.declared.replace(f"{{{gap}}}", each), one.body, by=field.mallory)
                        for each in (given, never)
                    )
                assert _same(foreign, unknown, given, never), (one.name, name, foreign, unknown)
                _record(tried, f"The id of somebody else's {name}", one.name, foreign)


@pytest.mark.parametrize("name", IN_BODIES)
def test_an_id_of_somebody_else_in_a_body_is_one_that_never_was(field: Battlefield, tried: Tried, name: str) -> None:
    place = IN_BODIES[name]
    for kind in place.has:
        given = field.ada.device_id if kind == "device" else field.ada.has[kind]
        never = _never_was(given)
        with field.unchanged():
            foreign, unknown = (
                field.send(place.method, place.path, place.body(field, each), by=field.mallory)
                for each in (given, never)
            )
        assert _same(foreign, unknown, given, never), (name, kind, foreign, unknown)
        _record(
            tried,
            f"The id of somebody else's {kind}, as `{name.partition(' ')[0]}`",
            f"{place.method} {place.path}",
            foreign,
        )


def test_a_cursor_of_somebody_else_turns_no_page(field: Battlefield, tried: Tried) -> None:
    for name in ("cursor of jobs", "cursor of payments"):
        cursor = field.ada.has[name]
        forged = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
        for path in ("/api/v1/process/jobs", "/payments", "/subscriptions/billing-history", "/user/consents"):
            joint = "?history=true&cursor=" if "consents" in path else "?cursor="
            with field.unchanged():
                foreign, unknown = (
                    field.send("GET", f"{path}{joint}{quote(each)}", by=field.mallory) for each in (cursor, forged)
                )
            assert foreign == unknown
            tried.answered(f"Somebody else's {name}", f"GET {path}", "400 INVALID_CURSOR", [foreign.code])


def test_a_refresh_token_on_another_phone_is_refused(field: Battlefield, tried: Tried) -> None:
    body = {"refresh_token": field.ada.refresh_token, "device_id": field.mallory.device_id}
    with field.unchanged():
        answer = field.send("POST", "/auth/refresh", body)
    tried.answered(
        "A stolen refresh token, on the thief's phone", "/auth/refresh", "401 INVALID_REFRESH_TOKEN", [answer.code]
    )


def test_somebody_elses_purchase_cannot_be_claimed(field: Battlefield, tried: Tried) -> None:
    body = {"provider": "apple", "signed_transaction": field.apple.signed_transaction(field.ada.has["subscription"])}
    with field.unchanged():
        answer = field.send("POST", "/subscriptions/purchases", body, by=field.mallory)
    assert field.ada.user_id.encode() not in answer.body
    tried.answered(
        "A transaction that Apple signed for somebody else",
        "/subscriptions/purchases",
        "409 PURCHASE_OWNED_BY_ANOTHER_ACCOUNT",
        [answer.code],
    )


def test_nothing_of_somebody_else_stands_in_any_list(field: Battlefield, tried: Tried) -> None:
    theirs = [field.ada.user_id, field.ada.session_id, field.ada.device_id, *field.ada.has.values()]
    answers = []
    for one in requests(is_public=False):
        if one.method == "GET" and "{" not in one.declared:
            answer = field.send(one.method, f"{one.path}?limit=100&user_id={field.ada.user_id}", by=field.mallory)
            assert not [each for each in theirs if each.encode() in answer.body], one.name
            answers.append("nothing of theirs")
    tried.answered("`?user_id=` of somebody else", "every list and page of one's own", "nothing of theirs", answers)


def test_what_is_different_would_be_seen(field: Battlefield) -> None:
    """Planted: an id of one's own is told from one that never was, and a change of what is stored is noticed."""
    job = field.ada.has["job"]
    own, unknown = (field.send("GET", f"/api/v1/process/status/{one}", by=field.ada) for one in (job, _never_was(job)))
    assert not _same(own, unknown, job, _never_was(job))
    with pytest.raises(AssertionError), field.unchanged():
        field.do("PUT", "/user/profile", {"name": "Changed"}, by=field.ada)


def test_every_gap_and_every_field_that_is_an_id_is_tried() -> None:
    """So that a new route cannot be forgotten: whatever is called like an id is attacked above, or leads nowhere."""
    gaps = {gap for one in page.api.endpoints for path in one.paths for gap in re.findall(r"{(\w+)}", path)}
    assert gaps == set(IN_PATHS) | set(OPEN_GAPS)

    tried = {f"{name.split()[0]} of {one.path}" for name, one in IN_BODIES.items()}
    found = {
        f"{path[-1]} of {one.paths[0]}"
        for one in page.api.endpoints
        for path in fields(one.body)
        if re.search(r"(^|_)ids?(_|$)", path[-1])
    }
    assert found - tried - set(LEADS_NOWHERE) == set()
