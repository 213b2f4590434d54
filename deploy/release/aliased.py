"""A client for Chalice's deployer that hands out the alias of a function where Chalice asks for the function.

Chalice knows no aliases. Its plan names a function once, when it is made or changed, and goes on with the ARN that it
gets: for the integration of the API, event sources, rules, notifications and the permissions of them all. So it is
given the ARN of the alias, and everything points there; `$LATEST` is what is being prepared, and serves nobody.
"""

from __future__ import annotations

from typing import Any

from chalice.awsclient import TypedAWSClient

from deploy.release.names import ALIAS

FIRST: str = "first deployment"
"""What the description of an alias says that no release has moved yet."""


class AliasedClient(TypedAWSClient):
    """Chalice's client, with aliases. A function has its alias from the first moment, at its first version."""

    def create_function(self, function_name: str, *positional: Any, **named: Any) -> str:
        """Make a function, its first version and its alias, and return the ARN of the alias."""
        super().create_function(function_name, *positional, **named)
        return self._alias_of(function_name)

    def update_function(self, function_name: str, *positional: Any, **named: Any) -> dict[str, Any]:
        """Change what `$LATEST` is; the alias stays where it is. Its ARN stands in the answer."""
        answer = super().update_function(function_name, *positional, **named)
        return {**answer, "FunctionArn": self._alias_of(function_name)}

    def delete_function(self, function_name: str) -> None:
        """Remove a function with its versions and aliases; Chalice names it by what it was given, the alias."""
        super().delete_function(function_name.removesuffix(f":{ALIAS}"))

    def add_permission_for_apigateway(
        self, function_name: str, region_name: str, account_id: str, rest_api_id: str, random_id: str | None = None
    ) -> None:
        """Allow the API to invoke the alias: Chalice asks for this by the name of the function."""
        name = f"{function_name.removesuffix(f':{ALIAS}')}:{ALIAS}"
        super().add_permission_for_apigateway(name, region_name, account_id, rest_api_id, random_id)

    def _alias_of(self, function_name: str) -> str:
        """Return the ARN of a function's alias; where there is none yet, make it, at a version of what is there now."""
        functions = self._client("lambda")
        try:
            found = functions.get_alias(FunctionName=function_name, Name=ALIAS)
        except functions.exceptions.ResourceNotFoundException:
            version = functions.publish_version(FunctionName=function_name)["Version"]
            found = functions.create_alias(
                FunctionName=function_name, Name=ALIAS, FunctionVersion=version, Description=FIRST
            )
        return str(found["AliasArn"])
