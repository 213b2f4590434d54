"""What a good ID token says of somebody, and where the bounds of a good one lie. Forged ones: tests/rooms."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.gateways.jwks import Fetched
from chalicelib.gateways.oidc import Identity, IdTokens
from chalicelib.models.states import AuthProvider
from chalicelib.rules import Rules
from tests.support import SettableClock
from tests.unit.identity.world import APPLE, GOOGLE, Provider


class Desk:
    """Both providers, and who verifies their tokens."""

    def __init__(self, clock: SettableClock) -> None:
        self.google, self.apple = Provider(GOOGLE, clock), Provider(APPLE, clock)
        self.tokens = IdTokens((GOOGLE, APPLE), clock, Rules(), self._fetch)

    def _fetch(self, url: str) -> Fetched:
        return (self.google if url == GOOGLE.jwks_url else self.apple).fetch(url)

    def at_google(self, **claims: Any) -> Identity:
        return self.tokens.verify(AuthProvider.GOOGLE, self.google.token(**claims))

    def at_apple(self, **claims: Any) -> Identity:
        return self.tokens.verify(AuthProvider.APPLE, self.apple.token(**claims))


@pytest.fixture
def desk(clock: SettableClock) -> Desk:
    return Desk(clock)


def test_google_vouches_for_a_person(desk: Desk) -> None:
    identity = desk.at_google(sub="107", name="Ada Lovelace", given_name="Ada", family_name="Lovelace")

    assert identity == Identity(
        provider=AuthProvider.GOOGLE,
        external_id="107",
        email="ada@example.com",
        is_email_verified=True,
        is_private_email=False,
        name="Ada Lovelace",
        given_name="Ada",
        family_name="Lovelace",
    )


@pytest.mark.parametrize(("claimed", "is_verified"), [("true", True), ("false", False), (False, False), (None, False)])
def test_booleans_of_apple_may_be_texts(desk: Desk, claimed: object, is_verified: bool) -> None:
    assert desk.at_apple(email_verified=claimed).is_email_verified is is_verified


@pytest.mark.parametrize(("claimed", "is_private"), [("true", True), (True, True), ("false", False), (None, False)])
def test_a_relay_address_is_told_by_its_claim(desk: Desk, claimed: object, is_private: bool) -> None:
    assert desk.at_apple(is_private_email=claimed).is_private_email is is_private


def test_a_relay_address_is_told_by_its_domain_too(desk: Desk) -> None:
    assert desk.at_apple(email="x1@PrivateRelay.AppleID.com").is_private_email


@pytest.mark.parametrize("email", [None, ""])
def test_an_absent_e_mail_is_absent_and_never_verified(desk: Desk, email: str | None) -> None:
    identity = desk.at_apple(email=email, email_verified="true")

    assert (identity.email, identity.is_email_verified) == (None, False)


def test_both_spellings_of_googles_issuer_are_accepted(desk: Desk) -> None:
    assert desk.at_google(iss="accounts.google.com").external_id == "google-sub-1"


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -59), ("iat", 60), ("nbf", 60)])
def test_clocks_may_differ_by_a_minute(desk: Desk, clock: SettableClock, claim: str, seconds: int) -> None:
    assert desk.at_google(**{claim: int(clock.now().timestamp()) + seconds})


def test_a_subject_may_have_255_characters(desk: Desk) -> None:
    assert desk.at_google(sub="1" * 255).external_id == "1" * 255


def test_one_audience_may_be_written_as_a_list(desk: Desk) -> None:
    assert desk.at_google(aud=["google-app"])


def test_two_audiences_are_accepted_if_both_are_ours_and_so_is_the_party(desk: Desk) -> None:
    assert desk.at_google(aud=["google-app", "google-app"], azp="google-app")


def test_googles_phone_client_may_ask_for_a_token_for_our_server(desk: Desk) -> None:
    assert desk.at_google(azp="the-android-client")


@pytest.mark.parametrize("claimed", ["drawn", hashlib.sha256(b"drawn").hexdigest()])
def test_apples_token_carries_the_nonce_or_its_hash(desk: Desk, claimed: str) -> None:
    assert desk.tokens.verify(AuthProvider.APPLE, desk.apple.token(nonce=claimed), "drawn")


def test_googles_token_carries_the_nonce_as_it_is(desk: Desk) -> None:
    assert desk.tokens.verify(AuthProvider.GOOGLE, desk.google.token(nonce="drawn"), "drawn")


def test_a_nonce_that_googles_library_drew_by_itself_is_ignored(desk: Desk) -> None:
    assert desk.tokens.verify(AuthProvider.GOOGLE, desk.google.token(nonce="drawn by the library"))


def test_names_that_are_no_texts_are_absent(desk: Desk) -> None:
    identity = desk.at_google(name=["Ada"], given_name=5, family_name="   ")

    assert (identity.name, identity.given_name, identity.family_name) == (None, None, None)


def test_a_refusal_says_why_to_operators_alone(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(errors.Unauthenticated) as refusal:
        desk.at_google(aud="another-app", email="ada@example.com")

    written = caplog.records[-1].__dict__
    assert (written["event"], written["reason"]) == ("id_token_refused", "InvalidAudienceError")
    assert "ada@example.com" not in str(written)
    assert refusal.value.message == "The identity token could not be verified."
