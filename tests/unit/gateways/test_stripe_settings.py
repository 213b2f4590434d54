"""What a stage says of Stripe, and what loading the gateway costs a process that never meets it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from chalicelib import config
from tests.support import test_settings

ENVIRONMENT = {
    "STRIPE_PRODUCTS": "price_1=premium_monthly, price_2=family_yearly",
    "STRIPE_SUCCESS_URL": "serenya://paid",
    "STRIPE_CANCEL_URL": "serenya://plans",
}


def test_a_stage_that_names_no_products_sells_nothing_through_stripe() -> None:
    assert test_settings().stripe is None


def test_a_stage_says_what_it_sells_and_takes_no_real_money_unless_it_says_so() -> None:
    stage = test_settings(**ENVIRONMENT)

    assert stage.stripe == config.Stripe(
        products={"price_1": "premium_monthly", "price_2": "family_yearly"},
        success_url="serenya://paid",
        cancel_url="serenya://plans",
        is_live=False,
        api_url="https://api.stripe.com",
    )
    assert stage.stripe_secret == "serenya/test/stripe"


def test_production_and_simulated_stores_say_where_and_in_which_mode() -> None:
    stripe = test_settings(**ENVIRONMENT, STRIPE_IS_LIVE="true", STRIPE_API_URL="http://127.0.0.1:9/stripe/").stripe

    assert stripe is not None
    assert (stripe.is_live, stripe.api_url) == (True, "http://127.0.0.1:9/stripe")


@pytest.mark.parametrize("missing", ["STRIPE_SUCCESS_URL", "STRIPE_CANCEL_URL"])
def test_a_stage_without_a_way_back_does_not_start(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        test_settings(**{name: value for name, value in ENVIRONMENT.items() if name != missing})


def test_the_library_is_not_loaded_with_the_gateway() -> None:
    asked = "import sys, chalicelib.gateways.stripe; print(sorted({'stripe', 'requests'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
