"""The secrets in the template: empty, because a template is readable. Keys are drawn, and others put in, afterwards."""

from __future__ import annotations

from collections.abc import Iterable

from deploy.resources import GivenSecret, KeySetSecret
from deploy.stack.parts import Part, logical_id, resource, without_prefix


def secrets(declared: Iterable[KeySetSecret | GivenSecret], prefix: str, *, is_kept: bool) -> Part:
    """Return every secret without a value: CloudFormation then makes none, and an update never overwrites one."""
    return {
        f"{logical_id(without_prefix(one.name, prefix))}Secret": resource(
            "AWS::SecretsManager::Secret", {"Name": one.name, "Description": one.description}, is_kept=is_kept
        )
        for one in declared
    }
