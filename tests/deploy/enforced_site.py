"""A deployed service under enforcement, its triggers stopped: a test carries each event itself, and sees it fail."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from uuid import uuid4

import urllib3

from chalicelib.models.keys import job_key, user_key
from deploy.emulated.deployment import Deployment
from deploy.emulated.job import Place, invoke
from dev.supervision import CommandFailedError
from tests.injections.make_attempts import report_with

REPORT = report_with("Fasting sample.")
CONSENTS = (
    "medical_disclaimers",
    "terms_of_service",
    "privacy_policy",
    "healthcare_consultation",
    "emergency_care_limitation",
)


@dataclass
class Person:
    """Somebody who is signed in at the deployed service."""

    site: Site
    user_id: str
    token: str

    def call(self, method: str, path: str, status: int = 200, **request: Any) -> Any:
        """Make a call of the app and return its answer's JSON; another status is a failed job."""
        headers = {"Authorization": f"Bearer {self.token}", **request.pop("headers", {})}
        return self.site.http(method, self.site.place.service_url + path, status, headers=headers, **request)

    def upload(self) -> str:
        """Hand in a document and return its job's id."""
        form = {
            "file": ("report.pdf", REPORT, "application/pdf"),
            "file_type": "pdf",
            "file_size": str(len(REPORT)),
            "upload_timestamp": datetime.now(UTC).isoformat(),
        }
        return str(self.call("POST", "/api/v1/process/upload", fields=form)["job_id"])

    def items(self, sort_key_prefix: str) -> list[dict[str, Any]]:
        """What is stored of this person, under sort keys that begin so, in DynamoDB's notation."""
        found: list[dict[str, Any]] = self.site.deployment.client("dynamodb").query(
            TableName=self.site.deployment.settings.table_name,
            KeyConditionExpression="PK = :pk AND begins_with(SK, :sk)",
            ExpressionAttributeValues={":pk": {"S": user_key(self.user_id).pk}, ":sk": {"S": sort_key_prefix}},
        )["Items"]
        return found

    def set_job(self, job_id: str, due_partition: str | None = None, **data: Any) -> None:
        """Change a job past the service: `data`, and where it stands in the due index."""
        self._set(job_key(self.user_id, job_id), data, due_partition)

    def set_profile(self, due_partition: str | None = None, **data: Any) -> None:
        """The same for the profile."""
        self._set(user_key(self.user_id), data, due_partition)

    def _set(self, key: tuple[str, str], data: dict[str, Any], due_partition: str | None) -> None:
        names: dict[str, str] = {"#data": "data"} if data else {}
        values: dict[str, Any] = {}
        sets: list[str] = []
        for number, (name, value) in enumerate(data.items()):
            names[f"#{number}"], values[f":{number}"] = name, value
            sets.append(f"#data.#{number} = :{number}")
        if due_partition is not None:
            values |= {":pk": {"S": due_partition}, ":sk": {"S": "2026-01-01T00:00:00.000000Z#due"}}
            sets.append("GSI3PK = :pk, GSI3SK = :sk")
        self.site.deployment.client("dynamodb").update_item(
            TableName=self.site.deployment.settings.table_name,
            Key={"PK": {"S": key[0]}, "SK": {"S": key[1]}},
            UpdateExpression="SET " + ", ".join(sets),
            ExpressionAttributeValues=values,
            **({"ExpressionAttributeNames": names} if names else {}),
        )


@dataclass
class Site:
    """The deployed service and what a test does to it as the cloud would."""

    deployment: Deployment
    place: Place
    storefront_url: str
    jobs: dict[str, list[Callable[[Site], None]]] = field(default_factory=dict)
    """By function, in the order in which a test tries them."""
    _http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=60, retries=False))

    def stop_triggers(self) -> None:
        """From now on nothing happens by itself."""
        lambda_, events = self.deployment.client("lambda"), self.deployment.client("events")
        for one in lambda_.list_event_source_mappings()["EventSourceMappings"]:
            lambda_.update_event_source_mapping(UUID=one["UUID"], Enabled=False)
        for rule in events.list_rules()["Rules"]:
            events.disable_rule(Name=rule["Name"])
        self.deployment.client("s3").put_bucket_notification_configuration(
            Bucket=self.deployment.settings.bucket_name, NotificationConfiguration={}
        )

    def http(self, method: str, url: str, status: int = 200, **request: Any) -> Any:
        """Make a call, from an address of its own, because few sign-ins a minute may come from one; another status than
        the one expected is a failed job."""
        headers = {"X-Forwarded-For": _address(), **request.pop("headers", {})}
        answer = self._http.request(method, url, headers=headers, **request)
        if answer.status != status:
            raise CommandFailedError(f"{method} {url} answered {answer.status}: {answer.data[:300]!r}")
        return json.loads(answer.data) if answer.data else None

    def put_object(self, key: str) -> None:
        """Put something into the bucket, or replace what is there, past the service."""
        bucket = self.deployment.settings.bucket_name
        self.deployment.client("s3").put_object(Bucket=bucket, Key=key, Body=b"none", ServerSideEncryption="AES256")

    def follow(self, link: str) -> None:
        """Get what a presigned link leads to; anything but success is a failed job."""
        answer = self._http.request("GET", link)
        if answer.status != 200:
            raise CommandFailedError(f"The link answered {answer.status}: {answer.data[:300]!r}")

    def person(self, provider: str = "google") -> Person:
        """Sign somebody new in."""
        email = f"{uuid4()}@{provider}.example"
        issued = self.http(
            "POST", f"{self.place.identity_provider_url}/{provider}/token", json={"email": email, "sub": email}
        )
        apple = {"apple_id_token": issued["id_token"], "apple_authorization_code": issued.get("authorization_code")}
        token = {"id_token": issued["id_token"]} if provider == "google" else apple
        answer = self.http(
            "POST",
            f"{self.place.service_url}/auth/oauth-onboarding",
            json={
                "provider": provider,
                **token,
                "consent_acknowledgments": {**dict.fromkeys(CONSENTS, True), "version": "1.0"},
                "device_info": {"platform": "ios", "app_installation_id": email, "app_version": "1.0.0"},
            },
        )
        return Person(self, answer["user"]["id"], answer["access_token"])

    def run(self, function: str, event: dict[str, Any] | None = None) -> None:
        """Invoke a function, with the event of a schedule if nothing else."""
        invoke(self.deployment, function, event or {})

    def deliver(self, function: str, message: dict[str, Any] | str) -> None:
        """Invoke a function with a message, as Lambda does for a queue."""
        body = message if isinstance(message, str) else json.dumps(message)
        record = {
            "messageId": str(uuid4()),
            "receiptHandle": "handle",
            "body": body,
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:queue",
            "awsRegion": "eu-central-1",
        }
        self.run(function, {"Records": [record]})

    def sent_to(self, *queues: str) -> str:
        """Take one message out of one of these queues (by setting); none within five seconds is a failed job."""
        sqs = self.deployment.client("sqs")
        give_up_at = time.monotonic() + 5
        while time.monotonic() < give_up_at:
            for name in queues:
                url = sqs.get_queue_url(QueueName=getattr(self.deployment.settings, name))["QueueUrl"]
                for message in sqs.receive_message(QueueUrl=url).get("Messages", []):
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    return str(message["Body"])
            time.sleep(0.05)
        raise CommandFailedError(f"Nothing was sent to {', '.join(queues)}.")

    def empty_queues(self) -> None:
        """Throw away what earlier jobs left."""
        sqs = self.deployment.client("sqs")
        for url in sqs.list_queues().get("QueueUrls", []):
            sqs.purge_queue(QueueUrl=url)

    def uploaded_event(self, person: Person, job_id: str) -> dict[str, Any]:
        """The event of S3 about a document."""
        key = f"uploads/{person.user_id}/{job_id}.pdf"
        s3 = {"bucket": {"name": self.deployment.settings.bucket_name}, "object": {"key": key, "sequencer": "1"}}
        record = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}
        return {"Records": [{**record, "awsRegion": "eu-central-1"}]}

    def restart(self, function: str) -> None:
        """Let a function begin anew, without what it has read and kept: its processes end where their environment
        changes."""
        name, lambda_ = self.deployment.function_name(function), self.deployment.client("lambda")
        variables = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        changed = {**variables, "RESTARTED": str(uuid4())}
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


def _address() -> str:
    """Somewhere in 198.18.0.0/15, which is for tests. The emulated gateway believes that header; AWS's does not."""
    return str(ip_address("198.18.0.0") + secrets.randbelow(2**17))
