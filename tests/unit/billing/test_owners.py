"""A purchase belongs to people who are here, and an id of anybody who is gone leads to nobody."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.billing.known import Claim, KnownSubscription
from chalicelib.billing.owners import People
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus
from tests.unit.billing.people import person
from tests.unit.billing.words import BOUGHT, known


class Profiles:
    """Profiles by id, and who was asked for."""

    def __init__(self, *here: str, leaving: str = "") -> None:
        self.of = {user_id: person(user_id) for user_id in here}
        self.asked: list[str] = []
        if leaving:
            self.of[leaving] = person(leaving)
            self.of[leaving].data.account_status = AccountStatus.DELETED

    def read(self, user_id: str) -> UserItem | None:
        self.asked.append(user_id)
        return self.of.get(user_id)


def claimed_by(user_id: str, account: str | None = None) -> KnownSubscription:
    return replace(known(account=account), claim=Claim(BOUGHT, user_id))


def nobody_else(_: object) -> None:
    return None


def test_the_living_are_read_once_and_those_who_leave_are_not_among_them() -> None:
    profiles = Profiles("ada", leaving="ben")
    people = People(profiles.read)
    assert [people.living(one) is not None for one in ("ada", "ben", "cleo", "ada", None)] == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert profiles.asked == ["ada", "ben", "cleo"]


def test_the_owner_is_the_first_who_lives() -> None:
    profiles = Profiles("cleo", leaving="ben")
    assert People(profiles.read).owner_of(claimed_by("cleo", account="ben"), nobody_else) == "cleo"
    assert People(profiles.read).owner_of(claimed_by("ben", account="gone"), nobody_else) is None


def test_what_is_known_of_the_living_stays_as_it_is() -> None:
    one = claimed_by("ada", account="cleo")
    assert People(Profiles("ada", "cleo").read).without_the_gone(one) is one


def test_a_claim_of_who_is_gone_is_void_and_their_name_a_hash() -> None:
    one = claimed_by("gone", account="lost")
    kept = People(Profiles().read).without_the_gone(one)
    assert kept.claim is None
    assert kept.account is not None and one.account is not None
    assert kept.account.content.startswith("nobody:")
    assert "lost" not in kept.account.content
    assert replace(kept.account, content="lost") == one.account
    assert replace(kept, claim=one.claim, account=one.account) == one


def test_a_hash_stays_the_same_and_leads_to_nobody() -> None:
    profiles = Profiles()
    once = People(profiles.read).without_the_gone(known(account="lost"))
    other = People(profiles.read).without_the_gone(known(account="other"))
    profiles.asked.clear()
    assert People(profiles.read).without_the_gone(once) == once
    assert profiles.asked == []
    assert once.account != other.account


def test_a_claim_stays_where_only_the_account_is_gone() -> None:
    kept = People(Profiles("ada").read).without_the_gone(claimed_by("ada", account="lost"))
    assert kept.claim == Claim(BOUGHT, "ada")
    assert kept.account is not None and kept.account.content.startswith("nobody:")
