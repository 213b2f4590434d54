"""Prints the routes of `app.py` as API Gateway imports them: `python -m deploy.emulated.swagger <ARN of a function>`.

A process of its own, because `app.py` reads its stage from the environment when it is imported.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from deploy.generate import ROOT


def swagger_of(function_arn: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the document for a stage's environment, each route answered by that function."""
    printed = subprocess.run(
        [sys.executable, "-m", "deploy.emulated.swagger", function_arn],
        cwd=ROOT,
        env=dict(environment),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    document: dict[str, Any] = json.loads(printed)
    return document


def main(function_arn: str) -> None:
    """Print it."""
    import os

    from chalice.deploy.swagger import SwaggerGenerator

    import app

    generator = SwaggerGenerator(os.environ["AWS_DEFAULT_REGION"], {"api_handler_arn": function_arn})
    print(json.dumps(generator.generate_swagger(app.app)))


if __name__ == "__main__":
    main(sys.argv[1])
