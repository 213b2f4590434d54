"""What people and schedules do, as the bill sees it: each journey once, over HTTP and the declared handlers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import config
from deploy.cost.recorder import Recorder
from deploy.release.names import API_FUNCTION
from tests.api.service import DEVICE, SAMPLE, Service, succeeded
from tests.api.test_billing import END, Market
from tests.api.test_chat import MESSAGE
from tests.api.test_reports import ORDER, VALUES
from tests.unit.billing.words import payment, seen, term


def record(market: Market, recorder: Recorder) -> None:
    """Take every journey once. The service's calls and invocations are counted as runs of its functions."""
    service = market.service
    with _counted_runs(service, recorder), recorder.watching():
        _of_documents(service, _of_people(market, recorder), recorder)
        _of_stores(market, recorder)
        _of_schedules(service, recorder)


def _of_people(market: Market, recorder: Recorder) -> str:
    """Return the access token of somebody on the free plan."""
    service, person = market.service, {"sub": "bill", "email": "bill@example.com"}
    # Keys of the provider and of ours are read once per process and then kept: that is no part of a sign-in.
    with recorder.journey("sign_up"):
        signed_in = service.sign_in(claims=person)
    with recorder.journey("sign_in"):
        signed_in = service.sign_in(claims=person)
    held = {"refresh_token": signed_in["refresh_token"], "device_id": DEVICE["app_installation_id"]}
    with recorder.journey("refresh"):
        fresh = succeeded(service.call("POST", "/auth/refresh", held))
    token = str(fresh["access_token"])
    with recorder.journey("open_app"):
        for path in ("/user/profile", "/subscriptions/current", "/api/v1/process/jobs"):
            succeeded(service.call("GET", path, token=token))
    with recorder.journey("export"):
        assert service.call("GET", "/gdpr/export", token=token).status_code == 200
    return token


def _of_documents(service: Service, token: str, recorder: Recorder) -> None:
    settings = config.settings()
    with recorder.journey("document"):
        job = service.upload(token, SAMPLE.read_bytes())
        service.call("GET", job["polling_endpoint"], token=token)
        service.deliver_uploads()
        succeeded(service.call("GET", job["polling_endpoint"], token=token))
        succeeded(service.call("GET", f"/api/v1/process/result/{job['job_id']}", token=token))
        succeeded(service.call("DELETE", f"/api/v1/process/cleanup/{job['job_id']}", token=token))
    with recorder.journey("poll"):
        service.call("GET", job["polling_endpoint"], token=token)
    with recorder.journey("question"):
        succeeded(service.call("POST", "/chat/messages", MESSAGE, token=token))
    with recorder.journey("report"):
        ordered = succeeded(service.call("POST", ORDER, {"health_data": VALUES}, token=token))
        service.deliver_messages(settings.retries_queue, "retry_analysis")
        succeeded(service.call("GET", ordered["polling_endpoint"], token=token))
        succeeded(service.call("GET", f"/api/v1/process/result/{ordered['job_id']}", token=token))


def _of_stores(market: Market, recorder: Recorder) -> None:
    word = seen(term=term(ends_at=END), account=market.user_id)
    with recorder.journey("webhook"):
        assert market.tell(market.stripe, "e1", word, payment()).status_code == 200


def _of_schedules(service: Service, recorder: Recorder) -> None:
    """The sweeps of a stage where nothing is due, and the night on which one person's month ends, a month after their
    sign-up. The first sweep of all looks back for weeks, and is not counted."""
    for function in ("tend_move", "sweep_jobs", "sweep_erasures", "sweep_billing"):
        with recorder.journey(f"idle_{function}"):
            service.tick(function)
    service.tick("sweep_usage")
    service.clock.advance(timedelta(days=1))
    with recorder.journey("idle_sweep_usage"):
        service.tick("sweep_usage")
    service.clock.advance(timedelta(days=30))
    service.tick("sweep_usage")
    service.clock.advance(timedelta(days=1, minutes=1))
    with recorder.journey("reset"):
        service.tick("sweep_usage")
        assert service.deliver_messages(config.settings().resets_queue, "reset_usage_batch") == 1


@contextmanager
def _counted_runs(service: Service, recorder: Recorder) -> Iterator[None]:
    """Count each request and each invocation as a run of the function that answers it."""
    request, invoke = service.client.http.request, service.client.lambda_.invoke

    def counted_request(*args: Any, **options: Any) -> Any:
        with recorder.run(API_FUNCTION, is_request=True) as run:
            answer = request(*args, **options)
            run.sent_bytes = len(answer.body)
            return answer

    def counted_invoke(function: str, event: Any = None) -> Any:
        with recorder.run(function):
            return invoke(function, event)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service.client.http, "request", counted_request)
        patch.setattr(service.client.lambda_, "invoke", counted_invoke)
        yield
