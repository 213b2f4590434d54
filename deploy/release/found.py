"""What Chalice has deployed, read from the account itself, in the form of Chalice's own record.

Chalice keeps that record in a file, and writes it when a deployment has ended well. A deployment that was stopped, or
another machine, has none: Chalice would then make a second API beside the first. What the account says is never stale
and is never lost, so the file is written anew before each run and thrown away afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.config import APP_NAME
from deploy.permissions import FUNCTIONS
from deploy.release.names import ALIAS, API_FUNCTION, api_name, function_arn, function_name, live_arn
from deploy.release.place import Place, error_code

Record = dict[str, str]


def deployed_record(place: Place) -> dict[str, Any]:
    """Return Chalice's record of what the account has of a stage; without resources where it has nothing.

    In the order in which things are made: Chalice removes them from the end.
    """
    functions = sorted(found_functions(place))
    return {
        "schema_version": "2.0",
        "backend": "api",
        "resources": [
            *_roles(place, {*functions, *FUNCTIONS}),
            *(
                {"name": name, "resource_type": "lambda_function", "lambda_arn": _arn(place, name)}
                for name in functions
            ),
            *_rest_api(place),
            *_uploads(place),
            *_queues(place),
            *_schedules(place),
        ],
    }


def found_functions(place: Place) -> Iterator[str]:
    """Return the functions of the stage that are there, by their names in `deploy/permissions.py`; also those that the
    source has no more. A tag of Chalice's tells them from other people's."""
    prefix, lambdas = function_name(place.settings.stage, API_FUNCTION), place.client("lambda")
    ours = f"stage={place.settings.stage}:app={APP_NAME}"
    for page in lambdas.get_paginator("list_functions").paginate():
        for found in page["Functions"]:
            name = found["FunctionName"]
            if name != prefix and not name.startswith(f"{prefix}-"):
                continue
            tags = lambdas.list_tags(Resource=found["FunctionArn"]).get("Tags", {})
            if tags.get("aws-chalice", "").endswith(ours):
                yield API_FUNCTION if name == prefix else name.removeprefix(f"{prefix}-")


def rest_api_id(place: Place) -> str | None:
    """Return the id of the stage's API, if there is one."""
    gateway = place.client("apigateway")
    for page in gateway.get_paginator("get_rest_apis").paginate():
        for api in page["items"]:
            if api["name"] == api_name(place.settings.stage):
                return str(api["id"])
    return None


def _arn(place: Place, function: str) -> str:
    return live_arn(place.settings, function)


def _roles(place: Place, functions: Iterable[str]) -> Iterator[Record]:
    """Roles are made first: one may be there without its function."""
    iam = place.client("iam")
    for function in sorted(functions):
        name = f"{APP_NAME}-{place.settings.stage}-{function}"
        try:
            arn = iam.get_role(RoleName=name)["Role"]["Arn"]
        except ClientError as error:
            if error_code(error) != "NoSuchEntity":
                raise
            continue
        yield {"name": f"{function}_role", "resource_type": "iam_role", "role_arn": arn, "role_name": name}


def _rest_api(place: Place) -> Iterator[Record]:
    found = rest_api_id(place)
    if found is not None:
        url = f"https://{found}.execute-api.{place.settings.region}.amazonaws.com/api/"
        yield {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": found, "rest_api_url": url}


def _uploads(place: Place) -> Iterator[Record]:
    bucket = place.settings.bucket_name
    try:
        found = place.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    except ClientError as error:
        if error_code(error) != "NoSuchBucket":
            raise
        return
    for one in found.get("LambdaFunctionConfigurations", []):
        arn = one["LambdaFunctionArn"]
        function = _function_of(place, arn)
        if function is not None:
            yield {"name": f"{function}-s3event", "resource_type": "s3_event", "bucket": bucket, "lambda_arn": arn}


def _queues(place: Place) -> Iterator[Record]:
    lambdas = place.client("lambda")
    for page in lambdas.get_paginator("list_event_source_mappings").paginate():
        for one in page["EventSourceMappings"]:
            function = _function_of(place, one.get("FunctionArn", ""))
            if function is not None and one.get("State") != "Deleting":
                yield {
                    "name": f"{function}-sqs-event-source",
                    "resource_type": "sqs_event",
                    "queue_arn": one["EventSourceArn"],
                    "queue": one["EventSourceArn"].rpartition(":")[2],
                    "event_uuid": one["UUID"],
                    "lambda_arn": one["FunctionArn"],
                }


def _schedules(place: Place) -> Iterator[Record]:
    prefix = f"{APP_NAME}-{place.settings.stage}-"
    for page in place.client("events").get_paginator("list_rules").paginate(NamePrefix=prefix):
        for rule in page["Rules"]:
            name = rule["Name"].removeprefix(prefix)
            if name.endswith("-event"):
                yield {"name": name, "resource_type": "cloudwatch_event", "rule_name": rule["Name"]}


def _function_of(place: Place, arn: str) -> str | None:
    """Return whose alias an ARN names, if it is one of the stage's functions."""
    prefix = function_arn(place.settings, API_FUNCTION)
    if arn == f"{prefix}:{ALIAS}":
        return API_FUNCTION
    if arn.startswith(f"{prefix}-") and arn.endswith(f":{ALIAS}"):
        return arn.removeprefix(f"{prefix}-").removesuffix(f":{ALIAS}")
    return None
