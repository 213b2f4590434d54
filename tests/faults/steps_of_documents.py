"""What people do with documents, questions and reports, and what must be so then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from chalicelib import errors
from tests.faults.house import House, Told, Wrong, attribute
from tests.faults.steps import asks, must_be, settled, used
from tests.rooms.documents_world import PDF

VALUES: Final = {"lab_results": [{"test_name": "Ferritin", "test_value": 8, "test_unit": "ng/mL"}]}
STAMP: Final = "2026-03-14T09:30:00Z"


def uploads(house: House) -> None:
    token = house.notes["told"]["access_token"]
    answer = house.service.upload_answer(token, PDF, upload_timestamp=STAMP)
    house.notes["job"] = house.read(answer, "upload")["job_id"]


def asks_for_a_form(house: House) -> None:
    told = asks(house, "POST", "/api/v1/process/upload-url", declared(), Idempotency_Key="form-1")
    house.notes["job"] = told["job_id"]


def declared() -> dict[str, Any]:
    return {"file_type": "pdf", "file_size": len(PDF)}


def sends_the_form(house: House) -> None:
    (user,) = house.items("user")
    key = f"uploads/{attribute(user, 'id')}/{house.notes['job']}.pdf"
    house.cloud.s3.put_object(Bucket=house.settings.bucket_name, Key=key, Body=PDF)
    house.settle()


def has_uploaded(house: House) -> None:
    """A document lies in the bucket; nobody was told of it yet."""
    settled(house)
    uploads(house)


def has_result(house: House) -> None:
    """A document was analysed."""
    has_uploaded(house)
    house.settle()
    house.service.clock.advance(timedelta(minutes=1))


def one_result(house: House) -> None:
    job_id = house.notes["job"]
    must_be(asks(house, "GET", f"/api/v1/process/status/{job_id}")["status"], "completed", "the document")
    must_be(asks(house, "GET", f"/api/v1/process/result/{job_id}")["title"], "Blood test", "the result")
    must_be(used(house), 1, "the units used")
    must_be([key.partition("/")[0] for key in house.objects() if key.startswith("results/")], ["results"], "results")


def hopeless(house: House) -> None:
    has_uploaded(house)
    house.analyst.failure = errors.NotMedical()


def failed_and_free(house: House) -> None:
    job_id = house.notes["job"]
    must_be(asks(house, "GET", f"/api/v1/process/status/{job_id}")["status"], "failed", "the document")
    must_be(used(house), 0, "the units used")


def overdue(house: House) -> None:
    """The event of an upload was lost, and its deadline has passed."""
    has_uploaded(house)
    house.events_seen |= set(house.uploads())
    house.service.clock.advance(timedelta(minutes=6))


def sweeps_jobs(house: House) -> None:
    house.tick("sweep_jobs")
    house.carry()


def cleans_up(house: House) -> None:
    asks(house, "DELETE", f"/api/v1/process/cleanup/{house.notes['job']}")


def nothing_left_of_it(house: House) -> None:
    must_be(house.objects(), {}, "what is stored")
    must_be(used(house), 1, "the units used")
    answer = house.service.call(
        "GET", f"/api/v1/process/status/{house.notes['job']}", token=house.notes["told"]["access_token"]
    )
    must_be(answer.status_code, 404, "what is said of the document")


def asks_a_question(house: House) -> None:
    body = {"conversation_id": "c-1", "message": "What does this mean?", "context": {"health_data": VALUES}}
    try:
        house.notes["said"] = asks(house, "POST", "/chat/messages", body, Idempotency_Key="question-1")
    except Wrong as wrong:
        if "MESSAGE_IN_PROGRESS" not in str(wrong) or "said" in house.notes:
            raise
        # "Please wait a moment": until the lease of a process that was cut off in the middle is over.
        house.service.clock.advance(timedelta(seconds=61))
        raise Told(str(wrong)) from wrong


def one_answer(house: House) -> None:
    must_be(bool(house.notes["said"]["content"]), True, "whether there is an answer")
    must_be(asks(house, "GET", "/subscriptions/usage")["chat_messages_used"], 1, "the messages used")


def asks_for_later(house: House) -> None:
    body = {"content_id": "content-1", "message": "And this?", "structured_data": VALUES}
    told = asks(house, "POST", "/api/v1/chat/messages", body, Idempotency_Key="question-2")
    house.notes["job"] = told["job_id"]


def has_asked(house: House) -> None:
    settled(house)
    asks_for_later(house)


def one_answer_later(house: House) -> None:
    told = asks(house, "GET", f"/api/v1/chat/jobs/{house.notes['job']}/status")
    must_be(told["status"], "complete", "the question")
    must_be(asks(house, "GET", "/subscriptions/usage")["chat_messages_used"], 1, "the messages used")


def orders(house: House) -> None:
    told = asks(house, "POST", "/api/v1/process/doctor-report", {"health_data": VALUES}, Idempotency_Key="report-1")
    house.notes["job"] = told["job_id"]


def has_ordered(house: House) -> None:
    settled(house)
    orders(house)


def one_report(house: House) -> None:
    job_id = house.notes["job"]
    must_be(asks(house, "GET", f"/api/v1/process/status/{job_id}")["status"], "completed", "the report")
    (user,) = house.items("user")
    must_be(attribute(user, "free_report_job_id"), job_id, "the free report")
