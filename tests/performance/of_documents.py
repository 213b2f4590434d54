"""Requests of documents, chat and reports, to be counted."""

from __future__ import annotations

from typing import Any, Final

from tests.api.service import SAMPLE
from tests.api.test_chat import LATER, MESSAGE
from tests.api.test_guarded_routes import JOB
from tests.api.test_reports import VALUES
from tests.performance.of_people import signed_in
from tests.performance.world import Act, Case, World

UPLOAD: Final = "POST /api/v1/process/upload"
UPLOAD_URL: Final = "POST /api/v1/process/upload-url"
STATUS: Final = "GET /api/v1/process/status/{job_id}"
RESULT: Final = "GET /api/v1/process/result/{job_id}"
CLEANUP: Final = "DELETE /api/v1/process/cleanup/{job_id}"
REPORT: Final = "POST /api/v1/process/doctor-report"
CHAT_STATUS: Final = "GET /api/v1/chat/jobs/{job_id}/status"
FORM: Final = {"file_type": "pdf", "file_size": 1000}
UNKNOWN_CHAT: Final = f"chat_{JOB.removeprefix('result_')}"


def _upload(world: World) -> Act:
    one = world.person()
    return lambda: world.uploaded(one)


def _upload_again(world: World) -> Act:
    one = world.person()
    world.uploaded(one)
    return lambda: world.uploaded(one)


def _upload_twice_in_a_minute(world: World) -> Act:
    one = world.person()
    world.uploaded(one)
    return lambda: world.uploaded(one, "2026-03-14T09:31:00Z")


def _upload_three_times_in_a_minute(world: World) -> Act:
    one = world.person()
    for minute in (30, 31):
        world.uploaded(one, f"2026-03-14T09:{minute}:00Z")
    return lambda: world.uploaded(one, "2026-03-14T09:32:00Z")


def _upload_with_nothing_left(world: World) -> Act:
    one = world.person()
    for number in range(5):
        world.uploaded(one, f"2026-03-14T09:3{number}:00Z")
    return lambda: world.service.upload_answer(one.token, SAMPLE.read_bytes(), upload_timestamp="2026-03-14T10:00:00Z")


def _form_again(world: World) -> Act:
    options: dict[str, Any] = {"token": world.person().token, "headers": {"Idempotency-Key": "key-1"}}
    world.ask("POST", "/api/v1/process/upload-url", FORM, **options)
    return world.asks("POST", "/api/v1/process/upload-url", FORM, **options)


def _jobs(world: World) -> Act:
    one = world.person()
    world.uploaded(one)
    return world.asks("GET", "/api/v1/process/jobs", token=one.token)


def _status_while_it_runs(world: World) -> Act:
    one = world.person()
    return world.asks("GET", f"/api/v1/process/status/{world.uploaded(one)}", token=one.token)


def _status_when_done(world: World) -> Act:
    one = world.person()
    return world.asks("GET", f"/api/v1/process/status/{world.analysed(one)}", token=one.token)


def _result(world: World) -> Act:
    one = world.person()
    return world.asks("GET", f"/api/v1/process/result/{world.analysed(one)}", token=one.token)


def _result_too_early(world: World) -> Act:
    one = world.person()
    return world.asks("GET", f"/api/v1/process/result/{world.uploaded(one)}", token=one.token, status=409)


def _written(world: World) -> tuple[str, str]:
    one = world.person()
    job_id = world.ordered(one, VALUES)
    world.invokes("retry_analysis", world.message_of(world.settings.retries_queue))()
    return one.token, job_id


def _result_as_pdf(world: World) -> Act:
    token, job_id = _written(world)
    return world.asks("GET", f"/api/v1/process/result/{job_id}", token=token, headers={"Accept": "application/pdf"})


def _retry(world: World) -> Act:
    """Somebody withdrew their consent while the document waited, gave it again, and asks for another try."""
    one = world.person()
    job_id = world.uploaded(one)
    consent = {"consent_given": False, "consent_version": "1.0"}
    world.ask("PUT", "/user/consents/healthcare_consultation", consent, token=one.token)
    world.invokes("retry_analysis", world.handed_on(one, job_id, world.settings.retries_queue))()
    world.ask("PUT", "/user/consents/healthcare_consultation", {**consent, "consent_given": True}, token=one.token)
    return world.asks("POST", f"/api/v1/process/retry/{job_id}", token=one.token)


def _clean_up(world: World) -> Act:
    one = world.person()
    return world.asks("DELETE", f"/api/v1/process/cleanup/{world.analysed(one)}", token=one.token)


def _clean_up_again(world: World) -> Act:
    one = world.person()
    job_id = world.analysed(one)
    world.ask("DELETE", f"/api/v1/process/cleanup/{job_id}", token=one.token)
    return world.asks("DELETE", f"/api/v1/process/cleanup/{job_id}", token=one.token)


def _order(world: World) -> Act:
    one = world.person()
    world.ordered(world.person(), VALUES)  # The queue's address is asked for once in a process.
    return lambda: world.ordered(one, VALUES)


def _known_prompts(world: World) -> Act:
    token, path = world.person().token, "/chat/prompts?content_type=result"
    tag = world.service.call("GET", path, token=token).headers["ETag"]
    return world.asks("GET", path, token=token, headers={"If-None-Match": tag}, status=304)


def _later(world: World) -> Act:
    token, other = world.person().token, world.person().token
    world.ask("POST", "/api/v1/chat/messages", LATER, token=other, status=202)
    return world.asks("POST", "/api/v1/chat/messages", LATER, token=token, status=202)


def asked_later(world: World) -> tuple[str, str]:
    """Return the token of somebody who asked, and their job's id."""
    token = world.person().token
    world.empty(world.settings.chat_queue)
    taken = world.ask("POST", "/api/v1/chat/messages", LATER, token=token, status=202)
    return token, str(taken["job_id"])


def _chat_status_while_it_runs(world: World) -> Act:
    token, job_id = asked_later(world)
    return world.asks("GET", f"/api/v1/chat/jobs/{job_id}/status", token=token)


def _chat_status_when_done(world: World) -> Act:
    token, job_id = asked_later(world)
    world.invokes("answer_question", world.message_of(world.settings.chat_queue))()
    return world.asks("GET", f"/api/v1/chat/jobs/{job_id}/status", token=token)


CASES: Final = (
    Case(UPLOAD, "usual", _upload),
    Case(UPLOAD, "again, because the answer was lost", _upload_again),
    Case(UPLOAD, "the second one within a minute", _upload_twice_in_a_minute, True),
    Case(UPLOAD, "the third one within a minute", _upload_three_times_in_a_minute, True),
    Case(UPLOAD, "no unit is left", _upload_with_nothing_left),
    Case(UPLOAD_URL, "usual", signed_in("POST", "/api/v1/process/upload-url", FORM)),
    Case(UPLOAD_URL, "again, because the answer was lost", _form_again),
    Case("GET /api/v1/process/jobs", "one document", _jobs),
    Case(STATUS, "while it runs", _status_while_it_runs),
    Case(STATUS, "when it is done", _status_when_done),
    Case(STATUS, "unknown id", signed_in("GET", f"/api/v1/process/status/{JOB}", status=404)),
    Case(STATUS, "no id at all", signed_in("GET", "/api/v1/process/status/x", status=404)),
    Case(RESULT, "a document", _result),
    Case(RESULT, "a report, as a PDF", _result_as_pdf),
    Case(RESULT, "too early", _result_too_early),
    Case(RESULT, "unknown id", signed_in("GET", f"/api/v1/process/result/{JOB}", status=404)),
    Case("POST /api/v1/process/retry/{job_id}", "usual", _retry),
    Case(
        "POST /api/v1/process/retry/{job_id}", "unknown id",
        signed_in("POST", f"/api/v1/process/retry/{JOB}", status=404),
    ),
    Case(CLEANUP, "usual", _clean_up),
    Case(CLEANUP, "again", _clean_up_again),
    Case(CLEANUP, "unknown id", signed_in("DELETE", f"/api/v1/process/cleanup/{JOB}", status=404)),
    Case(REPORT, "usual", _order),
    Case("GET /chat/prompts", "usual", signed_in("GET", "/chat/prompts?content_type=result")),
    Case("GET /chat/prompts", "the app has them", _known_prompts),
    Case("POST /chat/messages", "usual", signed_in("POST", "/chat/messages", MESSAGE)),
    Case("POST /api/v1/chat/messages", "usual", _later),
    Case(CHAT_STATUS, "while it runs", _chat_status_while_it_runs),
    Case(CHAT_STATUS, "when it is done", _chat_status_when_done),
    Case(CHAT_STATUS, "unknown id", signed_in("GET", f"/api/v1/chat/jobs/{UNKNOWN_CHAT}/status", status=404)),
    Case("GET /chat/conversations/{content_id}", "usual", signed_in("GET", "/chat/conversations/c", status=404)),
)  # fmt: skip
