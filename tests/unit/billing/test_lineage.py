"""A line of purchases is followed in both directions, never in a circle, never too far, and tells who may own one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.billing.known import Claim, ExternalKey, KnownSubscription
from chalicelib.billing.lineage import MOST_LINKS, Find, owners_named, those_after, those_before
from tests.unit.billing.words import BOUGHT, STRIPE, known


def bought(external_id: str, **words: Any) -> KnownSubscription:
    followed_by = words.pop("followed_by", ())
    claimed = words.pop("claim", None)
    return replace(known(external_id, **words), followed_by=followed_by, claim=claimed)


def claim(user_id: str, at: datetime = BOUGHT) -> Claim:
    return Claim(user_id=user_id, claimed_at=at)


def among(*purchases: KnownSubscription) -> Find:
    places = {ExternalKey(STRIPE, one.external_id): one for one in purchases}
    return places.get


def ids(purchases: Iterable[KnownSubscription]) -> list[str]:
    return [one.external_id for one in purchases]


def test_what_a_purchase_goes_on_from_is_found_nearest_first() -> None:
    first, second = bought("first"), bought("second", follows="first")
    third = bought("third", follows="second")
    assert ids(those_before(third, among(first, second, third))) == ["second", "first"]
    assert ids(those_before(first, among(first, second, third))) == []


def test_a_line_ends_where_nothing_is_known() -> None:
    second = bought("second", follows="gone")
    assert ids(those_before(bought("third", follows="second"), among(second))) == ["second"]
    assert ids(those_after(bought("first", replaced_by="gone"), among(second))) == []


def test_a_circle_is_walked_once() -> None:
    one = bought("one", follows="two", replaced_by="two")
    two = bought("two", follows="one", replaced_by="one")
    assert ids(those_before(one, among(one, two))) == ["two"]
    assert ids(those_after(one, among(one, two))) == ["two"]
    itself = bought("itself", follows="itself", replaced_by="itself")
    assert ids(those_before(itself, among(itself))) == []
    assert ids(those_after(itself, among(itself))) == []


def test_a_line_is_followed_so_far_and_no_further() -> None:
    line = [bought(str(number), follows=str(number + 1)) for number in range(2 * MOST_LINKS)]
    assert ids(those_before(line[0], among(*line))) == [str(number) for number in range(1, MOST_LINKS + 1)]
    line = [bought(str(number), replaced_by=str(number + 1)) for number in range(2 * MOST_LINKS)]
    assert ids(those_after(line[0], among(*line))) == [str(number) for number in range(1, MOST_LINKS + 1)]


def test_all_that_follow_are_found_each_once() -> None:
    first = bought("first", replaced_by="second", followed_by=("third", "second"))
    second, third = bought("second", followed_by=("fourth",)), bought("third", followed_by=("fourth",))
    fourth = bought("fourth")
    assert ids(those_after(first, among(first, second, third, fourth))) == ["second", "third", "fourth"]


def test_whom_its_store_names_comes_first_then_whom_the_nearest_before_it_names() -> None:
    first = bought("first", account="user-1")
    second = bought("second", follows="first")
    third = bought("third", follows="second", account="user-3")
    assert list(owners_named(third, among(first, second))) == ["user-3", "user-1"]
    assert list(owners_named(second, among(first))) == ["user-1"]


def test_after_those_who_are_named_come_those_who_claimed_the_first_claim_first() -> None:
    later = BOUGHT + timedelta(hours=1)
    first = bought("first", claim=claim("early"))
    second = bought("second", follows="first", account="named", claim=claim("late", later))
    third = bought("third", follows="second", claim=claim("also-late", later))
    assert list(owners_named(third, among(first, second))) == ["named", "early", "also-late", "late"]


def test_one_whom_nobody_names_and_nobody_claimed_has_no_owner() -> None:
    assert list(owners_named(bought("alone"), among())) == []


def test_nothing_is_looked_up_before_it_is_asked_for() -> None:
    asked: list[ExternalKey] = []

    def find(key: ExternalKey) -> None:
        asked.append(key)

    owners = owners_named(bought("second", follows="first", account="named"), find)
    assert next(owners) == "named"
    assert asked == []
    assert list(owners) == []
    assert asked == [ExternalKey(STRIPE, "first")]
