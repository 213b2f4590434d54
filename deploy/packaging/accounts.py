"""Templates for any account: where nobody said which, the account that a template is applied in stands in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

PLACEHOLDER: Final = "000000000000"
"""The account of `.chalice/config.json` and of the policies beside it, until a deployment knows the real one."""


def replaced(content: Any, write: Callable[[str], Any]) -> Any:
    """Return a template in which `write` has put every text that names the placeholder."""
    if isinstance(content, dict):
        return {key: replaced(value, write) for key, value in content.items()}
    if isinstance(content, list):
        return [replaced(value, write) for value in content]
    return write(content) if isinstance(content, str) and PLACEHOLDER in content else content


def for_cloudformation(text: str) -> dict[str, str]:
    """Write a text as CloudFormation fills it in."""
    return {"Fn::Sub": text.replace(PLACEHOLDER, "${AWS::AccountId}")}


def for_terraform(text: str) -> str:
    """Write a text as Terraform fills it in."""
    return text.replace(PLACEHOLDER, "${data.aws_caller_identity.chalice.account_id}")
