"""The caller's own consents: shown, proved, given and withdrawn one by one."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.models.consent import ConsentEntryItem
from chalicelib.models.profile import Consent, Consents, UserItem
from chalicelib.models.states import ConsentSource, ConsentType
from chalicelib.observe.log import log
from chalicelib.privacy import consent_ledger
from chalicelib.privacy.consents import UNSPECIFIED_VERSION, announce, is_given, type_named
from chalicelib.privacy.contract import (
    ConsentAnswer,
    ConsentEntryView,
    ConsentRequest,
    ConsentsAnswer,
    ConsentsView,
    ConsentView,
)
from chalicelib.stores.consent_changes import ConsentChange
from chalicelib.stores.consents import LedgerPage
from chalicelib.web.request import Caller

SETTINGS_METHOD: Final = "settings"
"""How a consent is given that is given by itself, unless the app says otherwise."""
HISTORY_PAGE: Final = 100
_CURSOR: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z#\d{8,12}")
_MOST_ROUNDS: Final = 12
_LONGEST_WAIT_SECONDS: Final = 0.4


class Profiles(Protocol):
    """Reads profiles."""

    def by_id(self, user_id: str) -> UserItem | None:
        """Return somebody, read consistently."""
        ...


class SessionRule(Protocol):
    """Knows whether a session still lives."""

    def require_live(self, user: UserItem | None, caller: Caller) -> UserItem:
        """Return the person, or raise 401 or ACCOUNT_SUSPENDED."""
        ...


class Ledgers(Protocol):
    """The questions that consents ask."""

    def change(self, user_id: str, session_id: str, change: ConsentChange, at: datetime) -> bool:
        """Write profile and ledger, or return False if either moved or the caller may not write."""
        ...

    def page(self, user_id: str, older_than: str | None, most: int) -> LedgerPage:
        """Return entries, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class ConsentChoices:
    """Shows and changes the caller's consents."""

    users: Profiles
    ledgers: Ledgers
    session_rule: SessionRule
    clock: Clock
    wait: Callable[[float], None] = time.sleep

    def show(self, caller: Caller, *, is_with_history: bool = False, cursor: str | None = None) -> ConsentsAnswer:
        """Return the caller's consents. One read; with their history, two.

        Raises:
            InvalidRequest: INVALID_CURSOR.
            NotFound: PROFILE_NOT_FOUND.
            Unauthenticated: the session has ended.
            Forbidden: ACCOUNT_SUSPENDED.
        """
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise errors.InvalidRequest("INVALID_CURSOR", "This is no cursor that was given out here.")
        consents = _consents_view(self._live(caller).data.consents)
        if not is_with_history:
            return ConsentsAnswer(consents=consents)
        page = self.ledgers.page(caller.user_id, cursor, HISTORY_PAGE)
        history = [_entry_view(item) for item in page.entries]
        return ConsentsAnswer(consents=consents, history=history, next_cursor=page.older_than)

    def choose(self, caller: Caller, type_name: str, request: ConsentRequest) -> ConsentAnswer:
        """Give or withdraw one consent, in force from the moment of the answer. Saying what stands changes nothing.

        One read and one transaction; again from the start while other changes come between.

        Raises:
            InvalidRequest: INVALID_CONSENT_TYPE, or a field is missing.
            NotFound: PROFILE_NOT_FOUND.
            Unauthenticated: the session has ended.
            Forbidden: ACCOUNT_SUSPENDED.
            Unavailable: the table does not answer.
        """
        kind, is_given_now = type_named(type_name), _decision(request)
        for round_number in range(_MOST_ROUNDS):
            user, at = self._live(caller), self.clock.now()
            consents = user.data.consents
            consent = _chosen(getattr(consents, kind), request, is_given_now, at)
            if consent is None:
                return ConsentAnswer(consents=_consents_view(consents))
            change = consent_ledger.appended(
                caller.user_id, user.data.consent_chain, consents, {kind: consent}, ConsentSource.SETTINGS, at
            )
            if self.ledgers.change(caller.user_id, caller.session_id, change, at):
                log("consent_changed", user_id=caller.user_id, consent_type=kind, is_given=is_given_now)
                announce(caller.user_id, change)
                setattr(consents, kind, change.consents[kind])
                return ConsentAnswer(consents=_consents_view(consents))
            self.wait(random.uniform(0, min(_LONGEST_WAIT_SECONDS, 0.02 * 2**round_number)))  # noqa: S311  # jitter, no secret
        raise errors.Unavailable(message="Too many changes of consents at once.", retry_after_seconds=1)

    def _live(self, caller: Caller) -> UserItem:
        user = self.users.by_id(caller.user_id)
        if user is None:
            raise errors.NotFound("PROFILE_NOT_FOUND", "There is no such profile.")
        return self.session_rule.require_live(user, caller)


def _decision(request: ConsentRequest) -> bool:
    if request.consent_given is None:
        raise _missing("consent_given")
    # To withdraw must be as easy as to give (GDPR, article 7(3)): it needs no version.
    if request.consent_given and not (request.consent_version or "").strip():
        raise _missing("consent_version")
    return request.consent_given


def _chosen(before: Consent | None, request: ConsentRequest, is_given_now: bool, at: datetime) -> Consent | None:
    """Return the consent as it stands from now on, or None if that is how it stands already."""
    version = request.consent_version
    if before is not None:
        is_same_decision = bool(before.consent_given and before.withdrawn_at is None) == is_given_now
        # A withdrawn consent is withdrawn, whatever version the app speaks of.
        if is_same_decision and (not is_given_now or version == before.consent_version):
            return None
    return Consent(
        consent_given=is_given_now,
        consent_version=version or (before.consent_version if before is not None else UNSPECIFIED_VERSION),
        consent_method=request.consent_method or SETTINGS_METHOD,
        ui_checkbox_group=request.ui_checkbox_group,
        created_at=before.created_at if before is not None else at,
        updated_at=at,
        withdrawn_at=None if is_given_now else at,
    )


def _missing(field: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(message=f"The field {field} is required.", details={"field": field})


def _consents_view(consents: Consents) -> ConsentsView:
    return ConsentsView(**{str(kind): _view(consents, kind) for kind in ConsentType})


def _view(consents: Consents, kind: ConsentType) -> ConsentView | None:
    consent: Consent | None = getattr(consents, kind)
    if consent is None:
        return None
    return ConsentView(
        consent_given=is_given(consents, kind),
        consent_version=consent.consent_version,
        consent_method=consent.consent_method,
        ui_checkbox_group=_whole(consent.ui_checkbox_group),
        created_at=consent.created_at,
        updated_at=consent.updated_at,
        withdrawn_at=consent.withdrawn_at,
    )


def _entry_view(item: ConsentEntryItem) -> ConsentEntryView:
    entry = item.data
    return ConsentEntryView(
        sequence=int(entry.sequence),
        consent_type=entry.consent_type,
        consent_given=bool(entry.consent_given),
        consent_version=entry.consent_version,
        consent_method=entry.consent_method,
        ui_checkbox_group=_whole(entry.ui_checkbox_group),
        source=entry.source,
        changed_at=entry.changed_at,
        previous_hash=entry.previous_hash,
        entry_hash=consent_ledger.hash_of(entry),
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
