"""Rows become items and rows again; items become rows, what stands beside them, and the very same items again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chalicelib.clock import iso, parse_iso
from chalicelib.migration.serenya import raw
from chalicelib.migration.serenya.columns import TABLES, Fate
from chalicelib.migration.serenya.current import current_of
from chalicelib.migration.serenya.extras import extras_of, with_extras
from chalicelib.migration.serenya.reading import decoded, encoded
from chalicelib.migration.serenya.rows import ConsentRow, PersonRows, Rival
from chalicelib.migration.serenya.to_items import Items, guarded_email, to_items
from chalicelib.migration.serenya.to_rows import to_rows
from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.catalogue import KINDS
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import UserItem
from chalicelib.privacy.consent_ledger import faults
from chalicelib.rules import Rules
from chalicelib.wiring_migration import rulebook
from tests.migration.people_items import holdings
from tests.migration.people_rows import AS_OF, a_uuid, by_table, people

_RULEBOOK = rulebook()
_many = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
_NAMES = {
    "users": ("id",),
    "consent_records": ("consent_type",),
    "user_devices": ("device_id",),
    "user_sessions": ("session_id",),
    "biometric_registrations": ("registration_id",),
    "subscriptions": ("provider", "external_subscription_id"),
    "payments": ("id",),
    "processing_jobs": ("job_id",),
}


def _named(person: PersonRows) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    return {
        table: {tuple(row[name] for name in _NAMES[table]): row for row in several}
        for table, several in by_table(person).items()
    }


def _items(person: PersonRows) -> Items:
    return to_items(person, AS_OF, _RULEBOOK)


@_many
@given(people())
def test_rows_become_items_and_the_same_rows_again(person: PersonRows) -> None:
    before, after = _named(person), _named(to_rows(_items(person)))
    devices = {
        row["id"]: row["device_id"]
        for found in (person, to_rows(_items(person)))
        for row in by_table(found)["user_devices"]
    }
    for table, several in after.items():
        for name, row in several.items():
            original = before[table][name]
            for column, said in TABLES[table].items():
                if said.fate in (Fate.DROPPED, Fate.CONCLUDED):
                    continue
                was, now = original[column], row[column]
                if column == "device_id" and table in ("user_sessions", "biometric_registrations"):
                    was, now = devices[was], devices[now]
                _same(said.fate, column, was, now, original)


def _same(fate: Fate, column: str, was: Any, now: Any, row: dict[str, Any]) -> None:
    if fate is Fate.ROUNDED:
        expected = was or iso(parse_iso(row["uploaded_at"]) + timedelta(days=1))
        assert now == iso(parse_iso(expected).replace(microsecond=0)), column
    elif column in ("completed_at", "failed_at"):
        ended = {"completed_at": ("completed",), "failed_at": ("failed", "timeout")}[column]
        assert now == (was if row["status"] in ended else None)
    elif column == "challenge_expires_at" and not row["challenge"]:
        assert now is not None
    elif column in ("device_attestation_data", "registration_metadata"):
        assert (None if now is None else json.loads(now)) == (None if was is None else json.loads(was))
    elif fate is Fate.KEPT or was is not None:
        assert now == was, column
    else:
        assert now is not None, f"{column} is not filled"


@_many
@given(people())
def test_what_does_not_come_back_is_what_was_named(person: PersonRows) -> None:
    before, after = _named(person), _named(to_rows(_items(person)))
    current = current_of(person, AS_OF)
    gone = {table: set(before[table]) - set(after[table]) for table in before}
    assert not gone["users"] | gone["consent_records"] | gone["payments"]
    for registration in person.biometrics:
        if (registration.registration_id,) in gone["biometric_registrations"]:
            assert registration is not current.biometric
    least = iso(parse_iso(AS_OF) - Rules().history_life)
    for table in ("user_devices", "user_sessions", "subscriptions"):
        for name in gone[table]:
            row = before[table][name]
            if table == "user_sessions" and _device_is_gone(row, person, gone["user_devices"]):
                continue
            assert (row["updated_at"] or row["created_at"] or _born(person)) <= least
    for name in gone["processing_jobs"]:
        row = before["processing_jobs"][name]
        assert (row["ttl_expires_at"] or iso(parse_iso(row["uploaded_at"]) + timedelta(days=1))) < iso(
            parse_iso(AS_OF) + timedelta(seconds=1)
        )


def _device_is_gone(row: dict[str, Any], person: PersonRows, gone: set[tuple[Any, ...]]) -> bool:
    return (next(one.device_id for one in person.devices if one.id == row["device_id"]),) in gone


def _born(person: PersonRows) -> str:
    assert person.user is not None
    return person.user.created_at or person.user.updated_at or person.user.last_login_at or raw.EPOCH


@_many
@given(people())
def test_the_models_read_every_item_and_write_the_very_same(person: PersonRows) -> None:
    for item in _items(person).values():
        model = KINDS[item["entity_type"]["S"]].model
        read = model.from_raw_data(dict(item))
        again = read.serialize()
        for name in ("device_attestation_data", "registration_metadata"):
            for one in (again, item):
                told = raw.inside(one["data"], "current_biometric", name)
                if told is not None and one is again:
                    told["S"] = raw.jsonb(told["S"])
        assert again == item


@_many
@given(people())
def test_a_ledger_that_moved_verifies_and_claims_nothing_that_no_row_says(person: PersonRows) -> None:
    items = _items(person)
    user = UserItem.from_raw_data(dict(next(one for key, one in items.items() if key[1] == "PROFILE")))
    entries = [
        KINDS["consent_entry"].model.from_raw_data(dict(one))
        for key, one in sorted(items.items())
        if key[1].startswith("CONSENT#")
    ]
    assert faults(entries, user.data.consent_chain, user.data.consents) == []  # type: ignore[arg-type]  # all entries
    assert len(entries) == len(person.consents)
    assert {one.serialize()["data"]["M"]["source"]["S"] for one in entries} <= {"carried_over"}


@_many
@given(people())
def test_every_guard_that_is_promised_is_there_and_names_its_person(person: PersonRows) -> None:
    items = _items(person)
    assert person.user is not None
    guards = {key[0]: item for key, item in items.items() if key[1] == keys.GUARD_SK}
    assert {item["data"]["M"]["user_id"]["S"] for item in guards.values()} == {person.user.id}
    hashed = guarded_email(person.user)
    assert (hashed is not None) == any(name.startswith("GUARD#EMAIL#") for name in guards)
    transactions = {(one.provider, one.provider_transaction_id) for one in person.payments}
    assert sum(name.startswith("GUARD#TRANSACTION#") for name in guards) == len(transactions)
    for name, item in guards.items():
        if name.startswith("GUARD#TRANSACTION#"):
            assert (keys.user_partition(person.user.id), item["data"]["M"]["sort_key"]["S"]) in items


@_many
@given(people(), st.booleans())
def test_of_two_who_want_one_address_the_older_account_has_it(person: PersonRows, is_older: bool) -> None:
    assert person.user is not None
    person = replace(person, user=replace(person.user, email="A@Example.org ", email_verified=True))
    hashed = guarded_email(person.user) if person.user is not None else None
    rank = ("9999", a_uuid(1)) if is_older else ("", "")
    rivals = (Rival(GuardKind.EMAIL, str(hashed), None, rank),)
    items = to_items(replace(person, rivals=rivals), AS_OF, _RULEBOOK)
    assert any(key[0].startswith("GUARD#EMAIL#") for key in items) == is_older


@_many
@given(holdings())
def test_items_become_rows_and_what_stands_beside_them_and_the_very_same_items(items: Items) -> None:
    rows = to_rows(items)
    extras = extras_of(items, rows, AS_OF, _RULEBOOK)
    stored = replace(
        extras, documents={key: decoded(json.loads(encoded(one))) for key, one in extras.documents.items()}
    )
    assert with_extras(rows, stored, AS_OF, _RULEBOOK) == items


@_many
@given(people())
def test_of_whom_only_rows_speak_nothing_stands_beside(person: PersonRows) -> None:
    assert extras_of(_items(person), person, AS_OF, _RULEBOOK).documents == {}


@_many
@given(people(), st.text(max_size=10).filter(lambda text: "\0" not in text))
def test_what_somebody_else_changes_in_rows_is_theirs_and_the_rest_stays(person: PersonRows, name: str) -> None:
    items = _items(person)
    key = next(one for one in items if one[1] == keys.PROFILE_SK)
    data = {**items[key]["data"]["M"], "billing_revision": {"N": "7"}, "name": {"S": "as the service wrote it"}}
    extras = extras_of(items | {key: {**items[key], "data": {"M": data}}}, person, AS_OF, _RULEBOOK)
    assert person.user is not None
    assume(name != person.user.name)
    changed = with_extras(replace(person, user=replace(person.user, name=name)), extras, AS_OF, _RULEBOOK)
    assert raw.said(changed[key]["data"], "name") == (name or None)
    assert raw.counted(changed[key]["data"], "billing_revision") == 7


@_many
@given(people(), st.integers(0, 10))
def test_a_consent_that_an_old_program_changes_is_appended_to_a_ledger_that_has_grown(
    person: PersonRows, shift: int
) -> None:
    person = person if person.consents else replace(person, consents=(_consent(person),))
    items = _items(person)
    key = next(one for one in items if one[1] == keys.PROFILE_SK)
    grown = _with_settings_entry(person, items)
    extras = extras_of(grown, person, AS_OF, _RULEBOOK)
    other = person.consents[0]
    at = iso(parse_iso("2027-06-01T00:00:00Z") + timedelta(days=shift))
    theirs: ConsentRow = replace(other, consent_given=not other.consent_given, withdrawn_at=None, updated_at=at)
    later = with_extras(replace(person, consents=(theirs, *person.consents[1:])), extras, AS_OF, _RULEBOOK)
    user = UserItem.from_raw_data(dict(later[key]))
    entries = [
        KINDS["consent_entry"].model.from_raw_data(dict(one))
        for place, one in sorted(later.items())
        if place[1].startswith("CONSENT#")
    ]
    found = faults(entries, user.data.consent_chain, user.data.consents)  # type: ignore[arg-type]  # all entries
    assert found == []


def _consent(person: PersonRows) -> ConsentRow:
    assert person.user is not None
    return ConsentRow(a_uuid(9), person.user.id, "privacy_policy", True, "1", None, None, AS_OF, AS_OF, None)


def _with_settings_entry(person: PersonRows, items: Items) -> Items:
    """A consent given anew through the service, with an entry of its own."""
    from chalicelib.models.profile import Consent
    from chalicelib.models.states import ConsentSource, ConsentType
    from chalicelib.privacy.consent_ledger import appended

    assert person.user is not None
    key = next(one for one in items if one[1] == keys.PROFILE_SK)
    user = UserItem.from_raw_data(dict(items[key]))
    kind = ConsentType(person.consents[-1].consent_type)
    at = parse_iso("2027-05-01T00:00:00Z")
    new = Consent(consent_given=True, consent_version="9", consent_method="settings", created_at=at, updated_at=at)
    change = appended(
        person.user.id, user.data.consent_chain, user.data.consents, {kind: new}, ConsentSource.SETTINGS, at
    )
    setattr(user.data.consents, kind, change.consents[kind])
    user.data.consent_chain = change.after
    put: Items = dict(items)
    for one in (user, *change.entries):
        written = one.serialize()
        put[written["PK"]["S"], written["SK"]["S"]] = written
    return put


@pytest.mark.parametrize("size", [100_000, 399_000])
def test_texts_of_hundreds_of_kilobytes_pass_unchanged(size: int) -> None:
    person = PersonRows(user=_someone(), devices=(_device("k" * size),))
    items = _items(person)
    assert to_rows(items).devices[0].public_key == "k" * size
    rows = to_rows(items)
    assert with_extras(rows, extras_of(items, rows, AS_OF, _RULEBOOK), AS_OF, _RULEBOOK) == items


def test_the_plan_of_who_has_no_active_row_is_free_and_any_paid_row_is_premium() -> None:
    person = PersonRows(user=_someone())
    plan = next(iter(one for key, one in _items(person).items() if key[1] == "PROFILE"))["data"]
    assert raw.said(plan, "current_subscription", "tier") == "free"
    assert raw.said(plan, "current_subscription", "provider") == "internal"


def _someone() -> Any:
    from chalicelib.migration.serenya.rows import UserRow

    return UserRow(
        a_uuid(7), "x", "google", "a@example.org", None, True, "A", None, None, None, AS_OF, AS_OF, None, None
    )


def _device(key: str) -> Any:
    from chalicelib.migration.serenya.rows import DeviceRow

    return DeviceRow(
        a_uuid(8), a_uuid(7), "d", None, "ios", None, None, None, None, key, None, None, AS_OF, AS_OF, AS_OF
    )


def test_items_are_read_by_the_class_that_their_kind_names() -> None:
    assert all(issubclass(kind.model, Item) for kind in KINDS.values())
