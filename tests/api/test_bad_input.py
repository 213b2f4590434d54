"""Bad input over HTTP: the envelope with the right code, never a 500, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from chalice.test import HTTPResponse
from urllib3.filepost import encode_multipart_formdata

from chalicelib import config
from dev import forgery
from dev.identity_provider import draw_key
from tests.api.service import CONSENTS, DEVICE, SAMPLE, Service, refused, succeeded
from tests.hostile.make_files import hostile

MIB = 1024 * 1024
HOSTILE = {one.name: one for one in hostile()}


def _stored(service: Service) -> tuple[int, int, int]:
    """People, jobs and objects that exist."""
    settings = config.settings()
    listed = boto3.client("s3", region_name=settings.region).list_objects_v2(Bucket=settings.bucket_name)
    scan = boto3.client("dynamodb", region_name=settings.region).scan(TableName=settings.table_name)
    kinds = [item["entity_type"]["S"] for item in scan["Items"]]
    return kinds.count("user"), kinds.count("job"), listed["KeyCount"]


@pytest.fixture
def token(service: Service) -> str:
    """The access token of somebody who has handed in nothing."""
    access_token: str = service.sign_in()["access_token"]
    return access_token


@pytest.fixture
def nothing_stored(service: Service, token: str) -> Iterator[None]:
    """After the test there is the person, and nothing else; no unit is counted."""
    yield
    assert _stored(service) == (1, 0, 0)
    usage = succeeded(service.call("GET", "/subscriptions/current", token=token))["usage"]
    assert usage["documents_processed"] == 0


def _forged(service: Service, make: Callable[[Service, dict[str, Any]], str]) -> HTTPResponse:
    now = int(service.clock.now().timestamp())
    claims = service.provider.claims("google", iat=now, exp=now + 3600)
    return service.call(
        "POST",
        "/auth/oauth-onboarding",
        {
            "provider": "google",
            "id_token": make(service, claims),
            "consent_acknowledgments": CONSENTS,
            "device_info": DEVICE,
        },
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda service, claims: service.provider.sign("google", {**claims, "exp": claims["iat"] - 61}),
        lambda service, claims: service.provider.sign("google", {**claims, "aud": "somebody-else"}),
        lambda service, claims: service.provider.sign("google", {**claims, "iss": "https://evil.example"}),
        lambda service, claims: service.provider.sign("apple", claims),
        lambda _, claims: forgery.unsigned(claims),
        lambda service, claims: forgery.signed_with_public_key(claims, service.provider.signing_key("google")),
        lambda service, claims: forgery.with_claims_changed(service.provider.sign("google", claims), sub="another"),
        lambda service, claims: service.provider.sign("google", claims, kid=draw_key().kid),
        lambda *_: "not.a.token",
        lambda *_: "x" * 9000,
    ],
    ids=["expired", "audience", "issuer", "provider", "unsigned", "hs256", "changed", "kid", "garbage", "huge"],
)
def test_a_forged_token_signs_nobody_in(service: Service, make: Callable[[Service, dict[str, Any]], str]) -> None:
    refused(_forged(service, make), 401, "INVALID_TOKEN")
    assert _stored(service) == (0, 0, 0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"provider": "facebook"}, "INVALID_AUTH_PROVIDER"),
        ({"provider": 5}, "INVALID_AUTH_PROVIDER"),
        ({"provider": None}, "INVALID_AUTH_PROVIDER"),
        ({"id_token": None}, "MISSING_AUTH_TOKEN"),
        ({"id_token": ""}, "MISSING_AUTH_TOKEN"),
        ({"id_token": ["x"]}, "MISSING_AUTH_TOKEN"),
        ({"consent_acknowledgments": None}, "MISSING_CONSENT"),
        ({"consent_acknowledgments": {**CONSENTS, "privacy_policy": False}}, "MISSING_CONSENT"),
        ({"consent_acknowledgments": {**CONSENTS, "privacy_policy": "true"}}, "MISSING_CONSENT"),
        ({"consent_acknowledgments": {**CONSENTS, "privacy_policy": 1}}, "MISSING_CONSENT"),
        ({"consent_acknowledgments": {}}, "MISSING_CONSENT"),
        ({"consent_acknowledgments": []}, "INVALID_REQUEST"),
        ({"device_info": None}, "INVALID_REQUEST"),
        ({"device_info": {**DEVICE, "platform": "toaster"}}, "INVALID_REQUEST"),
        ({"device_info": {**DEVICE, "app_installation_id": "x" * 256}}, "INVALID_REQUEST"),
        ({"device_info": {**DEVICE, "app_installation_id": 5}}, "INVALID_REQUEST"),
    ],
)
def test_an_incomplete_sign_in_stores_nothing(service: Service, body: dict[str, Any], code: str) -> None:
    complete = {
        "provider": "google",
        "id_token": service.id_token(),
        "consent_acknowledgments": CONSENTS,
        "device_info": DEVICE,
    }
    answer = service.call("POST", "/auth/oauth-onboarding", {**complete, **body})
    error = refused(answer, 400, code)
    assert answer.json_body["error_description"] == error["user_message"]
    assert _stored(service) == (0, 0, 0)


def test_missing_consents_are_named(service: Service) -> None:
    given = {**CONSENTS, "privacy_policy": False, "terms_of_service": None}
    error = refused(service.sign_in_answer(consent_acknowledgments=given), 400, "MISSING_CONSENT")
    assert sorted(error["details"]["missing_consents"]) == ["privacy_policy", "terms_of_service"]


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    "name",
    [
        "called .pdf: text",
        "pdf: password, AES-256",
        "pdf: cut in the middle",
        "pdf: a bomb in a bomb",
        "pdf: 30,000 pages",
        "pdf: a script on opening",
        "png: 900 megapixels in a few kilobytes",
        "unread: photo.heic",
        "empty",
    ],
)
def test_a_hostile_file_is_refused(service: Service, token: str, name: str) -> None:
    sample = HOSTILE[name]
    assert sample.code
    refused(service.upload_answer(token, sample.make(), sample.file_name), 400, sample.code)


@pytest.mark.usefixtures("nothing_stored")
def test_a_file_of_five_mebibytes_and_one_byte_is_too_large(service: Service, token: str) -> None:
    content = SAMPLE.read_bytes().ljust(5 * MIB + 1, b"\n")
    refused(service.upload_answer(token, content), 413, "FILE_TOO_LARGE")
    refused(service.upload_answer(token, content * 2), 413, "FILE_TOO_LARGE")


def _form(*parts: tuple[str, str, bytes]) -> tuple[bytes, str]:
    return encode_multipart_formdata([(field, (name, content, "application/pdf")) for field, name, content in parts])


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    ("parts", "content_type", "status", "code"),
    [
        ([("file", "a.pdf", b"")], None, 400, "NO_FILE_PROVIDED"),
        ([("other", "a.pdf", b"x")], None, 400, "NO_FILE_PROVIDED"),
        ([("file", "a.pdf", b"x"), ("file", "b.pdf", b"y")], None, 400, "FILE_VALIDATION_FAILED"),
        ([("file", "a.pdf", b"x")], "multipart/form-data", 400, "NO_FILE_PROVIDED"),
        ([("file", "a.pdf", b"x")], "multipart/form-data; boundary=other", 400, "FILE_VALIDATION_FAILED"),
        ([("file", "a.pdf", b"x")], "application/json", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
    ids=["an empty part", "no file", "two parts", "no boundary", "another boundary", "no form"],
)
def test_a_form_that_is_none_is_refused(
    service: Service,
    token: str,
    parts: list[tuple[str, str, bytes]],
    content_type: str | None,
    status: int,
    code: str,
) -> None:
    body, right = _form(*parts)
    headers = {"Content-Type": content_type or right}
    refused(service.call("POST", "/api/v1/process/upload", body, token=token, headers=headers), status, code)


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"file_type": "png"}, "FILE_VALIDATION_FAILED"),
        ({"file_type": "exe"}, "UNSUPPORTED_FILE_TYPE"),
        ({"file_size": "5"}, "FILE_VALIDATION_FAILED"),
        ({"file_size": "-1"}, "FILE_VALIDATION_FAILED"),
        ({"file_size": "many"}, "FILE_VALIDATION_FAILED"),
    ],
)
def test_declared_values_are_held_against_the_bytes(
    service: Service, token: str, fields: dict[str, str], code: str
) -> None:
    refused(service.upload_answer(token, SAMPLE.read_bytes(), **fields), 400, code)


@pytest.mark.parametrize("name", ["x" * 296 + ".pdf", "../../etc/passwd.pdf", "a\u202efdp.pdf", "..\\..\\a.pdf"])
def test_a_strange_file_name_is_shown_harmless_and_never_becomes_a_key(service: Service, token: str, name: str) -> None:
    job = service.upload(token, SAMPLE.read_bytes(), name)
    assert len(job["file_name"]) <= 120
    assert not {"/", "\\", "\u202e"} & set(job["file_name"])
    settings = config.settings()
    listed = boto3.client("s3", region_name=settings.region).list_objects_v2(Bucket=settings.bucket_name)
    (stored,) = [one["Key"] for one in listed["Contents"]]
    assert stored.endswith(f"/{job['job_id']}.pdf")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "INVALID_JSON"),
        ({}, 400, "FILE_VALIDATION_FAILED"),
        ({"file_type": "exe", "file_size": 5}, 400, "UNSUPPORTED_FILE_TYPE"),
        ({"file_type": "pdf", "file_size": "5"}, 400, "FILE_VALIDATION_FAILED"),
        ({"file_type": "pdf", "file_size": 0}, 400, "FILE_VALIDATION_FAILED"),
        ({"file_type": "pdf", "file_size": 10 * MIB + 1}, 413, "FILE_TOO_LARGE"),
        ({"file_type": "pdf", "file_size": 5, "checksum_sha256": "zz"}, 400, "FILE_VALIDATION_FAILED"),
    ],
)
def test_a_presigned_form_for_something_else_is_not_given_out(
    service: Service, token: str, body: Any, status: int, code: str
) -> None:
    refused(service.call("POST", "/api/v1/process/upload-url", body, token=token), status, code)


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("PUT", "/user/profile", {"name": ""}, "INVALID_NAME"),
        ("PUT", "/user/profile", {"name": "x" * 256}, "INVALID_NAME"),
        ("PUT", "/user/profile", {"name": 5}, "INVALID_NAME"),
        ("PUT", "/user/profile", {"given_name": "x" * 256}, "INVALID_GIVEN_NAME"),
        ("PUT", "/user/profile", {"family_name": ["x"]}, "INVALID_FAMILY_NAME"),
        ("PUT", "/user/profile", [], "INVALID_REQUEST"),
        ("POST", "/auth/refresh", {}, "INVALID_REQUEST"),
        ("POST", "/auth/refresh", {"refresh_token": 5, "device_id": "phone-1"}, "INVALID_REQUEST"),
        ("POST", "/auth/logout", {"logout_all_devices": "yes"}, "INVALID_REQUEST"),
    ],
)
def test_a_wrong_type_is_refused(service: Service, token: str, method: str, path: str, body: Any, code: str) -> None:
    refused(service.call(method, path, body, token=token), 400, code)


def test_fields_of_ownership_are_never_taken_from_a_body(service: Service, token: str) -> None:
    before = succeeded(service.call("GET", "/user/profile", token=token))["user"]
    body = {"name": "New", "id": "x", "user_id": "x", "account_status": "deleted", "PK": "USER#x", "email": "x@x"}
    after = succeeded(service.call("PUT", "/user/profile", body, token=token))["user"]
    assert {**after, "name": before["name"], "display_name": before["display_name"]} == before
    assert after["name"] == "New"


@pytest.mark.parametrize("refresh_token", ["", "x", "rt1.k1.x.y", "a" * 5000, "rt1.k1." + "A" * 60 + "." + "A" * 43])
def test_a_garbage_refresh_token_is_refused(service: Service, refresh_token: str) -> None:
    answer = service.call("POST", "/auth/refresh", {"refresh_token": refresh_token, "device_id": "phone-1"})
    assert answer.status_code in {400, 401}
    refused(answer, answer.status_code, "INVALID_REQUEST" if answer.status_code == 400 else "INVALID_REFRESH_TOKEN")
