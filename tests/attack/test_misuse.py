"""What one may do, done in bad faith: fields that decide, consents, biometric proofs, other people's addresses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import boto3
import pytest

from chalicelib import config
from dev import forgery
from tests.api.service import CONSENTS, DEVICE
from tests.api.test_guarded_routes import PICTURE
from tests.attack.battlefield import PRESIGNED, VALUES, Answered, Battlefield, Person
from tests.attack.record import Tried
from tests.attack.routes import requests
from tests.rooms.biometric_phone import base64_of, draw_key, signed

SECTION = "6 Misuse"
MARK: Final = "assigned-by-the-sender"
_NAMES: Final = """
    id user_id userId sub owner owner_id account_status status state role roles PK SK GSI1PK GSI2PK GSI3PK
    entity_type created_at updated_at data session_id session current_session current_device
    current_biometric current_subscription tier plan subscription subscription_status email email_hash
    external_id auth_provider is_verified is_active verification_failures challenge_expires_at
    last_biometric_auth_at quota documents_processed usage_current_period payment_id currency
    refresh_token_hash ttl withdrawn_at object_key key bucket retry_count manual_retries __class__ __proto__
"""
DECIDING: Mapping[str, Any] = dict.fromkeys(_NAMES.split(), MARK) | {
    "email_verified": True,
    "is_admin": True,
    "amount": 0,
    "version": 10**6,
    "deadline": "2099-01-01T00:00:00Z",
}
DEEPER: Final = ("device_info", "google_auth", "apple_name", "consents", "context", "report_preferences", "pages")


def test_fields_that_decide_are_taken_from_no_body(field: Battlefield, tried: Tried) -> None:
    field.sign_in_again(field.ada)
    for one in requests():
        if one.endpoint.body is None or one.declared in {"/gdpr/erasure-request", "/auth/logout"}:
            continue
        body = {**DECIDING, **one.body}
        for name in DEEPER:
            inner = one.body.get(name)
            body[name] = {**DECIDING, **inner} if isinstance(inner, dict) else body.get(name)
        sent = {name: value for name, value in body.items() if value is not None}
        answer = field.send(one.method, one.path, sent, by=None if one.endpoint.guard.is_public else field.ada)
        assert answer.status < 500, (one.name, answer)
        assert MARK not in field.state(), one.name
        times = len(DECIDING)
        tried.held("Fields that decide, beside a good body", one.name, "not taken", f"not taken ({answer.code})", times)


def test_a_sign_in_takes_nothing_that_the_token_does_not_say(field: Battlefield, tried: Tried) -> None:
    for place in ("the body", "the device", "the consents"):
        email = f"{place.split()[-1]}@google.example"
        body: dict[str, Any] = {
            "provider": "google",
            "id_token": field.service.id_token("google", email=email),
            "consent_acknowledgments": {**CONSENTS, **(DECIDING if "consents" in place else {})},
            "device_info": {**DEVICE, "app_installation_id": f"p {place}", **(DECIDING if "device" in place else {})},
            **(DECIDING if "body" in place else {}),
        }
        if "consents" in place:
            body["consent_acknowledgments"]["version"] = "1.0"
        answer = field.send("POST", "/auth/oauth-onboarding", body)
        assert MARK not in field.state(), place
        assert MARK not in answer.body.decode()
        tried.answered(f"Fields that decide, in {place}", "the first sign-in", ("200",), [answer.code], len(DECIDING))


def _withdraw(field: Battlefield, person: Person, consent: str) -> None:
    body = {"consent_given": False, "consent_version": "1.0"}
    field.do("PUT", f"/user/consents/{consent}", body, by=person)


def _medical(
    field: Battlefield, person: Person, *, more: Mapping[str, Any] | None = None, headers: Any = None
) -> list[Answered]:
    """Everything that processes medical data."""
    extra = dict(more or {})
    form: dict[str, Any] = {
        "file": ("a.png", PICTURE, "image/png"), "file_type": "png", "file_size": str(len(PICTURE)),
        "upload_timestamp": str(field.service.clock.now()), **{name: str(value) for name, value in extra.items()},
    }  # fmt: skip
    from urllib3.filepost import encode_multipart_formdata

    content, content_type = encode_multipart_formdata(form)
    sent = [
        field.send("POST", path, {**body, **extra}, by=person, headers=headers)
        for path, body in (
            ("/api/v1/process/upload-url", PRESIGNED),
            ("/api/v1/process/doctor-report", {"health_data": VALUES}),
            ("/chat/messages", {"conversation_id": "c", "message": "What is ferritin?"}),
            ("/api/v1/chat/messages", {"content_id": "c", "message": "What is ferritin?"}),
        )
    ]
    headers = {**(headers or {}), "Content-Type": content_type}
    return [*sent, field.send("POST", "/api/v1/process/upload", content, by=person, headers=headers)]


@pytest.mark.parametrize("consent", ["healthcare_consultation", "medical_disclaimers"])
def test_who_withdrew_a_consent_gets_nothing_medical_by_any_way(field: Battlefield, tried: Tried, consent: str) -> None:
    person = field.signed_in(f"without-{consent}", f"phone {consent}")
    reserved = field.do("POST", "/api/v1/process/upload-url", {**PRESIGNED, "file_size": len(PICTURE)}, by=person)
    _withdraw(field, person, consent)
    given = {consent: True, "consents": {consent: True}, "consent_given": True, "consent_acknowledgments": CONSENTS}
    where = "uploads, forms for uploads, reports and both chats"
    with field.unchanged():
        for name, more, headers in (
            ("as usual", None, None),
            ("with the consent in the body", given, None),
            ("with the consent in headers", None, {"X-Consent": "true", f"X-{consent}": "true"}),
        ):
            answers = [one.code for one in _medical(field, person, more=more, headers=headers)]
            tried.answered(f"Withdrawn {consent}: {name}", where, "403 CONSENT_REQUIRED", answers)
    _post_form(reserved["upload"], PICTURE)
    field.service.deliver_uploads()
    status = field.do("GET", f"/api/v1/process/status/{reserved['job_id']}", by=person)
    assert status["status"] == "failed"
    assert f"results/{person.user_id}" not in field.state()
    attack = f"Withdrawn {consent}: a form that was given out before"
    tried.held(attack, "the object store", "not analysed", "not analysed; the job failed")
    _again_with_consents_of(field, person, consent, tried)


def _post_form(form: Mapping[str, Any], content: bytes) -> None:
    """Put an object where a form would: moto holds no form against its policy (`test_forms.py` does that)."""
    settings = config.settings()
    boto3.client("s3", region_name=settings.region).put_object(
        Bucket=settings.bucket_name, Key=form["fields"]["key"], Body=content
    )


def _again_with_consents_of(field: Battlefield, person: Person, consent: str, tried: Tried) -> None:
    """A sign-in of somebody known may bring consents along: it must not give back what was withdrawn unasked."""
    body = {
        "provider": "google",
        "id_token": field.service.id_token("google", email=f"{person.name}@google.example"),
        "device_info": {**DEVICE, "app_installation_id": person.device_id},
    }
    answer = json.loads(field.send("POST", "/auth/oauth-onboarding", body).body)
    person.session_id = answer["session"]["session_id"]
    answers = [one.code for one in _medical(field, person)]
    tried.answered(f"Withdrawn {consent}: after signing in anew", "the same", "403 CONSENT_REQUIRED", answers)


def test_consents_of_other_shapes_are_none(field: Battlefield, tried: Tried) -> None:
    for name, consents in {
        "the word true": dict.fromkeys(CONSENTS, "true"),
        "ones": dict.fromkeys(CONSENTS, 1),
        "lists with true in them": {name: [True] for name in CONSENTS},
        "four of five": {**CONSENTS, "privacy_policy": None},
        "all as one": {"all": True, "version": "1.0"},
        "names in upper case": {key.upper(): value for key, value in CONSENTS.items()},
    }.items():
        body = {
            "provider": "google",
            "id_token": field.service.id_token("google", email="unwilling@google.example"),
            "consent_acknowledgments": consents,
            "device_info": DEVICE,
        }
        with field.unchanged():
            answer = field.send("POST", "/auth/oauth-onboarding", body)
        expected = ("400 MISSING_CONSENT", "400 INVALID_REQUEST")
        tried.answered(f"Consents that are none: {name}", "the first sign-in", expected, [answer.code])


def _enrolled(field: Battlefield, name: str) -> tuple[Person, str]:
    """Somebody who signed in and enrolled a while ago: right after either, it counts as a proof."""
    person = field.signed_in(name, f"phone-of-{name}")
    registration = field.enrol(person)
    rules = config.settings().rules
    field.service.clock.advance(max(rules.fresh_proof_life, rules.recent_sign_in_life))
    return person, registration


def _verify(field: Battlefield, person: Person, registration: str, challenge: str, signature: str, **more: Any) -> str:
    body = {"registration_id": registration, "challenge": challenge, "biometric_signature": signature, **more}
    return field.send("POST", "/auth/biometric/verify", body, by=person).code


def test_a_biometric_proof_is_good_once_for_one_thing_by_one_key(field: Battlefield, tried: Tried) -> None:
    where, failed = "/auth/biometric/verify", "401 BIOMETRIC_VERIFICATION_FAILED"
    ada, registration = _enrolled(field, "prover")
    thief, own = _enrolled(field, "prover-too")
    challenge = field.challenge(ada, registration)
    proof = signed(ada.key, challenge)
    assert _verify(field, ada, registration, challenge, proof) == "200"
    tries: dict[str, Callable[[], str]] = {
        "the same proof again": lambda: _verify(field, ada, registration, challenge, proof),
        "somebody else's proof with one's own registration": lambda: _verify(field, thief, own, challenge, proof),
        "a challenge of one's own making": lambda: _verify(
            field, thief, own, base64_of(b"x" * 32), signed(thief.key, base64_of(b"x" * 32))
        ),
        "another key": lambda: _fresh(field, thief, own, lambda text: signed(draw_key(), text)),
        "a signature of zeros": lambda: _fresh(field, thief, own, lambda _: base64_of(bytes(70))),
    }
    for name, make in tries.items():
        tried.answered(f"Biometric proof: {name}", where, failed, [make()])
    field.service.clock.advance(timedelta(minutes=5))
    late = field.challenge(ada, registration)
    field.service.clock.advance(timedelta(minutes=5, seconds=1))
    answer = _verify(field, ada, registration, late, signed(ada.key, late))
    tried.answered(
        "Biometric proof: over a challenge of five minutes ago", where, (failed, "400 CHALLENGE_EXPIRED"), [answer]
    )


def _fresh(field: Battlefield, person: Person, registration: str, sign: Callable[[str], str]) -> str:
    challenge = field.challenge(person, registration)
    return _verify(field, person, registration, challenge, sign(challenge))


def test_what_is_at_stake_needs_a_proof_of_this_session_and_operation(field: Battlefield, tried: Tried) -> None:
    person, registration = _enrolled(field, "owner-of-much")
    erase = {"confirmation_text": "DELETE"}
    stakes = (("GET", "/gdpr/export", None), ("POST", "/gdpr/erasure-request", erase))

    def refused(why: str) -> None:
        with field.unchanged():
            answers = [field.send(method, path, body, by=person).code for method, path, body in stakes]
        tried.answered(f"Export and erasure {why}", "both", "403 BIOMETRIC_REQUIRED", answers)

    refused("with an access token alone")
    challenge = field.challenge(person, registration, "purchase")
    assert _verify(field, person, registration, challenge, signed(person.key, challenge)) == "200"
    refused("with a proof for a purchase")
    challenge = field.challenge(person, registration, "data_export")
    assert _verify(field, person, registration, challenge, signed(person.key, challenge)) == "200"
    with field.unchanged():
        answer = field.send("POST", "/gdpr/erasure-request", erase, by=person)
    tried.answered(
        "Erasure with a proof for an export", "/gdpr/erasure-request", "403 BIOMETRIC_REQUIRED", [answer.code]
    )
    field.service.clock.advance(timedelta(minutes=5, seconds=1))
    refused("with a proof of five minutes ago")
    challenge = field.challenge(person, registration, "data_export")
    assert _verify(field, person, registration, challenge, signed(person.key, challenge)) == "200"
    field.sign_in_again(person)
    refused("with a proof of the session before")


def test_a_stolen_token_replaces_no_key(field: Battlefield, tried: Tried) -> None:
    person, registration = _enrolled(field, "robbed")
    begin = {"biometric_type": "face", "device_id": person.device_id}
    with field.unchanged():
        answers = [field.send("POST", "/auth/biometric/register", begin, by=person).code]
    export = field.send("GET", "/gdpr/export", by=person)
    assert export.code == "403 BIOMETRIC_REQUIRED"
    expected = "403 BIOMETRIC_REQUIRED"
    tried.answered("A key of one's own, enrolled with a stolen token", "/auth/biometric/register", expected, answers)
    assert registration in field.state()


def test_an_address_of_somebody_else_takes_no_account_over(field: Battlefield, tried: Tried) -> None:
    victim = field.signed_in("victim", "phone-of-victim")
    address = "victim@google.example"
    spellings: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "the same, verified": ({"email": address, "email_verified": True}, ("409 ACCOUNT_LINKING_REQUIRED",)),
        "the same in capitals": ({"email": address.upper()}, ("409 ACCOUNT_LINKING_REQUIRED",)),
        "the same with spaces": ({"email": f"  {address} "}, ("409 ACCOUNT_LINKING_REQUIRED", "401 INVALID_TOKEN")),
        "the same, not verified": ({"email": address, "email_verified": False}, ("200",)),
        "verified as a word": ({"email": address, "email_verified": "false"}, ("200",)),
        "fullwidth letters": ({"email": "ｖictim@google.example"}, ("200", "401 INVALID_TOKEN")),
        "letters of another script": ({"email": "vіctim@google.example"}, ("200", "401 INVALID_TOKEN")),
        "a dotless i": ({"email": "vıctim@google.example"}, ("200", "401 INVALID_TOKEN")),
        "two addresses": ({"email": f"evil@evil.example,{address}"}, ("200", "401 INVALID_TOKEN")),
        "a list of addresses": ({"email": [address]}, ("200", "401 INVALID_TOKEN")),
    }
    for number, (name, (claims, expected)) in enumerate(spellings.items()):
        body = {
            "provider": "apple",
            "apple_id_token": field.service.id_token("apple", sub=f"evil-{number}", **claims),
            "apple_authorization_code": "code",
            "apple_email": address,
            "consent_acknowledgments": CONSENTS,
            "device_info": {**DEVICE, "app_installation_id": f"evil-phone-{number}"},
        }
        answer = field.send("POST", "/auth/oauth-onboarding", body)
        if answer.status == 200:
            assert json.loads(answer.body)["user"]["id"] != victim.user_id
        assert victim.user_id.encode() not in answer.body
        tried.answered(f"Somebody's e-mail at another provider: {name}", "sign-in", expected, [answer.code])
    assert field.send("GET", "/user/profile", by=victim).code == "200", "the victim is signed in still"


def test_an_id_token_of_somebody_else_is_no_use(field: Battlefield, tried: Tried) -> None:
    victim = field.signed_in("bearer", "phone-of-bearer")
    provider = field.service.provider
    claims = json.loads(_payload(field.service.id_token("google", email="bearer@google.example")))
    for name, token in {
        "for another app": provider.sign("google", {**claims, "aud": "another.apps.googleusercontent.com"}),
        "for two apps, ours among them": provider.sign("google", {**claims, "aud": ["another", claims["aud"]]}),
        "expired": provider.sign("google", {**claims, "exp": claims["iat"] - 3600}),
        "of the future": provider.sign("google", {**claims, "iat": claims["iat"] + 3600, "exp": claims["exp"] + 7200}),
        "of the same person at the other provider": provider.sign("apple", claims),
        "altered": forgery.with_claims_changed(provider.sign("google", claims), sub="1"),
        "not signed": forgery.unsigned(claims),
    }.items():
        body = {"provider": "google", "id_token": token, "consents": CONSENTS, "device_info": DEVICE}
        answer = field.send("POST", "/auth/oauth-onboarding", body)
        tried.answered(f"ID token: {name}", "sign-in with Google", "401 INVALID_TOKEN", [answer.code])
    assert field.send("GET", "/user/profile", by=victim).code == "200"
    tried.held(
        "More forged ID tokens",
        "sign-in",
        "401 INVALID_TOKEN",
        "see `test_a_forged_token_is_refused_before_the_table_is_asked`",
        60,
    )


def _payload(token: str) -> bytes:
    import base64

    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


CURSORS: Mapping[str, Callable[[str], str]] = {
    "cut by a letter": lambda cursor: cursor[:-1],
    "a letter changed in its position": lambda cursor: ("B" if cursor[0] == "A" else "A") + cursor[1:],
    "a letter changed in its tag": lambda cursor: cursor[:-3] + ("A" if cursor[-3] != "A" else "B") + cursor[-2:],
    "padded": lambda cursor: f"{cursor}%3D",
    "twice": lambda cursor: cursor * 2,
    "of the other alphabet": lambda cursor: cursor.replace("-", "%2B").replace("_", "%2F") + "%2B",
    "empty": lambda _: "",
    "of 5,000 characters": lambda _: "A" * 5000,
    "a key of the table": lambda _: "USER%23x",
    "JSON in base64": lambda _: base64_of(b'{"PK":"USER#x","SK":"PROFILE"}').replace("=", ""),
    "of another script": lambda _: "%D0%90" * 20,
    "with a NUL": lambda cursor: f"{cursor}%00",
}


def test_a_cursor_that_we_did_not_write_turns_no_page(field: Battlefield, tried: Tried) -> None:
    for name, change in CURSORS.items():
        answers = []
        for kind, path in (("cursor of jobs", "/api/v1/process/jobs"), ("cursor of payments", "/payments")):
            with field.unchanged():
                answers.append(field.send("GET", f"{path}?cursor={change(field.ada.has[kind])}", by=field.ada).code)
        tried.answered(f"Cursor: {name}", "jobs and payments", "400 INVALID_CURSOR", answers)
    crossed = field.send("GET", f"/payments?cursor={field.ada.has['cursor of jobs']}", by=field.ada).code
    tried.answered("Cursor: one's own, of another list", "payments", "400 INVALID_CURSOR", [crossed])
