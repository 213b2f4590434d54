"""Sealed texts: opened for their owner alone, under keys that rotate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.gateways.sealed import SealBroken, Seals


def key(kid: str) -> dict[str, str]:
    return {"kid": kid, "secret": f"a secret of forty characters, named {kid}"}


class KeySet:
    """A secret that can be changed; a suspicion of staleness makes the newest visible."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {"current": key("one"), "previous": None}
        self.seen = self.stored

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        if is_suspected_stale:
            self.seen = self.stored
        return self.seen

    def rotate(self, kid: str) -> None:
        older = [*self.stored.get("older", []), *filter(None, [self.stored["previous"]])]
        self.stored = {"current": key(kid), "previous": self.stored["current"], "older": older}


@pytest.fixture
def key_set() -> KeySet:
    return KeySet()


@pytest.fixture
def seals(key_set: KeySet) -> Seals:
    return Seals(key_set, "data-keys", "serenya/a purpose")


def test_a_text_comes_back_as_it_was(seals: Seals) -> None:
    sealed = seals.seal("r.token.Å", "user-1")

    assert "token" not in sealed
    assert sealed.startswith("s1.one.")
    assert seals.open(sealed, "user-1") == "r.token.Å"


def test_the_same_text_is_never_sealed_twice_alike(seals: Seals) -> None:
    assert len({seals.seal("token", "user-1") for _ in range(50)}) == 50


def test_a_sealed_text_cannot_be_moved_to_somebody_else(seals: Seals) -> None:
    sealed = seals.seal("token", "user-1")

    with pytest.raises(SealBroken, match="somebody else's"):
        seals.open(sealed, "user-2")


def test_a_sealed_text_is_for_one_purpose(seals: Seals, key_set: KeySet) -> None:
    with pytest.raises(SealBroken):
        Seals(key_set, "data-keys", "serenya/another").open(seals.seal("token", "user-1"), "user-1")


@pytest.mark.parametrize("position", [0, 3, 9, 20, -3])
def test_a_changed_text_does_not_open(seals: Seals, position: int) -> None:
    sealed = seals.seal("token", "user-1")
    other = "A" if sealed[position] != "A" else "B"
    place = position % len(sealed)

    with pytest.raises(SealBroken):
        seals.open(sealed[:place] + other + sealed[place + 1 :], "user-1")


@pytest.mark.parametrize("text", ["", "token", "s1.one", "s1.one.", "s1.one.AAAA", "s1.one.!", "s1..AAAA", "s1.a.b.c"])
def test_what_was_never_sealed_does_not_open(seals: Seals, text: str) -> None:
    with pytest.raises(SealBroken):
        seals.open(text, "user-1")


def test_older_keys_open_what_they_sealed(seals: Seals, key_set: KeySet) -> None:
    sealed = [seals.seal("first", "user-1")]
    for kid in ("two", "three"):
        key_set.rotate(kid)
        key_set.seen = key_set.stored
        sealed.append(seals.seal(kid, "user-1"))

    assert [seals.open(one, "user-1") for one in sealed] == ["first", "two", "three"]
    assert [seals.is_current(one) for one in sealed] == [False, False, True]


def test_a_key_that_another_process_seals_with_already_is_looked_for(seals: Seals, key_set: KeySet) -> None:
    ahead = KeySet()
    ahead.rotate("two")
    ahead.seen = ahead.stored
    sealed = Seals(ahead, "data-keys", "serenya/a purpose").seal("token", "user-1")
    key_set.stored = ahead.stored

    assert seals.open(sealed, "user-1") == "token"


def test_a_key_that_is_gone_opens_nothing(seals: Seals, key_set: KeySet) -> None:
    sealed = seals.seal("token", "user-1")
    key_set.stored = key_set.seen = {"current": key("two"), "previous": None}

    with pytest.raises(SealBroken, match="the key is gone"):
        seals.open(sealed, "user-1")


@pytest.mark.parametrize("entry", [None, {}, {"kid": "one"}, {"kid": "one", "secret": "short"}, {"kid": "a.b", **{}}])
def test_nothing_is_sealed_without_a_usable_key(seals: Seals, key_set: KeySet, entry: Any) -> None:
    key_set.stored = key_set.seen = {"current": entry, "previous": None}

    with pytest.raises(errors.Unavailable):
        seals.seal("token", "user-1")
