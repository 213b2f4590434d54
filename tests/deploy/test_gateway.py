"""What API Gateway answers by itself, lets through, and writes: the declaration and the patched swagger."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.session import Session
from chalice.app import CORSConfig
from chalice.deploy.planner import StringFormat
from openapi_spec_validator import OpenAPIV2SpecValidator

import app as page
from chalicelib.web.errors import ErrorEnvelope
from chalicelib.web.limits import SIGN_IN, UPLOAD
from chalicelib.web.response import CORS
from deploy.gateway.access_log import FIELDS, access_log_format
from deploy.gateway.responses import GatewayResponse, gateway_responses
from deploy.gateway.swagger import ANY_METHOD, COMPRESSION, INTEGRATION, RESPONSES, of_alias, patched
from deploy.gateway.throttles import Throttle
from tests.deploy.gateway import FUNCTION, chalices_own, chalices_own_for_cloudformation, declared

KINDS = sorted(Session().get_service_model("apigateway").shape_for("GatewayResponseType").enum)  # type: ignore[attr-defined]  # the stubs do not know `enum`
# What the contract promises of each, and nothing of it is taken from the code.
EXPECTED = {
    "ACCESS_DENIED": (403, "FORBIDDEN", "business"),
    "API_CONFIGURATION_ERROR": (500, "INTERNAL_ERROR", "technical"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "INTERNAL_ERROR", "technical"),
    "AUTHORIZER_FAILURE": (500, "INTERNAL_ERROR", "technical"),
    "BAD_REQUEST_BODY": (400, "INVALID_REQUEST", "validation"),
    "BAD_REQUEST_PARAMETERS": (400, "INVALID_REQUEST", "validation"),
    "DEFAULT_4XX": (404, "NOT_FOUND", "business"),
    "DEFAULT_5XX": (500, "INTERNAL_ERROR", "technical"),
    "EXPIRED_TOKEN": (401, "UNAUTHORIZED", "business"),
    "INTEGRATION_FAILURE": (503, "SERVICE_UNAVAILABLE", "external"),
    "INTEGRATION_TIMEOUT": (503, "SERVICE_UNAVAILABLE", "external"),
    "INVALID_API_KEY": (403, "FORBIDDEN", "business"),
    "INVALID_SIGNATURE": (401, "UNAUTHORIZED", "business"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "NOT_FOUND", "business"),
    "QUOTA_EXCEEDED": (429, "RATE_LIMIT_EXCEEDED", "technical"),
    "REQUEST_TOO_LARGE": (413, "REQUEST_TOO_LARGE", "validation"),
    "RESOURCE_NOT_FOUND": (404, "NOT_FOUND", "business"),
    "THROTTLED": (429, "RATE_LIMIT_EXCEEDED", "technical"),
    "UNAUTHORIZED": (401, "UNAUTHORIZED", "business"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "UNSUPPORTED_MEDIA_TYPE", "validation"),
    "WAF_FILTERED": (403, "FORBIDDEN", "business"),
}
CONTRACT_HEADERS = {
    "Authorization",
    "Content-Type",
    "X-App-Version",
    "X-Platform",
    "X-Device-Platform",
    "X-Device-ID",
    "X-API-Version",
    "X-Session-ID",
    "X-Request-Timestamp",
    "Idempotency-Key",
}


def test_every_type_of_answer_that_api_gateway_knows_is_declared() -> None:
    assert sorted(gateway_responses()) == KINDS == sorted(EXPECTED)


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_an_answer_of_api_gateway_is_in_our_envelope(kind: str) -> None:
    import msgspec

    response = gateway_responses()[kind]
    status, code, category = EXPECTED[kind]
    body = msgspec.json.decode(response.body, type=ErrorEnvelope, strict=True)
    assert (response.status, body.error.code, body.error.category) == (status, code, category)
    assert body.success is False
    assert body.message and body.error.user_message and body.error.recovery_strategy
    assert body.error.correlation_id == "$context.requestId"
    assert response.headers["X-Request-ID"] == "$context.requestId"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_an_answer_of_api_gateway_has_the_headers_of_cors(kind: str) -> None:
    headers = gateway_responses()[kind].headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert set(headers["Access-Control-Allow-Headers"].split(",")) >= CONTRACT_HEADERS
    assert "Retry-After" in headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_429_and_503_say_when_to_come_back_and_others_do_not(kind: str) -> None:
    response = gateway_responses()[kind]
    assert ("Retry-After" in response.headers) == (response.status in {429, 503})
    assert response.headers.get("Retry-After", "1").isdigit()


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_nothing_but_the_id_of_the_request_is_put_into_an_answer(kind: str) -> None:
    rendered = gateway_responses()[kind].rendered()
    texts = [rendered["responseTemplates"]["application/json"], *rendered["responseParameters"].values()]
    assert set(re.findall(r"\$[\w.]*", "".join(texts))) == {"$context.requestId"}
    for value in rendered["responseParameters"].values():
        # A static value stands in single quotes and cannot have one inside.
        assert value == "context.requestId" or re.fullmatch(r"'[^']*'", value)


def test_the_patched_document_is_valid_and_keeps_every_route() -> None:
    ours = patched(chalices_own(), declared())
    OpenAPIV2SpecValidator(json.loads(json.dumps(ours))).validate()
    for endpoint in page.api.endpoints:
        for path in endpoint.paths:
            assert endpoint.method.lower() in ours["paths"][path]
            assert "options" in ours["paths"][path]
    assert sorted(ours[RESPONSES]) == KINDS
    assert ours[COMPRESSION] == 1024
    assert {"multipart/form-data", "application/pdf"} <= set(ours["x-amazon-apigateway-binary-media-types"])


def test_patching_changes_nothing_the_second_time_and_never_what_it_was_given() -> None:
    document = chalices_own()
    once = patched(document, declared())
    assert document == chalices_own()
    assert patched(once, declared()) == once


def test_every_route_is_served_by_the_alias() -> None:
    alias = f"functions/{FUNCTION}:live/invocations"
    for path, item in patched(chalices_own(), declared())["paths"].items():
        for method in {endpoint.method.lower() for endpoint in page.api.endpoints if path in endpoint.paths}:
            assert item[method][INTEGRATION]["uri"].endswith(alias), (path, method)


def test_the_alias_is_named_in_templates_too() -> None:
    item = patched(chalices_own_for_cloudformation(), declared())["paths"]["/health"]
    assert item["get"][INTEGRATION]["uri"]["Fn::Sub"].endswith("/functions/${APIHandler.Arn}:live/invocations")
    assert of_alias("${aws_lambda_function.api_handler.invoke_arn}") == "${aws_lambda_alias.api_handler.invoke_arn}"
    while_deploying = StringFormat("arn:…/functions/{api_handler_lambda_arn}/invocations", ["api_handler_lambda_arn"])
    assert of_alias(while_deploying) == while_deploying  # Chalice's client answers with the alias's ARN there


def test_preflight_requests_are_answered_with_the_headers_of_the_contract() -> None:
    for item in patched(chalices_own(), declared())["paths"].values():
        sent = item["options"][INTEGRATION]["responses"]["default"]["responseParameters"]
        allowed = sent["method.response.header.Access-Control-Allow-Headers"].strip("'").split(",")
        assert set(allowed) >= CONTRACT_HEADERS


def test_cors_of_the_routes_is_the_one_of_the_answers_of_api_gateway() -> None:
    assert isinstance(CORS, CORSConfig)
    for response in gateway_responses().values():
        assert CORS.get_access_control_headers().items() <= response.headers.items()


def test_a_wrong_method_is_answered_405_without_a_function() -> None:
    operation = patched(chalices_own(), declared())["paths"]["/user/profile"][ANY_METHOD]
    integration = operation[INTEGRATION]
    answer = integration["responses"]["default"]
    assert integration["type"] == "mock"
    assert {json.loads(text)["statusCode"] for text in integration["requestTemplates"].values()} == {405}
    assert answer["statusCode"] == "405"
    assert answer["responseParameters"]["method.response.header.Allow"] == "'GET, PUT, OPTIONS'"
    assert json.loads(answer["responseTemplates"]["application/json"])["error"]["code"] == "METHOD_NOT_ALLOWED"
    # API Gateway passes a header on only where the method's response declares it.
    declared_headers = {f"method.response.header.{name}" for name in operation["responses"]["405"]["headers"]}
    assert declared_headers == set(answer["responseParameters"])


def test_a_body_in_vtl_has_no_character_that_means_something_there() -> None:
    body = declared().wrong_method.body.replace("$context.requestId", "")
    assert not set("$#") & set(body)


def test_throttles_follow_the_limits_of_the_routes() -> None:
    gateway = declared()
    assert gateway.stage_throttle == Throttle(rate=100, burst=200)
    assert gateway.throttles[("/api/v1/process/upload", "POST")] == Throttle(UPLOAD.calls, UPLOAD.calls * 2)
    for alias in ("/auth/oauth-onboarding", "/auth/google", "/auth/google-onboarding"):
        assert gateway.throttles[(alias, "POST")].rate == SIGN_IN.calls
    # Nothing is let through faster than the stage's, and what has no limit of its own has the stage's.
    assert ("/webhooks/stripe", "POST") not in gateway.throttles
    assert ("/health", "GET") not in gateway.throttles
    assert all(0 < throttle.rate < gateway.stage_throttle.rate for throttle in gateway.throttles.values())


def test_the_access_log_is_json_and_says_nothing_of_who_asked() -> None:
    filled = re.sub(r"\$context\.[\w.]+", "-", access_log_format())
    assert json.loads(filled).keys() == FIELDS.keys()
    personal = ("identity", "authorizer", "querystring", "header", "$context.path", "domainName", "error.message")
    assert not [one for one in personal if one in access_log_format()]
    assert "$context.requestId" in access_log_format()  # API Gateway refuses a format without it


def test_optional_settings_are_off_until_a_stage_names_them() -> None:
    plain = declared()
    assert (plain.is_traced, plain.web_acl_arn) == (False, None)
    acl = "arn:aws:wafv2:eu-central-1:000000000000:regional/webacl/serenya/1"
    chosen = declared({"xray": True, "web_acl_arn": acl})
    assert (chosen.is_traced, chosen.web_acl_arn) == (True, acl)


def test_an_answer_renders_as_api_gateway_takes_it() -> None:
    shape: Any = Session().get_service_model("apigateway").shape_for("PutGatewayResponseRequest")
    assert GatewayResponse(404, {}, "{}").rendered().keys() <= set(shape.members)
