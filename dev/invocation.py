"""Calls a declared function as Lambda would: the real event in, a context beside it, exceptions out."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LambdaContext

_LOG: Final = logging.getLogger("dev.bridge")
_DEFAULT_TIMEOUT_SECONDS: Final = 60
_DEFAULT_MEMORY_MB: Final = 128


class Functions:
    """The functions that an application declares, by name, with what the stage's configuration says of each."""

    def __init__(self, app: Chalice, config: Config) -> None:
        self._app = app
        self._config = config

    def timeout_seconds(self, name: str) -> int:
        """Return for how long a function may run."""
        scoped = self._config.scope(self._config.chalice_stage, name)
        return int(scoped.lambda_timeout or _DEFAULT_TIMEOUT_SECONDS)

    def deployed_name(self, name: str) -> str:
        """Return what a function is called once it is deployed."""
        return f"{self._app.app_name}-{self._config.chalice_stage}-{name}"

    def invoke(self, name: str, event: dict[str, Any]) -> Any:
        """Call a function and return its answer. A run beyond its time-out cannot be cut short here: it is logged.

        Raises:
            Exception: whatever the function raised.
        """
        scoped = self._config.scope(self._config.chalice_stage, name)
        timeout = self.timeout_seconds(name)
        context = LambdaContext(
            function_name=self.deployed_name(name),
            memory_size=scoped.lambda_memory_size or _DEFAULT_MEMORY_MB,
            max_runtime_ms=timeout * 1000,
        )
        context.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{context.function_name}"
        started = time.monotonic()
        try:
            return self._app.handler_map[name](event, context)
        finally:
            if time.monotonic() - started > timeout:
                _LOG.warning("%s ran longer than its time-out of %d s; Lambda would have killed it.", name, timeout)
