"""The package for Terraform: Chalice's configuration with aliases, names of its stage, and the stage of the API."""

from __future__ import annotations

import re
from typing import Any, Final

from chalice.config import Config
from chalice.deploy import models
from chalice.package import PackageOptions, TerraformGenerator

from deploy.gateway import terraform as gateway_in_terraform
from deploy.gateway.declaration import Gateway
from deploy.packaging import accounts
from deploy.release.names import ALIAS

_REQUIRED: Final = {
    # Chalice's are older than Lambda's runtimes of today.
    "required_version": ">= 1.4",
    "required_providers": {"aws": {"source": "hashicorp/aws", "version": ">= 5.90, < 7"}},
}
_ALIAS: Final = re.compile(r"\${aws_lambda_alias\.(\w+)\.arn}")


class Template(TerraformGenerator):
    """Writes the configuration. Triggers and the API point to aliases, and two stages can live in one account."""

    def __init__(self, config: Config, options: PackageOptions, gateway: Gateway) -> None:
        super().__init__(config, options)
        self._gateway = gateway

    def generate(self, resources: list[models.Model]) -> dict[str, Any]:
        """Return the whole configuration."""
        template = super().generate(resources)
        template["terraform"] = _REQUIRED
        # It served to show names, and its provider is no more.
        del template["data"]["null_data_source"]
        found = template["resource"]
        for permission in found["aws_lambda_permission"].values():
            _allow_on_alias(permission)
        for notification in found["aws_s3_bucket_notification"].values():
            # S3 tries whether it may, when it is told of a function.
            notification["depends_on"] = [f"aws_lambda_permission.{name}" for name in _of_s3(found)]
        # Chalice names it after the bucket, and so after an account.
        found["aws_s3_bucket_notification"] = dict(
            zip(("uploads",), found["aws_s3_bucket_notification"].values(), strict=True)
        )
        gateway_in_terraform.add_stage(template, self._gateway)
        filled: dict[str, Any] = accounts.replaced(template, accounts.for_terraform)
        return filled

    def _fref(self, lambda_function: models.ManagedModel, attr: str = "arn") -> str:
        """Return a reference to what serves: Chalice asks for it for triggers, permissions and the API."""
        kind = "aws_lambda_alias" if attr in {"arn", "invoke_arn"} else "aws_lambda_function"
        return f"${{{kind}.{lambda_function.resource_name}.{attr}}}"

    def _generate_lambdafunction(self, resource: models.LambdaFunction, template: dict[str, Any]) -> None:
        log_group, resource.log_group = resource.log_group, None
        super()._generate_lambdafunction(resource, template)
        name, found = resource.resource_name, template["resource"]
        found["aws_lambda_function"][name]["publish"] = True
        found.setdefault("aws_lambda_alias", {})[name] = {
            "name": ALIAS,
            "function_name": f"${{aws_lambda_function.{name}.function_name}}",
            "function_version": f"${{aws_lambda_function.{name}.version}}",
        }
        if log_group is not None:
            found.setdefault("aws_cloudwatch_log_group", {})[name] = {
                "name": f"/aws/lambda/{resource.function_name}",
                "retention_in_days": log_group.retention_in_days,
            }

    def _generate_loggroup(self, resource: models.LogGroup, template: dict[str, Any]) -> None:
        """Written with its function. Chalice's own has another name than is looked for."""

    def _generate_scheduledevent(self, resource: models.ScheduledEvent, template: dict[str, Any]) -> None:
        """Name the rule after its stage: rules of one account share their names."""
        super()._generate_scheduledevent(resource, template)
        rule = template["resource"]["aws_cloudwatch_event_rule"][resource.resource_name]
        rule["name"] = f"{self._config.app_name}-{self._config.chalice_stage}-{resource.resource_name}"


def _allow_on_alias(permission: dict[str, Any]) -> None:
    named = _ALIAS.fullmatch(permission["function_name"])
    if named is None:
        raise ValueError(f"A permission names no alias: {permission['function_name']}")
    permission["function_name"] = f"${{aws_lambda_function.{named[1]}.function_name}}"
    # The alias's own name, as a reference: Terraform must make it first.
    permission["qualifier"] = f"${{aws_lambda_alias.{named[1]}.name}}"


def _of_s3(found: dict[str, Any]) -> list[str]:
    return sorted(
        name for name, permission in found["aws_lambda_permission"].items() if permission["principal"].startswith("s3.")
    )
