"""The bucket in the template: private, encrypted, TLS alone, forgetting."""

from __future__ import annotations

from typing import Any

from deploy.resources import Bucket, tls_only_policy
from deploy.stack.parts import Part, resource


def bucket(declared: Bucket, *, is_kept: bool) -> Part:
    """Return the bucket and its policy. What notifies functions of uploads is added by the deployment of the code."""
    properties = {
        "BucketName": declared.name,
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
        "LifecycleConfiguration": {"Rules": _lifecycle(declared)},
        "CorsConfiguration": {"CorsRules": [_cors(declared)]},
    }
    # By name and not by reference: what is kept can be taken into another stack only under a name that stands here.
    policy = {"Bucket": declared.name, "PolicyDocument": tls_only_policy(declared)}
    return {
        "Bucket": resource("AWS::S3::Bucket", properties, is_kept=is_kept),
        "BucketPolicy": resource("AWS::S3::BucketPolicy", policy, is_kept=is_kept, DependsOn="Bucket"),
    }


def _lifecycle(declared: Bucket) -> list[dict[str, Any]]:
    """The bucket keeps no versions. Should somebody turn them on, they leave too, and so do markers of deletions."""
    return [
        {
            "Id": "forget",
            "Status": "Enabled",
            "ExpirationInDays": declared.expires_after_days,
            "NoncurrentVersionExpiration": {"NoncurrentDays": declared.noncurrent_expires_after_days},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": declared.abort_uploads_after_days},
        },
        # S3 refuses this beside a number of days.
        {"Id": "forget-markers", "Status": "Enabled", "ExpiredObjectDeleteMarker": True},
    ]


def _cors(declared: Bucket) -> dict[str, Any]:
    return {
        "AllowedMethods": ["POST"],
        "AllowedOrigins": list(declared.post_origins),
        "AllowedHeaders": ["*"],
        "ExposedHeaders": ["ETag"],
        "MaxAge": int(declared.post_max_age.total_seconds()),
    }
