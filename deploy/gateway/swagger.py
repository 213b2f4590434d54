"""The patch of Chalice's swagger: our answers for what never reaches a function, and the alias that serves.

Used for `chalice deploy` and both packages, by `python -m deploy.chalice`. Road not taken: a template of our own for
the whole API. Chalice's document has every route as `app.py` declares it, and stays right when routes change.
"""

from __future__ import annotations

import copy
import re
from typing import Any, Final

from chalice.app import Chalice
from chalice.deploy.planner import StringFormat

from deploy.gateway.declaration import Gateway
from deploy.gateway.responses import GatewayResponse
from deploy.release.names import ALIAS, api_name

RESPONSES: Final = "x-amazon-apigateway-gateway-responses"
COMPRESSION: Final = "x-amazon-apigateway-minimum-compression-size"
INTEGRATION: Final = "x-amazon-apigateway-integration"
ANY_METHOD: Final = "x-amazon-apigateway-any-method"
_TERRAFORM_FUNCTION: Final = "${aws_lambda_function."
_TERRAFORM_ALIAS: Final = "${aws_lambda_alias."
# What bodies of requests with a wrong method declare; with any other type they are answered 415.
_TYPES_OF_WRONG_METHODS: Final = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
)


def patched(document: dict[str, Any], gateway: Gateway) -> dict[str, Any]:
    """Return a copy of Chalice's swagger document with what Chalice cannot say. Patching twice changes nothing more."""
    swagger = copy.deepcopy(document)
    # Chalice calls the API of every stage alike; the name is also what tells their metrics apart.
    swagger["info"]["title"] = api_name(gateway.stage)
    swagger[RESPONSES] = {kind: response.rendered() for kind, response in gateway.responses.items()}
    swagger[COMPRESSION] = gateway.minimum_compression_bytes
    for path, item in swagger["paths"].items():
        for operation in item.values():
            integration = operation[INTEGRATION]
            if "uri" in integration:
                integration["uri"] = of_alias(integration["uri"])
        if path in gateway.methods:  # the stage local has paths of its own for what is unknown
            item[ANY_METHOD] = _wrong_method(gateway.wrong_method, gateway.methods[path])
        for operation in item.values():
            # Chalice leaves them out of preflight requests, which makes the document invalid.
            if names := re.findall(r"{(\w+)}", path):
                operation["parameters"] = [
                    {"name": name, "in": "path", "required": True, "type": "string"} for name in names
                ]
    return swagger


def of_alias(uri: Any) -> Any:
    """Return an integration's URI that names the alias: as text, as CloudFormation's `Fn::Sub`, or as Terraform's
    reference. What Chalice fills in while it deploys stays: `deploy/release/aliased.py` hands it the alias's ARN."""
    if isinstance(uri, StringFormat):
        return uri
    if isinstance(uri, dict):
        return {"Fn::Sub": _qualified(uri["Fn::Sub"])}
    if uri.startswith(_TERRAFORM_FUNCTION):
        return _TERRAFORM_ALIAS + uri.removeprefix(_TERRAFORM_FUNCTION)
    return uri if uri.startswith(_TERRAFORM_ALIAS) else _qualified(uri)


def _qualified(uri: str) -> str:
    before, _, after = uri.rpartition("/invocations")
    return f"{before.removesuffix(f':{ALIAS}')}:{ALIAS}/invocations{after}"


def _wrong_method(response: GatewayResponse, methods: tuple[str, ...]) -> dict[str, Any]:
    """Answer whatever method the path does not have, without asking a function: API Gateway by itself would say 403 or,
    with our answers, 404."""
    allowed = ", ".join((*methods, "OPTIONS"))
    answer = GatewayResponse(response.status, {**response.headers, "Allow": allowed}, response.body)
    status = str(answer.status)
    return {
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "responses": {
            status: {
                "description": "The path exists, the method on it does not.",
                "headers": {name: {"type": "string"} for name in answer.headers},
            }
        },
        INTEGRATION: {
            "type": "mock",
            "passthroughBehavior": "never",
            "contentHandling": "CONVERT_TO_TEXT",
            "requestTemplates": dict.fromkeys(_TYPES_OF_WRONG_METHODS, f'{{"statusCode": {status}}}'),
            "responses": {
                "default": {
                    "statusCode": status,
                    "responseParameters": answer.parameters("method.response.header."),
                    "responseTemplates": {"application/json": answer.body},
                }
            },
        },
    }


class PatchedSwagger:
    """Writes the patched document where Chalice asks one of its generators for one."""

    def __init__(self, chalices_own: Any, gateway: Gateway) -> None:
        self._chalices_own, self._gateway = chalices_own, gateway

    def generate_swagger(self, app: Chalice, rest_api: Any = None) -> dict[str, Any]:
        """Return the document for an application."""
        return patched(self._chalices_own.generate_swagger(app, rest_api), self._gateway)
