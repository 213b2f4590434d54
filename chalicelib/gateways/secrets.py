"""Secrets of the stage, read from Secrets Manager and kept for a minute."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.observe.log import log


class SecretsClient(Protocol):
    """The one call of boto3's client that is used."""

    def get_secret_value(self, *, SecretId: str) -> Mapping[str, Any]:  # noqa: N803  # the name is AWS's
        """Return `SecretString` among other things."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Mapping[str, Any]
    read_at: datetime
    """When it was last read, or when reading it last failed."""


class Secrets:
    """Reads JSON secrets. A value is kept for `life`, and longer while Secrets Manager does not answer. Safe under
    threads."""

    def __init__(self, client: Callable[[], SecretsClient], clock: Clock, life: timedelta) -> None:
        self._make_client = client
        self._clock = clock
        self._life = life
        self._client: SecretsClient | None = None
        self._kept: dict[str, _Kept] = {}
        self._forced_at: dict[str, datetime] = {}
        self._reading = threading.Lock()

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        """Return a secret. The same object is returned until the secret is read again.

        With `is_suspected_stale` (a key id that we do not know) it is read again at once, but not more than once per
        `life`, because anybody can invent a key id.

        Raises:
            Unavailable: it cannot be read, and was never read before.
        """
        now = self._clock.now()
        kept = self._kept.get(secret_id)
        if kept is not None and not self._is_due(secret_id, kept, now, is_suspected_stale):
            return kept.value
        with self._reading:
            kept = self._kept.get(secret_id)
            if kept is None or self._is_due(secret_id, kept, now, is_suspected_stale):
                kept = self._kept[secret_id] = self._read(secret_id, kept, now)
                if is_suspected_stale:
                    # Only now: a thread that comes while the secret is being read waits for the new value.
                    self._forced_at[secret_id] = now
            return kept.value

    def _is_due(self, secret_id: str, kept: _Kept, now: datetime, is_suspected_stale: bool) -> bool:
        if now >= kept.read_at + self._life:
            return True
        forced_at = self._forced_at.get(secret_id)
        return is_suspected_stale and (forced_at is None or now >= forced_at + self._life)

    def _read(self, secret_id: str, kept: _Kept | None, now: datetime) -> _Kept:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if self._client is None:
                self._client = self._make_client()
            value = json.loads(self._client.get_secret_value(SecretId=secret_id)["SecretString"])
            if not isinstance(value, dict):
                raise TypeError("a secret is a JSON object")
        except (BotoCoreError, ClientError, ValueError, TypeError, KeyError) as failure:
            log("secret_not_read", level=logging.ERROR, error=failure, secret_id=secret_id, has_older=kept is not None)
            if kept is None:
                raise errors.Unavailable(message="The service cannot read its keys at the moment.") from failure
            return _Kept(kept.value, now)
        if kept is not None and kept.value == value:
            return _Kept(kept.value, now)
        return _Kept(value, now)


def secrets_client(region: str) -> SecretsClient:
    """Make a client that gives up soon: a request waits for it."""
    import boto3
    from botocore.config import Config

    settings = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})
    client: SecretsClient = boto3.client("secretsmanager", region_name=region, config=settings)
    return client
