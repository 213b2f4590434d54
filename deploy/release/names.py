"""What deployed things are called, derived from stage and account: nothing is pasted by hand."""

from __future__ import annotations

from typing import Final

from chalicelib.config import APP_NAME, Settings

ALIAS: Final = "live"
"""The alias of every function that API Gateway, queues, schedules and the bucket point to; `$LATEST` serves nobody."""

API_FUNCTION: Final = "api_handler"
"""What Chalice calls the function behind API Gateway."""


def stack_name(stage: str) -> str:
    """Return the name of a stage's CloudFormation stack."""
    return f"{APP_NAME}-{stage}"


def function_name(stage: str, function: str) -> str:
    """Return a function's name in Lambda, by Chalice's naming; `function` is its name in `deploy/permissions.py`."""
    return f"{APP_NAME}-{stage}" if function == API_FUNCTION else f"{APP_NAME}-{stage}-{function}"


def function_arn(settings: Settings, function: str) -> str:
    """Return a function's ARN, without version or alias."""
    name = function_name(settings.stage, function)
    return f"arn:aws:lambda:{settings.region}:{settings.account_id}:function:{name}"


def live_arn(settings: Settings, function: str) -> str:
    """Return the ARN of what serves: the function's alias."""
    return f"{function_arn(settings, function)}:{ALIAS}"


def api_name(stage: str) -> str:
    """Return the title of the REST API, which is also its name in CloudWatch: two stages may share an account."""
    return f"{APP_NAME}-{stage}"


def log_group(stage: str, function: str) -> str:
    """Return the log group that Lambda writes a function's lines to."""
    return f"/aws/lambda/{function_name(stage, function)}"


def access_log_group(stage: str) -> str:
    """Return the log group of API Gateway's access logs."""
    return f"/aws/apigateway/{APP_NAME}-{stage}"


def operators_topic(stage: str) -> str:
    """Return the name of the SNS topic that operators are told things through."""
    return f"{APP_NAME}-{stage}-operators"


def operators_topic_arn(settings: Settings) -> str:
    """Return that topic's ARN."""
    return f"arn:aws:sns:{settings.region}:{settings.account_id}:{operators_topic(settings.stage)}"
