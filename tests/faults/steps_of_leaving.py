"""How people take their data along and leave, and what must be so then."""

from __future__ import annotations

from tests.faults.house import House
from tests.faults.steps import asks, must_be
from tests.faults.steps_of_documents import asks_a_question, asks_for_later, has_result


def wants_to_leave(house: House) -> None:
    body = {"confirmation_text": "DELETE", "deletion_reason": None, "include_audit_anonymization": True}
    token = house.notes["told"]["access_token"]
    answer = house.service.call("POST", "/gdpr/erasure-request", body, token=token)
    # Who did not hear that it began finds the account closed, which is what they wanted.
    if not (house.notes.get("is_asked_again") and answer.status_code in {401, 403}):
        house.notes["is_asked_again"] = True
        house.notes["erasure"] = house.read(answer, "erasure")["erasure_request_id"]


def has_everything(house: House) -> None:
    has_result(house)
    asks_a_question(house)
    asks_for_later(house)
    house.settle()


def is_leaving(house: House) -> None:
    has_everything(house)
    wants_to_leave(house)


def nobody_left(house: House) -> None:
    user_id = house.notes["first"]["user"]["id"]
    traces = [item["PK"]["S"] for item in house.items() if user_id in str(item)]
    must_be(traces, [], "items that name the erased person")
    must_be(sorted(house.objects()), [], "their objects")
    must_be(house.items("user"), [], "profiles")
    receipts = [one["data"]["M"]["status"]["S"] for one in house.items("erasure") if "status" in one["data"]["M"]]
    must_be(set(receipts) <= {"completed"}, True, f"whether the erasure is completed ({receipts})")


def takes_along(house: House) -> None:
    told = asks(house, "GET", "/gdpr/export")
    parts = {part["name"]: part["items"] for part in told["parts"]}
    must_be((len(parts["user"]), len(parts["job"]) >= 2), (1, True), "what the export holds")
