"""The object store: only "no such key" means absent, and a key that is taken stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from moto import mock_aws

from chalicelib import errors
from chalicelib.gateways.object_store import ObjectStore, s3_client

BUCKET = "documents"
ASKS: list[Callable[[ObjectStore], object]] = [
    lambda store: store.put("key", b"content", "text/plain"),
    lambda store: store.get("key", 100),
    lambda store: store.exists("key"),
    lambda store: store.any_under("ke"),
    lambda store: store.delete(["key"]),
]


@pytest.fixture
def client() -> Any:
    with mock_aws():
        s3 = boto3.client("s3", region_name="eu-central-1")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield s3


@pytest.fixture
def store(client: Any) -> ObjectStore:
    return ObjectStore(BUCKET, lambda: client)


def test_what_is_put_can_be_got_and_looked_for_and_deleted_twice(store: ObjectStore) -> None:
    assert store.put("a/b", b"content", "text/plain")
    assert (store.get("a/b", 100), store.exists("a/b"), store.any_under("a/")) == (b"content", True, True)
    store.delete(["a/b", "never/there"])
    store.delete(["a/b"])
    assert (store.get("a/b", 100), store.exists("a/b"), store.any_under("a/")) == (None, False, False)


def test_a_key_that_is_taken_keeps_its_object_unless_it_is_to_be_replaced(store: ObjectStore) -> None:
    assert store.put("key", b"first", "text/plain")
    assert not store.put("key", b"second", "text/plain")
    assert store.get("key", 100) == b"first"
    assert store.put("key", b"third", "text/plain", is_replacing=True)
    assert store.get("key", 100) == b"third"


def test_an_object_above_the_limit_is_not_read(store: ObjectStore) -> None:
    store.put("key", b"12345", "text/plain")
    assert store.get("key", 5) == b"12345"
    with pytest.raises(errors.TooLarge):
        store.get("key", 4)


@pytest.mark.parametrize(
    "failure",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "Any"),
        ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject"),
        ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "Any"),
        ClientError({"Error": {"Code": "ConditionalRequestConflict", "Message": ""}}, "PutObject"),
        EndpointConnectionError(endpoint_url="https://s3"),
        ReadTimeoutError(endpoint_url="https://s3"),
    ],
    ids=["denied", "403 of a HEAD", "busy", "conflict", "unreachable", "slow"],
)
@pytest.mark.parametrize("ask", ASKS, ids=["put", "get", "exists", "any_under", "delete"])
def test_any_other_failure_is_unavailable_and_never_absent(
    client: Any, store: ObjectStore, ask: Callable[[ObjectStore], object], failure: Exception
) -> None:
    def fail(**_: object) -> None:
        raise failure

    client.meta.events.register("before-call", fail)
    with pytest.raises(errors.Unavailable):
        ask(store)


@pytest.mark.parametrize("ask", [ASKS[0], ASKS[1], ASKS[3], ASKS[4]], ids=["put", "get", "any_under", "delete"])
def test_a_bucket_that_is_not_there_is_a_broken_stage_not_an_absent_object(
    client: Any, ask: Callable[[ObjectStore], object]
) -> None:
    with pytest.raises(errors.Unavailable):
        ask(ObjectStore("no-such-bucket", lambda: client))


def test_one_object_that_could_not_be_deleted_is_not_passed_over(client: Any, store: ObjectStore) -> None:
    def answer(**_: object) -> tuple[object, dict[str, object]]:
        from types import SimpleNamespace

        return SimpleNamespace(status_code=200), {"Errors": [{"Key": "key", "Code": "InternalError"}]}

    client.meta.events.register("before-call.s3.DeleteObjects", answer)
    with pytest.raises(errors.Unavailable):
        store.delete(["key"])


def test_the_client_of_a_process_is_made_once_and_gives_up_in_time() -> None:
    first = s3_client("eu-central-1")
    assert s3_client("eu-central-1") is first
    config: Any = first.meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (2, 10, 3)
