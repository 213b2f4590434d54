"""The export: everything, described, and nothing secret; large ones as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from pynamodb.attributes import MapAttribute
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.documents.places import all_keys
from chalicelib.models import keys
from chalicelib.models.catalogue import KINDS, OBJECTS, WITHHELD
from chalicelib.models.kinds import AfterErasure
from chalicelib.models.profile import UserItem
from deploy.permissions import FUNCTIONS
from tests.rooms.documents_world import World, empty_bucket, make_bucket, shown
from tests.rooms.leaving_world import Leaving
from tests.support import SettableClock

SHOWN_ALTHOUGH_THEY_SOUND_SECRET = {
    "granted_subscription": "is a plan that we gave the person",
    "email_hash": "made from the person's own address, which is in the export",
    "external_subscription_id_hash": "made from an id that is in the export",
    "provider_transaction_id_hash": "made from an id that is in the export",
    "sort_key": "says where an item stands",
    "previous_hash": "chains the record of consents, and opens nothing",
    "head_hash": "chains the record of consents, and opens nothing",
    "verification_hash": "is what a receipt is checked by",
    "challenge_operation": "says what a question was for",
    "challenge_expires_at": "says until when",
    "public_key": "is public",
    "object_key": "says where a document lies; reading it takes more than that",
    "provider_tokens": "says when a step of an erasure was done",
}


@pytest.fixture
def leaving(table: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[Leaving]:
    make_bucket(settings)
    found = Leaving(settings, clock, World(settings, clock))
    found.settle()
    yield found
    empty_bucket(settings)


def parts_of(leaving: Leaving) -> dict[str, list[dict[str, Any]]]:
    return {part["name"]: part["items"] for part in shown(leaving.export.of(leaving.caller))["parts"]}


def test_an_export_holds_every_item_of_the_person_and_of_nobody_else(leaving: Leaving) -> None:
    leaving.world.deliver_event(leaving.world.uploaded())
    other = leaving.another()
    parts = parts_of(leaving)
    exported = {(item["stored_under"]["pk"], item["stored_under"]["sk"]) for items in parts.values() for item in items}
    stored = {
        (item["PK"]["S"], item["SK"]["S"])
        for item in leaving.items()
        if leaving.user_id in json.dumps(item) and item["entity_type"]["S"] != "limit"
    }
    assert exported == stored
    assert other.user_id not in json.dumps(parts, default=str)
    assert {name: len(items) for name, items in parts.items()} == {
        "user": 1, "guard": 4, "job": 1, "session_history": 3, "device_history": 1, "subscription_history": 1,
        "consent_entry": 5, "message_unit": 1, "provider_subscription": 1, "payment": 1, "line": 1,
    }  # fmt: skip


def test_every_part_says_what_it_is_why_we_have_it_and_for_how_long(leaving: Leaving) -> None:
    document = leaving.export.of(leaving.caller)
    for part in document.parts:
        assert part.description
        assert part.purpose
        assert part.retention
        assert part.after_erasure in set(AfterErasure)
    assert {part.name for part in document.parts} | set(document.not_included) == set(KINDS)


def test_what_is_stored_is_readable(leaving: Leaving) -> None:
    (user,) = parts_of(leaving)["user"]
    assert user["data"]["email"] == leaving.email
    assert user["data"]["name"] == "Erika Mustermann"
    assert user["data"]["current_biometric"]["registration_metadata"] == {"platform": "ios"}
    assert user["data"]["current_session"]["refresh_generation"] == 0
    assert user["GSI2PK"] == f"USER_EXTERNAL#google#{leaving.external_id}"
    assert parts_of(leaving)["session_history"][0]["expires_at"].endswith("Z")


def test_secrets_are_named_and_not_shown(leaving: Leaving) -> None:
    document = shown(leaving.export.of(leaving.caller))
    text = json.dumps(document, default=str)
    for secret in ("open-challenge", "s1.k1.sealed", '"hash"'):
        assert secret not in text
    (user,) = parts_of(leaving)["user"]
    assert user["data"]["current_session"]["refresh_token_hash"] == "(withheld)"
    assert user["data"]["current_biometric"]["challenge"] == "(withheld)"
    assert set(document["withheld"]) == set(WITHHELD)


def attribute_names(model: Any) -> Iterator[str]:
    for attribute in model.get_attributes().values():
        yield attribute.attr_name
        if isinstance(attribute, MapAttribute):
            yield from attribute_names(type(attribute))


def test_whatever_sounds_secret_is_withheld_or_known_to_be_none() -> None:
    names = {name for kind in KINDS.values() for name in attribute_names(kind.model)}
    suspicious = ("hash", "token", "secret", "challenge", "grant", "key", "sealed", "cipher", "password", "nonce")
    sounding = {name for name in names if any(word in name.lower() for word in suspicious)}
    assert sounding <= set(WITHHELD) | set(SHOWN_ALTHOUGH_THEY_SOUND_SECRET)
    assert set(WITHHELD) <= names, "nothing is withheld that is not stored"


def test_every_larger_part_of_a_profile_is_described() -> None:
    data: Any = KINDS["user"].model.get_attributes()["data"]
    larger = {one.attr_name for one in data.get_attributes().values() if isinstance(one, MapAttribute)}
    assert larger == set(KINDS["user"].parts or {})


def test_every_personal_kind_is_removed_or_kept_and_nothing_else_is() -> None:
    for kind in KINDS.values():
        assert (kind.after_erasure is not AfterErasure.UNTOUCHED) == kind.is_personal


def test_every_prefix_that_is_used_is_in_the_catalogue() -> None:
    used = {f"{key.split('/')[0]}/" for key in all_keys("u", "j")}
    granted = {prefix for needs in FUNCTIONS.values() for prefix in needs.objects}
    assert used | {"exports/"} == granted == set(OBJECTS)


def test_results_are_part_of_it_digit_by_digit_and_documents_have_a_link(leaving: Leaving) -> None:
    world = leaving.world
    job_id = world.uploaded()
    world.deliver_event(job_id)
    files = {one["kind"]: one for one in shown(leaving.export.of(leaving.caller))["files"]["items"]}
    assert files["result"]["content"]["lab_results"][0]["test_value"] == Decimal("5.10")
    assert str(files["result"]["content"]["lab_results"][0]["test_value"]) == "5.10"
    link = urlsplit(files["document"]["download_url"])
    assert link.path.endswith(world.key(job_id))
    assert "X-Amz-Expires=600" in link.query
    assert "content" not in files["document"]


def test_beyond_a_number_results_are_linked_to(leaving: Leaving) -> None:
    for number in range(3):
        leaving.world.deliver_event(leaving.world.uploaded(b"%PDF-1.7 " + bytes([65 + number]) * 9 + b" %%EOF"))
    few = replace(leaving.export, rules=msgspec.structs.replace(leaving.settings.rules, export_inline_objects=2))
    results = [one for one in few.of(leaving.caller).files.items if one.kind == "result"]
    assert [one.content is not None for one in results] == [True, True, False]
    assert [one.download_url is not None for one in results] == [False, False, True]


def test_a_large_export_is_a_file_with_the_same_document_and_goes_with_the_person(leaving: Leaving) -> None:
    small = replace(
        leaving.export, rules=msgspec.structs.replace(leaving.settings.rules, export_inline_limit_bytes=1000)
    )
    answer = small.of(leaving.caller)
    assert answer.download is not None
    assert answer.parts == []
    (key,) = [one for one in leaving.world.stored() if one.startswith("exports/")]
    assert urlsplit(answer.download.url).path.endswith(key)
    stored = leaving.world.content(key)
    assert len(stored) == answer.download.size_bytes
    assert {part["name"] for part in json.loads(stored)["parts"]} == set(parts_of(leaving))
    leaving.ask()
    leaving.run(2)
    assert leaving.world.stored() == []


def test_an_item_of_a_kind_that_nobody_knows_is_exported_and_erased_all_the_same(
    leaving: Leaving, table: TableConnection
) -> None:
    key = keys.user_partition(leaving.user_id)
    table.put_item(
        key, "OLD#1", attributes={"entity_type": {"S": "job"}, "data": {"M": {"x": {"S": "y"}}}, "ttl": {"N": "9"}}
    )
    unknown = replace(leaving.export, kinds={name: kind for name, kind in KINDS.items() if name != "job"})
    part = next(part for part in unknown.of(leaving.caller).parts if part.name == "job")
    assert part.items[0]["data"] == {"x": "y"}
    replace(leaving.belongings, kinds=unknown.kinds).remove_history(leaving.user_id, "kept")
    assert not [item for item in leaving.items() if item["SK"]["S"] == "OLD#1"]


def test_who_has_a_registration_needs_a_fresh_proof(leaving: Leaving) -> None:
    leaving.clock.advance(timedelta(minutes=5))
    with pytest.raises(errors.Forbidden) as refused:
        leaving.export.of(leaving.caller)
    assert refused.value.code == "BIOMETRIC_REQUIRED"
    path: Any = UserItem.data
    UserItem(*keys.user_key(leaving.user_id)).update(actions=[path.current_biometric.remove()])
    assert leaving.export.of(leaving.caller).user_id == leaving.user_id


def test_an_export_stands_in_the_audit_trail(leaving: Leaving, monkeypatch: pytest.MonkeyPatch) -> None:
    with leaving.audited(monkeypatch) as lines:
        leaving.export.of(leaving.caller)
    assert [event for event, _ in lines] == ["data_exported"]
