"""The chain of consents: whatever is done to it behind the service's back shows."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.models import keys
from chalicelib.models.consent import ConsentEntry, ConsentEntryItem
from chalicelib.models.profile import ConsentChain
from chalicelib.models.states import ConsentSource, ConsentType
from chalicelib.privacy.consent_ledger import Fault, appended, faults, hash_of, seed_of, state_at
from tests.unit.privacy.ledgers import START, Person, consent, person

KIND = ConsentType.HEALTHCARE_CONSULTATION


def _faults(found: Person) -> set[Fault]:
    return {one.fault for one in found.faults()}


def _forged(found: Person, **changes: Any) -> ConsentEntryItem:
    """An entry that follows the last one rightly, made by somebody who knows how, and who cannot change the profile."""
    last = found.items[-1].data
    values = {
        **last.attribute_values,
        "sequence": last.sequence + 1,
        "consent_given": False,
        "changed_at": last.changed_at + timedelta(days=1),
        "previous_hash": hash_of(last),
        **changes,
    }
    return _placed(ConsentEntry(**values))


def _placed(entry: ConsentEntry) -> ConsentEntryItem:
    key = keys.consent_entry_key("user-1", entry.changed_at, int(entry.sequence))
    return ConsentEntryItem(key.pk, key.sk, data=entry)


def test_a_ledger_that_grew_as_it_should_is_whole() -> None:
    found = person()
    assert found.faults() == []
    assert [item.data.sequence for item in found.items] == list(range(1, 8))
    assert found.items[0].data.previous_hash == seed_of(found.items[0].data.chain_id)
    assert found.chain is not None
    assert (found.chain.length, found.chain.head_hash) == (7, hash_of(found.items[-1].data))


@pytest.mark.parametrize("number", range(7))
def test_a_deleted_entry_is_missed(number: int) -> None:
    found = person()
    del found.items[number]
    assert _faults(found) & {Fault.BROKEN_LINK, Fault.WRONG_HEAD}
    assert Fault.WRONG_LENGTH in _faults(found)


def test_a_ledger_that_was_deleted_whole_is_missed() -> None:
    found = person()
    found.items.clear()
    assert {Fault.WRONG_LENGTH, Fault.WRONG_HEAD, Fault.STATE_DIFFERS} <= _faults(found)


def test_a_ledger_that_was_deleted_together_with_its_head_is_missed_by_the_consents_that_stand() -> None:
    found = person()
    found.items.clear()
    found.chain = None
    assert _faults(found) == {Fault.STATE_DIFFERS}


ALTERED: dict[str, Any] = {
    "chain_id": "another",
    "sequence": 99,
    "consent_type": ConsentType.PRIVACY_POLICY,
    "consent_given": False,
    "consent_version": "9",
    "consent_method": "forged",
    "ui_checkbox_group": 3,
    "source": ConsentSource.CARRIED_OVER,
    "changed_at": START - timedelta(days=365),
    "previous_hash": "0" * 64,
}


def test_every_attribute_of_an_entry_is_tried() -> None:
    assert set(ALTERED) == set(ConsentEntry.get_attributes())


@pytest.mark.parametrize("number", [0, 3, 6], ids=["first", "middle", "last"])
@pytest.mark.parametrize("attribute", ALTERED)
def test_an_altered_entry_shows(attribute: str, number: int) -> None:
    found = person()
    before = getattr(found.items[number].data, attribute)
    setattr(found.items[number].data, attribute, ALTERED[attribute])
    assert getattr(found.items[number].data, attribute) != before
    assert _faults(found) & {Fault.BROKEN_LINK, Fault.WRONG_HEAD}


@pytest.mark.parametrize("number", [0, 3, 6], ids=["first", "middle", "last"])
def test_an_altered_entry_shows_even_if_it_was_moved_to_where_it_then_belongs(number: int) -> None:
    found = person()
    found.items[number].data.changed_at += timedelta(seconds=1)
    found.items[number] = _placed(found.items[number].data)
    assert _faults(found) & {Fault.BROKEN_LINK, Fault.WRONG_HEAD}


@pytest.mark.parametrize(("one", "other"), [(0, 1), (2, 5), (5, 6)])
def test_two_entries_that_changed_places_show(one: int, other: int) -> None:
    found = person()
    first, second = found.items[one], found.items[other]
    first.data, second.data = second.data, first.data
    assert {Fault.OUT_OF_SEQUENCE, Fault.BROKEN_LINK} <= _faults(found)


def test_a_forged_entry_at_the_end_shows_although_it_follows_the_last_one_rightly() -> None:
    found = person()
    found.items.append(_forged(found))
    assert {Fault.WRONG_LENGTH, Fault.WRONG_HEAD, Fault.STATE_DIFFERS} == _faults(found)


def test_a_forged_entry_shows_even_if_the_length_was_put_right() -> None:
    found = person()
    found.items.append(_forged(found, consent_given=True))
    assert found.chain is not None
    found.chain.length += 1
    assert Fault.WRONG_HEAD in _faults(found)


def test_a_forged_entry_in_the_middle_shows_although_all_that_follow_were_renumbered() -> None:
    found = person()
    early = Person(items=found.items[:3])
    forged = _forged(early, changed_at=found.items[2].data.changed_at)
    for item in found.items[3:]:
        item.data.sequence += 1
    found.items = [*found.items[:3], forged, *[_placed(item.data) for item in found.items[3:]]]
    assert {Fault.BROKEN_LINK, Fault.WRONG_LENGTH} <= _faults(found)


def test_an_entry_of_somebody_else_does_not_fit() -> None:
    found, other = person(), person()
    found.items[-1] = other.items[-1]
    assert {Fault.FOREIGN, Fault.BROKEN_LINK, Fault.WRONG_HEAD} <= _faults(found)


def test_a_whole_chain_of_somebody_else_does_not_fit() -> None:
    found, other = person(), person()
    found.items = other.items
    assert {Fault.FOREIGN, Fault.WRONG_HEAD} <= _faults(found)


def test_an_entry_in_the_wrong_place_shows() -> None:
    found = person()
    found.items[3].sk += "0"
    assert _faults(found) == {Fault.MISPLACED}


def test_a_ledger_without_a_head_shows() -> None:
    found = person()
    found.chain = None
    assert _faults(found) == {Fault.NO_HEAD}


def test_a_clock_that_was_turned_back_inside_the_chain_shows() -> None:
    found = person()
    last = found.items[-1].data
    last.changed_at = START - timedelta(days=1)
    assert found.chain is not None
    found.chain.head_hash = hash_of(last)
    stored = [*found.items[:-1], _placed(last)]
    assert Fault.TIME_REVERSED in {one.fault for one in faults(stored, found.chain, found.standing)}


def _withdrawn(found: Person) -> None:
    assert found.standing.privacy_policy is not None
    found.standing.privacy_policy.withdrawn_at = START


def _absent(found: Person) -> None:
    found.standing.privacy_policy = None


def _renewed(found: Person) -> None:
    assert found.standing.privacy_policy is not None
    found.standing.privacy_policy.consent_version = "2"


@pytest.mark.parametrize("spoil", [_withdrawn, _absent, _renewed])
def test_a_profile_that_was_changed_past_the_ledger_shows(spoil: Callable[[Person], None]) -> None:
    found = person()
    spoil(found)
    findings = found.faults()
    assert [(one.fault, one.consent_type) for one in findings] == [(Fault.STATE_DIFFERS, ConsentType.PRIVACY_POLICY)]


def test_the_hash_of_an_entry_is_the_same_for_ever() -> None:
    entry = ConsentEntry(
        chain_id="chain-1",
        sequence=Decimal("2"),
        consent_type=ConsentType.PRIVACY_POLICY,
        consent_given=True,
        consent_version="2.1 ü",
        consent_method="bundled_consent",
        source=ConsentSource.SIGN_UP,
        changed_at=START,
        previous_hash=seed_of("chain-1"),
    )
    seed = hashlib.sha256(b"consent-entry/1:chain-1").hexdigest()
    canonical = (
        '{"chain_id":"chain-1","changed_at":"2026-03-14T09:30:00.000000Z","consent_given":true,'
        '"consent_method":"bundled_consent","consent_type":"privacy_policy","consent_version":"2.1 ü",'
        f'"format":"consent-entry/1","previous_hash":"{seed}","sequence":2,"source":"sign_up","ui_checkbox_group":null}}'
    )
    assert hash_of(entry) == hashlib.sha256(canonical.encode()).hexdigest()
    entry.ui_checkbox_group = 1.0
    grouped = canonical.replace('"ui_checkbox_group":null', '"ui_checkbox_group":1')
    assert hash_of(entry) == hashlib.sha256(grouped.encode()).hexdigest()


def test_a_chain_is_whole_under_any_partition_key() -> None:
    found = person()
    for item in found.items:
        item.pk = "PROOF#random"
    assert found.faults() == []
    assert "user-1" not in str([item.data.serialize(item.data) for item in found.items])


def test_an_entry_read_from_the_table_has_the_hash_it_was_written_with() -> None:
    for item in person().items:
        read = ConsentEntryItem.from_raw_data(copy.deepcopy(item.serialize()))
        assert hash_of(read.data) == hash_of(item.data)


def test_the_state_at_a_past_instant_is_what_was_in_force_then() -> None:
    entries = [item.data for item in person().items]

    def then(instant: datetime) -> tuple[bool, str] | None:
        entry = state_at(reversed(entries), instant).get(KIND)
        return None if entry is None else (entry.consent_given, entry.consent_version)

    day, moment = timedelta(days=1), timedelta(microseconds=1)
    assert then(START - moment) is None
    assert then(START) == (True, "1")
    assert then(START + day - moment) == (True, "1")
    assert then(START + day) == (False, "1")
    assert then(START + 2 * day - moment) == (False, "1")
    assert then(START + 2 * day) == (True, "2")
    assert then(datetime(2999, 1, 1, tzinfo=UTC)) == (True, "2")
    assert len(state_at(entries, START)) == 5


def test_consents_from_before_the_ledger_are_carried_over_at_their_own_instants() -> None:
    found = Person()
    early, late = START - timedelta(days=900), START - timedelta(days=30)
    found.standing.terms_of_service = consent(late, is_given=False)
    found.standing.privacy_policy = consent(early, version="legacy")
    assert _faults(found) == {Fault.STATE_DIFFERS}

    found.change({ConsentType.PRIVACY_POLICY: consent(START, version="2")}, START)

    assert found.faults() == []
    assert [(item.data.source, item.data.changed_at, item.data.consent_version) for item in found.items] == [
        (ConsentSource.CARRIED_OVER, early, "legacy"),
        (ConsentSource.CARRIED_OVER, late, "1"),
        (ConsentSource.SETTINGS, START, "2"),
    ]
    assert state_at((item.data for item in found.items), START - timedelta(days=31)).keys() == {
        ConsentType.PRIVACY_POLICY
    }


def test_a_clock_that_is_behind_the_last_entry_does_not_turn_the_chain_back() -> None:
    found = person()
    behind = START + timedelta(hours=1)
    found.change({KIND: consent(behind, is_given=False, version="2")}, behind)

    assert found.faults() == []
    assert found.items[-1].data.changed_at == START + timedelta(days=2)
    withdrawn = found.standing.healthcare_consultation
    assert withdrawn is not None
    assert withdrawn.updated_at == withdrawn.withdrawn_at == START + timedelta(days=2)


def test_two_people_never_share_a_chain() -> None:
    chains = {
        str(appended("u", None, Person().standing, {}, ConsentSource.SIGN_UP, START).after.chain_id) for _ in "ab"
    }
    assert len(chains) == 2


_STEPS = st.lists(
    st.tuples(st.sampled_from(list(ConsentType)), st.booleans(), st.sampled_from("123"), st.integers(-60, 86_400)),
    min_size=1,
    max_size=12,
)


@given(_STEPS, st.data())
def test_whatever_was_chosen_can_be_recomputed_and_whatever_is_tampered_with_shows(
    steps: list[tuple[ConsentType, bool, str, int]], data: st.DataObject
) -> None:
    found, at = Person(), START
    seen: list[tuple[datetime, dict[ConsentType, tuple[bool, str]]]] = []
    for kind, is_given, version, seconds in steps:
        at += timedelta(seconds=seconds)
        found.change({kind: consent(at, is_given=is_given, version=version)}, at)
        assert isinstance(found.chain, ConsentChain)
        said = {**(seen[-1][1] if seen else {}), kind: (is_given, version)}
        seen.append((found.chain.changed_at, said))
    assert found.faults() == []
    entries = [item.data for item in found.items]
    for instant in {moment for moment, _ in seen}:
        expected = [state for moment, state in seen if moment <= instant][-1]
        state = state_at(entries, instant)
        assert {kind: (bool(one.consent_given), one.consent_version) for kind, one in state.items()} == expected

    spoilt, number = found.copied(), data.draw(st.integers(0, len(steps) - 1))
    match data.draw(st.sampled_from(["delete", "alter", "repeat"])):
        case "delete":
            del spoilt.items[number]
        case "alter":
            spoilt.items[number].data.consent_given = not spoilt.items[number].data.consent_given
        case _:
            spoilt.items.append(_forged(spoilt))
    assert spoilt.faults() != []
