"""The generated contract, and the page that shows it."""

from __future__ import annotations

import json
from typing import Any

import boto3
from openapi_spec_validator import OpenAPIV31SpecValidator

import app as page
from chalicelib import config
from chalicelib.web import openapi
from tests.api.service import Service


def test_the_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(json.loads(json.dumps(openapi.document(page.api.endpoints)))).validate()


def test_the_document_is_served(service: Service) -> None:
    answer = service.call("GET", "/openapi.json")
    assert answer.status_code == 200
    assert answer.json_body == json.loads(json.dumps(openapi.document(page.api.endpoints)))


def test_the_page_needs_nothing_from_elsewhere(service: Service) -> None:
    answer = service.call("GET", "/docs")
    assert answer.headers["Content-Type"].startswith("text/html")
    text = answer.body.decode()
    assert "http" not in text.replace("https://json-schema.org", "")
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
        assert f"docs/assets/{asset}" in text
        assert service.call("GET", f"/docs/assets/{asset}").status_code == 200


def test_an_asset_that_is_none_is_not_found(service: Service) -> None:
    for name in ("index.html", "VERSION.txt", "..%2f..%2fconfig.py", "LICENSE"):
        assert service.call("GET", f"/docs/assets/{name}").status_code == 404


def test_health_is_shown_to_anybody(service: Service) -> None:
    answer = service.call("GET", "/health")
    assert set(answer.json_body) == {"success", "status", "timestamp", "version"}
    assert answer.json_body["timestamp"].endswith("Z")
    assert "X-Response-Time" in service.call("GET", "/health/check").headers


def test_health_asks_nobody_anything(service: Service) -> None:
    settings = config.settings()
    boto3.client("secretsmanager", region_name=settings.region).delete_secret(
        SecretId=settings.token_keys_secret, ForceDeleteWithoutRecovery=True
    )
    assert {service.call("GET", path).status_code for path in ("/health", "/docs", "/openapi.json")} == {200}
    for _ in range(150):
        assert service.call("GET", "/health").status_code == 200


def document() -> Any:
    return json.loads(json.dumps(openapi.document(page.api.endpoints)))


def operations() -> dict[str, Any]:
    return {one["operationId"]: one for path in document()["paths"].values() for one in path.values()}


def test_every_link_leads_to_a_call_that_takes_what_it_gives() -> None:
    known, followed = operations(), 0
    schemas = document()["components"]["schemas"]
    for one in known.values():
        for answer in one["responses"].values():
            for link in answer.get("links", {}).values():
                target = known[link["operationId"]]
                assert set(link.get("parameters", {})) <= {each["name"] for each in target.get("parameters", ())}
                if "requestBody" in link:
                    [content] = target["requestBody"]["content"].values()
                    taken = schemas[content["schema"]["$ref"].rsplit("/", 1)[1]]["properties"]
                    assert set(link["requestBody"]) <= set(taken)
                followed += 1
    assert followed >= 45


def test_an_answer_promises_what_its_encoding_gives() -> None:
    schemas = document()["components"]["schemas"]
    health, status = schemas["HealthAnswer"], schemas["StatusAnswer"]
    assert health["properties"]["success"] == {"const": True}
    assert schemas["ErrorEnvelope"]["properties"]["success"] == {"const": False}
    assert health["required"] == ["success", "status", "timestamp", "version"]
    assert health["properties"]["timestamp"]["format"] == "date-time"
    assert "progress" not in status["required"], "it may be unset"
    assert "token_type" in schemas["SignInAnswer"]["required"], "a default of ours always stands"
    assert "content" not in schemas["ExportFile"]["required"], "its defaults are left out"
    assert "name" not in schemas["ProfileUpdate"]["required"], "a default of a request is for whoever sends it"


def test_a_failure_has_one_of_the_codes_of_its_route() -> None:
    missing = operations()["show_job_status"]["responses"]["404"]
    [_, narrowed] = missing["content"]["application/json"]["schema"]["allOf"]
    assert narrowed["properties"]["error"]["properties"]["code"]["enum"] == ["JOB_NOT_FOUND"]
    limited = operations()["show_job_status"]["responses"]["429"]
    assert set(limited["headers"]) == {"X-Request-ID", "Retry-After"}


def test_what_is_not_json_is_declared_as_what_it_is(service: Service) -> None:
    for path in ("/docs", "/docs/assets/start.js", "/openapi.json"):
        name = path if path != "/docs/assets/start.js" else "/docs/assets/{name}"
        declared = document()["paths"][name]["get"]["responses"]["200"]["content"]
        answered = service.call("GET", path).headers["Content-Type"].split(";")[0]
        assert answered in declared
        assert "text/plain" not in declared
    assert "404" in document()["paths"]["/docs/assets/{name}"]["get"]["responses"]


def test_a_list_that_is_known_already_is_declared_with_its_tag() -> None:
    prompts = operations()["list_chat_prompts"]
    assert "content" not in prompts["responses"]["304"]
    assert "ETag" in prompts["responses"]["200"]["headers"]
    assert [one["name"] for one in prompts["parameters"]] == ["content_type", "If-None-Match"]


def test_bodies_that_are_signed_are_declared_and_so_are_those_that_may_be_left_out() -> None:
    assert operations()["receive_store_notice"]["requestBody"]["required"] is True
    assert "required" not in operations()["sign_out"]["requestBody"]
    assert operations()["upload_document"]["requestBody"]["required"] is True
