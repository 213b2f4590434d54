"""Erasure: who may ask, what is gone afterwards, what is kept and under which name, and the receipt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.records import owned_subscription
from chalicelib.config import Settings
from chalicelib.gateways.oidc import IdTokens
from chalicelib.identity.apple_contract import AppleNoticeRequest
from chalicelib.identity.apple_events import AppleEvents
from chalicelib.models import keys
from chalicelib.models.catalogue import KINDS
from chalicelib.models.consent import ConsentEntryItem
from chalicelib.models.erasure import ErasureItem
from chalicelib.models.guard import GuardItem
from chalicelib.models.keys import GuardKind
from chalicelib.models.kinds import AfterErasure
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, AuthProvider, SubscriptionProvider, SubscriptionStatus, Tier
from chalicelib.privacy.gdpr_contract import ErasureRequest
from chalicelib.stores.apple_accounts import AppleAccounts
from chalicelib.stores.transactions import Cancelled, commit
from chalicelib.stores.users import Users
from tests.rooms.documents_world import World, empty_bucket, make_bucket
from tests.rooms.leaving_world import WISH, Leaving, a_subscription
from tests.support import SettableClock
from tests.unit.identity.world import APPLE
from tests.unit.identity.world import World as SignInWorld


@pytest.fixture
def leaving(any_engine_for_long: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[Leaving]:
    make_bucket(settings)
    found = Leaving(settings, clock, World(settings, clock))
    found.settle()
    yield found
    empty_bucket(settings)


def with_documents(leaving: Leaving) -> None:
    """One analysed document, one that failed, one that waits."""
    world = leaving.world
    world.deliver_event(world.uploaded())
    world.analyst.steps = [errors.NotMedical()]
    world.deliver_event(world.uploaded(b"%PDF-1.7 another %%EOF"))
    world.uploaded(b"%PDF-1.7 a third %%EOF")


def code_of(trouble: pytest.ExceptionInfo[errors.ServiceError]) -> str:
    return trouble.value.code


def test_after_an_erasure_no_item_and_no_object_says_anything_of_the_person(leaving: Leaving) -> None:
    with_documents(leaving)
    assert len(leaving.traces()) > 10
    request_id = leaving.ask()
    leaving.run(15)
    assert leaving.traces() == []
    assert leaving.status(request_id).status == "completed"


def test_the_account_is_closed_and_the_session_over_with_the_answer(leaving: Leaving) -> None:
    leaving.ask()
    user = leaving.world.users.by_id(leaving.user_id)
    assert user is not None
    assert user.data.account_status is AccountStatus.DELETED
    assert user.data.current_session.status == "revoked"
    assert user.gsi3_pk is None
    with pytest.raises(errors.Forbidden) as refused:
        leaving.export.of(leaving.caller)
    assert code_of(refused) == "ACCOUNT_SUSPENDED"
    with pytest.raises(errors.Forbidden):
        leaving.world.send()


def test_consent_proof_is_kept_word_for_word_under_a_key_that_leads_nowhere(leaving: Leaving) -> None:
    partition = keys.user_partition(leaving.user_id)
    before = [item["data"] for item in leaving.items() if item["PK"]["S"] == partition and "CONSENT" in item["SK"]["S"]]
    leaving.ask()
    leaving.run(2)
    kept = [item for item in leaving.kept() if item["entity_type"]["S"] == "consent_entry"]
    assert len({item["PK"]["S"] for item in leaving.kept()}) == 1
    assert sorted(map(json.dumps, before)) == sorted(json.dumps(item["data"]) for item in kept)
    retained_id = kept[0]["PK"]["S"].removeprefix("RETAINED#")
    # The guard of a transaction names the key: a refund must find the payment, and knows the transaction alone.
    knowing = ("RETAINED#", "GUARD#TRANSACTION#")
    others = [item for item in leaving.items() if not item["PK"]["S"].startswith(knowing)]
    assert retained_id not in json.dumps(others)
    assert len(list(ConsentEntryItem.query(kept[0]["PK"]["S"], consistent_read=True))) == len(before) == 5


def test_the_guard_of_something_kept_names_the_random_key(leaving: Leaving) -> None:
    """A kind that is kept and holds a guard, as payments will: the provider's repetition must find it taken."""
    kind = replace(KINDS["subscription_history"], after_erasure=AfterErasure.KEPT)
    keeping = Leaving(leaving.settings, leaving.clock, leaving.world, {**leaving.kinds, "subscription_history": kind})
    keeping.ask()
    keeping.run(2)
    (kept,) = [item for item in keeping.kept() if item["entity_type"]["S"] == "subscription_history"]
    guard = GuardItem.get(*keys.subscription_guard_key("apple", f"sub-{leaving.user_id}"), consistent_read=True)
    assert kept["PK"]["S"] == keys.retained_partition(guard.data.user_id)


def test_the_provider_is_told_before_what_it_takes_is_gone(leaving: Leaving) -> None:
    leaving.ask()
    leaving.run(2)
    assert leaving.grants.revoked == [leaving.user_id]


def test_a_provider_that_is_down_delays_what_it_is_needed_for_and_nothing_else(leaving: Leaving) -> None:
    with_documents(leaving)
    leaving.grants.failures = 1
    request_id = leaving.ask()
    leaving.run(10)
    progress = leaving.status(request_id).progress
    assert progress["documents"] == progress["payments_and_consent_proof"] == "completed"
    assert (progress["provider_tokens"], progress["profile"]) == ("processing", "pending")
    leaving.run(10)
    assert leaving.status(request_id).status == "completed"
    assert leaving.grants.revoked == [leaving.user_id]


def test_a_provider_that_stays_down_for_days_keeps_nobody_and_the_receipt_says_so(leaving: Leaving) -> None:
    leaving.grants.failures = 10_000
    request_id = leaving.ask()
    leaving.run(10)
    leaving.clock.advance(leaving.settings.rules.erasure_grant_patience)
    leaving.run(30)
    status = leaving.status(request_id)
    assert status.status == "completed"
    assert status.deletion_summary is not None
    assert status.deletion_summary.unconfirmed == ["provider_tokens"]
    assert leaving.traces() == []


def test_every_version_of_an_object_is_gone(leaving: Leaving) -> None:
    leaving.world.watcher.put_bucket_versioning(
        Bucket=leaving.settings.bucket_name, VersioningConfiguration={"Status": "Enabled"}
    )
    with_documents(leaving)
    job_id = leaving.world.uploaded(b"%PDF-1.7 a fourth %%EOF")
    leaving.world.library.clean_up(leaving.caller, job_id)
    request_id = leaving.ask()
    leaving.run(15)
    assert leaving.traces() == []
    status = leaving.status(request_id)
    assert status.deletion_summary is not None
    assert status.deletion_summary.removed["document"] > 3


def test_the_receipt_counts_what_there_was_and_its_hash_can_be_computed_by_anybody(
    leaving: Leaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    with leaving.audited(monkeypatch) as lines:
        request_id = leaving.ask()
        leaving.run(2)
    status = leaving.status(request_id)
    summary = status.deletion_summary
    assert summary is not None
    assert summary.kept == {"consent_entry": 5, "payment": 1}
    assert summary.removed == {
        "device_history": 1,
        "guard": 3,
        "message_unit": 1,
        "provider_subscription": 1,
        "session_history": 3,
        "subscription_history": 1,
        "user": 1,
    }
    assert set(status.progress.values()) == {"completed"}
    assert status.completion_date is not None
    name = hashlib.sha256(f"erasure/1:{request_id}".encode()).hexdigest()
    content = {
        "format": "serenya-erasure/1",
        "erasure": name,
        "requested_at": status.requested_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "completed_at": status.completion_date.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "removed": summary.removed,
        "kept": summary.kept,
        "unconfirmed": summary.unconfirmed,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert status.verification_hash == hashlib.sha256(text.encode()).hexdigest()
    assert [(event, fields["erasure_id"]) for event, fields in lines] == [
        ("erasure_requested", name),
        ("erasure_completed", name),
    ]


def test_the_id_of_a_request_is_stored_nowhere(leaving: Leaving) -> None:
    request_id = leaving.ask()
    assert len(request_id) == 43
    assert request_id not in json.dumps(leaving.items())
    assert request_id not in json.dumps([message for message, _ in leaving.queue.sent])
    assert leaving.user_id not in json.dumps([message for message, _ in leaving.queue.sent])


def test_a_receipt_is_shown_for_ninety_days_and_unknown_ids_are_one_answer(leaving: Leaving) -> None:
    request_id = leaving.ask()
    leaving.run(2)
    leaving.clock.advance(timedelta(days=89))
    assert leaving.status(request_id).status == "completed"
    leaving.clock.advance(timedelta(days=2))
    for one in (request_id, "", "x", leaving.user_id, "é" * 500, keys.erasure_name(request_id)):
        with leaving.world.watched() as calls, pytest.raises(errors.NotFound) as unknown:
            leaving.status(one)
        assert (unknown.value.code, calls.names) == ("ERASURE_REQUEST_NOT_FOUND", ["dynamodb.GetItem"])


@pytest.mark.parametrize("text", [None, "", "delete", "DELETE ", "YES"])
def test_another_word_than_delete_erases_nobody(leaving: Leaving, text: str | None) -> None:
    with leaving.world.watched() as calls, pytest.raises(errors.InvalidRequest) as refused:
        leaving.requests.request(leaving.caller, ErasureRequest(confirmation_text=text))
    assert (code_of(refused), calls.count) == ("INVALID_CONFIRMATION", 0)


@pytest.mark.parametrize(
    ("provider", "status", "is_blocked"),
    [
        (SubscriptionProvider.APPLE, SubscriptionStatus.ACTIVE, True),
        (SubscriptionProvider.STRIPE, SubscriptionStatus.ACTIVE, True),
        (SubscriptionProvider.STRIPE, SubscriptionStatus.CANCELLED, False),
        (SubscriptionProvider.APPLE, SubscriptionStatus.EXPIRED, False),
        (SubscriptionProvider.INTERNAL, SubscriptionStatus.ACTIVE, False),
    ],
)
def test_a_paid_subscription_blocks_an_erasure_while_it_renews(
    leaving: Leaving, provider: SubscriptionProvider, status: SubscriptionStatus, is_blocked: bool
) -> None:
    subscribe(leaving, provider, status)
    if is_blocked:
        with pytest.raises(errors.Conflict) as refused:
            leaving.ask()
        assert code_of(refused) == "ACTIVE_SUBSCRIPTION"
        leaving.requests.begin(leaving.user_id, "apple_account_deleted")
        assert not leaving.erasures.is_erased(leaving.user_id)
    else:
        leaving.ask()
        assert leaving.erasures.is_erased(leaving.user_id)


def subscribe(leaving: Leaving, provider: SubscriptionProvider, status: SubscriptionStatus) -> None:
    path: Any = UserItem.data
    now = leaving.clock.now()
    UserItem(*keys.user_key(leaving.user_id)).update(
        actions=[
            path.current_subscription.tier.set(Tier.PREMIUM),
            path.current_subscription.provider.set(provider),
            path.current_subscription.subscription_status.set(status),
            path.current_subscription.end_date.set(now + timedelta(days=20)),
            path.current_subscription.updated_at.set(now),
        ]
    )


def test_a_purchase_between_reading_and_writing_blocks_an_erasure(leaving: Leaving) -> None:
    leaving.clock.advance(timedelta(seconds=1))

    class Buying(Users):
        def by_id(self, user_id: str) -> UserItem | None:
            user = super().by_id(user_id)
            subscribe(leaving, SubscriptionProvider.APPLE, SubscriptionStatus.ACTIVE)
            return user

    with pytest.raises(errors.Conflict):
        replace(leaving.requests, profiles=Buying()).request(leaving.caller, WISH)
    assert not leaving.erasures.is_erased(leaving.user_id)


def renew_behind_the_plan(leaving: Leaving) -> None:
    """The free plan stays in force; what the person bought is renewed all the same."""
    owned_subscription(
        a_subscription(leaving.user_id, will_renew=True), leaving.user_id, 2, leaving.clock.now(), leaving.clock.now()
    ).save()


def test_a_subscription_behind_the_plan_in_force_blocks_an_erasure_while_it_renews(leaving: Leaving) -> None:
    renew_behind_the_plan(leaving)
    with pytest.raises(errors.Conflict) as refused:
        leaving.ask()
    assert (code_of(refused), refused.value.details) == ("ACTIVE_SUBSCRIPTION", {"provider": "apple"})
    leaving.requests.begin(leaving.user_id, "apple_account_deleted")
    assert not leaving.erasures.is_erased(leaving.user_id)


def test_a_purchase_behind_the_plan_in_force_between_reading_and_writing_blocks_an_erasure(leaving: Leaving) -> None:
    """It changes no plan, only what is known of the person's purchases."""
    path: Any = UserItem.data
    charged_by = leaving.requests.charged_by

    def bought_meanwhile(user: UserItem) -> SubscriptionProvider | None:
        found = charged_by(user)
        renew_behind_the_plan(leaving)
        UserItem(*keys.user_key(leaving.user_id)).update(actions=[path.billing_revision.set(2)])
        return found

    with pytest.raises(errors.Conflict):
        replace(leaving.requests, charged_by=bought_meanwhile).request(leaving.caller, WISH)
    assert not leaving.erasures.is_erased(leaving.user_id)


def test_who_has_a_registration_needs_a_proof_of_the_last_five_minutes(leaving: Leaving) -> None:
    leaving.clock.advance(timedelta(minutes=5))
    with pytest.raises(errors.Forbidden) as refused:
        leaving.ask()
    assert code_of(refused) == "BIOMETRIC_REQUIRED"
    assert not leaving.erasures.is_erased(leaving.user_id)


def test_whoever_asks_twice_is_told_that_the_account_is_closed(leaving: Leaving) -> None:
    leaving.ask()
    with pytest.raises(errors.Forbidden) as refused:
        leaving.ask()
    assert code_of(refused) == "ACCOUNT_SUSPENDED"
    leaving.run(2)
    with pytest.raises(errors.Unauthenticated):
        leaving.ask()


def test_an_erasure_that_a_provider_asks_for_needs_no_session_and_is_begun_once(leaving: Leaving) -> None:
    path: Any = UserItem.data
    UserItem(*keys.user_key(leaving.user_id)).update(actions=[path.current_session.remove()])
    leaving.requests.begin(leaving.user_id, "apple_account_deleted")
    leaving.requests.begin(leaving.user_id, "apple_account_deleted")
    assert len([item for item in leaving.items() if item["entity_type"]["S"] == "erasure"]) == 1
    leaving.run(2)
    assert leaving.traces() == []


def test_an_erasure_that_a_notice_of_apple_began_leaves_nothing_that_leads_to_the_person(leaving: Leaving) -> None:
    """The claim of the notice is younger than the inventory can be, and outlives the person by days."""
    path, apple = UserItem.data, SignInWorld(leaving.clock)
    old = keys.guard_key(GuardKind.EXTERNAL_IDENTITY, "google", leaving.external_id)
    new = keys.guard_key(GuardKind.EXTERNAL_IDENTITY, "apple", leaving.external_id)
    UserItem(*keys.user_key(leaving.user_id)).update(actions=[path.auth_provider.set(AuthProvider.APPLE)])  # type: ignore[attr-defined]  # known at run time only
    guard = GuardItem.get(*old)
    guard.delete()
    GuardItem(*new, data=guard.data, created_at=guard.created_at, updated_at=guard.updated_at).save()
    now = int(leaving.clock.now().timestamp())
    told = json.dumps({"type": "account-delete", "sub": leaving.external_id, "event_time": now * 1000})
    claims = {"iss": APPLE.issuers[0], "aud": APPLE.audiences[0], "iat": now, "jti": "event-1", "events": told}
    tokens = IdTokens((APPLE,), leaving.clock, leaving.settings.rules, apple.fetch)
    notices = AppleEvents(
        tokens, leaving.world.users, AppleAccounts(), leaving.requests, leaving.clock, leaving.settings.rules
    )
    notices.receive(AppleNoticeRequest(payload=apple.apple.sign(claims)))
    leaving.run(15)
    assert leaving.erasures.is_erased(leaving.user_id)
    assert AppleAccounts().has_claim("event-1")
    assert leaving.traces() == []


def test_a_suspended_person_is_erased_when_their_provider_says_so_and_keeps_no_session(leaving: Leaving) -> None:
    path: Any = UserItem.data
    UserItem(*keys.user_key(leaving.user_id)).update(actions=[path.account_status.set(AccountStatus.SUSPENDED)])
    leaving.requests.begin(leaving.user_id, "apple_account_deleted")
    leaving.run(2)
    assert leaving.traces() == []


def test_a_lost_message_is_sent_again_by_the_sweep(leaving: Leaving) -> None:
    leaving.queue.is_down = True
    request_id = leaving.ask()
    leaving.queue.is_down = False
    leaving.saga.sweep()
    assert leaving.deliver() == 0, "not overdue yet"
    leaving.clock.advance(timedelta(minutes=10, seconds=1))
    leaving.saga.sweep()
    assert leaving.deliver() == 1
    assert leaving.status(request_id).status == "completed"
    leaving.clock.advance(timedelta(days=1))
    leaving.saga.sweep()
    assert leaving.deliver() == 0


def test_a_repeated_message_and_one_of_nobody_do_nothing(leaving: Leaving) -> None:
    request_id = leaving.ask()
    (message,) = [text for text, _ in leaving.queue.sent]
    leaving.saga.carry_on(message)
    before = leaving.status(request_id)
    leaving.clock.advance(timedelta(minutes=1))
    leaving.saga.carry_on(message)
    leaving.saga.carry_on('{"erasure": "nobody"}')
    assert leaving.status(request_id) == before


def test_a_tombstone_stops_whoever_would_write_the_person_again(leaving: Leaving) -> None:
    stored = UserItem.get(*keys.user_key(leaving.user_id), consistent_read=True)
    leaving.ask()
    leaving.run(2)

    def repair(transaction: Any) -> None:
        leaving.erasures.add_not_erased(transaction, leaving.user_id)
        transaction.save(stored)

    with pytest.raises(Cancelled) as cancelled:
        commit(repair)
    assert cancelled.value.failed(0)
    assert leaving.erasures.is_erased(leaving.user_id)
    assert not leaving.erasures.is_erased("somebody else")
    assert leaving.traces() == []


def test_a_guard_that_somebody_else_took_since_stays_theirs(leaving: Leaving) -> None:
    key = keys.subscription_guard_key("apple", f"sub-{leaving.user_id}")
    guard: Any = GuardItem.data
    GuardItem(*key).update(actions=[guard.user_id.set("somebody else")])
    leaving.ask()
    leaving.run(2)
    assert GuardItem.get(*key).data.user_id == "somebody else"


def test_while_an_upload_form_can_be_used_documents_are_looked_for_again(leaving: Leaving) -> None:
    from chalicelib.documents.contract import UploadUrlRequest

    world = leaving.world
    answer = world.uploads.presign(leaving.caller, {}, UploadUrlRequest(file_type="pdf", file_size=30)).answer
    request_id = leaving.ask()
    leaving.run(2)
    assert leaving.status(request_id).progress["documents"] == "processing"
    world.watcher.put_object(Bucket=leaving.settings.bucket_name, Key=world.key(answer.job_id), Body=b"late")
    leaving.run(15)
    assert leaving.status(request_id).status == "completed"
    assert leaving.traces() == []


def test_the_erasure_itself_is_forgotten_by_the_receipt(leaving: Leaving) -> None:
    request_id = leaving.ask()
    running = ErasureItem.get(*keys.erasure_key(keys.erasure_name(request_id)), consistent_read=True)
    assert running.data.user_id == leaving.user_id
    leaving.run(2)
    receipt = ErasureItem.get(*keys.erasure_key(keys.erasure_name(request_id)), consistent_read=True)
    assert not any([receipt.data.user_id, receipt.data.retained_id, receipt.gsi3_pk])


def test_many_items_go_by_pages(leaving: Leaving) -> None:
    from chalicelib.models.history import SessionHistoryItem

    user = leaving.world.users.by_id(leaving.user_id)
    assert user is not None
    now = leaving.clock.now()
    for number in range(120):
        key = keys.history_key(leaving.user_id, keys.HistoryKind.SESSION, now, f"many-{number}")
        SessionHistoryItem(*key, data=user.data.current_session, ttl=2**31, created_at=now, updated_at=now).save()
    pages = list(leaving.partitions.pages(keys.user_partition(leaving.user_id), page_size=50))
    assert [len(page) for page in pages][:2] == [50, 50]
    leaving.ask()
    leaving.run(2)
    assert leaving.traces() == []
