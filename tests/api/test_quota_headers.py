"""Over HTTP, both kinds of upload say what is left of the quota."""

from __future__ import annotations

from typing import Any

from tests.api.service import SAMPLE, Service, minutes

QUOTA = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def _quota(answer: Any) -> tuple[str, str]:
    limit, remaining, reset = (answer.headers[name] for name in QUOTA)
    assert 27 * 86_400 < int(reset) <= 31 * 86_400
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert all(name in exposed for name in QUOTA)
    return limit, remaining


def _upload(service: Service, token: str, timestamp: str) -> Any:
    return service.upload_answer(token, SAMPLE.read_bytes(), upload_timestamp=timestamp)


def test_uploads_say_what_is_left_and_a_refusal_that_nothing_is(service: Service) -> None:
    token = service.sign_in()["access_token"]
    assert _quota(_upload(service, token, "1")) == ("5", "4")
    wanted = {"file_type": "pdf", "file_size": 1000}
    assert _quota(service.call("POST", "/api/v1/process/upload-url", wanted, token=token)) == ("5", "3")
    for number in (2, 1, 0):
        assert _quota(_upload(service, token, f"left {number}")) == ("5", str(number))
        service.clock.advance(minutes(1))
    refused = _upload(service, token, "one too many")
    assert (refused.status_code, _quota(refused)) == (402, ("5", "0"))
