"""The gateway in CloudFormation: settings of the deployed stage, which stand beside the swagger document."""

from __future__ import annotations

from typing import Any

from deploy.gateway.declaration import Gateway
from deploy.gateway.throttles import Method, Throttle


def stage_properties(gateway: Gateway) -> dict[str, Any]:
    """Return properties of `AWS::Serverless::Api`."""
    return {
        "AccessLogSetting": {
            "DestinationArn": {
                "Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:"
                + gateway.access_log_group
            },
            "Format": gateway.access_log_format,
        },
        "MethodSettings": [
            _setting(("/*", "*"), gateway.stage_throttle),
            *(_setting(method, throttle) for method, throttle in gateway.throttles.items()),
        ],
        "TracingEnabled": gateway.is_traced,
    }


def web_acl_association(gateway: Gateway) -> dict[str, Any]:
    """Return the resource that puts a web ACL before the stage; nothing where the stage names none."""
    if gateway.web_acl_arn is None:
        return {}
    stage = "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${RestAPI}/stages/${RestAPI.Stage}"
    properties = {"ResourceArn": {"Fn::Sub": stage}, "WebACLArn": gateway.web_acl_arn}
    return {"WebAclAssociation": {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": properties}}


def _setting(method: Method, throttle: Throttle) -> dict[str, Any]:
    path, verb = method
    return {
        "ResourcePath": path if path == "/*" else f"/{path.replace('/', '~1')}",
        "HttpMethod": verb,
        "ThrottlingRateLimit": throttle.rate,
        "ThrottlingBurstLimit": throttle.burst,
    }
