"""Takes secrets that are there already into the stack: those that production kept, or that somebody made by hand.

CloudFormation takes tables, buckets and log groups in by itself, by their names (`ImportExistingResources`). A secret
it knows by its ARN alone, whose last six characters nobody can foretell, so it is told.
Source: "Resource type support" and "Import AWS resources into a CloudFormation stack automatically".
"""

from __future__ import annotations

import json
from typing import Any, Final

from botocore.exceptions import ClientError

from deploy.release.place import Place, Refused, error_code

_SECRET: Final = "AWS::SecretsManager::Secret"


def secrets_outside(place: Place, stack_name: str, template: dict[str, Any]) -> dict[str, str]:
    """Return the ARNs of declared secrets that exist and are not in the stack, by their logical ids.

    Raises:
        Refused: one is marked as deleted, so that it neither serves nor makes room for another.
    """
    inside, found = _inside(place, stack_name), {}
    for key, resource in template["Resources"].items():
        if resource["Type"] == _SECRET and key not in inside:
            arn = _arn_of(place, resource["Properties"]["Name"])
            if arn is not None:
                found[key] = arn
    return found


def import_request(present: dict[str, Any], template: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    """Return what CreateChangeSet is asked for: the stack as it is at present, with those secrets and nothing else."""
    resources = {**present.get("Resources", {}), **{key: template["Resources"][key] for key in secrets}}
    return {
        "ChangeSetType": "IMPORT",
        "TemplateBody": json.dumps({**present, "Resources": resources}, separators=(",", ":")),
        "Parameters": [{"ParameterKey": key, "UsePreviousValue": True} for key in present.get("Parameters", {})],
        "ResourcesToImport": [
            {"ResourceType": _SECRET, "LogicalResourceId": key, "ResourceIdentifier": {"Id": arn}}
            for key, arn in secrets.items()
        ],
    }


def present_template(place: Place, stack_name: str, *, is_first: bool) -> dict[str, Any]:
    """Return the template of the stack as it is; an empty one where there is none yet."""
    if is_first:
        return {"AWSTemplateFormatVersion": "2010-09-09"}
    body = place.client("cloudformation").get_template(StackName=stack_name)["TemplateBody"]
    found: dict[str, Any] = body if isinstance(body, dict) else json.loads(body)
    return found


def _inside(place: Place, stack_name: str) -> set[str]:
    pages = place.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name)
    try:
        return {
            one["LogicalResourceId"]
            for page in pages
            for one in page["StackResourceSummaries"]
            if one["ResourceStatus"] != "DELETE_COMPLETE"
        }
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        return set()


def _arn_of(place: Place, name: str) -> str | None:
    try:
        found = place.client("secretsmanager").describe_secret(SecretId=name)
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return None
    if found.get("DeletedDate"):
        raise Refused(
            f"The secret {name} is marked as deleted: `aws secretsmanager restore-secret --secret-id {name}` takes it "
            "back, `delete-secret --force-delete-without-recovery` makes room for a new one."
        )
    return str(found["ARN"])
