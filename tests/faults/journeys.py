"""Every journey: how it is prepared, what is asked, what goes on without being asked, and what must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from chalicelib import errors
from chalicelib.gateways.provider_facts import Facts, Notice
from chalicelib.models.states import PaymentStatus
from tests.api.service import CONSENTS, DEVICE
from tests.faults.house import House, Wrong, attribute
from tests.faults.truths import everything_holds
from tests.rooms.billing_world import of_store
from tests.rooms.documents_world import PDF
from tests.unit.billing.words import BOUGHT, payment, seen, term

Act = Callable[[House], Any]
PERSON: Final = {"sub": "ada", "email": "ada@example.org"}
_OTHER: Final = {**DEVICE, "app_installation_id": "phone-2"}
_VALUES: Final = {"lab_results": [{"test_name": "Ferritin", "test_value": 8, "test_unit": "ng/mL"}]}
_STAMP: Final = "2026-03-14T09:30:00Z"
_PAID_UNTIL: Final = BOUGHT + timedelta(days=60)


def nothing(_: House) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Journey:
    """`act` is what faults befall. Whoever asked repeats it while it failed, then `later` goes on without faults, and
    `check` says what must be so in the end, beside what must always be so."""

    name: str
    prepare: Act
    act: Act
    check: Act
    later: Act = nothing
    is_repeatable: bool = True
    """Whether the one who asked may ask again after a success of which they did not hear."""


# Steps


def signs_in(house: House, device: Mapping[str, str] = DEVICE, **claims: Any) -> dict[str, Any]:
    """Sign in, with the same token however often it is asked."""
    token = house.notes.setdefault(f"id token for {device}", house.service.id_token(**{**PERSON, **claims}))
    body = {"provider": "google", "id_token": token, "consent_acknowledgments": CONSENTS, "device_info": device}
    told = house.ask("POST", "/auth/oauth-onboarding", body)
    house.notes["told"] = told
    return told


def settled(house: House) -> None:
    """Somebody has signed up."""
    house.notes.clear()
    house.analyst.failure = None
    house.notes["first"] = signs_in(house)


def _asks(house: House, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    return house.ask(method, path, body, token=house.notes["told"]["access_token"], **headers)


def _profile(house: House) -> dict[str, Any]:
    found: dict[str, Any] = _asks(house, "GET", "/user/profile")["user"]
    return found


def _used(house: House) -> int:
    return int(_asks(house, "GET", "/subscriptions/usage")["documents_used"])


def _is(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise Wrong(f"{what}: {found!r}, not {expected!r}")


# Identity


def _is_signed_in(house: House) -> None:
    first = house.notes.get("first", house.notes["told"])
    _is(_profile(house)["id"], first["user"]["id"], "whose profile it is")
    (user,) = house.items("user")
    _is(attribute(user, "current_session", "session_id"), house.notes["told"]["session"]["session_id"], "the session")


def _has_left_the_old_phone(house: House) -> None:
    _is_signed_in(house)
    left = [attribute(one, "session_id") for one in house.items("session_history")]
    _is(house.notes["first"]["session"]["session_id"] in left, True, "whether the old session is in history")
    _is(len(left), len(set(left)), "how often a session is in history")
    devices = [attribute(one, "device_id") for one in house.items("device_history")]
    _is(devices, [DEVICE["app_installation_id"]], "the devices in history")


def _refreshes(house: House) -> None:
    body = {"refresh_token": house.notes["first"]["refresh_token"], "device_id": DEVICE["app_installation_id"]}
    house.notes["told"] = house.ask("POST", "/auth/refresh", body)


def _goes_on_after_refreshing(house: House) -> None:
    _is_signed_in(house)
    told = house.notes["told"]
    body = {"refresh_token": told["refresh_token"], "device_id": DEVICE["app_installation_id"]}
    house.ask("POST", "/auth/refresh", body)
    _refreshes_refused = house.service.call("POST", "/auth/refresh", {**body, "device_id": "phone-9"})
    _is(_refreshes_refused.status_code, 401, "what another phone is told")


def _is_signed_out(house: House) -> None:
    (user,) = house.items("user")
    _is(attribute(user, "current_session", "status"), "revoked", "the session")


def _renames(house: House) -> None:
    _asks(house, "PUT", "/user/profile", {"name": "Ada Lovelace"})


def _withdraws(house: House) -> None:
    choice = {"consent_given": False, "consent_version": "1.0"}
    _asks(house, "PUT", "/user/consents/terms_of_service", choice)


def _has_withdrawn_once(house: House) -> None:
    told = _asks(house, "GET", "/user/consents?history=true")
    _is(told["consents"]["terms_of_service"]["consent_given"], False, "the consent")
    _is(len(told["history"]), len(CONSENTS) - 1 + 1, "the entries of its history")


# Documents


def _uploads(house: House) -> None:
    token = house.notes["told"]["access_token"]
    answer = house.service.upload_answer(token, PDF, upload_timestamp=_STAMP)
    house.notes["job"] = house.read(answer, "upload")["job_id"]


def _asks_for_a_form(house: House) -> None:
    told = _asks(house, "POST", "/api/v1/process/upload-url", _declared(), Idempotency_Key="form-1")
    house.notes["job"] = told["job_id"]


def _declared() -> dict[str, Any]:
    return {"file_type": "pdf", "file_size": len(PDF)}


def _sends_the_form(house: House) -> None:
    (user,) = house.items("user")
    key = f"uploads/{attribute(user, 'id')}/{house.notes['job']}.pdf"
    house.cloud.s3.put_object(Bucket=house.settings.bucket_name, Key=key, Body=PDF)
    house.settle()


def has_uploaded(house: House) -> None:
    """A document lies in the bucket; nobody was told of it yet."""
    settled(house)
    _uploads(house)


def has_result(house: House) -> None:
    """A document was analysed."""
    has_uploaded(house)
    house.settle()
    house.service.clock.advance(timedelta(minutes=1))


def _one_result(house: House) -> None:
    job_id = house.notes["job"]
    _is(_asks(house, "GET", f"/api/v1/process/status/{job_id}")["status"], "completed", "the document")
    _is(_asks(house, "GET", f"/api/v1/process/result/{job_id}")["title"], "Blood test", "the result")
    _is(_used(house), 1, "the units used")
    _is([key.partition("/")[0] for key in house.objects() if key.startswith("results/")], ["results"], "results")


def _hopeless(house: House) -> None:
    has_uploaded(house)
    house.analyst.failure = errors.NotMedical()


def _failed_and_free(house: House) -> None:
    job_id = house.notes["job"]
    _is(_asks(house, "GET", f"/api/v1/process/status/{job_id}")["status"], "failed", "the document")
    _is(_used(house), 0, "the units used")


def _overdue(house: House) -> None:
    """The event of an upload was lost, and its deadline has passed."""
    has_uploaded(house)
    house.events_seen |= set(house.uploads())
    house.service.clock.advance(timedelta(minutes=6))


def _sweeps_jobs(house: House) -> None:
    house.tick("sweep_jobs")
    house.carry()


def _cleans_up(house: House) -> None:
    _asks(house, "DELETE", f"/api/v1/process/cleanup/{house.notes['job']}")


def _nothing_left_of_it(house: House) -> None:
    _is(house.objects(), {}, "what is stored")
    _is(_used(house), 1, "the units used")
    answer = house.service.call(
        "GET", f"/api/v1/process/status/{house.notes['job']}", token=house.notes["told"]["access_token"]
    )
    _is(answer.status_code, 404, "what is said of the document")


# Chat and reports


def _asks_a_question(house: House) -> None:
    body = {"conversation_id": "c-1", "message": "What does this mean?", "context": {"health_data": _VALUES}}
    house.notes["said"] = _asks(house, "POST", "/chat/messages", body, Idempotency_Key="question-1")


def _one_answer(house: House) -> None:
    _is(bool(house.notes["said"]["content"]), True, "whether there is an answer")
    _is(_asks(house, "GET", "/subscriptions/usage")["chat_messages_used"], 1, "the messages used")


def _asks_for_later(house: House) -> None:
    body = {"content_id": "content-1", "message": "And this?", "structured_data": _VALUES}
    told = _asks(house, "POST", "/api/v1/chat/messages", body, Idempotency_Key="question-2")
    house.notes["job"] = told["job_id"]


def _has_asked(house: House) -> None:
    settled(house)
    _asks_for_later(house)


def _one_answer_later(house: House) -> None:
    told = _asks(house, "GET", f"/api/v1/chat/jobs/{house.notes['job']}/status")
    _is(told["status"], "complete", "the question")
    _is(_asks(house, "GET", "/subscriptions/usage")["chat_messages_used"], 1, "the messages used")


def _orders(house: House) -> None:
    told = _asks(house, "POST", "/api/v1/process/doctor-report", {"health_data": _VALUES}, Idempotency_Key="report-1")
    house.notes["job"] = told["job_id"]


def _has_ordered(house: House) -> None:
    settled(house)
    _orders(house)


def _one_report(house: House) -> None:
    job_id = house.notes["job"]
    _is(_asks(house, "GET", f"/api/v1/process/status/{job_id}")["status"], "completed", "the report")
    (user,) = house.items("user")
    _is(attribute(user, "free_report_job_id"), job_id, "the free report")


# Purchases


def _posts(house: House, store: str, event_id: str, *facts: Any, hours: int = 0) -> None:
    shop = house.stores[store]
    told = Facts(
        tuple(one for one in facts if hasattr(one, "external_id")), tuple(one for one in facts if hasattr(one, "money"))
    )
    at = BOUGHT + timedelta(hours=hours)
    shop.notices[event_id] = Notice(shop.name, event_id, "news", at, is_known=True, payload={})
    shop.facts[event_id] = of_store(shop.name, told)
    answer = house.service.call("POST", f"/webhooks/{store}", event_id.encode(), headers={"Signature": "good"})
    house.read(answer, f"webhook of {store}")


def _hears_of_a_purchase(store: str) -> Act:
    def act(house: House) -> None:
        account = house.notes["first"]["user"]["id"]
        _posts(house, store, "e1", seen(term=term(ends_at=_PAID_UNTIL), account=account), payment())

    return act


def _has_bought(house: House) -> None:
    settled(house)
    _hears_of_a_purchase("stripe")(house)


def _hears_of_a_refund(house: House) -> None:
    paid = payment()
    _posts(house, "stripe", "e2", payment(5, status=PaymentStatus.REFUNDED, refunded=paid.money.amount), hours=5)


def _claims(house: House) -> None:
    bought = Facts((seen(term=term(ends_at=_PAID_UNTIL)),), (payment(),))
    house.stores["apple"].sold["x.y.z"] = of_store(house.stores["apple"].name, bought)
    _asks(house, "POST", "/subscriptions/purchases", {"provider": "apple", "signed_transaction": "x.y.z"})


def _one_payment(status: str, tier: str) -> Act:
    def check(house: House) -> None:
        _is([one["status"] for one in _asks(house, "GET", "/payments")["payments"]], [status], "the payments")
        _is(_asks(house, "GET", "/subscriptions/current")["tier"], tier, "the tier")

    return check


# Without being asked


def _month_ended(house: House) -> None:
    """Somebody used a unit, and five weeks passed; the sweep has run until a day before."""
    has_result(house)
    house.service.clock.advance(timedelta(days=31))
    house.tick("sweep_usage")
    house.service.clock.advance(timedelta(days=2))


def _resets(house: House) -> None:
    house.tick("sweep_usage")
    house.carry()


def _is_reset(house: House) -> None:
    (user,) = house.items("user")
    period = user["data"]["M"]["current_subscription"]["M"]["usage_current_period"]["M"]
    _is(int(period["documents_processed"]["N"]), 0, "the stored count")
    _is("GSI3PK" in user, False, "whether somebody is still listed as due")


def _sweeps_again(house: House) -> None:
    house.service.clock.advance(timedelta(days=1))
    house.tick("sweep_usage")
    house.settle(3)


def _wants_to_leave(house: House) -> None:
    body = {"confirmation_text": "DELETE", "deletion_reason": None, "include_audit_anonymization": True}
    token = house.notes["told"]["access_token"]
    answer = house.service.call("POST", "/gdpr/erasure-request", body, token=token)
    # Who did not hear that it began finds the account closed, which is what they wanted.
    if not (house.notes.get("is_asked_again") and answer.status_code in {401, 403}):
        house.notes["is_asked_again"] = True
        house.notes["erasure"] = house.read(answer, "erasure")["erasure_request_id"]


def _has_everything(house: House) -> None:
    has_result(house)
    _asks_a_question(house)
    _asks_for_later(house)
    house.settle()


def _is_leaving(house: House) -> None:
    _has_everything(house)
    _wants_to_leave(house)


def _carries_on(house: House) -> None:
    house.carry()


def _settles(house: House) -> None:
    house.settle()


def _nobody_left(house: House) -> None:
    user_id = house.notes["first"]["user"]["id"]
    traces = [item["PK"]["S"] for item in house.items() if user_id in str(item)]
    _is(traces, [], "items that name the erased person")
    _is(sorted(house.objects()), [], "their objects")
    _is(house.items("user"), [], "profiles")
    receipts = [one["data"]["M"]["status"]["S"] for one in house.items("erasure") if "status" in one["data"]["M"]]
    _is(set(receipts) <= {"completed"}, True, f"whether the erasure is completed ({receipts})")


def _takes_along(house: House) -> None:
    told = _asks(house, "GET", "/gdpr/export")
    parts = {part["name"]: part["items"] for part in told["parts"]}
    _is((len(parts["user"]), len(parts["job"]) >= 2), (1, True), "what the export holds")


JOURNEYS: Final = (
    Journey("sign-up", lambda house: house.notes.clear(), signs_in, _is_signed_in),
    Journey("sign-in", settled, signs_in, _is_signed_in),
    Journey("sign-in on another phone", settled, lambda house: signs_in(house, _OTHER), _has_left_the_old_phone),
    Journey("refresh", settled, _refreshes, _goes_on_after_refreshing),
    Journey("sign-out", settled, lambda house: _asks(house, "POST", "/auth/logout", {}), _is_signed_out),
    Journey("new name", settled, _renames, lambda house: _is(_profile(house)["name"], "Ada Lovelace", "the name")),
    Journey("withdrawn consent", settled, _withdraws, _has_withdrawn_once),
    Journey("upload", settled, _uploads, _one_result, _settles),
    Journey("upload by form", settled, _asks_for_a_form, _one_result, _sends_the_form),
    Journey("analysis", has_uploaded, _carries_on, _one_result, _settles),
    Journey("hopeless analysis", _hopeless, _carries_on, _failed_and_free, _settles),
    Journey("overdue job", _overdue, _sweeps_jobs, _one_result, _settles),
    Journey("clean-up", has_result, _cleans_up, _nothing_left_of_it, _settles),
    Journey("question", settled, _asks_a_question, _one_answer),
    Journey("question for later", settled, _asks_for_later, _one_answer_later, _settles),
    Journey("answer for later", _has_asked, _carries_on, _one_answer_later, _settles),
    Journey("ordered report", settled, _orders, _one_report, _settles),
    Journey("written report", _has_ordered, _carries_on, _one_report, _settles),
    *(
        Journey(f"webhook of {store}", settled, _hears_of_a_purchase(store), _one_payment("completed", "premium"))
        for store in ("apple", "google", "stripe")
    ),
    Journey("refund", _has_bought, _hears_of_a_refund, _one_payment("refunded", "free")),
    Journey("claimed purchase", settled, _claims, _one_payment("completed", "premium")),
    Journey("usage reset", _month_ended, _resets, _is_reset, _sweeps_again),
    Journey("erasure request", _has_everything, _wants_to_leave, _nobody_left, _settles),
    Journey("erasure", _is_leaving, _carries_on, _nobody_left, _settles),
    Journey("export", _has_everything, _takes_along, nothing),
)
__all__ = ["JOURNEYS", "Journey", "everything_holds"]
