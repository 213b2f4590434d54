"""Every room of the service, built, and imported, when it is first asked for, and handed what it asks for of others."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import SystemClock
from chalicelib.config import settings
from chalicelib.models.base import connect
from chalicelib.models.states import BiometricOperation
from chalicelib.once import once
from chalicelib.wiring_shared import Shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.billing.messages import MessageUnit
    from chalicelib.billing.reset import UsageReset
    from chalicelib.chat.rooms import Chat
    from chalicelib.clock import Clock
    from chalicelib.config import Settings
    from chalicelib.identity.apple_events import AppleEvents
    from chalicelib.identity.biometrics import Biometrics
    from chalicelib.identity.devices import Devices
    from chalicelib.identity.enrolment import Enrolment
    from chalicelib.identity.profiles import Profiles
    from chalicelib.identity.sessions import Sessions
    from chalicelib.identity.sign_in import SignIn
    from chalicelib.identity.tokens import AccessTokens
    from chalicelib.migration.page_jobs import PageJobs
    from chalicelib.privacy.consent_choices import ConsentChoices
    from chalicelib.privacy.erasure import ErasureRequests
    from chalicelib.privacy.erasure_saga import ErasureSaga
    from chalicelib.privacy.export import Export
    from chalicelib.web.health import Health
    from chalicelib.web.limits import Limiter
    from chalicelib.wiring_analysis import Documents, Reports
    from chalicelib.wiring_billing import Billing


class Rooms(Shared):
    """Every room of the service. Building one asks nobody anything."""

    # --- Web
    @once
    def access_tokens(self) -> AccessTokens:
        """Verifies access tokens."""
        from chalicelib.identity.tokens import AccessTokens

        stage = self.stage
        return AccessTokens(self.token_keys, stage.token_issuer, stage.token_audience, self.clock, self.rules)

    @once
    def limiter(self) -> Limiter:
        """Counts calls."""
        from chalicelib.stores.limits import LimitStore
        from chalicelib.web.limits import Limiter

        return Limiter(LimitStore(self.clock), self.clock)

    def subject_of_address(self, address: str) -> str:
        """Return a keyed hash of a client address, to count calls by."""
        from chalicelib.identity.keys import subject_of_address

        return subject_of_address(self.token_keys, address)

    @once
    def health(self) -> Health:
        """Says that we are here."""
        from chalicelib.web.health import Health

        return Health(self.clock)

    # --- Identity
    @once
    def sign_in(self) -> SignIn:
        """Signs people in."""
        from chalicelib.billing.subscriptions import FreePlan
        from chalicelib.identity.sign_in import SignIn
        from chalicelib.privacy.consents import ConsentForms

        forms, plan = ConsentForms(), FreePlan()
        return SignIn(self.users, self.id_tokens, self.sessions, forms, plan, self.apple_grants, self.clock, self.rules)

    @once
    def sessions(self) -> Sessions:
        """Begins, extends and ends sessions."""
        from chalicelib.identity.sessions import Sessions
        from chalicelib.identity.tokens import RefreshTokens

        return Sessions(self.users, self.access_tokens, RefreshTokens(self.token_keys), self.clock, self.rules)

    @once
    def apple_events(self) -> AppleEvents:
        """Hears what Apple says of people."""
        from chalicelib.identity.apple_events import AppleEvents
        from chalicelib.stores.apple_accounts import AppleAccounts

        return AppleEvents(self.id_tokens, self.users, AppleAccounts(), self.erasure, self.clock, self.rules)

    @once
    def enrolment(self) -> Enrolment:
        """Enrols keys of devices."""
        from chalicelib.identity.enrolment import Enrolment
        from chalicelib.stores.biometrics import BiometricStore

        return Enrolment(self.users, BiometricStore(), self.session_rule, self.clock, self.rules)

    @once
    def biometrics(self) -> Biometrics:
        """Takes proofs by those keys."""
        from chalicelib.identity.biometrics import Biometrics
        from chalicelib.stores.biometrics import BiometricStore

        return Biometrics(self.users, BiometricStore(), self.session_rule, self.clock, self.rules)

    @once
    def profiles(self) -> Profiles:
        """Shows and changes profiles."""
        from chalicelib.identity.profiles import Profiles

        return Profiles(self.users, self.session_rule, self.subscriptions, self.clock)

    @once
    def devices(self) -> Devices:
        """Shows and describes devices."""
        from chalicelib.identity.devices import Devices
        from chalicelib.stores.devices import DeviceStore

        return Devices(self.users, DeviceStore(), self.session_rule, self.clock)

    # --- Billing
    @once
    def billing(self) -> Billing:
        """Purchases and payments."""
        from chalicelib.wiring_billing import Billing

        return Billing(self)

    @once
    def usage_reset(self) -> UsageReset:
        """Starts counts anew."""
        from chalicelib.billing.reset import UsageReset
        from chalicelib.stores.due import DueUsers

        return UsageReset(self.usage, DueUsers(), self.queues, self.stage.resets_queue, self.clock, self.rules)

    # --- What asks the analyst
    @once
    def documents(self) -> Documents:
        """Documents and their results."""
        from chalicelib.wiring_analysis import Documents

        return Documents(self)

    @once
    def reports(self) -> Reports:
        """Reports for doctors."""
        from chalicelib.wiring_analysis import Reports

        return Reports(self, self.documents)

    @once
    def chat(self) -> Chat[MessageUnit]:
        """Questions and answers."""
        from chalicelib.wiring_analysis import build_chat

        return build_chat(self)

    def attempt(self, message: str) -> None:
        """Make the attempt that a message of the retries queue asks for, whatever kind of job it is of."""
        from chalicelib.reports.jobs import asks_for_report

        if asks_for_report(message):
            self.reports.writing.write(message)
        else:
            self.documents.pipeline.retry(message)

    # --- Privacy
    @once
    def consents(self) -> ConsentChoices:
        """Shows and changes consents."""
        from chalicelib.privacy.consent_choices import ConsentChoices
        from chalicelib.stores.consents import ConsentStore

        return ConsentChoices(self.users, ConsentStore(), self.session_rule, self.clock)

    @once
    def export(self) -> Export:
        """Hands people their data."""
        from chalicelib.identity.proofs import FreshProof
        from chalicelib.privacy.export import Export
        from chalicelib.stores.partitions import Partitions

        proof = FreshProof(self.clock, self.rules, BiometricOperation.EXPORT)
        return Export(
            self.users, self.session_rule, proof, Partitions(), self.owned_objects, self.objects, self.clock,
            self.rules,
        )  # fmt: skip

    @once
    def erasure(self) -> ErasureRequests:
        """Takes requests to be erased."""
        from chalicelib.identity.proofs import FreshProof
        from chalicelib.privacy.erasure import ErasureRequests
        from chalicelib.stores.erasures import Erasures

        proof = FreshProof(self.clock, self.rules, BiometricOperation.ERASURE)
        return ErasureRequests(
            Erasures(), self.users, self.session_rule, proof, self.billing.renewals.charged_by, self.queues,
            self.stage.erasures_queue, self.clock, self.rules,
        )  # fmt: skip

    @once
    def erasure_saga(self) -> ErasureSaga:
        """Carries erasures out."""
        from chalicelib.privacy.erasure_saga import ErasureSaga
        from chalicelib.privacy.erasure_steps import Belongings
        from chalicelib.stores.consents import ConsentStore
        from chalicelib.stores.erasures import Erasures
        from chalicelib.stores.partitions import Partitions

        erasures = Erasures()
        belongings = Belongings(Partitions(), self.owned_objects, erasures, ConsentStore(), self.rules)
        return ErasureSaga(
            erasures, belongings, self.users, self.apple_grants, self.queues, self.stage.erasures_queue, self.clock,
            self.rules,
        )  # fmt: skip


@cache
def rooms() -> Rooms:
    """The rooms of this process."""
    return build(settings(), SystemClock())


def build(stage: Settings, clock: Clock) -> Rooms:
    """Return the rooms of a stage; tests hand in a clock that they can set.

    From here on the models ask their table, through the door of the move where the stage has one; a stage that has none
    imports nothing of it.
    """
    connect(stage.table_name, stage.region)
    built = Rooms(stage, clock)
    if stage.has_legacy_database:
        from chalicelib.wiring_migration import open_door

        open_door(stage, built.secrets, clock)
    return built


def attempts() -> Callable[[str], None]:
    """Return what makes an attempt at a job."""
    return rooms().attempt


def billing_looks() -> Callable[[str], None]:
    """Return what compares subscriptions with what their store says."""
    return rooms().billing.looks.look_at_batch


@cache
def tending() -> Callable[[], None]:
    """Return what looks after the move once a minute: nothing, and without any import, where there is none."""
    stage = settings()
    if not stage.has_legacy_database:
        return lambda: None
    from chalicelib.wiring_migration import tending_of

    return tending_of(stage, rooms().secrets)  # Rooms have connected the models to the table.


@cache
def page_jobs() -> PageJobs:
    """Return what copies people while the data moves; a stage without a legacy database imports it only if asked.

    Raises:
        InvalidRequest: the stage has no legacy database.
    """
    from chalicelib.wiring_backfill import page_jobs as built

    rooms()  # Connects the models to the table.
    return built()
