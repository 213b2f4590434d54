"""Presigned forms, altered in every way, at an object store that holds them against their policy."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import pytest
import urllib3
from botocore.config import Config
from urllib3.filepost import encode_multipart_formdata

from chalicelib import config
from chalicelib.documents.places import upload_key
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.gateways.object_store import ObjectStore
from dev.ministack import ADMINISTRATOR
from dev.testing import embedded_cloud
from tests.api.service import s3_event
from tests.api.test_guarded_routes import JOB, PICTURE
from tests.attack.battlefield import Battlefield
from tests.attack.record import Tried

SECTION = "8 Presigned forms"
pytestmark = pytest.mark.second_engine
Form = dict[str, Any]


@dataclass(frozen=True)
class Counter:
    """A bucket that checks who signs a form, and what the service's own store makes forms with."""

    store: ObjectStore
    client: Any

    def form(self, seconds: int = 600) -> tuple[str, Form]:
        """Return the address and the fields of a form for the picture, and nothing else."""
        url, fields = self.store.presign(
            upload_key("ada", JOB, FileType.PNG),
            content_type="image/png",
            size=len(PICTURE),
            checksum_sha256=base64.b64encode(hashlib.sha256(PICTURE).digest()).decode(),
            expires_in_seconds=seconds,
        )
        return url, dict(fields)

    def post(self, url: str, fields: Mapping[str, Any], content: bytes = PICTURE) -> str:
        """Post a form as a browser would; return what S3 says."""
        parts = [*fields.items(), ("file", ("a.png", content, "image/png"))]
        body, content_type = encode_multipart_formdata(parts)
        answer = urllib3.request("POST", url, body=body, headers={"Content-Type": content_type}, retries=False)
        return "taken" if answer.status < 300 else "refused"

    def objects(self) -> dict[str, str]:
        """What is in the bucket, with its hash."""
        found = self.client.list_objects_v2(Bucket=self.store.bucket)
        return {one["Key"]: one["ETag"] for one in found.get("Contents", [])}


@pytest.fixture(scope="module")
def enforcing() -> Iterator[Any]:
    """A client of an object store that holds every signature against the key that it names."""
    with embedded_cloud("s3,iam,sts", is_enforcing=True) as endpoint:
        key, secret = ADMINISTRATOR
        yield boto3.session.Session(key, secret).client(
            "s3", endpoint_url=endpoint, region_name="eu-central-1", config=Config(signature_version="s3v4")
        )


@pytest.fixture
def counter(enforcing: Any) -> Iterator[Counter]:
    bucket = f"documents-{uuid4()}"
    enforcing.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield Counter(ObjectStore(bucket, lambda: enforcing), enforcing)


def _policy(fields: Form, change: Callable[[Form], None]) -> Form:
    """Write the policy anew, under the old signature."""
    policy = json.loads(base64.b64decode(fields["policy"]))
    change(policy)
    return fields | {"policy": base64.b64encode(json.dumps(policy).encode()).decode()}


def _longer(policy: Form) -> None:
    policy["expiration"] = "2099-01-01T00:00:00Z"


def _open(policy: Form) -> None:
    policy["conditions"] = [["starts-with", "$key", ""]]


def _without(fields: Form, *names: str) -> Form:
    return {name: value for name, value in fields.items() if name not in names}


def _key(change: Callable[[str], str]) -> Callable[[Form], Form]:
    return lambda fields: fields | {"key": change(fields["key"])}


ALTERED: Mapping[str, Callable[[Form], Form]] = {
    "another job's key": _key(lambda key: key.replace("result_", "result_0")),
    "somebody else's folder": _key(lambda key: key.replace(key.split("/")[1], "somebody-else")),
    "the prefix of results": _key(lambda key: key.replace("uploads/", "results/", 1)),
    "the prefix of clean copies": _key(lambda key: key.replace("uploads/", "prepared/", 1)),
    "another suffix": _key(lambda key: key.replace(".png", ".pdf")),
    "a name from the file": _key(lambda _: "uploads/${filename}"),
    "a key with dot segments": _key(lambda key: f"results/../{key}"),
    "a key that goes on": _key(lambda key: f"{key}/more"),
    "no key": lambda fields: _without(fields, "key"),
    "another content type": lambda fields: fields | {"Content-Type": "text/html"},
    "no content type": lambda fields: _without(fields, "Content-Type"),
    "no encryption": lambda fields: _without(fields, "x-amz-server-side-encryption"),
    "encryption by a key of one's own": lambda fields: fields | {"x-amz-server-side-encryption": "aws:kms"},
    "made public": lambda fields: fields | {"acl": "public-read"},
    "a redirection": lambda fields: fields | {"success_action_redirect": "https://evil.example/"},
    "metadata of one's own": lambda fields: fields | {"x-amz-meta-owner": "evil"},
    "tags": lambda fields: fields | {"tagging": "<Tagging/>"},
    "a storage class": lambda fields: fields | {"x-amz-storage-class": "GLACIER"},
    "another checksum": lambda fields: fields | {"x-amz-checksum-sha256": base64.b64encode(bytes(32)).decode()},
    "a later end, under the old signature": lambda fields: _policy(fields, _longer),
    "any key, under the old signature": lambda fields: _policy(fields, _open),
    "no policy": lambda fields: _without(fields, "policy"),
    "no policy and no signature": lambda fields: _without(fields, "policy", "x-amz-signature"),
    "an empty signature": lambda fields: fields | {"x-amz-signature": ""},
    "another signature": lambda fields: fields | {"x-amz-signature": "0" * 64},
    "another credential": lambda fields: fields | {"x-amz-credential": fields["x-amz-credential"].replace("s3", "sqs")},
    "another date": lambda fields: fields | {"x-amz-date": "20200101T000000Z"},
}
CONTENTS: Mapping[str, bytes] = {
    "a byte more": PICTURE + b"x",
    "a byte less": PICTURE[:-1],
    "nothing": b"",
    "ten megabytes": bytes(10 * 1024 * 1024),
}


def test_a_form_takes_what_it_was_made_for(counter: Counter, tried: Tried) -> None:
    url, fields = counter.form()
    answer = counter.post(url, fields)
    assert list(counter.objects()) == [fields["key"]]
    tried.answered("Form: as it was given out, for comparison", "the object store", "taken", [answer])


def test_an_altered_form_stores_nothing(counter: Counter, tried: Tried) -> None:
    url, fields = counter.form()
    for name, alter in ALTERED.items():
        answer = counter.post(url, alter(fields))
        assert counter.objects() == {}, name
        tried.answered(f"Form: {name}", "the object store", "refused", [answer])
    answer = counter.post(url.replace(counter.store.bucket, "another-bucket"), fields)
    tried.answered("Form: another bucket", "the object store", "refused", [answer])


def test_a_form_takes_no_other_bytes(counter: Counter, tried: Tried) -> None:
    url, fields = counter.form()
    for name, content in CONTENTS.items():
        answer = counter.post(url, fields, content)
        assert counter.objects() == {}, name
        tried.answered(f"Form: {name}", "the object store", "refused", [answer])


def test_a_form_is_over_when_its_time_is(counter: Counter, tried: Tried) -> None:
    url, fields = counter.form(seconds=-1)
    answer = counter.post(url, fields)
    assert counter.objects() == {}
    tried.answered("Form: after its time", "the object store", "refused", [answer])


def test_bytes_that_were_not_declared_are_not_analysed(field: Battlefield, tried: Tried) -> None:
    """The second line: S3 checks the checksum of a form by its own account, which the object store here does not."""
    person = field.signed_in("swapper", "phone-of-swapper")
    declared = {"file_type": "png", "file_size": len(PICTURE), "checksum_sha256": hashlib.sha256(PICTURE).hexdigest()}
    job = field.do("POST", "/api/v1/process/upload-url", declared, by=person)
    settings = config.settings()
    boto3.client("s3", region_name=settings.region).put_object(
        Bucket=settings.bucket_name, Key=job["upload"]["fields"]["key"], Body=PICTURE[:-1] + b"x"
    )
    field.service.deliver_uploads()
    status = field.do("GET", f"/api/v1/process/status/{job['job_id']}", by=person)
    assert status["status"] == "failed"
    assert f"results/{person.user_id}" not in field.state()
    attack = "Other bytes of the declared length, past S3's own check"
    tried.held(attack, "the analysis", "not analysed", "not analysed; the job failed")
    tried.held(
        "Form without a checksum: other bytes of the same length after a failure",
        "the analysis",
        "not analysed",
        "see `test_a_refused_document_cannot_be_exchanged_for_another_one_and_tried_again_for_nothing`",
    )


def test_a_form_that_is_used_again_starts_nothing(field: Battlefield, tried: Tried) -> None:
    person = field.signed_in("repeater", "phone-of-repeater")
    job = field.upload(person)
    for _ in range(3):
        field.service.client.lambda_.invoke(
            "document_uploaded", s3_event(config.settings().bucket_name, f"uploads/{person.user_id}/{job}.png")
        )
    assert field.do("GET", "/subscriptions/usage", by=person)["documents_used"] == 1
    tried.held(
        "Form: used again after its document was analysed",
        "the analysis",
        "one analysis, one unit",
        "one analysis, one unit",
        3,
    )
