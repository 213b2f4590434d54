"""From a request to the question that an analyst is asked: what is ours, what is theirs, and what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from msgspec import UnsetType

from chalicelib import errors
from chalicelib.chat import options
from chalicelib.chat.health_data import Values, values_of
from chalicelib.chat.options import METRIC, PromptOption
from chalicelib.gateways.analyst.talk import Question

MOST_MESSAGE: Final = 1_000
_NAMED_VALUE: Final = "the value that the question names"


@dataclass(frozen=True, slots=True)
class Asking:
    """A question as it was checked: what was typed, the prepared one that was chosen, and the value it is about."""

    message: str
    option: PromptOption | None = None
    metric: str | None = None


def checked(message: str | UnsetType, prompt_id: str | None, metric_name: str | None, *, is_encrypted: bool) -> Asking:
    """Return a question whose words can be used.

    Raises:
        Unprocessable: ENCRYPTED_PAYLOAD_UNSUPPORTED.
        InvalidRequest: INVALID_MESSAGE, MESSAGE_TOO_LONG, INVALID_PROMPT_ID.
    """
    if is_encrypted:
        raise errors.Unprocessable(
            "ENCRYPTED_PAYLOAD_UNSUPPORTED",
            "An encrypted question cannot be read here: the key stays on the phone.",
            user_message="Encrypted questions cannot be answered. Please update the app and ask again.",
        )
    text = "" if isinstance(message, UnsetType) else message.strip()
    if not text:
        raise errors.InvalidRequest("INVALID_MESSAGE", user_message="Please type a question.")
    if len(text) > MOST_MESSAGE:
        raise errors.InvalidRequest(
            "MESSAGE_TOO_LONG",
            user_message=f"Please ask in at most {MOST_MESSAGE} characters.",
            details={"limit": MOST_MESSAGE},
        )
    metric = " ".join((metric_name or "").split()) or None
    return Asking(text, _option(prompt_id), metric)


def question_of(asking: Asking, parts: tuple[Any, ...], owner_id: str, most_values: int) -> tuple[Question, Values]:
    """Return what the analyst is asked, and the values that it is about.

    Our own words are trusted, so nothing of the sender's gets into them: the name of a value goes into the prepared
    question only as the catalogue of tests writes it. As it was typed it stands in the message, which is data.

    Raises:
        InvalidRequest: MISSING_METRIC_NAME, the prepared question is about one value, and none is named.
    """
    values = values_of(parts, most_values, f"{asking.message} {asking.metric or ''}")
    option, metric = asking.option, asking.metric
    if option is None:
        return Question(owner_id=owner_id, message=asking.message, facts=values.facts), values
    if option.needs_metric and metric is None:
        metric = _only_name(values)
    message = asking.message
    if metric is not None and metric.casefold() not in message.casefold():
        message = f"{message}\n({metric})"
    prepared = option.prompt.replace(METRIC, _trusted(metric))
    return Question(owner_id=owner_id, message=message, prepared_prompt=prepared, facts=values.facts), values


def _option(prompt_id: str | None) -> PromptOption | None:
    if prompt_id is None or not prompt_id.strip():
        return None
    found = options.find(prompt_id.strip())
    if found is None:
        raise errors.InvalidRequest(
            "INVALID_PROMPT_ID",
            "There is no such prepared question.",
            user_message="This prepared question is not there any more. Please choose another one.",
            details={"field": "prompt_id"},
        )
    return found


def _only_name(values: Values) -> str:
    names = {fact.name for fact in values.facts}
    if len(names) != 1:
        raise errors.InvalidRequest(
            "MISSING_METRIC_NAME",
            "This prepared question needs the name of a value.",
            user_message="Please choose the value that you want to ask about.",
            details={"field": "metric_name"},
        )
    return names.pop()


def _trusted(metric: str | None) -> str:
    """Return a known test's own name, in our spelling, or words that point to the message."""
    if metric is None:
        return _NAMED_VALUE
    from chalicelib.gateways.analyst.local.catalogue import find

    known = find(metric, "blood") or find(metric, "urine")
    return known.name if known is not None else _NAMED_VALUE
