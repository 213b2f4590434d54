"""The table in the template: the models' keys and indexes, and what the stage adds."""

from __future__ import annotations

from typing import Any

from deploy.resources import Table
from deploy.stack.parts import Part, resource


def table(declared: Table, *, is_kept: bool) -> Part:
    """Return the table. CreateTable and CloudFormation call keys, indexes and billing by the same names."""
    properties: dict[str, Any] = {
        **declared.definition,
        "DeletionProtectionEnabled": declared.is_protected,
        "TimeToLiveSpecification": {"AttributeName": declared.ttl_attribute, "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": declared.is_recoverable},
    }
    if declared.has_account_key:
        properties["SSESpecification"] = {"SSEEnabled": True, "SSEType": "KMS"}
    return {"Table": resource("AWS::DynamoDB::Table", properties, is_kept=is_kept)}
