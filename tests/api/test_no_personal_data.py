"""Nothing of a person stands in logs, metrics, audit trail or keys, whatever they do and whatever fails on the way."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from chalice.local import LambdaEventConverter
from chalice.test import HTTPResponse

from chalicelib.config import settings
from chalicelib.errors import Unreadable
from chalicelib.observe.log import log
from chalicelib.web.events import EventFailed
from tests.api.scripted import Failing, in_place
from tests.api.service import Service, minutes, succeeded
from tests.api.witness import (
    ADDRESS,
    CLAIMS,
    CODE,
    DEVICE,
    DEVICE_ID,
    EMAIL,
    FAMILY_NAME,
    FILE_NAME,
    GIVEN_NAME,
    HEADERS,
    NEW_NAME,
    PATIENT_LINE,
    PERSONAL,
    QUERY,
    REASON,
    RESULT,
    SUBJECT,
    Witness,
    document,
    stored_keys,
    watching,
)
from tests.rooms.biometric_phone import draw_key, signed, spki


@pytest.fixture
def witness(service: Service, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Witness]:
    """Watches the test, and holds what it saw against what must not be seen: log records, standard output and error of
    the service and its child processes, keys of table and bucket."""
    monkeypatch.setattr(LambdaEventConverter, "LOCAL_SOURCE_IP", ADDRESS)
    with watching() as found:
        yield found
    printed = capfd.readouterr()
    found.seen += [printed.out, printed.err]
    assert len(found.seen) > 3, "nothing was watched"
    assert found.betrayed_in("\n".join(found.seen)) == []
    assert SUBJECT not in "\n".join(found.seen)  # in keys it stands by design: it is how a person is found


@pytest.fixture
def keys_too(witness: Witness) -> Iterator[None]:
    """The same for keys, where table and bucket are still there at the end."""
    yield
    keys = stored_keys()
    assert keys
    assert witness.betrayed_in("\n".join(keys)) == []


def _call(
    service: Service, witness: Witness, method: str, path: str, body: Any = None, token: str = ""
) -> HTTPResponse:
    answer = service.call(method, path, body, token=token or None, headers=HEADERS)
    if isinstance(answer.json_body, dict):
        witness.remember(answer.json_body)
    return answer


def _signed_in(service: Service, witness: Witness, provider: str = "google", **body: Any) -> dict[str, Any]:
    claims = {"sub": SUBJECT, **CLAIMS} if provider == "google" else {"sub": SUBJECT, "email": EMAIL}
    more = {"apple_name": {"given_name": GIVEN_NAME, "family_name": FAMILY_NAME}, "apple_email": EMAIL}
    code = {"apple_authorization_code": CODE, **more} if provider == "apple" else {}
    id_token = service.id_token(provider, **claims)
    witness.secrets.add(id_token)
    field = "id_token" if provider == "google" else "apple_id_token"
    sent = {field: id_token, "device_info": DEVICE, **code, **body}
    answer = service.sign_in(provider, **sent)
    witness.remember(answer)
    return answer


def _uploaded(service: Service, token: str, content: bytes, **fields: str) -> dict[str, Any]:
    return service.upload(token, content, FILE_NAME, **fields)


def test_the_witness_notices_what_it_looks_for(service: Service) -> None:
    with watching() as found:
        found.remember({"user": {"access_token": "header.payload.unforgeable-signature"}})
        for one in PERSONAL:
            log("something_happened", detail=f"<{one}>")
        log("something_failed", error=ValueError("hidden"), level=logging.ERROR)
        logging.getLogger("urllib3.connectionpool").warning("Retrying %r", "unforgeable-signature")
    betrayed = set(found.betrayed_in("\n".join(found.seen)))
    assert betrayed == {*PERSONAL, "unforgeable-signature"}


@pytest.mark.parametrize("provider_name", ["google", "apple"])
@pytest.mark.usefixtures("keys_too")
def test_signing_in_again_and_again(service: Service, witness: Witness, provider_name: str) -> None:
    first = _signed_in(service, witness, provider_name)
    service.clock.advance(minutes(1))
    _signed_in(service, witness, provider_name, device_info={**DEVICE, "app_installation_id": f"{DEVICE_ID}-2"})
    body = {"refresh_token": first["refresh_token"], "device_id": DEVICE_ID}
    assert _call(service, witness, "POST", "/auth/refresh", body).status_code == 401
    assert {"signed_up", "consent_given", "signed_in", "session_replaced", "refresh_refused"} <= witness.events()


def test_being_refused_at_the_door(service: Service, witness: Witness) -> None:
    _signed_in(service, witness)
    other = service.id_token("apple", sub="apple-sub", email=EMAIL, email_verified=True)
    forged = service.id_token("google", **CLAIMS, aud="unmistakable-audience")
    for body in (
        {"provider": "apple", "apple_id_token": other},
        {"provider": "google", "id_token": forged},
        {"provider": "google", "id_token": forged[:-8]},
        {"provider": EMAIL, "id_token": "x"},
        {"provider": "google", "id_token": EMAIL},
        {"provider": "google", "id_token": 5, "device_info": EMAIL},
        {"provider": "google", "id_token": service.id_token("google", **{**CLAIMS, "sub": "new"}), "consents": {}},
    ):
        token = body.get("id_token") or body.get("apple_id_token")
        witness.secrets |= {token} if isinstance(token, str) and len(token) > 50 else set()
        sent = {"consent_acknowledgments": {"version": EMAIL * 3}, "device_info": DEVICE, **body}
        assert _call(service, witness, "POST", "/auth/oauth-onboarding", sent).status_code >= 400
    assert "sign_in_refused" in witness.events()


@pytest.mark.usefixtures("keys_too")
def test_a_session_from_refresh_to_theft_to_sign_out(service: Service, witness: Witness) -> None:
    signed_in = _signed_in(service, witness)
    tokens = [signed_in["refresh_token"]]
    for _ in range(3):
        body = {"refresh_token": tokens[-1], "device_id": DEVICE_ID}
        tokens.append(succeeded(_call(service, witness, "POST", "/auth/refresh", body))["refresh_token"])
    stolen = {"refresh_token": tokens[0], "device_id": DEVICE_ID}
    assert _call(service, witness, "POST", "/auth/refresh", stolen).status_code == 401
    again = _signed_in(service, witness)
    _call(service, witness, "POST", "/auth/logout", {"device_id": DEVICE_ID}, again["access_token"])
    _call(service, witness, "GET", "/user/profile", None, again["access_token"])
    _call(service, witness, "GET", "/user/profile", None, f"{again['access_token']}{EMAIL}")
    for _ in range(12):
        _call(service, witness, "POST", "/auth/refresh", {"refresh_token": EMAIL, "device_id": DEVICE_ID})
    wanted = {"session_refreshed", "refresh_token_reused", "signed_out", "access_refused", "limit_reached"}
    assert wanted <= witness.events()


@pytest.mark.usefixtures("keys_too")
def test_a_profile_a_device_and_consents_shown_and_changed(service: Service, witness: Witness) -> None:
    token = _signed_in(service, witness)["access_token"]
    for method, path, body in (
        ("GET", "/user/profile", None),
        ("PUT", "/user/profile", {"name": NEW_NAME, "family_name": "Ravenscroft"}),
        ("PUT", "/user/profile", {"name": EMAIL * 100}),
        ("PUT", "/user/profile", {"name": [EMAIL]}),
        ("PUT", "/user/profile", f'{{"name": "{EMAIL}'.encode()),
        ("GET", "/user/device", None),
        ("PUT", "/user/device", {"device_name": "another unmistakable name", "device_id": DEVICE_ID}),
        ("PUT", "/user/device", {"device_id": EMAIL, "platform": EMAIL}),
        ("PUT", "/user/consents/privacy_policy", {"consent_given": False, "consent_method": "unmistakable"}),
        ("PUT", "/user/consents/privacy_policy", {"consent_given": True, "consent_version": EMAIL}),
        ("PUT", f"/user/consents/{EMAIL}", {"consent_given": True, "consent_version": EMAIL}),
        ("GET", f"/user/consents?history=true&cursor={QUERY}", None),
        ("GET", f"/{EMAIL}?q={QUERY}", None),
        ("POST", "/user/profile", {"name": EMAIL}),
    ):
        assert _call(service, witness, method, path, body, token).status_code < 500
    assert {"profile_renamed", "consent_given", "consent_withdrawn"} <= witness.events()


def test_biometric_proof(service: Service, witness: Witness) -> None:
    token, key = _signed_in(service, witness)["access_token"], draw_key()
    begin = {"biometric_type": "face", "device_id": DEVICE_ID, "device_attestation_data": {"name": EMAIL}}
    begun = succeeded(_call(service, witness, "POST", "/auth/biometric/register", begin, token))
    signature = signed(key, begun["challenge"])
    witness.secrets |= {signature, spki(key)}
    complete = {
        "registration_id": begun["registration_id"],
        "signed_challenge": signature,
        "biometric_public_key": spki(key),
        "platform_info": {"name": EMAIL},
    }
    succeeded(_call(service, witness, "POST", "/auth/biometric/complete", complete, token))
    for wrong in range(6):
        ask = {"registration_id": begun["registration_id"], "operation": "data_export"}
        asked = _call(service, witness, "POST", "/auth/biometric/challenge", ask, token).json_body
        challenge = asked.get("challenge", begun["challenge"])
        answer = signed(key if wrong == 0 else draw_key(), challenge)
        witness.secrets.add(answer)
        verify = {"registration_id": begun["registration_id"], "biometric_signature": answer, "challenge": challenge}
        _call(service, witness, "POST", "/auth/biometric/verify", verify, token)
    _call(service, witness, "GET", "/auth/biometric/registrations", None, token)
    wanted = {"biometric_enrolled", "biometric_verified", "biometric_failed", "biometric_locked"}
    assert wanted <= witness.events()


@pytest.mark.usefixtures("keys_too")
def test_a_document_from_upload_to_cleanup(service: Service, witness: Witness) -> None:
    token = _signed_in(service, witness)["access_token"]
    job_id = _uploaded(service, token, document())["job_id"]
    assert service.deliver_uploads() == 1
    status = succeeded(_call(service, witness, "GET", f"/api/v1/process/status/{job_id}", None, token))
    assert status["status"] == "completed"
    result = _call(service, witness, "GET", f"/api/v1/process/result/{job_id}", None, token)
    assert RESULT in result.body.decode(), "the document was not read, and nothing could have been betrayed"
    presign = {"file_type": "pdf", "file_size": 1000, "file_name": FILE_NAME}
    succeeded(_call(service, witness, "POST", "/api/v1/process/upload-url", presign, token))
    _call(service, witness, "GET", f"/api/v1/process/status/{EMAIL}", None, token)
    service.tick("sweep_jobs")
    _uploaded(service, token, document(), upload_timestamp="2")


@pytest.mark.usefixtures("keys_too")
def test_documents_that_fail(service: Service, witness: Witness) -> None:
    token = _signed_in(service, witness)["access_token"]
    story = document().replace(b"%PDF", b"XPDF")
    service.upload_answer(token, story, FILE_NAME)
    service.upload_answer(token, document(), "biopsy-of-quartermaine.exe")
    service.upload_answer(token, PATIENT_LINE.encode(), FILE_NAME)
    careless = [
        lambda found: RuntimeError(f"cannot read {found.content!r}"),
        lambda found: Unreadable(PATIENT_LINE),
        lambda found: UnicodeDecodeError("utf-8", PATIENT_LINE.encode(), 0, 1, PATIENT_LINE),
    ]
    for number, failure in enumerate(careless):
        job = _uploaded(service, token, document(), upload_timestamp=str(number))
        with in_place(Failing(failure)) as analyst:
            service.deliver_uploads()
            assert analyst.calls == 1
        _call(service, witness, "POST", f"/api/v1/process/retry/{job['job_id']}", {"retry_timestamp": EMAIL}, token)
        service.clock.advance(minutes(1))


def test_an_export_and_an_erasure(service: Service, witness: Witness) -> None:
    token = _signed_in(service, witness)["access_token"]
    _uploaded(service, token, document())
    service.deliver_uploads()
    export = service.call("GET", "/gdpr/export", token=token, headers=HEADERS)
    assert EMAIL in export.body.decode()
    wrong = {"confirmation_text": EMAIL, "deletion_reason": REASON}
    assert _call(service, witness, "POST", "/gdpr/erasure-request", wrong, token).status_code == 400
    wish = {"confirmation_text": "DELETE", "deletion_reason": REASON}
    started = succeeded(_call(service, witness, "POST", "/gdpr/erasure-request", wish, token))
    witness.secrets.add(started["erasure_request_id"])
    for _ in range(6):
        service.deliver_messages(settings().erasures_queue, "carry_erasure_on")
        service.clock.advance(minutes(15))
        service.tick("sweep_erasures")
    _call(service, witness, "GET", f"/gdpr/erasure-status/{started['erasure_request_id']}")
    assert {"data_exported", "erasure_requested"} <= witness.events()


def test_failures_of_the_table(service: Service, witness: Witness) -> None:
    token = _signed_in(service, witness)["access_token"]
    boto3.client("dynamodb", region_name=settings().region).delete_table(TableName=settings().table_name)
    id_token = service.id_token("google", **CLAIMS)
    witness.secrets.add(id_token)
    answer = service.sign_in_answer(claims=CLAIMS, device_info=DEVICE)
    assert answer.status_code >= 500
    for method, path, body in (
        ("GET", "/user/profile", None),
        ("PUT", "/user/profile", {"name": NEW_NAME}),
        ("PUT", "/user/consents/privacy_policy", {"consent_given": True, "consent_version": EMAIL}),
        ("GET", "/gdpr/export", None),
    ):
        assert _call(service, witness, method, path, body, token).status_code >= 500
    assert service.upload_answer(token, document(), FILE_NAME).status_code >= 500
    boto3.client("dynamodb", region_name=settings().region).create_table(**_definition())


def _definition() -> dict[str, Any]:
    from chalicelib.models.schema import table_definition

    return table_definition(settings().table_name)


def test_failures_of_the_bucket_and_the_queues(service: Service, witness: Witness) -> None:
    token = _signed_in(service, witness)["access_token"]
    job = _uploaded(service, token, document())
    bucket, region = settings().bucket_name, settings().region
    store, queues = boto3.client("s3", region_name=region), boto3.client("sqs", region_name=region)
    for one in store.list_objects_v2(Bucket=bucket)["Contents"]:
        event = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": one["Key"]}}}]}
        store.delete_object(Bucket=bucket, Key=one["Key"])
    store.delete_bucket(Bucket=bucket)
    queues.delete_queue(QueueUrl=queues.get_queue_url(QueueName=settings().retries_queue)["QueueUrl"])
    with pytest.raises(EventFailed):  # Lambda delivers it again
        service.client.lambda_.invoke(
            "document_uploaded", {"Records": [{**event["Records"][0], "eventVersion": "2.1"}]}
        )
    assert service.upload_answer(token, document(), FILE_NAME, upload_timestamp="2").status_code == 503
    _call(service, witness, "GET", f"/api/v1/process/result/{job['job_id']}", None, token)


def test_failures_of_the_provider_and_of_our_keys(service: Service, witness: Witness) -> None:
    token = _signed_in(service, witness)["access_token"]
    secrets = boto3.client("secretsmanager", region_name=settings().region)
    secrets.put_secret_value(SecretId=settings().token_keys_secret, SecretString=json.dumps({"current": EMAIL}))
    service.clock.advance(minutes(2))
    assert service.sign_in_answer(claims=CLAIMS, device_info=DEVICE).status_code == 503
    assert _call(service, witness, "GET", "/user/profile", None, token).status_code >= 400


def test_a_message_and_an_event_that_are_none_of_ours(service: Service, witness: Witness) -> None:
    _signed_in(service, witness)
    queue = settings().retries_queue
    for message in (EMAIL, json.dumps({"user_id": EMAIL, "job_id": 5})):
        event = service.client.events.generate_sqs_event([message], queue)
        with pytest.raises(Exception):  # noqa: B017  # whichever: Lambda delivers it again, then lays it aside
            service.client.lambda_.invoke("retry_analysis", event)
    for key in (f"uploads/{EMAIL}/{FILE_NAME}", f"foreign/{EMAIL}"):
        record = {"s3": {"bucket": {"name": settings().bucket_name}, "object": {"key": key}}}
        service.client.lambda_.invoke("document_uploaded", {"Records": [record]})
