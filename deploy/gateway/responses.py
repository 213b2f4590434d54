"""What API Gateway answers by itself, written by the function that writes our own failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib import errors
from chalicelib.web.errors import envelope

REQUEST_ID: Final = "$context.requestId"
_NAME_OF_REQUEST_ID: Final = "context.requestId"


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """One answer of API Gateway: a status, static headers but for the request's id, and a JSON body."""

    status: int
    headers: Mapping[str, str]
    body: str

    def rendered(self) -> dict[str, Any]:
        """Return it as `PutGatewayResponse` and the swagger extension take it. Templates are no VTL there: variables
        are put in, and nothing else happens."""
        return {
            "statusCode": str(self.status),
            "responseParameters": self.parameters("gatewayresponse.header."),
            "responseTemplates": {"application/json": self.body},
        }

    def parameters(self, prefix: str) -> dict[str, str]:
        """Return the headers as parameter mappings: static values in single quotes, the request's id by its name."""
        return {
            f"{prefix}{name}": _NAME_OF_REQUEST_ID if value == REQUEST_ID else f"'{value}'"
            for name, value in self.headers.items()
        }


# Source: "Gateway response types for API Gateway", all 21 of them.
_ERRORS: Final[Mapping[str, errors.ServiceError]] = {
    "ACCESS_DENIED": errors.Forbidden(),
    "API_CONFIGURATION_ERROR": errors.Unexpected(),
    "AUTHORIZER_CONFIGURATION_ERROR": errors.Unexpected(),
    "AUTHORIZER_FAILURE": errors.Unexpected(),
    "BAD_REQUEST_BODY": errors.InvalidRequest(),
    "BAD_REQUEST_PARAMETERS": errors.InvalidRequest(),
    # Every other 4xx is named here. What is left is an unknown path asked for with our kind of token: API Gateway
    # takes `Authorization` for a signature of AWS there, and finds it incomplete.
    "DEFAULT_4XX": errors.NotFound(),
    "DEFAULT_5XX": errors.Unexpected(),
    # Of requests that are signed for AWS, which nothing here asks for.
    "EXPIRED_TOKEN": errors.Unauthenticated(),
    "INTEGRATION_FAILURE": errors.Unavailable(),
    "INTEGRATION_TIMEOUT": errors.Unavailable(),
    "INVALID_API_KEY": errors.Forbidden(),
    "INVALID_SIGNATURE": errors.Unauthenticated(),
    # What API Gateway says of a path or a method that does not exist.
    "MISSING_AUTHENTICATION_TOKEN": errors.NotFound(),
    "QUOTA_EXCEEDED": errors.TooManyRequests(retry_after_seconds=60),
    # Above 10 MB, or above what Lambda takes: 6 MB with the body as base64, about 4.5 MB of it.
    "REQUEST_TOO_LARGE": errors.TooLarge(),
    "RESOURCE_NOT_FOUND": errors.NotFound(),
    # Its buckets are filled anew every second.
    "THROTTLED": errors.TooManyRequests(retry_after_seconds=1),
    "UNAUTHORIZED": errors.Unauthenticated(),
    "UNSUPPORTED_MEDIA_TYPE": errors.UnsupportedMediaType(),
    "WAF_FILTERED": errors.Forbidden(),
}


def written(error: errors.ServiceError) -> GatewayResponse:
    """Write one of our errors as an answer of API Gateway: the same body and headers as the service's own."""
    response = envelope(error, REQUEST_ID)
    headers = {name: str(value) for name, value in response.headers.items() if name != "Content-Type"}
    return GatewayResponse(status=response.status_code, headers=headers, body=str(response.body))


def gateway_responses() -> dict[str, GatewayResponse]:
    """Return what API Gateway answers, by the type of its answer."""
    return {kind: written(error) for kind, error in _ERRORS.items()}
