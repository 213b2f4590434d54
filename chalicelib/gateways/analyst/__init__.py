"""Analysts turn a document into laboratory results, vital signs and an explanation, and answer questions about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Confined children import this package as well, and wait for nothing that they do not use.
    from collections.abc import Callable

    from chalicelib.clock import Clock
    from chalicelib.config import Settings
    from chalicelib.gateways.analyst.anthropic import SecretReader
    from chalicelib.gateways.analyst.findings import Analyst
    from chalicelib.gateways.analyst.spending import SpendingBook


def analyst_of(stage: Settings, secrets: SecretReader, book: SpendingBook, clock: Clock) -> Analyst:
    """Return the analysts of a stage, in their order; libraries are imported when they are first used.

    Raises:
        ValueError: an analyst is not known, named twice, or none is named; the service must not start like that.
    """
    names = stage.analysts
    if not names or len(set(names)) != len(names):
        raise ValueError(f"ANALYST names each analyst once, such as bedrock,local, and not {stage.analyst!r}")
    analysts = [_named(name, stage, secrets, book, clock) for name in names]
    if names == ("local",):
        return analysts[0]
    from chalicelib.gateways.analyst.fallback import InOrder

    return InOrder(analysts, clock, stage.rules)


def _named(name: str, stage: Settings, secrets: SecretReader, book: SpendingBook, clock: Clock) -> Analyst:
    from chalicelib.gateways.analyst.later import Later

    makers: dict[str, Callable[[], Analyst]] = {
        "local": _local,
        "bedrock": lambda: _bedrock(stage, book, clock),
        "anthropic": lambda: _anthropic(stage, secrets, book, clock),
    }
    if name not in makers:
        raise ValueError(f"no analyst is called {name!r}")
    return Later(name, makers[name])


def _local() -> Analyst:
    from chalicelib.gateways.analyst.local.analyst import LocalAnalyst

    return LocalAnalyst()


def _bedrock(stage: Settings, book: SpendingBook, clock: Clock) -> Analyst:
    from chalicelib.gateways.analyst.asking import Asking
    from chalicelib.gateways.analyst.bedrock import BedrockModel
    from chalicelib.gateways.analyst.model_analyst import ModelAnalyst
    from chalicelib.gateways.analyst.spending import Purse

    return ModelAnalyst(Asking(BedrockModel(stage.models.bedrock), Purse(book), clock))


def _anthropic(stage: Settings, secrets: SecretReader, book: SpendingBook, clock: Clock) -> Analyst:
    from chalicelib.gateways.analyst.anthropic import AnthropicModel
    from chalicelib.gateways.analyst.asking import Asking
    from chalicelib.gateways.analyst.model_analyst import ModelAnalyst
    from chalicelib.gateways.analyst.spending import Purse

    model = AnthropicModel(stage.models.anthropic, secrets, stage.anthropic_secret)
    return ModelAnalyst(Asking(model, Purse(book), clock))
