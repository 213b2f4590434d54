"""Has a stage's bucket tell EventBridge of uploads, for the package for CloudFormation; a command, see `main`.

Only for stages that are deployed from that package. It is no part of the stack with the bucket: CloudFormation would
write the bucket's notifications anew with each change of it, and take those away that `chalice deploy` made.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import boto3

from deploy.generate import stage_settings


def tell_eventbridge(s3: Any, bucket: str) -> bool:
    """Turn it on, beside whatever notifications the bucket has; return whether it was off."""
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    found.pop("ResponseMetadata", None)
    if "EventBridgeConfiguration" in found:
        return False
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={**found, "EventBridgeConfiguration": {}}
    )
    return True


def main(arguments: list[str]) -> int:
    """Turn it on for the bucket of a stage in the account whose credentials are at hand."""
    parser = argparse.ArgumentParser(prog="python -m deploy.packaging.uploads")
    parser.add_argument("--stage", default="dev")
    settings = stage_settings(parser.parse_args(arguments).stage)
    account = boto3.client("sts", region_name=settings.region).get_caller_identity()["Account"]
    bucket = settings.bucket_name.removesuffix(settings.account_id) + account
    was_off = tell_eventbridge(boto3.client("s3", region_name=settings.region), bucket)
    print(f"{bucket} tells EventBridge of uploads{'' if was_off else ' already'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
