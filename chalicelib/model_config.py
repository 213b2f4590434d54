"""Which language models a stage asks, where they are, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

# Claude Sonnet 4.5 by way of the European profile: documents leave the region, and do not leave the Union.
_BEDROCK_MODEL: Final = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
_ANTHROPIC_MODEL: Final = "claude-sonnet-4-5-20250929"


class Prices(msgspec.Struct, frozen=True):
    """US dollars per million tokens, which is the same as millionths of a dollar per token."""

    per_input: Decimal = Decimal(3)
    per_output: Decimal = Decimal(15)


class BedrockSettings(msgspec.Struct, frozen=True):
    """A model behind Bedrock's Converse API.

    `routed_regions` are the regions that a geographic inference profile may send a request to: the function's policy
    names the model in each of them (AWS, "Geographic cross-Region inference"). They are empty for a model id without a
    geography. `endpoint_url` is for stand-ins; None means AWS.
    """

    model_id: str = _BEDROCK_MODEL
    region: str = "eu-central-1"
    routed_regions: tuple[str, ...] = (
        "eu-central-1",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-3",
    )
    endpoint_url: str | None = None
    prices: Prices = Prices()

    def arns(self, account_id: str) -> list[str]:
        """Name what `bedrock:InvokeModel` is needed on: the profile and the model where it may run, or the model."""
        geography, dot, model = self.model_id.partition(".")
        if not dot or geography not in ("eu", "us", "apac", "jp", "au", "global"):
            return [f"arn:aws:bedrock:{self.region}::foundation-model/{self.model_id}"]
        profile = f"arn:aws:bedrock:{self.region}:{account_id}:inference-profile/{self.model_id}"
        regions = sorted({self.region, *self.routed_regions})
        return [profile, *(f"arn:aws:bedrock:{one}::foundation-model/{model}" for one in regions)]


class AnthropicSettings(msgspec.Struct, frozen=True):
    """A model behind Anthropic's Messages API. Its key lies in Secrets Manager, never in the environment."""

    model_id: str = _ANTHROPIC_MODEL
    url: str = "https://api.anthropic.com"
    prices: Prices = Prices()


class ModelSettings(msgspec.Struct, frozen=True):
    """Everything that a stage says about models."""

    bedrock: BedrockSettings = BedrockSettings()
    anthropic: AnthropicSettings = AnthropicSettings()


def load_models(environment: Mapping[str, str], region: str) -> ModelSettings:
    """Read what a stage says about models; what it does not say has a default.

    Raises:
        ValueError: prices are not two numbers.
    """
    bedrock, anthropic = BedrockSettings(), AnthropicSettings()
    routed = environment.get("BEDROCK_ROUTED_REGIONS")
    return ModelSettings(
        BedrockSettings(
            # A model id, or the id of an inference profile.
            model_id=environment.get("BEDROCK_MODEL_ID", bedrock.model_id),
            # The region that is called; the stage's own, unless the model is not there.
            region=environment.get("BEDROCK_REGION", region),
            # Comma-separated; only for the ids of geographic profiles.
            routed_regions=bedrock.routed_regions if routed is None else tuple(filter(None, routed.split(","))),
            # Another server that speaks Converse, such as the stand-in of `dev/`.
            endpoint_url=environment.get("BEDROCK_ENDPOINT_URL") or None,
            # "3,15": dollars per million input and output tokens.
            prices=_prices(environment.get("BEDROCK_PRICES")),
        ),
        AnthropicSettings(
            model_id=environment.get("ANTHROPIC_MODEL_ID", anthropic.model_id),
            url=environment.get("ANTHROPIC_URL", anthropic.url).rstrip("/"),
            prices=_prices(environment.get("ANTHROPIC_PRICES")),
        ),
    )


def _prices(text: str | None) -> Prices:
    if text is None:
        return Prices()
    numbers = [Decimal(part.strip()) for part in text.split(",") if part.strip().replace(".", "", 1).isdigit()]
    if len(numbers) != 2:
        raise ValueError(f"prices are two numbers, such as 3,15, and not {text!r}")
    return Prices(*numbers)
