"""The settings of Google Play: absent where nothing is sold there, and complete where something is."""

from __future__ import annotations

import pytest

from tests.support import test_settings

SOLD = {
    "PLAY_PACKAGE_NAME": "app.serenya",
    "PLAY_PUSH_AUDIENCE": "https://api.example/webhooks/google",
    "PLAY_PUSH_EMAIL": "play-push@example.iam.gserviceaccount.com",
    "PLAY_PRODUCTS": "serenya_premium:monthly=premium_monthly, serenya_family:yearly=family_yearly",
}


def test_a_stage_that_sells_nothing_there_has_no_settings() -> None:
    assert test_settings().play_store is None


def test_a_stage_speaks_to_google_itself_unless_told_otherwise() -> None:
    found = test_settings(**SOLD).play_store
    assert found is not None
    assert found.products == {"serenya_premium:monthly": "premium_monthly", "serenya_family:yearly": "family_yearly"}
    assert found.token_url == "https://oauth2.googleapis.com/token"
    assert found.api_url == "https://androidpublisher.googleapis.com/androidpublisher/v3"
    assert not found.admits_test_purchases
    assert test_settings().play_store_secret == "serenya/test/play-store"


@pytest.mark.parametrize("missing", [name for name in SOLD if name != "PLAY_PACKAGE_NAME"])
def test_a_stage_that_sells_there_says_everything(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        test_settings(**{name: value for name, value in SOLD.items() if name != missing})
