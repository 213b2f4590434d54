"""The whole service while its data moves: PostgreSQL and the table on both sides, phases that are set at will, and one
journey through everything that the service does to a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import clock as clocks
from chalicelib import wiring
from chalicelib.config import settings
from chalicelib.migration.gates import Refusal
from chalicelib.migration.phases import Move as Step
from chalicelib.migration.phases import Phase, Side
from chalicelib.migration.ports import Key
from chalicelib.migration.postgres import rows
from chalicelib.migration.serenya import places
from chalicelib.migration.standing import Standing
from chalicelib.models.base import put_door, shared_connection
from chalicelib.wiring_migration import Move, move_of
from tests.api.service import SAMPLE, Service, succeeded
from tests.migration.service.shop import Shop
from tests.migration.service.sides import Cut, Dsn
from tests.rooms.biometric_phone import draw_key, signed, spki

ERASURE = {"confirmation_text": "DELETE", "deletion_reason": None, "include_audit_anonymization": True}
KEY = draw_key()


class OpenGates:
    """Lets everything through: gates have tests of their own."""

    def refusals(self, move: Step, standing: Standing) -> list[Refusal]:
        return []


@dataclass
class World:
    """A service process (`door`) and an operator's process (`move`), which know nothing of each other."""

    service: Service
    move: Move
    process: Move
    table: Cut
    dsn: Dsn
    shop: Shop
    caplog: pytest.LogCaptureFixture

    def stand(self, phase: Phase, percent: int = 0) -> None:
        """Move to a phase, step by step, and let the service know at once."""
        order = list(Phase)
        while (now := self.move.control.refreshed()).phase is not phase:
            step = 1 if order.index(phase) > order.index(now.phase) else -1
            self.move.mover.move(order[order.index(now.phase) + step], "test", "a test")
        if percent:
            self.move.control.set_percent(percent, "test", "a test")

    def keys(self) -> list[Key]:
        found: list[Key] = []
        while page := self.move.legacy.keys(found[-1] if found else None, 100):
            found += page
        return found

    def differences(self) -> list[Key]:
        """The keys whose holdings are not the same on both sides."""
        at_home = {key for key in map(places.key_in, self.stored_at_home()) if key is not None}
        wanted = sorted({*self.keys(), *at_home})
        return [key for key in wanted if self.move.legacy.holding(key).items != self.move.home.holding(key).items]

    def stored_at_home(self) -> list[str]:
        """The partitions of the table itself that belong to what moves."""
        items = self.move.table.call("Scan", {"TableName": settings().table_name})["Items"]
        return sorted({item["PK"]["S"] for item in items if not places.stays(item["PK"]["S"])})

    def settle(self) -> None:
        """Work off what waits for the other side: nobody waits for it, so it may take longer than a request."""
        standing = self.move.control.refreshed()
        if standing.primary is Side.HOME:
            self.move.replayer.replay()
            assert self.move.marks.count() == 0
        elif standing.copies:
            assert self.move.mover.drainer.until_empty(20.0) == 0

    def events(self) -> set[str]:
        """What was logged by name."""
        self.process.door.shadow.settle()
        return {str(getattr(record, "event", "")) for record in self.caplog.records}

    def backfill(self) -> None:
        """Copy everybody, as the backfill does."""
        for key in self.keys():
            self.move.copier.copy(key)


@contextmanager
def moving(
    service: Service, dsn: Dsn, caplog: pytest.LogCaptureFixture, *, kept_for: timedelta = timedelta(0)
) -> Iterator[World]:
    """Give a service whose data is in PostgreSQL, at the beginning of its move. `kept_for` is how long a process
    believes what it read of the phase."""
    wiring.rooms()
    client: Any = shared_connection().connection.client
    table = Cut(client._make_api_call)
    clock, name = clocks.SystemClock(), settings().table_name
    process = move_of(name, table, dsn, clock, kept_for=kept_for)
    put_door(process.door)
    operator = move_of(name, client._make_api_call, lambda: dsn.address, clock, kept_for=kept_for)
    move = replace(operator, mover=replace(operator.mover, gates=OpenGates()))
    move.changes.install()
    try:
        with Shop.opened(service) as shop:
            caplog.set_level(0)
            yield World(service, move, process, table, dsn, shop, caplog)
    finally:
        process.door.shadow.settle()
        move.pool.close()
        process.pool.close()


@dataclass
class Journey:
    """One person's way through the service, in steps that build on each other."""

    world: World
    subject: str = "subject-1"
    told: dict[str, Any] = field(default_factory=dict)

    def steps(self) -> Sequence[Callable[[], None]]:
        return (
            self.sign_in,
            self.rename,
            self.withdraw,
            self.describe_device,
            self.enrol,
            self.upload,
            self.refresh,
            self.buy,
            self.export,
            self.lose,
            self.erase,
        )

    def walk(self) -> None:
        for step in self.steps():
            step()

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return succeeded(self.world.service.call(method, path, body, token=self.told["access_token"]))

    def sign_in(self) -> None:
        claims = {"sub": self.subject, "email": f"{self.subject}@example.org"}
        self.told |= self.world.service.sign_in(claims=claims)
        assert self.told["user"]["is_new_user"] is True
        again = self.world.service.sign_in(claims=claims)
        assert again["user"]["id"] == self.told["user"]["id"]
        assert again["user"]["is_new_user"] is False
        self.told |= again

    def rename(self) -> None:
        self.call("PUT", "/user/profile", {"name": "Ada Lovelace"})
        assert self.call("GET", "/user/profile")["user"]["name"] == "Ada Lovelace"

    def withdraw(self) -> None:
        before = self.call("GET", "/user/consents?history=true")["history"]
        self.call("PUT", "/user/consents/terms_of_service", {"consent_given": False, "consent_version": "1.0"})
        assert len(self.call("GET", "/user/consents?history=true")["history"]) == len(before) + 1

    def describe_device(self) -> None:
        self.call("PUT", "/user/device", {"model": "iPhone 17"})
        assert self.call("GET", "/user/device")["device"]["model"] == "iPhone 17"

    def enrol(self) -> None:
        about = {"biometric_type": "face_id", "device_id": "phone-1", "platform_info": {"os": "17"}}
        begun = self.call("POST", "/auth/biometric/register", about)
        proof = {
            "registration_id": begun["registration_id"],
            "signed_challenge": signed(KEY, begun["challenge"]),
            "biometric_public_key": spki(KEY),
            "attestation_result": None,
        }
        self.call("POST", "/auth/biometric/complete", proof)

    def upload(self) -> None:
        job = self.world.service.upload(self.told["access_token"], SAMPLE.read_bytes(), "pathology-panel.pdf")
        self.world.service.deliver_uploads()
        assert self.call("GET", job["polling_endpoint"])["status"] == "completed"
        assert self.call("GET", f"/api/v1/process/result/{job['job_id']}")["lab_results"]
        assert self.call("GET", "/subscriptions/current")["usage"]["documents_processed"] == 1

    def refresh(self) -> None:
        body = {"refresh_token": self.told["refresh_token"], "device_id": "phone-1"}
        self.told |= succeeded(self.world.service.call("POST", "/auth/refresh", body))

    def buy(self) -> None:
        self.world.shop.sells("x.y.z", self.subject)
        bought = self.call("POST", "/subscriptions/purchases", {"provider": "apple", "signed_transaction": "x.y.z"})
        assert bought["subscription"]["tier"] == "premium"
        [paid] = self.call("GET", "/payments")["payments"]
        assert (str(paid["amount"]), paid["status"]) == ("9.99", "completed")

    def lose(self) -> None:
        """The store takes the money back: nothing renews any more, and the account may be erased."""
        self.world.shop.refunds(self.subject)
        assert self.call("GET", "/subscriptions/current")["tier"] == "free"

    def export(self) -> None:
        parts = {part["name"]: part["items"] for part in self.call("GET", "/gdpr/export")["parts"]}
        assert parts["user"][0]["data"]["name"] == "Ada Lovelace"
        assert len(parts["job"]) == 1

    def erase(self) -> None:
        wish = self.call("POST", "/gdpr/erasure-request", ERASURE)
        assert self.world.service.deliver_messages(settings().erasures_queue, "carry_erasure_on") == 1
        path = f"/gdpr/erasure-status/{wish['erasure_request_id']}"
        assert succeeded(self.world.service.call("GET", path))["status"] == "completed"


def count(world: World, sql: str) -> int:
    with world.move.pool.lend() as connection:
        return int(rows(connection, sql)[0][0])
