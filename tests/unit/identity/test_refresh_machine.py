"""Any course of refreshes over a bad network, as a machine: nobody who holds the latest token or its parent is signed
out, and an older token ends the session."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib import errors
from chalicelib.identity.contract import RefreshRequest
from chalicelib.identity.keys import TokenKeys
from chalicelib.identity.sessions import Sessions
from chalicelib.identity.tokens import AccessTokens, RefreshTokens
from chalicelib.models.states import SessionStatus
from chalicelib.rules import Rules
from tests.support import SettableClock
from tests.unit.identity.memory import MemoryUsers
from tests.unit.identity.people import person
from tests.unit.identity.world import PHONE, KeptSecrets

SKEW = timedelta(seconds=60)
CLIENTS = 3


class RefreshMachine(RuleBasedStateMachine):
    """Parts of one app on one phone that share a session, machines of ours whose clocks differ, and a thief.

    `tokens[n]` is the token of generation n; `held[c]` is the generation that part c of the app holds.
    A part of the app refreshes with what it holds, or first takes over what another part has stored, as the app does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.true_time = SettableClock()
        self.secrets = KeptSecrets()
        self.users = MemoryUsers()
        self.generation = 0
        self.is_ended = False
        self.rotations_of_keys = 0

    @initialize()
    def sign_in(self) -> None:
        session, token = self._machine(timedelta()).opened("user-1", PHONE, self.true_time.now())
        self.users.people["user-1"] = person(self.true_time.now(), current=session)
        self.tokens = [token]
        self.held = [0] * CLIENTS

    def _machine(self, skew: timedelta) -> Sessions:
        """One of our machines: the same table and keys, a clock of its own."""
        clock = SettableClock(self.true_time.now() + skew)
        keys = TokenKeys(self.secrets, "token-keys")
        access = AccessTokens(keys, "serenya/test", "serenya-app/test", clock, Rules())
        return Sessions(self.users, access, RefreshTokens(keys), clock, Rules())

    def _refresh(self, token: str, skew: timedelta, device_id: str = PHONE) -> tuple[str, str]:
        """Refresh once; return the new refresh token and how the answer came about."""
        self.users.reads = self.users.writes = 0
        answer = self._machine(skew).refresh(RefreshRequest(refresh_token=token, device_id=device_id))
        asked = "rotated" if self.users.reads == 0 else "answered again"
        assert self.users.writes == 1
        assert self.users.reads <= 1
        return answer.refresh_token, asked

    def _take_note(self, token: str) -> int:
        """Remember a token that came back, and return its generation."""
        generation = RefreshTokens(TokenKeys(self.secrets, "token-keys")).read(token).generation
        if generation == len(self.tokens):
            self.tokens.append(token)
            self.generation = generation
        self.tokens[generation] = token
        return generation

    @precondition(lambda self: not self.is_ended)
    @rule(
        client=st.integers(0, CLIENTS - 1),
        is_answer_lost=st.booleans(),
        skew=st.sampled_from([-SKEW, timedelta(), SKEW]),
    )
    def a_client_refreshes(self, client: int, is_answer_lost: bool, skew: timedelta) -> None:
        """With the latest token or its parent nobody is signed out, whether answers arrive or not."""
        if self.held[client] < self.generation - 1:
            self.held[client] = max(self.held)
        token, _ = self._refresh(self.tokens[self.held[client]], skew)
        generation = self._take_note(token)
        assert generation == self.generation
        if not is_answer_lost:
            self.held[client] = generation

    @precondition(lambda self: not self.is_ended)
    @rule(client=st.integers(0, CLIENTS - 1), times=st.integers(2, 5))
    def a_client_refreshes_several_times_with_one_token(self, client: int, times: int) -> None:
        """All answers carry the same token, and at most one of them rotated."""
        if self.held[client] < self.generation - 1:
            self.held[client] = max(self.held)
        token = self.tokens[self.held[client]]
        answers = [self._refresh(token, timedelta()) for _ in range(times)]
        assert len({answer for answer, _ in answers}) == 1
        assert [how for _, how in answers].count("rotated") <= 1
        self.held[client] = self._take_note(answers[-1][0])

    @precondition(lambda self: not self.is_ended)
    @rule(minutes=st.integers(1, 20 * 60))
    def time_passes_and_somebody_refreshes(self, minutes: int) -> None:
        """Time alone signs nobody out who refreshes within a day, up to a week."""
        started = self.users.people["user-1"].data.current_session
        assert started is not None
        if self.true_time.now() + timedelta(minutes=minutes) + SKEW >= started.created_at + timedelta(days=7) - SKEW:
            return
        if self.true_time.now() + timedelta(minutes=minutes) + 2 * SKEW >= started.expires_at:
            return
        self.true_time.advance(timedelta(minutes=minutes))
        self.a_client_refreshes(0, False, timedelta())

    @precondition(lambda self: not self.is_ended and self.rotations_of_keys == 0)
    @rule()
    def our_keys_rotate(self) -> None:
        """Tokens under the previous key go on working."""
        self.secrets.rotate("two")
        self.rotations_of_keys += 1

    @precondition(lambda self: not self.is_ended)
    @rule(device_id=st.sampled_from(["phone-2", "PHONE-1", ""]), which=st.integers(0, 1000))
    def a_thief_on_another_device_changes_nothing(self, device_id: str, which: int) -> None:
        """Whatever token it is."""
        before = self.users.people["user-1"].serialize()
        with pytest.raises(errors.ServiceError) as refusal:
            self._refresh(self.tokens[which % len(self.tokens)], timedelta(), device_id)
        assert refusal.value.code == ("INVALID_REFRESH_TOKEN" if device_id else "INVALID_REQUEST")
        assert self.users.people["user-1"].serialize() == before

    @precondition(lambda self: not self.is_ended and self.generation >= 2)
    @rule(which=st.integers(0, 1000))
    def a_thief_with_an_old_token_ends_the_session(self, which: int) -> None:
        """Also when the thief has the phone's id."""
        old = which % (self.generation - 1)
        with pytest.raises(errors.Unauthenticated, match="REFRESH_TOKEN_REUSED"):
            self._machine(timedelta()).refresh(RefreshRequest(refresh_token=self.tokens[old], device_id=PHONE))
        self.is_ended = True

    @precondition(lambda self: self.is_ended)
    @rule(which=st.integers(0, 1000))
    def no_token_of_an_ended_session_works(self, which: int) -> None:
        with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
            self._machine(timedelta()).refresh(
                RefreshRequest(refresh_token=self.tokens[which % len(self.tokens)], device_id=PHONE)
            )

    @invariant()
    def the_session_lives_until_it_is_stolen(self) -> None:
        if not self.users.people:
            return
        session = self.users.people["user-1"].data.current_session
        assert session is not None
        assert (session.status is SessionStatus.REVOKED) is self.is_ended
        assert session.refresh_generation == self.generation
        assert session.expires_at <= session.created_at + timedelta(days=7)

    @invariant()
    def some_part_of_the_app_can_always_go_on(self) -> None:
        if self.users.people and not self.is_ended:
            assert max(self.held) >= self.generation - 1


RefreshMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

TestRefreshMachine = RefreshMachine.TestCase
