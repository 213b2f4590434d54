"""An emulated cloud for tests of deployments, and small functions in it."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from boto3.session import Session

from deploy.generate import stage_settings
from deploy.release.place import Place
from dev.testing import embedded_cloud

ANSWERING = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps({"version": VERSION})}
"""


@contextmanager
def emulated_place(stage: str = "dev") -> Iterator[Place]:
    """A cloud of its own, and a stage to be put there; the environment leads there as well."""
    with embedded_cloud(services="") as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", "local")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "local")
        for name in ("AWS_PROFILE", "OPERATORS_EMAIL", "CONFIRM", "FORCE", "ALLOW_LOSS", "SYNTHETIC_ID_TOKEN"):
            patch.delenv(name, raising=False)
        assert os.environ["AWS_ENDPOINT_URL"] == endpoint
        settings = stage_settings(stage)
        yield Place(settings, Session(region_name=settings.region))


def zipped(source: str) -> bytes:
    """The smallest package of a function."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("main.py", source)
    return content.getvalue()


def role(place: Place) -> str:
    """A role that Lambda may take."""
    made: Any = place.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")
    return str(made["Role"]["Arn"])


class Said(list[str]):
    """What was said, in order."""

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self)

    @property
    def say(self) -> Callable[[str], None]:
        """Where to say it."""
        return self.append
