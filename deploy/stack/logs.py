"""The log groups in the template: without them Lambda makes its own, which keep their lines for ever."""

from __future__ import annotations

from collections.abc import Iterable

from deploy.release.names import access_log_group, log_group
from deploy.stack.parts import Part, logical_id, resource

ACCESS_LOGS: str = "AccessLogs"
"""Logical id of the log group of API Gateway."""


def log_groups(stage: str, functions: Iterable[str], days: int, *, is_kept: bool) -> Part:
    """Return one log group per function, and one for API Gateway's access logs."""
    named = {f"{logical_id(function)}Logs": log_group(stage, function) for function in functions}
    return {
        key: resource("AWS::Logs::LogGroup", {"LogGroupName": name, "RetentionInDays": days}, is_kept=is_kept)
        for key, name in {**named, ACCESS_LOGS: access_log_group(stage)}.items()
    }
