"""Answers that belong to no room: health."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from chalicelib.web.response import Answer


class HealthAnswer(Answer, kw_only=True):
    """The service answers."""

    status: Annotated[str, msgspec.Meta(description="Always `healthy`: a service that is not does not answer.")]
    timestamp: datetime
    version: str
