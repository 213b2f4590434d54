"""A person with everything that one can have here, and the rooms by which they take it with them or have it erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from chalicelib import errors
from chalicelib.billing.known import KnownSubscription, Told
from chalicelib.billing.merge import payment_in
from chalicelib.billing.products import Products
from chalicelib.billing.records import owned_subscription, payment_data, payment_id_of, payment_sort_key
from chalicelib.billing.renewals import Renewals
from chalicelib.config import Settings
from chalicelib.gateways.owned_objects import OwnedObjects
from chalicelib.identity.proofs import FreshProof
from chalicelib.identity.sessions import SessionRule
from chalicelib.ids import derived_id, email_hash
from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.catalogue import KINDS
from chalicelib.models.guard import GuardData, GuardItem
from chalicelib.models.history import DeviceHistoryItem, SessionHistoryItem, SubscriptionHistoryItem
from chalicelib.models.keys import GuardKind, HistoryKind
from chalicelib.models.kinds import ItemKind
from chalicelib.models.message_unit import MessageUnitData, MessageUnitItem
from chalicelib.models.payment import PaymentItem
from chalicelib.models.profile import Biometric, Consents, Device, Session, Subscription, UserItem
from chalicelib.models.states import (
    BiometricOperation,
    BiometricType,
    ConsentSource,
    ConsentType,
    DeviceStatus,
    SessionStatus,
    SubscriptionProvider,
    SubscriptionStatus,
    Tier,
)
from chalicelib.observe import audit
from chalicelib.privacy.consent_ledger import appended
from chalicelib.privacy.erasure import ErasureRequests
from chalicelib.privacy.erasure_saga import ErasureSaga
from chalicelib.privacy.erasure_steps import Belongings
from chalicelib.privacy.export import Export
from chalicelib.privacy.gdpr_contract import ErasureRequest, ErasureStatusAnswer
from chalicelib.stores.consents import ConsentStore
from chalicelib.stores.erasures import Erasures
from chalicelib.stores.partitions import Partitions
from chalicelib.stores.provider_subscriptions import ProviderSubscriptions
from chalicelib.web.request import Caller
from tests.rooms.documents_world import FakeQueue, World, a_user
from tests.support import SettableClock, stored_items
from tests.unit.billing import words

EMAIL = "erika.mustermann@example.org"
PRODUCTS = Products({SubscriptionProvider.APPLE: {"price_pm": "premium_monthly"}})
WISH = ErasureRequest(confirmation_text="DELETE")


@dataclass
class ScriptedGrants:
    """A provider that takes grants back, or does not answer for a while."""

    failures: int = 0
    revoked: list[str] = field(default_factory=list)

    def revoke(self, user: UserItem) -> None:
        if self.failures:
            self.failures -= 1
            raise errors.Unavailable
        self.revoked.append(user.data.id)


@dataclass
class Leaving:
    """The rooms, around a world of documents with a person in it."""

    settings: Settings
    clock: SettableClock
    world: World
    kinds: dict[str, ItemKind] = field(default_factory=lambda: dict(KINDS))

    def __post_init__(self) -> None:
        rules, name = self.settings.rules, self.settings.erasures_queue
        sessions, world = SessionRule(self.clock), self.world
        self.queue = FakeQueue(self.clock, world.calls.step)
        self.grants = ScriptedGrants()
        self.partitions, self.erasures = Partitions(), Erasures()
        self.owned = OwnedObjects(self.settings.bucket_name, lambda: world.s3)
        proof = FreshProof(self.clock, rules, BiometricOperation.ERASURE)
        renewals = Renewals(ProviderSubscriptions(), lambda: PRODUCTS, self.clock)
        self.belongings = Belongings(self.partitions, self.owned, self.erasures, ConsentStore(), rules, self.kinds)
        self.requests = ErasureRequests(
            self.erasures, world.users, sessions, proof, renewals.charged_by, self.queue, name, self.clock, rules
        )
        self.saga = ErasureSaga(
            self.erasures, self.belongings, world.users, self.grants, self.queue, name, self.clock, rules
        )
        self.export = Export(
            world.users,
            sessions,
            FreshProof(self.clock, rules, BiometricOperation.EXPORT),
            self.partitions,
            self.owned,
            world.objects,
            self.clock,
            rules,
            self.kinds,
        )

    @property
    def user_id(self) -> str:
        return self.world.user_id

    @property
    def caller(self) -> Caller:
        return self.world.caller

    def another(self) -> Leaving:
        """The same cloud, with another person and a clock of their own."""
        clock = SettableClock()
        found = Leaving(self.settings, clock, self.world.another(clock), self.kinds)
        found.settle()
        return found

    # The person

    @property
    def secrets(self) -> list[str]:
        """Texts that must be nowhere once the person is erased."""
        hashed = email_hash(self.email)
        assert hashed is not None
        return [self.user_id, self.external_id, self.email, hashed, "sub-", "device-of-", "Mustermann"]

    @property
    def email(self) -> str:
        return f"{self.user_id}-{EMAIL}"

    @property
    def external_id(self) -> str:
        return f"external-{self.user_id}"

    def settle(self) -> None:
        """Give the person a name, guards, history, consents on record, and a registration."""
        user = a_user(self.user_id, self.clock.now())
        data, now = user.data, self.clock.now()
        data.email, data.email_hash, data.email_verified = self.email, email_hash(self.email), True
        data.name = "Erika Mustermann"
        data.apple_refresh_token = "s1.k1.sealed"
        data.current_device = a_device(f"device-of-{self.user_id}", user)
        data.current_biometric = Biometric(
            device_id="device",
            registration_id=str(uuid4()),
            biometric_type=BiometricType.FACE,
            public_key="MFkw",
            challenge="open-challenge",
            is_verified=True,
            registration_metadata={"platform": "ios"},
            created_at=now,
            updated_at=now,
        )
        consents = {kind: getattr(data.consents, kind) for kind in ConsentType}
        proof = appended(self.user_id, None, Consents(), consents, ConsentSource.SIGN_UP, now)
        data.consents, data.consent_chain = (
            Consents(**{str(kind): one for kind, one in proof.consents.items()}),
            proof.after,
        )
        self.prove(user)
        assert data.email_hash is not None
        user.gsi1_pk, user.gsi1_sk = keys.email_index_key(data.email_hash)
        user.gsi2_pk, user.gsi2_sk = keys.external_index_key("google", self.external_id)
        user.gsi3_pk, user.gsi3_sk = keys.usage_due_key(now.date(), 1, self.user_id)
        user.save()
        for item in [*self._surroundings(user), *proof.entries]:
            item.save()

    def prove(self, user: UserItem) -> None:
        session = user.data.current_session
        session.last_biometric_auth_at = self.clock.now()
        session.biometric_operation = BiometricOperation.AUTHENTICATION

    def _surroundings(self, user: UserItem) -> Iterator[Item]:
        now, user_id = self.clock.now(), self.user_id
        at: dict[str, Any] = {"created_at": now, "updated_at": now}
        ttl = int((now + timedelta(days=400)).timestamp())
        assert user.data.email_hash is not None
        for name in (
            keys.guard_key(GuardKind.EXTERNAL_IDENTITY, "google", self.external_id),
            keys.guard_key(GuardKind.EMAIL, user.data.email_hash),
            keys.subscription_guard_key("apple", f"sub-{user_id}"),
        ):
            yield GuardItem(*name, data=GuardData(user_id=user_id), **at)
        for number in range(3):
            then = now - timedelta(days=number + 1)
            key = keys.history_key(user_id, HistoryKind.SESSION, then, f"old-{number}")
            yield SessionHistoryItem(*key, data=an_old_session(user, f"old-{number}"), ttl=ttl, **at)
        key = keys.history_key(user_id, HistoryKind.DEVICE, now, "old-device")
        yield DeviceHistoryItem(*key, data=a_device("old-device", user), ttl=ttl, **at)
        key = keys.history_key(user_id, HistoryKind.SUBSCRIPTION, now, "old-subscription")
        yield SubscriptionHistoryItem(*key, data=an_old_subscription(user), ttl=ttl, **at)
        yield from a_purchase(user_id, now)
        asked = MessageUnitData(user_id=user_id, has_unit=True, unit_period_start=now, answers=1)
        yield MessageUnitItem(*keys.message_unit_key(user_id, "asked"), data=asked, ttl=ttl, **at)

    # Erasure

    def ask(self) -> str:
        """Ask for erasure and return the id of the request."""
        return self.requests.request(self.caller, WISH).erasure_request_id

    def deliver(self) -> int:
        """Carry what is due in the queue; what fails comes again."""
        seen = self.queue.visible()
        for message in seen:
            try:
                self.saga.carry_on(message)
            except errors.ServiceError:
                self.queue.waiting.append((self.clock.now() + timedelta(minutes=12), message))
        return len(seen)

    def run(self, minutes: int = 60) -> None:
        """Let time pass: messages when they are due, a sweep every ten minutes."""
        for minute in range(minutes):
            self.deliver()
            self.clock.advance(timedelta(minutes=1))
            if minute % 10 == 9:
                self.saga.sweep()

    def status(self, request_id: str) -> ErasureStatusAnswer:
        return self.requests.status(request_id)

    # What is there

    def items(self) -> list[dict[str, Any]]:
        """Every item of the table."""
        return stored_items()

    def kept(self) -> list[dict[str, Any]]:
        return [item for item in self.items() if item["PK"]["S"].startswith("RETAINED#")]

    def traces(self) -> list[str]:
        """Every item and object that says anything of the person."""
        found = [text for text in map(json.dumps, self.items()) if any(secret in text for secret in self.secrets)]
        page: Any = self.world.watcher.list_object_versions(Bucket=self.settings.bucket_name)
        names = [one["Key"] for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]]
        return found + [name for name in names if self.user_id in name]

    @contextmanager
    def audited(self, monkeypatch: Any) -> Iterator[list[tuple[str, dict[str, Any]]]]:
        lines: list[tuple[str, dict[str, Any]]] = []
        with monkeypatch.context() as patch:
            patch.setattr(audit, "log", lambda event, **fields: lines.append((event, fields)))
            yield lines


def a_subscription(user_id: str, *, will_renew: bool) -> KnownSubscription:
    """What is known of it, paid until the end of March."""
    renewal = words.renewal(will_renew=will_renew)
    known = words.known(f"sub-{user_id}", renewal=renewal)
    return replace(known, provider=SubscriptionProvider.APPLE, account=Told(user_id, words.version(), words.cause()))


def a_purchase(user_id: str, now: datetime) -> Iterator[Item]:
    """A subscription in the App Store, and a payment whose transaction is guarded."""
    yield owned_subscription(a_subscription(user_id, will_renew=False), user_id, 1, now, now)
    seen = words.payment(transaction_id=derived_id("transaction", user_id), provider=SubscriptionProvider.APPLE)
    payment = payment_in(seen, words.cause())
    data, key = payment_data(payment, user_id, 1, payment_id_of(payment)), payment_sort_key(payment)
    at: dict[str, Any] = {"created_at": now, "updated_at": now}
    yield PaymentItem(keys.user_partition(user_id), key, data=data, **at)
    guard = keys.transaction_guard_key("apple", seen.transaction_id)
    yield GuardItem(*guard, data=GuardData(user_id=user_id, sort_key=key), **at)


def a_device(device_id: str, user: UserItem) -> Device:
    at = user.created_at
    return Device(
        device_id=device_id,
        platform="ios",
        status=DeviceStatus.INACTIVE,
        last_active_at=at,
        created_at=at,
        updated_at=at,
    )


def an_old_session(user: UserItem, session_id: str) -> Session:
    current = user.data.current_session
    values = {**current.attribute_values, "session_id": session_id, "status": SessionStatus.REVOKED}
    return Session(**values)


def an_old_subscription(user: UserItem) -> Subscription:
    values = {
        **user.data.current_subscription.attribute_values,
        "tier": Tier.PREMIUM,
        "provider": SubscriptionProvider.APPLE,
        "subscription_status": SubscriptionStatus.EXPIRED,
        "external_subscription_id": f"sub-{user.data.id}",
    }
    return Subscription(**values)
