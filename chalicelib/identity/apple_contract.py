"""What Apple tells us of people, and what it is answered."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chalicelib.web.response import Answer


class AppleNoticeRequest(msgspec.Struct, kw_only=True):
    """A notification as Apple posts it."""

    payload: str | None = None


class AppleNoticeAnswer(Answer, kw_only=True):
    """Stored and applied, now or before; or nothing that we act upon."""

    ERRORS: ClassVar[tuple[str, ...]] = ("401 INVALID_TOKEN", "503 PROVIDER_UNAVAILABLE", "503 SERVICE_UNAVAILABLE")
