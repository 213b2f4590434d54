"""The package for CloudFormation: Chalice's template with what it refuses or cannot say."""

from __future__ import annotations

from typing import Any

from chalice.config import Config
from chalice.deploy import models
from chalice.package import PackageOptions, SAMTemplateGenerator
from chalice.utils import to_cfn_resource_name

from chalicelib.web.s3_events import pattern
from deploy.gateway.cloudformation import stage_properties, web_acl_association
from deploy.gateway.declaration import Gateway
from deploy.packaging import accounts
from deploy.release.names import ALIAS


class Template(SAMTemplateGenerator):
    """Writes the template. Functions have the names that their policies and log groups were made for, and aliases, to
    which triggers and the API point."""

    def __init__(self, config: Config, options: PackageOptions, gateway: Gateway) -> None:
        super().__init__(config, options)
        self._gateway = gateway

    def generate(self, resources: list[models.Model]) -> dict[str, Any]:
        """Return the whole template."""
        template = super().generate(resources)
        found = template["Resources"]
        found["RestAPI"]["Properties"] |= stage_properties(self._gateway)
        found |= web_acl_association(self._gateway)
        found["APIHandlerInvokePermission"]["Properties"]["FunctionName"] = {"Ref": "APIHandler.Alias"}
        if (mapping := found.get("ApiGatewayCustomDomainMapping")) is not None:
            # By its name alone CloudFormation would make the mapping before the stage.
            mapping["Properties"]["Stage"] = {"Ref": "RestAPI.Stage"}
        filled: dict[str, Any] = accounts.replaced(template, accounts.for_cloudformation)
        return filled

    def _generate_lambdafunction(self, resource: models.LambdaFunction, template: dict[str, Any]) -> None:
        log_group, resource.log_group = resource.log_group, None
        super()._generate_lambdafunction(resource, template)
        name = to_cfn_resource_name(resource.resource_name)
        template["Resources"][name]["Properties"] |= {
            "FunctionName": resource.function_name,
            "AutoPublishAlias": ALIAS,
        }
        if log_group is not None:
            # Chalice names it so that the template is invalid.
            template["Resources"][f"{name}LogGroup"] = {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {
                    "LogGroupName": f"/aws/lambda/{resource.function_name}",
                    "RetentionInDays": log_group.retention_in_days,
                },
            }

    def _generate_s3bucketnotification(self, resource: models.S3BucketNotification, template: dict[str, Any]) -> None:
        """Set a function off by a rule: CloudFormation cannot add a notification to a bucket of another stack. The same
        handler takes both events, see `chalicelib/web/s3_events.py`; the bucket has to tell EventBridge."""
        function = template["Resources"][to_cfn_resource_name(resource.lambda_function.resource_name)]
        name = self._register_cfn_resource_name(resource.resource_name)
        function["Properties"].setdefault("Events", {})[name] = {
            "Type": "EventBridgeRule",
            "Properties": {"Pattern": pattern(resource.bucket, resource.prefix or "")},
        }
