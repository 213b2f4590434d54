"""The list of prepared questions over HTTP: with an ETag, so that an app that has it is not sent it again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from chalicelib import errors
from chalicelib.chat import options
from chalicelib.chat.answers import content_type_named
from chalicelib.chat.contract import Prompt, PromptsAnswer
from chalicelib.chat.options import ContentType
from chalicelib.clock import Clock
from chalicelib.web.response import WithStatus

LIFE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Prompts:
    """Lists prepared questions. They are the same for everybody, so they ask nobody anything: a token that verifies is
    enough, also of a session that ended since it was issued."""

    clock: Clock

    def show(self, content_type: str | None, headers: Mapping[str, str]) -> WithStatus[PromptsAnswer]:
        """Return the questions about a kind of content; 304 where `If-None-Match` names what the app would get.

        Raises:
            InvalidRequest: MISSING_CONTENT_TYPE, INVALID_CONTENT_TYPE.
        """
        kind = _kind(content_type)
        prompts = [_shown(one) for one in options.of(kind)]
        tag = etag(prompts)
        answer = PromptsAnswer(
            content_type=kind,
            ttl_seconds=int(LIFE.total_seconds()),
            generated_at=self.clock.now(),
            prompts=prompts,
        )
        kept = {"ETag": tag, "Cache-Control": f"private, max-age={answer.ttl_seconds}"}
        is_known = is_named(tag, headers.get("if-none-match", ""))
        return WithStatus(answer, status=304 if is_known else 200, headers=kept)


def etag(prompts: list[Prompt]) -> str:
    """Return a tag that changes with the questions. Weak, because `generated_at` changes with each answer."""
    return f'W/"{hashlib.sha256(msgspec.json.encode(prompts)).hexdigest()[:32]}"'


def is_named(tag: str, if_none_match: str) -> bool:
    """Whether a header `If-None-Match` names a tag: a list, in which weak and strong tags are the same (RFC 9110,
    section 13.1.2), or `*` for whatever there is."""
    given = if_none_match.strip()
    opaque = tag.removeprefix("W/")
    return given == "*" or opaque in (one.strip().removeprefix("W/") for one in given.split(","))


def _kind(content_type: str | None) -> ContentType:
    if content_type is None or not content_type.strip():
        raise errors.InvalidRequest("MISSING_CONTENT_TYPE", "The parameter content_type is needed: result or report.")
    found = content_type_named(content_type)
    if found is None:
        raise errors.InvalidRequest("INVALID_CONTENT_TYPE", "The parameter content_type is result or report.")
    return found


def _shown(option: options.PromptOption) -> Prompt:
    return Prompt(
        id=option.id,
        content_type=option.content_type,
        category=option.category,
        prompt_text=option.text,
        full_prompt_text=option.prompt,
        display_order=option.display_order,
        has_sub_options=option.has_sub_options,
        requires_health_data=option.requires_health_data,
    )
