"""The one declaration of what stands before the functions: pure data, made from settings, routes and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.web.api import Endpoint
from deploy.gateway.access_log import access_log_format
from deploy.gateway.responses import GatewayResponse, gateway_responses, written
from deploy.gateway.throttles import Method, Throttle, of_rate, throttles
from deploy.release import names

STAGE_RATE: Final = 100
"""Requests a second to one method, where its own limit is not lower."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What one stage's API Gateway is to do. `rendered` by swagger.py, cloudformation.py and terraform.py, and put in
    place by apply.py where a swagger document cannot say it."""

    stage: str
    api_stage: str
    region: str
    account_id: str
    methods: Mapping[str, tuple[str, ...]]
    responses: Mapping[str, GatewayResponse]
    wrong_method: GatewayResponse
    stage_throttle: Throttle
    throttles: Mapping[Method, Throttle]
    access_log_group: str
    access_log_format: str
    minimum_compression_bytes: int
    is_traced: bool = False
    # Put before the API where a stage names one; `api_gateway_custom_domain` is Chalice's own setting.
    web_acl_arn: str | None = None

    @property
    def access_log_arn(self) -> str:
        """The log group's ARN as API Gateway wants it, without `:*`."""
        return f"arn:aws:logs:{self.region}:{self.account_id}:log-group:{self.access_log_group}"

    def stage_arn(self, rest_api_id: str) -> str:
        """Return the ARN of the deployed stage, by which a web ACL is put before it."""
        return f"arn:aws:apigateway:{self.region}::/restapis/{rest_api_id}/stages/{self.api_stage}"


def declare(settings: Settings, options: Mapping[str, Any], endpoints: Iterable[Endpoint]) -> Gateway:
    """Declare a stage's gateway. `options` is what `.chalice/config.json` says of the stage, with what it says of all:
    `api_gateway_stage`, `minimum_compression_size`, `xray`, and `web_acl_arn`, which is ours."""
    endpoints, stage_throttle = list(endpoints), of_rate(STAGE_RATE)
    methods: dict[str, tuple[str, ...]] = {}
    for endpoint in endpoints:
        for path in endpoint.paths:
            methods[path] = (*methods.get(path, ()), endpoint.method)
    return Gateway(
        stage=settings.stage,
        api_stage=options["api_gateway_stage"],
        region=settings.region,
        account_id=settings.account_id,
        methods=methods,
        responses=gateway_responses(),
        wrong_method=written(errors.MethodNotAllowed()),
        stage_throttle=stage_throttle,
        throttles=throttles(endpoints, stage_throttle),
        access_log_group=names.access_log_group(settings.stage),
        access_log_format=access_log_format(),
        minimum_compression_bytes=int(options["minimum_compression_size"]),
        is_traced=bool(options.get("xray", False)),
        web_acl_arn=options.get("web_acl_arn"),
    )
