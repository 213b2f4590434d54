"""Makes what `deploy/resources.py` declares, at any endpoint, through boto3. Safe to run again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deploy.key_sets import drawn_key
from deploy.resources import Bucket, GivenSecret, KeySetSecret, Queue, Resources, Table, tls_only_policy

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients that making resources takes."""

    dynamodb: DynamoDBClient
    s3: S3Client
    sqs: SQSClient
    secretsmanager: SecretsManagerClient


def clients_at(endpoint_url: str, region: str) -> Clients:
    """Make clients for an embedded cloud."""
    session = session_without_account(region)
    return Clients(
        dynamodb=session.client("dynamodb", endpoint_url=endpoint_url),
        s3=session.client("s3", endpoint_url=endpoint_url),
        sqs=session.client("sqs", endpoint_url=endpoint_url),
        secretsmanager=session.client("secretsmanager", endpoint_url=endpoint_url),
    )


def session_without_account(region: str) -> Session:
    """Return a session with the names that an embedded cloud takes for credentials; it asks for no real ones."""
    from boto3.session import Session

    return Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=region)


def create(resources: Resources, clients: Clients) -> None:
    """Make everything that a stage declares."""
    create_table(resources.table, clients.dynamodb)
    create_bucket(resources.bucket, clients.s3)
    for queue in resources.queues:
        create_queue(queue, clients.sqs)
    create_key_set(resources.token_keys, clients.secretsmanager)
    create_key_set(resources.data_keys, clients.secretsmanager)


def create_table(table: Table, dynamodb: DynamoDBClient) -> None:
    """Make a table with its indexes, wait until it can be used, then set time-to-live and recovery."""
    try:
        dynamodb.create_table(**table_request(table))
    except dynamodb.exceptions.ResourceInUseException:
        return
    dynamodb.get_waiter("table_exists").wait(TableName=table.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    dynamodb.update_time_to_live(
        TableName=table.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl_attribute}
    )
    if table.is_recoverable:
        dynamodb.update_continuous_backups(
            TableName=table.name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )


def table_request(table: Table) -> Any:
    """Write a table as DynamoDB's `CreateTable` wants it."""
    request = {**table.definition, "DeletionProtectionEnabled": table.is_protected}
    if table.has_account_key:
        request["SSESpecification"] = {"Enabled": True, "SSEType": "KMS"}
    return request


def create_bucket(bucket: Bucket, s3: S3Client) -> None:
    """Make a bucket: private, encrypted, TLS alone, forgetting, ready for presigned POSTs from a page."""
    region: Any = s3.meta.region_name
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(
            Bucket=bucket.name,
            ObjectOwnership="BucketOwnerEnforced",
            CreateBucketConfiguration={"LocationConstraint": region},
        )
    s3.put_public_access_block(
        Bucket=bucket.name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_encryption(
        Bucket=bucket.name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    s3.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(tls_only_policy(bucket)))
    s3.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration=lifecycle_of(bucket))
    s3.put_bucket_cors(Bucket=bucket.name, CORSConfiguration=cors_of(bucket))


def lifecycle_of(bucket: Bucket) -> Any:
    """Write the rules by which every object leaves, every upload that was begun and not finished, and what would be
    left of objects if somebody turned versions on."""
    return {
        "Rules": [
            {
                "ID": "forget",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "Expiration": {"Days": bucket.expires_after_days},
                "NoncurrentVersionExpiration": {"NoncurrentDays": bucket.noncurrent_expires_after_days},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": bucket.abort_uploads_after_days},
            },
            {
                "ID": "forget-markers",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                # S3 refuses this beside a number of days.
                "Expiration": {"ExpiredObjectDeleteMarker": True},
            },
        ]
    }


def cors_of(bucket: Bucket) -> Any:
    """Write the rule by which a page may send a presigned POST, and nothing else."""
    return {
        "CORSRules": [
            {
                "AllowedMethods": ["POST"],
                "AllowedOrigins": list(bucket.post_origins),
                "AllowedHeaders": ["*"],
                "ExposeHeaders": ["ETag"],
                "MaxAgeSeconds": int(bucket.post_max_age.total_seconds()),
            }
        ]
    }


def create_queue(queue: Queue, sqs: SQSClient) -> str:
    """Make a queue and its dead-letter queue, and return the queue's address."""
    dead_letters = sqs.create_queue(
        QueueName=queue.dead_letter_name,
        Attributes={
            "MessageRetentionPeriod": _seconds(queue.dead_letter_retention),
            "SqsManagedSseEnabled": "true",
        },
    )
    described = sqs.get_queue_attributes(QueueUrl=dead_letters["QueueUrl"], AttributeNames=["QueueArn"])
    redrive = {"deadLetterTargetArn": described["Attributes"]["QueueArn"], "maxReceiveCount": queue.max_receives}
    created = sqs.create_queue(
        QueueName=queue.name,
        Attributes={
            "VisibilityTimeout": _seconds(queue.visibility),
            "MessageRetentionPeriod": _seconds(queue.retention),
            "SqsManagedSseEnabled": "true",
            "RedrivePolicy": json.dumps(redrive),
        },
    )
    return created["QueueUrl"]


def create_key_set(secret: KeySetSecret, secretsmanager: SecretsManagerClient) -> None:
    """Draw a key and keep it in a secret, unless there is one already."""
    try:
        secretsmanager.create_secret(
            Name=secret.name, Description=secret.description, SecretString=draw_key_set(secret.key_bytes)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceExistsException":
            raise


def put_given(secret: GivenSecret, value: Mapping[str, str | None], secretsmanager: SecretsManagerClient) -> None:
    """Put a value that somebody else drew into its secret, whether there is one already or not.

    Raises:
        ValueError: the value has other fields than are declared.
    """
    if set(value) != set(secret.fields):
        raise ValueError(f"the secret {secret.name} has the fields {', '.join(secret.fields)}")
    text = json.dumps(dict(value))
    try:
        secretsmanager.create_secret(Name=secret.name, Description=secret.description, SecretString=text)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceExistsException":
            raise
        secretsmanager.put_secret_value(SecretId=secret.name, SecretString=text)


def draw_key_set(key_bytes: int) -> str:
    """Return a fresh key set as JSON."""
    return json.dumps({"current": drawn_key(key_bytes), "previous": None})


def _seconds(duration: Any) -> str:
    return str(int(duration.total_seconds()))
