"""The gateway in Terraform: a stage of its own, as Chalice's deployment makes one that nothing can be set on."""

from __future__ import annotations

from typing import Any, Final

from deploy.gateway.declaration import Gateway
from deploy.gateway.throttles import Throttle

_API: Final = "rest_api"
_ID: Final = f"${{aws_api_gateway_rest_api.{_API}.id}}"
_STAGE: Final = f"aws_api_gateway_stage.{_API}"


def add_stage(template: dict[str, Any], gateway: Gateway) -> None:
    """Put the stage with its settings into a configuration, in the place of the one that the deployment would make."""
    found = template["resource"]
    found["aws_api_gateway_deployment"][_API] = {
        "rest_api_id": _ID,
        "triggers": {"redeployment": "${md5(local.chalice_api_swagger)}"},
        "lifecycle": {"create_before_destroy": True},
    }
    found["aws_api_gateway_stage"] = {_API: _stage(gateway)}
    found["aws_api_gateway_method_settings"] = _settings(gateway)
    if gateway.web_acl_arn is not None:
        found["aws_wafv2_web_acl_association"] = {
            _API: {"resource_arn": f"${{{_STAGE}.arn}}", "web_acl_arn": gateway.web_acl_arn}
        }
    for mapping in found.get("aws_api_gateway_base_path_mapping", {}).values():
        mapping["stage_name"] = f"${{{_STAGE}.stage_name}}"
    template["output"]["EndpointURL"] = {"value": f"${{{_STAGE}.invoke_url}}"}


def _stage(gateway: Gateway) -> dict[str, Any]:
    log_group = (
        "arn:${data.aws_partition.chalice.partition}:logs:${data.aws_region.chalice.name}"
        f":${{data.aws_caller_identity.chalice.account_id}}:log-group:{gateway.access_log_group}"
    )
    return {
        "rest_api_id": _ID,
        "deployment_id": f"${{aws_api_gateway_deployment.{_API}.id}}",
        "stage_name": gateway.api_stage,
        "access_log_settings": {"destination_arn": log_group, "format": gateway.access_log_format},
        "xray_tracing_enabled": gateway.is_traced,
    }


def _settings(gateway: Gateway) -> dict[str, Any]:
    settings = {"every_method": _setting("*/*", gateway.stage_throttle)}
    for (path, verb), throttle in gateway.throttles.items():
        name = f"{path.strip('/')}/{verb}"
        settings[_identifier(name)] = _setting(name, throttle)
    return settings


def _setting(method_path: str, throttle: Throttle) -> dict[str, Any]:
    return {
        "rest_api_id": _ID,
        "stage_name": f"${{{_STAGE}.stage_name}}",
        "method_path": method_path,
        "settings": {"throttling_rate_limit": throttle.rate, "throttling_burst_limit": throttle.burst},
    }


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name).lower()
