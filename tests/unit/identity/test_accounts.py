"""A new profile says of somebody what was introduced, word for word, and later names fill what was empty."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib.gateways.oidc import Identity
from chalicelib.identity import accounts
from chalicelib.ids import email_hash
from chalicelib.models import keys
from chalicelib.models.states import AccountStatus, AuthProvider
from tests.unit.identity.people import guards, person

AT = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
RELAY = Identity(AuthProvider.APPLE, "apple-sub", "x@privaterelay.appleid.com", True, True, None, None, None)
GOOGLE = Identity(AuthProvider.GOOGLE, "google-sub", "Ada@Example.com", True, False, "Ada King", "Ada", "King")
UNVERIFIED = Identity(AuthProvider.GOOGLE, "google-sub", "Ada@Example.com", False, False, None, None, None)
NAMELESS = Identity(AuthProvider.APPLE, "apple-sub", None, False, False, None, None, None)


@pytest.mark.parametrize(
    "identity", [RELAY, GOOGLE, UNVERIFIED, NAMELESS], ids=["relay", "google", "unverified", "nameless"]
)
def test_a_new_profile_has_every_word_of_its_introduction(identity: Identity) -> None:
    user = person(AT, "user-9", identity=identity)
    data = user.data
    assert (user.pk, user.sk) == tuple(keys.user_key("user-9"))
    assert (data.id, data.external_id, data.auth_provider) == ("user-9", identity.external_id, identity.provider)
    assert (data.email, data.email_hash) == (identity.email, email_hash(identity.email))
    assert (data.email_verified, data.is_private_email) == (identity.is_email_verified, identity.is_private_email)
    assert (data.name, data.given_name, data.family_name) == (identity.name, identity.given_name, identity.family_name)
    assert data.account_status is AccountStatus.ACTIVE
    assert user.created_at == user.updated_at == data.last_login_at == AT
    assert (user.gsi2_pk, user.gsi2_sk) == tuple(keys.external_index_key(identity.provider, identity.external_id))
    expected = tuple(keys.email_index_key(data.email_hash)) if data.email_hash is not None else (None, None)
    assert (user.gsi1_pk, user.gsi1_sk) == expected


@pytest.mark.parametrize(
    ("identity", "is_email_guarded"), [(RELAY, False), (GOOGLE, True), (UNVERIFIED, False), (NAMELESS, False)]
)
def test_an_address_is_guarded_that_is_vouched_for_and_no_relay(identity: Identity, is_email_guarded: bool) -> None:
    found = guards(AT, "user-9", identity)
    assert len(found) == 1 + is_email_guarded
    assert all(one.data.user_id == "user-9" and one.created_at == AT for one in found)


def test_what_the_provider_vouches_for_comes_before_what_the_app_says() -> None:
    told = accounts.introduction(GOOGLE, "other@example.com", "Augusta", "Byron")
    assert (told.email, told.given_name, told.family_name) == (GOOGLE.email, "Ada", "King")
    told = accounts.introduction(NAMELESS, "other@example.com", "Augusta", "Byron")
    assert (told.email, told.name) == ("other@example.com", "Augusta Byron")
    assert accounts.introduction(NAMELESS, "no address", None, "Byron").email is None
    assert accounts.introduction(NAMELESS, None, None, "Byron").name == "Byron"


def test_names_are_filled_in_where_there_are_none() -> None:
    user = person(AT, identity=NAMELESS)
    assert accounts.first_names(user, "Ada", "King") == {"name": "Ada King", "given_name": "Ada", "family_name": "King"}
    assert accounts.first_names(user, None, "King") == {"name": "King", "family_name": "King"}
    assert accounts.first_names(user, None, " ") == {}


@pytest.mark.parametrize("kept", ["name", "given_name", "family_name"])
def test_whoever_has_any_name_keeps_it(kept: str) -> None:
    user = person(AT, identity=NAMELESS)
    setattr(user.data, kept, "Ada")
    assert accounts.first_names(user, "Augusta", "Byron") == {}


def test_an_address_moves_only_to_one_that_is_vouched_for() -> None:
    user = person(AT, identity=UNVERIFIED)
    assert accounts.moved_email(user, UNVERIFIED) is None
    assert accounts.moved_email(user, NAMELESS) is None
    move = accounts.moved_email(user, GOOGLE)
    assert move is not None
    hashed = email_hash(GOOGLE.email)
    assert (move.seen_hash, move.email, move.email_hash) == (hashed, GOOGLE.email, hashed)
    assert (move.is_verified, move.is_private, move.claimed) == (True, False, hashed)
    assert move.released is None
    assert accounts.moved_email(person(AT, identity=GOOGLE), GOOGLE) is None
