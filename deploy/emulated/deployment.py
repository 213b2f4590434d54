"""Puts the service into an emulated cloud as it is put into an account: resources, package, roles, triggers, API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from boto3.session import Session

from chalicelib.config import Settings
from deploy.emulated.project import Project
from deploy.emulated.swagger import swagger_of
from deploy.generate import ROOT
from deploy.packaging.machine import reaching_out
from deploy.release.names import API_FUNCTION, function_name
from deploy.resources import declare
from dev.ministack import ADMINISTRATOR, REGION
from dev.provision import clients_at, create

_STAGE: Final = "api"


class NotDeployedError(Exception):
    """The deployment failed. The text is the end of what it said."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployed service: where it answers, and clients that may do everything."""

    settings: Settings
    cloud_url: str
    service_url: str

    def client(self, service: str) -> Any:
        """Return an administrator's client of one service."""
        make: Any = administrator().client
        return make(service, endpoint_url=self.cloud_url)

    def function_name(self, function: str) -> str:
        """Return the name in Lambda of a function of `deploy/permissions.py`."""
        return function_name(self.settings.stage, function)

    def role_name(self, function: str) -> str:
        """Return the name of a function's role, by Chalice's naming."""
        return f"serenya-{self.settings.stage}-{function}"


def administrator() -> Session:
    """Return a session that may do everything in the emulated cloud."""
    key, secret = ADMINISTRATOR
    return Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name=REGION)


def deploy(project: Project, cloud_url: str) -> Deployment:
    """Deploy a project.

    Raises:
        NotDeployedError: Chalice or the emulated cloud refused.
    """
    resources = declare(project.settings)
    create(resources, clients_at(cloud_url, REGION))
    # The emulated cloud is spoken to without TLS, and under enforcement the bucket refuses that, as it should.
    administrator().client("s3", endpoint_url=cloud_url).delete_bucket_policy(Bucket=resources.bucket.name)
    _chalice_deploy(project, cloud_url)
    api_id = _create_rest_api(project, cloud_url)
    return Deployment(project.settings, cloud_url, f"{cloud_url}/_aws/execute-api/{api_id}/{_STAGE}")


def _environment(cloud_url: str) -> dict[str, str]:
    key, secret = ADMINISTRATOR
    return {
        **reaching_out(),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "AWS_ENDPOINT_URL": cloud_url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": REGION,
    }


def _chalice_deploy(project: Project, cloud_url: str) -> None:
    command = ["--project-dir", str(project.folder), "deploy", "--stage", project.settings.stage]
    done = subprocess.run(
        [sys.executable, "-m", "deploy.chalice", *command],
        check=False,
        cwd=ROOT,
        env=_environment(cloud_url),
        capture_output=True,
        text=True,
    )
    said = done.stdout + done.stderr
    if done.returncode != 0 or "Could not install dependencies" in said:
        raise NotDeployedError(said[-4000:])


def _stored(template: str, cloud_url: str) -> str:
    bucket, key = "templates", "rest-api.json"
    s3 = administrator().client("s3", endpoint_url=cloud_url)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key=key, Body=template.encode())
    return f"{cloud_url}/{bucket}/{key}"


def _create_rest_api(project: Project, cloud_url: str) -> str:
    """Import the routes. The emulated cloud answers Chalice's `ImportRestApi` with 201 and imports nothing; its own
    importer is reached through CloudFormation."""
    lambda_ = administrator().client("lambda", endpoint_url=cloud_url)
    name = function_name(project.settings.stage, API_FUNCTION)
    arn = lambda_.get_function_configuration(FunctionName=name)["FunctionArn"]
    chalice = json.loads((project.folder / ".chalice" / "config.json").read_text(encoding="utf-8"))
    variables = chalice["stages"][project.settings.stage]["environment_variables"]
    document = swagger_of(arn, {**_environment(cloud_url), **variables})
    api = {
        "Type": "AWS::ApiGateway::RestApi",
        "Properties": {
            "Name": "serenya",
            "Body": document,
            "BinaryMediaTypes": document["x-amazon-apigateway-binary-media-types"],
            "MinimumCompressionSize": chalice["minimum_compression_size"],
        },
    }
    deployed = {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}, "StageName": _STAGE}}
    template = {"Resources": {"Api": api, "Deployed": deployed}, "Outputs": {"Id": {"Value": {"Ref": "Api"}}}}
    cloudformation = administrator().client("cloudformation", endpoint_url=cloud_url)
    stack = f"serenya-{project.settings.stage}-rest-api"
    # Larger than a template may be in the request itself (51,200 bytes).
    cloudformation.create_stack(StackName=stack, TemplateURL=_stored(json.dumps(template), cloud_url))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    outputs = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    return str(outputs[0]["OutputValue"])
