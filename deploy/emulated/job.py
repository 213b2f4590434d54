"""The main job through a deployed service: sign in, hand documents in both ways, read what they say, and be counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from deploy.emulated.deployment import Deployment
from dev.journey import SAMPLE, Account, Backend, wait_for
from dev.supervision import CommandFailedError

SCHEDULED: Final = ("sweep_jobs", "sweep_usage", "sweep_erasures", "sweep_billing")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the deployed service answers, and the identity provider that it trusts."""

    service_url: str
    identity_provider_url: str


def main_job(deployment: Deployment, place: Place, say: Callable[[str], None], email: str) -> None:
    """Do it as a new person, and tell it step by step.

    Raises:
        CommandFailedError: a step was refused, or came to something else than it should.
    """
    backend, account = Backend(place), Account(say)
    with account.step("sign in, five consents") as notes:
        notes.append(f"user {backend.sign_in(email)['user']['id']}")
    _expect_used(backend, 0)
    with account.step("upload, multipart") as notes:
        first = backend.upload(SAMPLE)["job_id"]
        notes.append(first)
    with account.step("trigger, queue, analysis") as notes:
        notes.append(f"{wait_for(backend, first)} questions about its status")
    with account.step("result") as notes:
        notes.append(f"{len(backend.result(first)['lab_results'])} laboratory results")
    _expect_used(backend, 1)
    with account.step("upload, presigned form") as notes:
        second = backend.upload_by_form(SAMPLE)["job_id"]
        notes.append(second)
    with account.step("trigger, queue, analysis"):
        wait_for(backend, second)
    with account.step("result"):
        backend.result(second)
    _expect_used(backend, 2)
    for function in SCHEDULED:
        with account.step(f"schedule {function}"):
            invoke(deployment, function, {})


def invoke(deployment: Deployment, function: str, event: dict[str, Any]) -> Any:
    """Invoke a deployed function and wait for its answer.

    Raises:
        CommandFailedError: it failed.
    """
    answer = deployment.client("lambda").invoke(
        FunctionName=deployment.function_name(function), Payload=json.dumps(event).encode()
    )
    content = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise CommandFailedError(f"{function} failed: {content}")
    return content


def _expect_used(backend: Backend, documents: int) -> None:
    used = backend.subscription()["usage"]["documents_processed"]
    if used != documents:
        raise CommandFailedError(f"{used} documents are counted, and {documents} should be.")
