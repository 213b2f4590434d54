"""What a stage says about models, and which rights follow from it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.model_config import BedrockSettings, load_models
from deploy.permissions import FUNCTIONS
from deploy.policies import policy
from tests.support import test_settings

ASKING = [name for name, needs in FUNCTIONS.items() if needs.asks_models]


def statements(function: str, **stage: str) -> dict[str, Any]:
    written = policy(function, FUNCTIONS[function], test_settings(**stage))
    return {one["Sid"]: one for one in written["Statement"]}


def test_defaults_keep_documents_in_the_union() -> None:
    models = load_models({}, "eu-central-1")

    assert models.bedrock.model_id.startswith("eu.")
    assert all(region.startswith("eu-") for region in models.bedrock.routed_regions)
    assert models.bedrock.prices.per_output == Decimal(15)


def test_a_stage_names_models_places_and_prices() -> None:
    environment = {"BEDROCK_MODEL_ID": "m", "BEDROCK_REGION": "eu-west-1", "BEDROCK_PRICES": "0.8, 4"}

    bedrock = load_models(environment, "eu-central-1").bedrock

    assert (bedrock.model_id, bedrock.region, bedrock.prices.per_input) == ("m", "eu-west-1", Decimal("0.8"))


@pytest.mark.parametrize("prices", ["", "3", "a,b", "1,2,3"])
def test_prices_that_are_none_do_not_start(prices: str) -> None:
    with pytest.raises(ValueError, match="prices"):
        load_models({"BEDROCK_PRICES": prices}, "eu-central-1")


def test_functions_that_analyse_and_the_api_may_ask_models_and_sweeps_may_not() -> None:
    assert {"api_handler", "analyse_priority", "retry_analysis"} <= set(ASKING)
    assert not [name for name in ASKING if name.startswith(("sweep", "reset", "carry"))]


@pytest.mark.parametrize("function", ASKING)
def test_a_stage_without_models_has_no_right_to_any(function: str) -> None:
    assert not {"Models", "ModelKey"} & set(statements(function, ANALYST="local"))


@pytest.mark.parametrize("function", ASKING)
def test_the_right_is_to_the_named_model_and_no_other(function: str) -> None:
    found = statements(function, ANALYST="bedrock,local")["Models"]

    assert found["Action"] == ["bedrock:InvokeModel"]
    profile = "arn:aws:bedrock:eu-central-1:000000000000:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert profile in found["Resource"]
    assert len(found["Resource"]) == 7
    assert not any("*" in one for one in found["Resource"])


def test_a_model_without_a_geography_is_named_in_its_region() -> None:
    bedrock = BedrockSettings(model_id="amazon.nova-lite-v1:0", region="eu-west-1")

    assert bedrock.arns("1") == ["arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"]


def test_the_key_of_anthropic_is_read_where_it_is_asked() -> None:
    found = statements("analyse_priority", ANALYST="anthropic,local")

    assert "Models" not in found
    assert found["ModelKey"]["Resource"] == [
        "arn:aws:secretsmanager:eu-central-1:000000000000:secret:serenya/test/anthropic-??????"
    ]
