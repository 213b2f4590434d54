"""What a genuine caller would send: fills signatures, tokens and ids into generated cases, which no generator finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from schemathesis import Case

from chalicelib.models.states import ConsentType
from dev.storefront.words import Sealer
from tests.fuzz.paper import new_report
from tests.fuzz.people import People, Person

VALUES: Final = [
    {"testName": "Ferritin", "value": 12.5, "unit": "ng/mL", "referenceRange": "30-400", "date": "2026-03-01"},
    {"testName": "TSH", "value": 2.1, "unit": "mIU/L", "referenceRange": "0.4-4.0", "date": "2026-03-01"},
]
Hint = Callable[[People, Person, Case[Any]], None]
NEWCOMERS: Final = frozenset(
    {
        "sign_out",
        "request_erasure",
        "begin_enrolment",
        "complete_enrolment",
        "draw_challenge",
        "verify_proof",
        "open_checkout",
        "claim_purchase",
        "retry_job",
        "clean_up_job",
    }
)
"""Calls that end or change something for whoever makes them: each is made by somebody new."""
OTHERS: Final = {"change_consent": "chooser", "show_consents": "chooser", "cancel_subscription": "paying"}


def body_of(case: Case[Any]) -> dict[str, Any]:
    """The generated body, to be completed: what is not a map is no body that anything could be put into."""
    return dict(case.body) if isinstance(case.body, dict) else {}


def sign_in(people: People, _: Person | None, case: Case[Any]) -> None:
    generated = body_of(case)
    for other in ("auth_provider", "google_token", "google_id_token", "google_auth", "auth_token", "nonce", "consents"):
        generated.pop(other, None)
    number = people.chance.randrange(40)
    good = people.sign_in_body(f"fuzzed-{number}@google.example", f"phone-{number}")
    device = {**(generated.get("device_info") or {}), **good["device_info"]}
    if people.chance.random() < 0.3:
        email = f"fuzzed-{number}@apple.example"
        good |= {"provider": "apple", "apple_id_token": people.id_token(email, "apple")}
        good.pop("id_token")
        generated.pop("id_token", None)
    case.body = {**generated, **good, "device_info": device}


def refresh(people: People, _: Person | None, case: Case[Any]) -> None:
    person = people.newcomer()
    case.body = {**body_of(case), "refresh_token": person.refresh_token, "device_id": person.device_id}


def begin_enrolment(people: People, person: Person, case: Case[Any]) -> None:
    case.body = {**body_of(case), "biometric_type": "face", "device_id": person.device_id}


def complete_enrolment(people: People, person: Person, case: Case[Any]) -> None:
    challenge = people.register(person)["challenge"]
    case.body = {**body_of(case), **people.completion(person, challenge)}


def draw_challenge(people: People, person: Person, case: Case[Any]) -> None:
    people.enrol(person)
    case.body = {**body_of(case), "registration_id": person.registration_id}


def verify_proof(people: People, person: Person, case: Case[Any]) -> None:
    people.enrol(person)
    asked = people.call(person, "POST", "/auth/biometric/challenge", {"registration_id": person.registration_id})
    challenge = asked["challenge"]
    proof = {"biometric_signature": person.signed(challenge), "challenge": challenge}
    body = {**body_of(case), "registration_id": person.registration_id, **proof}
    body.pop("operation", None)
    case.body = body


def choose_consent(people: People, _: Person, case: Case[Any]) -> None:
    case.path_parameters = {"consent_type": people.chance.choice(list(ConsentType)).value}
    case.body = {**body_of(case), "consent_given": people.chance.random() < 0.5, "consent_version": "3.0"}


def upload(people: People, _: Person, case: Case[Any]) -> None:
    content = new_report()
    body = {**body_of(case), "file": content, "file_type": "pdf", "file_size": len(content)}
    body.pop("pages", None)
    case.body = body


def presign(people: People, _: Person, case: Case[Any]) -> None:
    case.body = {"file_type": "pdf", "file_size": people.chance.randint(1_000, 1_000_000)}


def order_report(people: People, person: Person, case: Case[Any]) -> None:
    generated = body_of(case)
    for part in ("health_data", "medical_data", "document_ids"):
        generated.pop(part, None)
    source: dict[str, Any] = {"health_data": {"labResults": VALUES}}
    if person.jobs and people.chance.random() < 0.5:
        source = {"document_ids": [person.jobs[0]]}
    case.body = {**generated, **source}


def page(path: str) -> Hint:
    """Ask for the second page of a list, with the cursor that the first one gave."""

    def turn(people: People, person: Person, case: Case[Any]) -> None:
        limit = "" if path.endswith("consents") else "limit=1"
        first = people.call(person, "GET", f"{path}?history=true&{limit}")
        cursor = first.get("next_cursor")
        case.query = {**(case.query or {}), **({"history": "true"} if not limit else {"limit": 1})}
        case.query |= {"cursor": cursor} if cursor else {}
        if not cursor:
            case.query.pop("cursor", None)

    return turn


def known_job(people: People, person: Person, case: Case[Any]) -> None:
    if person.jobs:
        case.path_parameters = {"job_id": people.chance.choice(person.jobs)}


def own_new_job(people: People, person: Person, case: Case[Any]) -> None:
    case.path_parameters = {"job_id": people.upload(person, is_waited_for=False)}


def failed_job(people: People, person: Person, case: Case[Any]) -> None:
    case.path_parameters = {"job_id": people.fail(person)}


def known_chat(people: People, person: Person, case: Case[Any]) -> None:
    if person.chats:
        case.path_parameters = {"job_id": people.chance.choice(person.chats)}


def ask(people: People, _: Person, case: Case[Any]) -> None:
    generated = {name: value for name, value in body_of(case).items() if not name.startswith("encr")}
    for part in ("attached_document_ids", "context", "suggested_prompt_id"):
        generated.pop(part, None)
    case.body = {**generated, "conversation_id": uuid4().hex, "content_id": uuid4().hex, "message": "What is ferritin?"}


def checkout(people: People, _: Person, case: Case[Any]) -> None:
    case.body = {**body_of(case), "plan_id": people.chance.choice(["premium_monthly", "family_yearly"])}


def cancel(people: People, person: Person, case: Case[Any]) -> None:
    people.buy(person, "stripe")


def claim(people: People, person: Person, case: Case[Any]) -> None:
    stores = people.place.stores
    if people.chance.random() < 0.5:
        token = stores.google.buy(person.user_id, "premium_monthly")
        stores.google.take_deliveries()
        case.body = {"provider": "google", "purchase_token": token, "product_id": "serenya_premium"}
    else:
        signed = stores.apple.signed_transaction(stores.apple.buy(person.user_id, "premium_monthly"))
        stores.apple.take_deliveries()
        case.body = {"provider": "apple", "signed_transaction": signed}


def told_by(store: str) -> Hint:
    """Post what a store would post, signed as it goes over the wire here: nothing of the generated body stays."""

    def tell(people: People, _: Person | None, case: Case[Any]) -> None:
        shop = getattr(people.place.stores, store)
        shop.buy(people.named("free").user_id if people.chance.random() < 0.3 else None, "premium_monthly")
        told = shop.take_deliveries()[-1]
        case.body = json.loads(told.body)
        if isinstance(shop, Sealer):
            told = shop.sealed_anew(replace(told, body=json.dumps(case.body).encode()))
        case.headers.update(told.headers)

    return tell


def told_by_apple(people: People, _: Person | None, case: Case[Any]) -> None:
    case.body = {"payload": people.place.provider.notice(sub=f"sub-{uuid4()}")}


def erasure(people: People, _: Person | None, case: Case[Any]) -> None:
    leaving = people.newcomer()
    asked = people.call(leaving, "POST", "/gdpr/erasure-request", {"confirmation_text": "DELETE"})
    case.path_parameters = {"id": asked["erasure_request_id"]}


def confirm(people: People, _: Person, case: Case[Any]) -> None:
    case.body = {**body_of(case), "confirmation_text": "DELETE"}


def asset(people: People, _: Person | None, case: Case[Any]) -> None:
    case.path_parameters = {"name": people.chance.choice(["swagger-ui-bundle.js", "swagger-ui.css", "start.js"])}


HINTS: Final[dict[str, Hint]] = {
    "sign_in": sign_in,
    "sign_in_alias_1": sign_in,
    "sign_in_alias_2": sign_in,
    "refresh_session": refresh,
    "begin_enrolment": begin_enrolment,
    "complete_enrolment": complete_enrolment,
    "draw_challenge": draw_challenge,
    "verify_proof": verify_proof,
    "change_consent": choose_consent,
    "show_consents": page("/user/consents"),
    "upload_document": upload,
    "presign_upload": presign,
    "order_doctor_report": order_report,
    "list_jobs": page("/api/v1/process/jobs"),
    "list_payments": page("/payments"),
    "list_payments_alias_1": page("/subscriptions/billing-history"),
    "show_job_status": known_job,
    "show_job_result": known_job,
    "clean_up_job": own_new_job,
    "retry_job": failed_job,
    "answer_chat_message": ask,
    "take_chat_message": ask,
    "show_chat_status": known_chat,
    "open_checkout": checkout,
    "cancel_subscription": cancel,
    "claim_purchase": claim,
    "receive_store_notice": told_by("apple"),
    "receive_store_notice_alias_1": told_by("google"),
    "receive_store_notice_alias_2": told_by("stripe"),
    "receive_apple_notice": told_by_apple,
    "show_erasure": erasure,
    "request_erasure": confirm,
    "show_docs_alias_1": asset,
}
