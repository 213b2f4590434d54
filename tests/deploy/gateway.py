"""What tests of the gateway share: the declaration of a stage, and Chalice's own swagger of this application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalice.deploy.swagger import CFNSwaggerGenerator, SwaggerGenerator

import app as page
from deploy.gateway.declaration import Gateway, declare
from deploy.generate import stage_settings

REGION = "eu-central-1"
FUNCTION = f"arn:aws:lambda:{REGION}:000000000000:function:serenya-dev"
OPTIONS = {"api_gateway_stage": "api", "minimum_compression_size": 1024}


def declared(options: Mapping[str, Any] | None = None) -> Gateway:
    return declare(stage_settings("dev"), {**OPTIONS, **(options or {})}, page.api.endpoints)


def chalices_own() -> dict[str, Any]:
    document: dict[str, Any] = SwaggerGenerator(REGION, {"api_handler_arn": FUNCTION}).generate_swagger(page.app)
    return document


def chalices_own_for_cloudformation() -> dict[str, Any]:
    document: dict[str, Any] = CFNSwaggerGenerator().generate_swagger(page.app)
    return document
