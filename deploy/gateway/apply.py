"""Puts in place what a swagger document cannot say: the stage's settings. It looks first, and changes what differs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from deploy.gateway.declaration import Gateway
from deploy.gateway.throttles import Throttle

LOGS_ROLE: Final = "apigateway-writes-logs"
"""One for the account and region: API Gateway has a single role for the logs of every API."""

_LOGS_POLICY: Final = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
_EVERY_METHOD: Final = "*/*"
# A new role is not known everywhere at once.
_TRIES: Final = 6
_WAIT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Apply:
    """Applies a gateway to a deployed API. `client` makes a client of a service by its name.

    Safe to run again: what is as declared is left alone.
    """

    gateway: Gateway
    client: Callable[..., Any]
    sleep: Callable[[float], None] = time.sleep

    def run(self, rest_api_id: str) -> list[str]:
        """Apply everything, and return a line for each thing that was changed."""
        return [
            *self._responses(rest_api_id),
            *self.allow_logs(),
            *self._stage(rest_api_id),
            *self._web_acl(rest_api_id),
        ]

    def _responses(self, rest_api_id: str) -> Iterator[str]:
        """The swagger document has them too; whoever changed one by hand, or imported nothing, is put right here."""
        api = self.client("apigateway")
        found = {one["responseType"]: one for one in api.get_gateway_responses(restApiId=rest_api_id)["items"]}
        changed = [
            kind
            for kind, response in self.gateway.responses.items()
            if any(found.get(kind, {}).get(name) != value for name, value in response.rendered().items())
        ]
        for kind in changed:
            response = self.gateway.responses[kind].rendered()
            api.put_gateway_response(restApiId=rest_api_id, responseType=kind, **response)
        if changed:
            # What a stage answers is what its deployment found.
            api.create_deployment(restApiId=rest_api_id, stageName=self.gateway.api_stage)
            yield f"Gateway responses: {', '.join(changed)}"

    def allow_logs(self) -> Iterator[str]:
        """Allow API Gateway to write logs, where the account does not already. A role that is there is left alone."""
        api = self.client("apigateway")
        if api.get_account().get("cloudwatchRoleArn"):
            return
        iam = self.client("iam")
        try:
            arn = iam.get_role(RoleName=LOGS_ROLE)["Role"]["Arn"]
        except iam.exceptions.NoSuchEntityException:
            arn = iam.create_role(RoleName=LOGS_ROLE, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        iam.attach_role_policy(RoleName=LOGS_ROLE, PolicyArn=_LOGS_POLICY)
        for attempt in range(_TRIES):
            try:
                api.update_account(patchOperations=[_replace("/cloudwatchRoleArn", arn)])
                break
            except api.exceptions.BadRequestException:
                if attempt == _TRIES - 1:
                    raise
                self.sleep(_WAIT_SECONDS)
        yield f"API Gateway may write logs: {arn}"

    def _stage(self, rest_api_id: str) -> Iterator[str]:
        api, name = self.client("apigateway"), self.gateway.api_stage
        found = api.get_stage(restApiId=rest_api_id, stageName=name)
        operations = [*self._log_changes(found), *self._trace_changes(found), *self._throttle_changes(found)]
        if operations:
            api.update_stage(restApiId=rest_api_id, stageName=name, patchOperations=operations)
        settings = sorted({_said(operation["path"]) for operation in operations})
        if settings:
            yield f"Stage {name}: {', '.join(settings)}"

    def _log_changes(self, found: Mapping[str, Any]) -> Iterator[dict[str, str]]:
        present = found.get("accessLogSettings", {})
        for field, wanted in (
            ("destinationArn", self.gateway.access_log_arn),
            ("format", self.gateway.access_log_format),
        ):
            if present.get(field) != wanted:
                yield _replace(f"/accessLogSettings/{field}", wanted)

    def _trace_changes(self, found: Mapping[str, Any]) -> Iterator[dict[str, str]]:
        if bool(found.get("tracingEnabled")) != self.gateway.is_traced:
            yield _replace("/tracingEnabled", str(self.gateway.is_traced).lower())

    def _throttle_changes(self, found: Mapping[str, Any]) -> Iterator[dict[str, str]]:
        """Return what makes the methods' settings those that are declared; one of a method that is gone goes too."""
        present: Mapping[str, Mapping[str, Any]] = found.get("methodSettings", {})
        wanted = {_EVERY_METHOD: self.gateway.stage_throttle}
        wanted |= {_key(path, verb): throttle for (path, verb), throttle in self.gateway.throttles.items()}
        for key in sorted(set(map(_unescaped, present)) - set(map(_unescaped, wanted))):
            yield {"op": "remove", "path": f"/{_escaped(key)}"}
        by_key = {_unescaped(key): setting for key, setting in present.items()}
        for key, throttle in wanted.items():
            yield from _throttle_change(key, throttle, by_key.get(_unescaped(key), {}))

    def _web_acl(self, rest_api_id: str) -> Iterator[str]:
        """Put the web ACL that the stage names before it. One that somebody else put there is not taken away."""
        if self.gateway.web_acl_arn is None:
            return
        waf, arn = self.client("wafv2"), self.gateway.stage_arn(rest_api_id)
        present = waf.get_web_acl_for_resource(ResourceArn=arn).get("WebACL", {}).get("ARN")
        if present != self.gateway.web_acl_arn:
            waf.associate_web_acl(WebACLArn=self.gateway.web_acl_arn, ResourceArn=arn)
            yield f"Web ACL: {self.gateway.web_acl_arn}"


def _said(path: str) -> str:
    """Name a setting for people: of a method the method alone, whichever of its limits changed."""
    return path.partition("/throttling/")[0].removeprefix("/").replace("~1", "/")


def _throttle_change(key: str, throttle: Throttle, present: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    place = key if key == _EVERY_METHOD else _escaped(key)
    for field, name, wanted in (
        ("throttlingRateLimit", "rateLimit", throttle.rate),
        ("throttlingBurstLimit", "burstLimit", throttle.burst),
    ):
        if present.get(field) != wanted:
            yield _replace(f"/{place}/throttling/{name}", str(wanted))


def _key(path: str, verb: str) -> str:
    """Write a method as a stage's settings have it: `/auth/google/POST`."""
    return f"{path}/{verb}"


def _escaped(key: str) -> str:
    """Write it as a part of a path (RFC 6901): `~1auth~1google/POST`."""
    path, _, verb = key.rpartition("/")
    return f"{path.replace('~', '~0').replace('/', '~1')}/{verb}"


def _unescaped(key: str) -> str:
    """Read it however it comes back: escaped or not, with or without the first slash."""
    plain = key.replace("~1", "/").replace("~0", "~")
    return plain if plain == _EVERY_METHOD or plain.startswith("/") else f"/{plain}"


def _replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}
