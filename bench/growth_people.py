"""People with much of one thing, put straight into the table, and what they ask for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import boto3

from chalicelib import wiring
from chalicelib.billing.merge import payment_in
from chalicelib.billing.records import payment_data, payment_id_of, payment_sort_key
from chalicelib.config import Settings
from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.consent import ConsentEntry, ConsentEntryItem
from chalicelib.models.payment import PaymentItem
from chalicelib.models.states import ConsentSource, ConsentType
from chalicelib.web.request import Caller
from tests.rooms.documents_world import a_user
from tests.support import SettableClock
from tests.unit.billing import words
from tests.unit.billing.people import job

PAGE: Final = 20
"""What is asked for in one page."""


@dataclass(frozen=True)
class Somebody:
    """A person, and the rooms that they ask."""

    stage: Settings
    clock: SettableClock
    user_id: str = "3f2b9c1e-0000-4000-8000-000000000001"

    @property
    def caller(self) -> Caller:
        """The person as a caller."""
        return Caller(self.user_id, f"session-of-{self.user_id}")

    def with_items(self, items: Iterable[Item]) -> wiring.Rooms:
        """Put the person and these items into the table, and return rooms that have read their secrets."""
        with Item.batch_write() as batch:
            batch.save(a_user(self.user_id, self.clock.now()))
            for item in items:
                batch.save(item)
        rooms = wiring.build(self.stage, self.clock)
        assert rooms.token_keys.current()
        return rooms

    def payments(self, count: int, user_id: str = "") -> Iterator[Item]:
        """Yield payments of somebody, an hour apart."""
        owner, now = user_id or self.user_id, self.clock.now()
        for number in range(count):
            at = words.BOUGHT + timedelta(hours=number)
            seen = words.payment(transaction_id=f"{owner}-{number:06}", purchased_at=at, processed_at=at)
            made = payment_in(seen, words.cause())
            data, key = payment_data(made, owner, 1, payment_id_of(made)), payment_sort_key(made)
            yield PaymentItem(keys.user_partition(owner), key, data=data, created_at=now, updated_at=now)

    def jobs(self, count: int, user_id: str = "") -> Iterator[Item]:
        """Yield jobs of somebody, a second apart."""
        owner, now = user_id or self.user_id, self.clock.now()
        for number in range(count):
            yield job(owner, f"{number:06}", now + timedelta(seconds=number))

    def consents(self, count: int) -> Iterator[Item]:
        """Yield entries of the person's ledger, a second apart."""
        now = self.clock.now()
        for number in range(count):
            at = now + timedelta(seconds=number)
            entry = ConsentEntry(
                chain_id="0" * 36, sequence=number + 1, consent_type=ConsentType.PRIVACY_POLICY,
                consent_given=bool(number % 2), consent_version="1.0", consent_method="settings",
                source=ConsentSource.SETTINGS, changed_at=at, previous_hash="0" * 64,
            )  # fmt: skip
            key = keys.consent_entry_key(self.user_id, at, number + 1)
            yield ConsentEntryItem(*key, data=entry, created_at=at, updated_at=at)

    def others(self, count: int) -> Iterator[Item]:
        """Yield other people, each with a job and a payment."""
        for number in range(count):
            other = f"other-{number:06}"
            yield a_user(other, self.clock.now())
            yield from self.jobs(1, other)
            yield from self.payments(1, other)


Ask = Callable[[wiring.Rooms, Caller], Any]


def a_page_of_payments(rooms: wiring.Rooms, caller: Caller) -> None:
    """Ask for the newest payments, and check that a whole page came."""
    answer = rooms.billing.payments.page(caller, "/payments", {"limit": str(PAGE)})
    assert len(answer.payments) == PAGE, len(answer.payments)


def a_page_of_jobs(rooms: wiring.Rooms, caller: Caller) -> None:
    """Ask for the newest jobs, and check that a whole page came."""
    assert len(rooms.documents.listing.page(caller, {"limit": str(PAGE)}).jobs) == PAGE


def a_page_of_consents(rooms: wiring.Rooms, caller: Caller) -> None:
    """Ask for the newest entries of the ledger."""
    answer = rooms.consents.show(caller, is_with_history=True, cursor=None)
    assert isinstance(answer.history, list)
    assert answer.history


def an_export(rooms: wiring.Rooms, caller: Caller) -> None:
    """Ask for everything."""
    assert rooms.export.of(caller).user_id == caller.user_id


def make_surroundings(stage: Settings) -> None:
    """Make the bucket and the secret that rooms ask for; the table is there."""
    boto3.client("s3", region_name=stage.region).create_bucket(
        Bucket=stage.bucket_name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    secret = json.dumps({"current": {"kid": "k1", "secret": "a" * 43}, "previous": None})
    boto3.client("secretsmanager", region_name=stage.region).create_secret(
        Name=stage.token_keys_secret, SecretString=secret
    )
