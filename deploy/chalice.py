"""Chalice's command line with our package, our swagger and aliases: `python -m deploy.chalice deploy|package|delete …`.

The same commands and options as `chalice`. Chalice is left as it is: its factory is asked for its parts, and hands out
ours.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import botocore.exceptions
import chalice.cli
import click
from chalice.cli.factory import CLIFactory
from chalice.config import Config
from chalice.deploy.deployer import ChaliceDeploymentError, Deployer
from chalice.package import AppPackager, PackageOptions
from chalice.utils import UI

if TYPE_CHECKING:
    from deploy.gateway.declaration import Gateway
    from deploy.packaging.runtimes import Target


class Factory(CLIFactory):
    """Makes what Chalice's commands work with. `target` overrules what the stage runs on."""

    target: ClassVar[Target | None] = None

    def create_config_obj(self, chalice_stage_name: str = "dev", **options: Any) -> Config:  # type: ignore[override]  # Chalice's commands name every option
        """Return the stage's configuration, for the runtime that it runs on.

        Raises:
            ClickException: there is no such stage.
        """
        from deploy.packaging.runtimes import of_stage
        from deploy.packaging.steps import config_for

        config = super().create_config_obj(chalice_stage_name, **options)
        stages = config.config_from_disk.get("stages", {})
        if chalice_stage_name not in stages:
            raise click.ClickException(
                f"There is no stage {chalice_stage_name} in .chalice/config.json, but {', '.join(stages)}."
            )
        target = self.target or of_stage(config.config_from_disk, chalice_stage_name, os.environ)
        config.__class__ = config_for(target)
        return config

    def create_default_deployer(self, session: Any, config: Config, ui: UI) -> Deployer:
        """Return what deploys, and sets what stands before the API."""
        from deploy.gateway.deployer import WithGateway
        from deploy.packaging.steps import deployer

        gateway = gateway_of(config)
        inner = deployer(session, config, ui, gateway, config.target)  # type: ignore[attr-defined]  # see create_config_obj
        return WithGateway(inner, session, gateway, ui)  # type: ignore[return-value]  # the command asks it to deploy

    def create_deletion_deployer(self, session: Any, ui: UI) -> Deployer:
        """Return what removes functions together with their aliases."""
        from chalice.deploy.deployer import create_deletion_deployer

        from deploy.packaging.steps import client_for

        return create_deletion_deployer(client_for(session), ui)

    def create_app_packager(
        self,
        config: Config,
        options: PackageOptions,
        package_format: str,
        template_format: str,
        merge_template: str | None = None,
    ) -> AppPackager:
        """Return what writes a package with a template.

        Raises:
            SystemExit: YAML or another template was asked for.
        """
        if template_format != "json" or merge_template is not None:
            raise SystemExit("Templates are written as JSON, and nothing is merged into them.")
        from deploy.packaging.builder import Packager
        from deploy.packaging.templates import app_packager

        packages = Packager(config.target)  # type: ignore[attr-defined]  # see create_config_obj
        return app_packager(config, options, gateway_of(config), packages, is_terraform=package_format == "terraform")


def gateway_of(config: Config) -> Gateway:
    """Declare what stands before the API, from the application that is deployed and the stage's options."""
    assert config.chalice_app is not None  # loads app.py, with the stage's environment
    from chalicelib.config import load
    from deploy.gateway.declaration import declare

    options = {**config.config_from_disk, **config.config_from_disk["stages"][config.chalice_stage]}
    endpoints = importlib.import_module("app").api.endpoints
    return declare(load({**os.environ, **config.environment_variables}), options, endpoints)


def main(arguments: list[str], *, standalone_mode: bool = True) -> int:
    """Run a command of Chalice's; return 0, or 1 after a sentence that says what is wrong.

    In `standalone_mode` the process ends with the command, with Chalice's own exit status.
    """
    from deploy.packaging.bytecode import BytecodeError
    from deploy.packaging.dependencies import PackagingError
    from deploy.packaging.interpreters import InterpreterMissingError
    from deploy.packaging.runtimes import UnsupportedRuntimeError

    # The runtime is the stage's, whatever interpreter deploys.
    warnings.filterwarnings("ignore", message="You are currently running python")
    chalice.cli.CLIFactory = Factory  # type: ignore[attr-defined]  # the one seam that its commands have
    try:
        chalice.cli.cli(args=arguments, prog_name="python -m deploy.chalice", obj={}, standalone_mode=standalone_mode)
    except (
        BytecodeError,
        ChaliceDeploymentError,
        InterpreterMissingError,
        PackagingError,
        UnsupportedRuntimeError,
    ) as failure:
        print(failure, file=sys.stderr)
        return 1
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as failure:
        # No credentials, no region, no permission, no answer: its own words say which.
        print(f"AWS: {failure}", file=sys.stderr)
        return 1
    return 0


def _project_of(arguments: list[str]) -> Path:
    """Return the folder that `--project-dir` names, as Chalice reads it."""
    for number, argument in enumerate(arguments):
        if argument == "--project-dir" and number + 1 < len(arguments):
            return Path(arguments[number + 1]).resolve()
        if argument.startswith("--project-dir="):
            return Path(argument.partition("=")[2]).resolve()
    return Path.cwd()


if __name__ == "__main__":
    # The project's own `app` and `chalicelib` come before those beside this file.
    sys.path.insert(0, str(_project_of(sys.argv[1:])))
    sys.exit(main(sys.argv[1:]))
