"""Chalice's deployer, and after it the settings of the API's stage, so that one command does both."""

from __future__ import annotations

from typing import Any

from botocore.session import Session
from chalice.config import Config
from chalice.deploy.deployer import Deployer
from chalice.utils import UI

from deploy.gateway.apply import Apply
from deploy.gateway.declaration import Gateway


class WithGateway:
    """Deploys, then puts the gateway's settings in place."""

    def __init__(self, inner: Deployer, session: Session, gateway: Gateway, ui: UI) -> None:
        self._inner, self._session, self._gateway, self._ui = inner, session, gateway, ui

    def deploy(self, config: Config, chalice_stage_name: str) -> dict[str, Any]:
        """Deploy, and return what Chalice recorded."""
        deployed: dict[str, Any] = self._inner.deploy(config, chalice_stage_name)
        api_id = next(one["rest_api_id"] for one in deployed["resources"] if one["resource_type"] == "rest_api")
        for change in Apply(self._gateway, self._session.create_client).run(api_id):
            self._ui.write(f"{change}\n")
        return deployed
