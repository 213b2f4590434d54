"""Chalice's build with our package and our swagger in it, and its deployer with aliases."""

from __future__ import annotations

import os
from typing import Any, Protocol

from botocore.session import Session
from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import (
    BuildStage,
    Deployer,
    DeploymentPackager,
    InjectDefaults,
    PolicyGenerator,
    ResultsRecorder,
    SwaggerBuilder,
)
from chalice.deploy.executor import Executor
from chalice.deploy.planner import PlanStage, RemoteState
from chalice.deploy.swagger import TemplatedSwaggerGenerator
from chalice.deploy.sweeper import ResourceSweeper
from chalice.policy import AppPolicyGenerator
from chalice.utils import UI, OSUtils

from deploy.gateway.declaration import Gateway
from deploy.gateway.single_calls import EmbeddedClient
from deploy.gateway.swagger import PatchedSwagger
from deploy.packaging.builder import Packager
from deploy.packaging.runtimes import Target, is_embedded
from deploy.release.aliased import AliasedClient


class StageConfig(Config):
    """Chalice's view of `.chalice/config.json`, with the runtime of the stage instead of this interpreter's."""

    target: Target

    @property
    def lambda_python_version(self) -> str:
        """Lambda's name of the interpreter."""
        return self.target.runtime


def config_for(target: Target) -> type[StageConfig]:
    """Return the configuration's class for a target. Chalice copies configurations by their class."""
    return type("ConfigOfTarget", (StageConfig,), {"target": target})


class Packages(Protocol):
    """Makes the zip that all functions share."""

    def create_deployment_package(self, project_dir: str, python_version: str) -> str:
        """Return its path."""
        ...


def build_stage(swagger: Any, gateway: Gateway, packages: Packages) -> BuildStage:
    """Return the steps that turn an application into what is deployed; `swagger` is one of Chalice's generators.

    Those of Chalice that complete generated policies are not among them: ours come from files.
    """
    files = OSUtils()
    return BuildStage(
        steps=[
            InjectDefaults(),
            DeploymentPackager(packager=packages),  # type: ignore[arg-type]  # it asks for this one method
            PolicyGenerator(policy_gen=AppPolicyGenerator(osutils=files), osutils=files),
            SwaggerBuilder(swagger_generator=PatchedSwagger(swagger, gateway)),  # type: ignore[arg-type]  # likewise
        ],
    )


def client_for(session: Session) -> AliasedClient:
    """Return Chalice's client: one that hands out aliases, and on the embedded cloud imports documents itself."""
    return EmbeddedClient(session) if is_embedded(os.environ) else AliasedClient(session)


def deployer(session: Session, config: Config, ui: UI, gateway: Gateway, target: Target) -> Deployer:
    """Return what deploys."""
    client, files = client_for(session), OSUtils()
    deployed = config.deployed_resources(config.chalice_stage)
    return Deployer(
        application_builder=ApplicationGraphBuilder(),
        deps_builder=DependencyBuilder(),
        build_stage=build_stage(TemplatedSwaggerGenerator(), gateway, Packager(target)),
        plan_stage=PlanStage(osutils=files, remote_state=RemoteState(client, deployed)),
        sweeper=ResourceSweeper(),
        executor=Executor(client, ui),
        recorder=ResultsRecorder(osutils=files),
    )
