"""What empty secrets are given: a first key once, and a sentence for what only an operator has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from boto3.session import Session
from moto import mock_aws

from deploy.generate import stage_settings
from deploy.release import first_values
from deploy.release.first_values import draw_missing_keys, require_given_values
from deploy.release.place import Place, Refused
from deploy.resources import declare


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A place whose secrets are there and have no version, as CloudFormation makes them."""
    with mock_aws():
        settings = replace(stage_settings("dev"), has_apple_sign_in_key=True)
        found = Place(settings, Session("k", "s", region_name=settings.region))
        declared = declare(settings)
        for name in (*(one.name for one in declared.key_sets), declared.apple_sign_in.name):
            found.client("secretsmanager").create_secret(Name=name)
        yield found


def value(place: Place, name: str) -> str:
    return str(place.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


def test_a_first_key_is_drawn_for_each_set_and_never_a_second(place: Place) -> None:
    names = [one.name for one in declare(place.settings).key_sets]
    assert draw_missing_keys(place) == names
    before = [value(place, name) for name in names]
    assert all(json.loads(one)["previous"] is None for one in before)
    assert before[0] != before[1]
    assert draw_missing_keys(place) == []
    assert [value(place, name) for name in names] == before


def test_of_two_deployments_that_both_see_an_empty_secret_one_draws(place: Place) -> None:
    secrets, (declared, _) = place.client("secretsmanager"), declare(place.settings).key_sets
    first_values._draw(secrets, declared)
    before = value(place, declared.name)
    first_values._draw(secrets, declared)
    assert value(place, declared.name) == before


@pytest.mark.parametrize("given", ["", "no JSON", '{"team_id": "T"}', "[]"])
def test_a_given_secret_that_is_not_whole_stops_a_deployment_and_says_how_to_fill_it(place: Place, given: str) -> None:
    name = place.settings.apple_sign_in_secret
    if given:
        place.client("secretsmanager").put_secret_value(SecretId=name, SecretString=given)
    with pytest.raises(Refused) as refusal:
        require_given_values(place)
    assert f"put-secret-value --secret-id {name}" in str(refusal.value)
    assert not given or given not in str(refusal.value)


def test_a_whole_secret_passes(place: Place) -> None:
    whole: Any = dict.fromkeys(declare(place.settings).apple_sign_in.fields, "x")
    name = place.settings.apple_sign_in_secret
    place.client("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(whole))
    require_given_values(place)


def test_a_secret_that_is_about_to_be_deleted_is_said_with_how_to_restore_it(place: Place) -> None:
    name = place.settings.token_keys_secret
    place.client("secretsmanager").delete_secret(SecretId=name)
    with pytest.raises(Refused, match=rf"restore-secret --secret-id {name}"):
        draw_missing_keys(place)
