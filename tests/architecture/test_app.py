"""The page that shows everything the system can do: one statement each, and a guard beside every path."""

from __future__ import annotations

import ast
import itertools

import pytest

import app as page
from chalicelib.web.api import Endpoint
from tests.architecture import sources

PUBLIC = {
    "/auth/oauth-onboarding",
    "/auth/google",
    "/auth/google-onboarding",
    "/auth/refresh",
    "/webhooks/apple-identity",
    "/webhooks/apple",
    "/webhooks/google",
    "/webhooks/stripe",
    "/subscriptions/plans",
    "/subscriptions/tiers",
    "/gdpr/erasure-status/{id}",
    "/health",
    "/health/check",
    "/openapi.json",
    "/docs",
    "/docs/assets/{name}",
}


def _declarations() -> list[ast.FunctionDef]:
    return [node for node in sources.modules()["app"].body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("declaration", _declarations(), ids=lambda one: one.name)
def test_a_declaration_is_a_docstring_and_one_statement(declaration: ast.FunctionDef) -> None:
    assert ast.get_docstring(declaration)
    assert len(declaration.body) == 2
    assert isinstance(declaration.body[1], ast.Return | ast.Expr)


def test_what_happens_unasked_stands_under_its_own_name_with_a_sentence() -> None:
    body = sources.modules()["app"].body
    declared = [
        (node.targets[0], node.value, after)
        for node, after in itertools.pairwise(body)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value).startswith("on.")
    ]
    names = [ast.unparse(target) for target, _, _ in declared]

    assert sorted(names) == sorted(
        [*(one.name for one in page.app.event_sources), *(one.name for one in page.app.pure_lambda_functions)]
    )
    assert [ast.literal_eval(call.args[0]) for _, call, _ in declared] == names
    assert all(isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) for _, _, after in declared)


def test_every_route_was_declared_with_a_guard() -> None:
    declared = {(path, one.method) for one in page.api.endpoints for path in one.paths}
    served = {(path, method) for path, methods in page.app.routes.items() for method in methods}
    assert served == declared


def test_exactly_the_listed_routes_are_public() -> None:
    assert {path for one in page.api.endpoints if one.guard.is_public for path in one.paths} == PUBLIC


@pytest.mark.parametrize("endpoint", page.api.endpoints, ids=lambda one: f"{one.method} {one.paths[0]}")
def test_a_guarded_route_refuses_who_brings_no_token(endpoint: Endpoint) -> None:
    from chalice.test import Client

    if endpoint.guard.is_public:
        assert endpoint.guard.public_because
        return
    headers = {"Content-Type": endpoint.content_type}
    with Client(page.app) as client:
        answer = client.http.request(endpoint.method, endpoint.paths[0].replace("{", "").replace("}", ""), headers, b"")
    assert answer.status_code == 401
    assert answer.json_body["error"]["code"] == "MISSING_TOKEN"
