"""Writes a package with its template, for CloudFormation or Terraform: put together from Chalice's parts and ours."""

from __future__ import annotations

from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.swagger import CFNSwaggerGenerator, TerraformSwaggerGenerator
from chalice.package import (
    AppPackager,
    CompositePostProcessor,
    JSONTemplateSerializer,
    PackageOptions,
    ResourceBuilder,
    SAMCodeLocationPostProcessor,
    TerraformCodeLocationPostProcessor,
)
from chalice.utils import OSUtils

from deploy.gateway.declaration import Gateway
from deploy.packaging import sam, terraform
from deploy.packaging.steps import Packages, build_stage


def app_packager(
    config: Config, options: PackageOptions, gateway: Gateway, packages: Packages, *, is_terraform: bool
) -> AppPackager:
    """Return it; `package_app(config, folder, stage)` writes `deployment.zip` and `sam.json` or `chalice.tf.json`."""
    files = OSUtils()
    swagger = TerraformSwaggerGenerator() if is_terraform else CFNSwaggerGenerator()
    template = (terraform if is_terraform else sam).Template(config, options, gateway)
    code = (TerraformCodeLocationPostProcessor if is_terraform else SAMCodeLocationPostProcessor)(osutils=files)
    resources = ResourceBuilder(ApplicationGraphBuilder(), DependencyBuilder(), build_stage(swagger, gateway, packages))
    return AppPackager(template, resources, CompositePostProcessor([code]), JSONTemplateSerializer(), files)
