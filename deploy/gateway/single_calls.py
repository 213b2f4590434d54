"""Imports a swagger document by single calls, for a cloud that answers `ImportRestApi` without importing anything.

The embedded cloud does. AWS itself imports the document, and this is not used there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from deploy.gateway.swagger import ANY_METHOD, INTEGRATION, RESPONSES
from deploy.release.aliased import AliasedClient

_BINARY: Final = "x-amazon-apigateway-binary-media-types"
_INTEGRATION_FIELDS: Final = {
    "uri": "uri",
    "passthroughBehavior": "passthroughBehavior",
    "contentHandling": "contentHandling",
    "requestTemplates": "requestTemplates",
}


class EmbeddedClient(AliasedClient):
    """Chalice's client where documents have to be imported call by call. The same document twice changes nothing."""

    def import_rest_api(self, swagger_document: dict[str, Any], endpoint_type: str) -> str:
        """Make an API from a document, and return its id."""
        api = self._client("apigateway")
        made = api.create_rest_api(
            name=swagger_document["info"]["title"],
            binaryMediaTypes=swagger_document[_BINARY],
            endpointConfiguration={"types": [endpoint_type]},
        )
        self.update_api_from_swagger(made["id"], swagger_document)
        return str(made["id"])

    def update_api_from_swagger(self, rest_api_id: str, swagger_document: dict[str, Any]) -> None:
        """Make an API what a document says: paths that it does not have any more go."""
        _Import(self._client("apigateway"), rest_api_id).run(swagger_document)


class _Import:
    """One document into one API."""

    def __init__(self, api: Any, rest_api_id: str) -> None:
        self._api, self._id = api, rest_api_id
        pages = api.get_paginator("get_resources").paginate(restApiId=rest_api_id)
        self._found: dict[str, str] = {one["path"]: one["id"] for page in pages for one in page["items"]}

    def run(self, document: dict[str, Any]) -> None:
        """Import it."""
        for path in list(self._gone(document["paths"])):
            self._api.delete_resource(restApiId=self._id, resourceId=self._found.pop(path))
        for path, item in document["paths"].items():
            resource = self._resource(path)
            for verb, operation in item.items():
                self._method(resource, "ANY" if verb == ANY_METHOD else verb.upper(), operation)
        for kind, response in document[RESPONSES].items():
            self._api.put_gateway_response(restApiId=self._id, responseType=kind, **response)

    def _gone(self, wanted: Iterable[str]) -> Iterator[str]:
        """Return the paths that are wanted no more, those below others first."""
        for path in sorted(self._found, reverse=True):
            if path != "/" and not any(one == path or one.startswith(f"{path}/") for one in wanted):
                yield path

    def _resource(self, path: str) -> str:
        here = "/"
        for part in path.strip("/").split("/"):
            parent, here = self._found[here], f"{here.rstrip('/')}/{part}"
            if here not in self._found:
                made = self._api.create_resource(restApiId=self._id, parentId=parent, pathPart=part)
                self._found[here] = made["id"]
        return self._found[here]

    def _method(self, resource: str, verb: str, operation: dict[str, Any]) -> None:
        place = {"restApiId": self._id, "resourceId": resource, "httpMethod": verb}
        integration = operation[INTEGRATION]
        with suppress(self._api.exceptions.NotFoundException):
            self._api.delete_method(**place)
        self._api.put_method(**place, authorizationType="NONE")
        fields = {ours: integration[theirs] for theirs, ours in _INTEGRATION_FIELDS.items() if theirs in integration}
        calls = {"integrationHttpMethod": integration["httpMethod"]} if "httpMethod" in integration else {}
        self._api.put_integration(**place, type=integration["type"].upper(), **calls, **fields)
        if integration["type"] == "mock":
            self._answer(place, integration["responses"]["default"])

    def _answer(self, place: dict[str, Any], answer: dict[str, Any]) -> None:
        parameters = answer["responseParameters"]
        self._api.put_method_response(
            **place, statusCode=answer["statusCode"], responseParameters=dict.fromkeys(parameters, True)
        )
        self._api.put_integration_response(
            **place,
            statusCode=answer["statusCode"],
            responseParameters=parameters,
            responseTemplates=answer.get("responseTemplates", {}),
        )
