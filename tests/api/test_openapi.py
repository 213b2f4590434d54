"""The generated contract, and the page that shows it."""

from __future__ import annotations

import json

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
