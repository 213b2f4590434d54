"""Which subscriptions are looked at, and how soon."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.billing.liveness import NO_HURRY, SHARDS, live_key, news_due_at
from chalicelib.gateways.provider_facts import Phase
from chalicelib.models import keys
from tests.unit.billing.words import ENDS, known, renewal

LATER = ENDS + timedelta(days=6)


@pytest.mark.parametrize(
    ("words", "due_at"),
    [
        ({}, ENDS),
        ({"renewal": renewal(will_renew=False)}, ENDS),
        ({"renewal": renewal(phase=Phase.GRACE, grace_ends_at=LATER)}, LATER),
        ({"renewal": renewal(phase=Phase.GRACE)}, ENDS),
        ({"renewal": renewal(phase=Phase.RETRY)}, NO_HURRY),
        ({"renewal": renewal(phase=Phase.PENDING)}, NO_HURRY),
        ({"renewal": renewal(phase=Phase.PAUSED, resumes_at=LATER)}, LATER),
        ({"renewal": renewal(phase=Phase.PAUSED)}, NO_HURRY),
        ({"renewal": None}, NO_HURRY),
        ({"term": None}, NO_HURRY),
        ({"renewal": renewal(phase=Phase.EXPIRED, will_renew=False)}, None),
        ({"replaced_by": "sub_2"}, None),
    ],
)
def test_news_is_due_when_the_present_state_ends(words: dict[str, Any], due_at: datetime | None) -> None:
    assert news_due_at(known(**words)) == due_at


def test_one_that_is_over_leaves_the_index() -> None:
    assert live_key(known(renewal=renewal(phase=Phase.EXPIRED, will_renew=False))) is None


def test_the_shard_never_changes_and_all_are_used() -> None:
    places = [live_key(known(f"sub_{number}")) for number in range(500)]
    later = [live_key(known(f"sub_{number}", renewal=renewal(phase=Phase.RETRY))) for number in range(500)]
    assert all(place is not None for place in places)
    assert [place.pk for place in places if place] == [place.pk for place in later if place]
    assert {place.pk for place in places if place} == {
        keys.billing_live_partition("stripe", shard) for shard in range(SHARDS)
    }


def test_the_key_tells_nothing_of_the_purchase() -> None:
    place = live_key(known("sub_secret"))
    assert place is not None
    assert "secret" not in f"{place.pk}{place.sk}"


def test_there_is_a_shard_for_each_hour_and_the_key_names_the_hash_and_the_instant() -> None:
    assert SHARDS == 24
    external_hash = keys.digest_of("sub_1")
    due = live_key(known("sub_1"))
    assert due == keys.billing_live_key("stripe", keys.shard_of(external_hash, 24), ENDS, external_hash)
    assert due is not None
    assert external_hash in due.sk
