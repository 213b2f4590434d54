"""Secrets: kept for a minute, read again on suspicion, and longer while Secrets Manager is silent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from chalicelib import errors
from chalicelib.gateways.secrets import Secrets, secrets_client
from tests.support import SettableClock

LIFE = timedelta(seconds=60)


class Manager:
    """Secrets Manager, as far as it is used."""

    def __init__(self) -> None:
        self.text = json.dumps({"version": 1})
        self.failure: Exception | None = None
        self.reads = 0
        self.seconds = 0.0

    def get_secret_value(self, *, SecretId: str) -> Mapping[str, Any]:  # noqa: N803  # the name is AWS's
        self.reads += 1
        time.sleep(self.seconds)
        if self.failure is not None:
            raise self.failure
        return {"SecretString": self.text}


@pytest.fixture
def manager() -> Manager:
    return Manager()


@pytest.fixture
def secrets(manager: Manager, clock: SettableClock) -> Secrets:
    return Secrets(lambda: manager, clock, LIFE)


def test_a_secret_is_read_once_a_minute(secrets: Secrets, manager: Manager, clock: SettableClock) -> None:
    for _ in range(100):
        assert secrets.json("keys") == {"version": 1}
    assert manager.reads == 1

    manager.text = json.dumps({"version": 2})
    clock.advance(LIFE)
    assert secrets.json("keys") == {"version": 2}


def test_on_suspicion_it_is_read_at_once_but_not_more_than_once_a_minute(
    secrets: Secrets, manager: Manager, clock: SettableClock
) -> None:
    secrets.json("keys")
    manager.text = json.dumps({"version": 2})
    clock.advance(timedelta(seconds=1))
    for _ in range(100):
        assert secrets.json("keys", is_suspected_stale=True) == {"version": 2}
    assert manager.reads == 2

    clock.advance(LIFE)
    for _ in range(100):
        secrets.json("keys", is_suspected_stale=True)
    assert manager.reads == 3


def test_threads_that_come_while_a_secret_is_read_wait_for_the_new_value(
    secrets: Secrets, manager: Manager, clock: SettableClock
) -> None:
    secrets.json("keys")
    manager.text, manager.seconds = json.dumps({"version": 2}), 0.1
    clock.advance(timedelta(seconds=1))
    gate = threading.Barrier(8)

    def ask(_: int) -> Mapping[str, Any]:
        gate.wait()
        return secrets.json("keys", is_suspected_stale=True)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [{"version": 2}] * 8
    assert manager.reads == 2


@pytest.mark.parametrize(
    "failure",
    [
        EndpointConnectionError(endpoint_url="https://secretsmanager.test"),
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"),
    ],
)
def test_an_older_value_serves_while_reading_fails(
    secrets: Secrets, manager: Manager, clock: SettableClock, failure: Exception
) -> None:
    secrets.json("keys")
    manager.failure = failure
    clock.advance(LIFE)
    for _ in range(100):
        assert secrets.json("keys") == {"version": 1}

    assert manager.reads == 2


def test_without_any_value_the_service_is_unavailable(secrets: Secrets, manager: Manager) -> None:
    manager.failure = EndpointConnectionError(endpoint_url="https://secretsmanager.test")

    with pytest.raises(errors.Unavailable):
        secrets.json("keys")


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '"text"'])
def test_what_is_no_object_is_no_secret(secrets: Secrets, manager: Manager, text: str) -> None:
    manager.text = text

    with pytest.raises(errors.Unavailable):
        secrets.json("keys")


def test_two_secrets_are_kept_apart(secrets: Secrets, manager: Manager) -> None:
    secrets.json("one")
    manager.text = json.dumps({"version": 2})

    assert secrets.json("two") == {"version": 2}
    assert secrets.json("one") == {"version": 1}


def test_a_secret_is_never_logged(secrets: Secrets, manager: Manager, caplog: pytest.LogCaptureFixture) -> None:
    manager.text = '{"current": "the-secret-itself"'

    with pytest.raises(errors.Unavailable):
        secrets.json("keys")
    assert "the-secret-itself" not in "".join(str(record.__dict__) for record in caplog.records)


def test_a_secret_is_read_from_aws(clock: SettableClock) -> None:
    with mock_aws():
        made = boto3.client("secretsmanager", region_name="eu-central-1")
        made.create_secret(Name="serenya/test/token-keys", SecretString='{"current": {"kid": "one"}}')
        secrets = Secrets(lambda: secrets_client("eu-central-1"), clock, LIFE)

        assert secrets.json("serenya/test/token-keys") == {"current": {"kid": "one"}}
        with pytest.raises(errors.Unavailable):
            secrets.json("serenya/test/another")
