"""Sign-in: what consents a new person must give, and what becomes of those of somebody known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.models.profile import UserItem
from chalicelib.models.states import ConsentType
from chalicelib.stores.users import Users
from tests.rooms.newcomers import Newcomers
from tests.support import SettableClock
from tests.unit.identity.world import ALL_TICKED, World


@pytest.fixture
def world(any_engine_for_long: TableConnection, clock: SettableClock) -> World:
    return World(clock)


@pytest.fixture
def quick(table: TableConnection, clock: SettableClock) -> World:
    """The same on moto alone, for what no engine decides."""
    return World(clock)


def _user(user_id: str) -> UserItem:
    user = Users().by_id(user_id)
    assert user is not None
    return user


def _changed(user_id: str, **changes: Any) -> None:
    user = _user(user_id)
    for name, value in changes.items():
        setattr(user.data, name, value)
    user.save()


@pytest.fixture
def door(clock: SettableClock) -> World:
    """The same without a table, for what is decided before it is asked."""
    return World(clock, users=Newcomers())


def test_all_five_consents_are_stored_with_version_method_and_time(quick: World, clock: SettableClock) -> None:
    answer = quick.signed_in(consent_acknowledgments={**ALL_TICKED, "consent_method": "one_by_one", "timestamp": 5})

    consents = _user(answer.user.id).data.consents
    for kind in ConsentType:
        consent = getattr(consents, kind)
        assert consent.consent_given is True
        assert (consent.consent_version, consent.consent_method) == ("2.1", "one_by_one")
        assert (consent.created_at, consent.updated_at, consent.withdrawn_at) == (clock.now(), clock.now(), None)


@pytest.mark.parametrize("kind", list(ConsentType))
@pytest.mark.parametrize("ticked", [False, None, "true", 1, "yes", [True], {"given": True}], ids=repr)
def test_a_new_person_must_give_every_consent_as_true(door: World, kind: ConsentType, ticked: object) -> None:
    with pytest.raises(errors.InvalidRequest, match="MISSING_CONSENT") as refusal:
        door.signed_in(consent_acknowledgments={**ALL_TICKED, kind: ticked})
    assert refusal.value.details == {"missing_consents": [kind]}
    assert door.users.created == []


def test_a_new_person_without_consents_is_told_all_five(door: World) -> None:
    with pytest.raises(errors.InvalidRequest, match="MISSING_CONSENT") as refusal:
        door.signed_in(consent_acknowledgments=None)
    assert refusal.value.details == {"missing_consents": [str(kind) for kind in ConsentType]}


def test_consents_have_two_names_and_the_disclaimer_too(quick: World) -> None:
    ticked = {**ALL_TICKED, "medical_disclaimer": True}
    del ticked["medical_disclaimers"]
    answer = quick.signed_in(consent_acknowledgments=None, consents=ticked)

    assert _user(answer.user.id).data.consents.medical_disclaimers is not None


def test_somebody_known_needs_no_consents_and_loses_none(quick: World) -> None:
    first = quick.signed_in()
    before = _user(first.user.id).data.consents.serialize(_user(first.user.id).data.consents)
    quick.signed_in(consent_acknowledgments=None)
    quick.signed_in(consent_acknowledgments={str(kind): False for kind in ConsentType})

    after = _user(first.user.id).data.consents
    assert after.serialize(after) == before


def test_consents_of_somebody_known_are_recorded_where_they_are_news(world: World, clock: SettableClock) -> None:
    first = world.signed_in()
    signed_up_at = clock.now()
    clock.advance(timedelta(days=1))
    world.signed_in(consent_acknowledgments={"privacy_policy": True, "terms_of_service": True, "version": "2.1"})
    assert _consent(first.user.id, "privacy_policy").updated_at == signed_up_at

    world.signed_in(consent_acknowledgments={"privacy_policy": True, "version": "3.0"})
    renewed = _consent(first.user.id, "privacy_policy")
    assert (renewed.consent_version, renewed.created_at, renewed.updated_at) == ("3.0", signed_up_at, clock.now())
    assert _consent(first.user.id, "terms_of_service").consent_version == "2.1"


def test_a_withdrawn_consent_is_given_again_by_ticking_it(quick: World, clock: SettableClock) -> None:
    first = quick.signed_in()
    consents = _user(first.user.id).data.consents
    assert consents.healthcare_consultation is not None
    consents.healthcare_consultation.withdrawn_at = clock.now()
    consents.healthcare_consultation.consent_given = False
    _changed(first.user.id, consents=consents)
    quick.signed_in(consent_acknowledgments={"medical_disclaimers": True, "version": "2.1"})
    assert _consent(first.user.id, "healthcare_consultation").consent_given is False
    quick.signed_in(consent_acknowledgments={"healthcare_consultation": True, "version": "2.1"})

    given = _consent(first.user.id, "healthcare_consultation")
    assert (given.consent_given, given.withdrawn_at) == (True, None)


def _consent(user_id: str, kind: str) -> Any:
    return getattr(_user(user_id).data.consents, kind)
