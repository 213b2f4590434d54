"""Many biometric calls at once, on the engine that is atomic by itself: one challenge proves once, failures add up."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from tests.rooms.biometric_phone import KeyedPhone, draw_key, signed, spki
from tests.rooms.identity_questions import stored
from tests.support import SettableClock
from tests.unit.identity.world import World

pytestmark = pytest.mark.second_engine

MANY = 10
ROUNDS = 5


@pytest.fixture
def mine(second_engine: TableConnection, clock: SettableClock) -> KeyedPhone:
    """A phone that just signed in."""
    return KeyedPhone(World(clock))


def _at_once(calls: Sequence[Callable[[], Any]]) -> Counter[str]:
    """Run all calls at the same moment and count what became of them: "ok", or a code."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> str:
        gate.wait()
        try:
            call()
        except errors.ServiceError as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(run, calls))


def test_of_ten_proofs_over_one_challenge_exactly_one_counts(mine: KeyedPhone) -> None:
    mine.enrol()
    for _ in range(ROUNDS):
        challenge = mine.ask().challenge
        outcomes = _at_once([partial(mine.verify, challenge)] * MANY)
        assert outcomes == {"ok": 1, "BIOMETRIC_VERIFICATION_FAILED": MANY - 1}
        # Those that came late were no tries at the key.
        assert mine.registration.verification_failures == 0


@pytest.mark.parametrize("tries", [3, 4])
def test_failures_at_once_are_counted_exactly(mine: KeyedPhone, tries: int) -> None:
    mine.enrol()
    challenge = mine.ask().challenge
    wrong = partial(mine.verify, challenge, biometric_signature=signed(draw_key(), challenge))
    assert _at_once([wrong] * tries) == {"BIOMETRIC_VERIFICATION_FAILED": tries}
    assert mine.registration.verification_failures == tries


def test_of_many_failures_at_once_five_are_tries_and_the_others_find_it_locked(mine: KeyedPhone) -> None:
    for _ in range(ROUNDS):
        mine.enrol()
        challenge = mine.ask().challenge
        wrong = partial(mine.verify, challenge, biometric_signature=signed(draw_key(), challenge))
        outcomes = _at_once([wrong] * 16)
        assert outcomes == {"BIOMETRIC_VERIFICATION_FAILED": 5, "BIOMETRIC_LOCKED": 11}
        assert mine.registration.verification_failures == 5


def test_a_right_proof_among_wrong_ones_ends_the_tries(mine: KeyedPhone) -> None:
    mine.enrol()
    for _ in range(ROUNDS):
        challenge = mine.ask().challenge
        wrong = partial(mine.verify, challenge, biometric_signature=signed(draw_key(), challenge))
        outcomes = _at_once([wrong, wrong, partial(mine.verify, challenge), wrong])
        # Whoever tried before the right one was counted, and forgotten with it; whoever came after was no try.
        assert outcomes == {"ok": 1, "BIOMETRIC_VERIFICATION_FAILED": 3}
        assert mine.registration.verification_failures == 0


def test_of_ten_completions_with_ten_keys_exactly_one_counts(mine: KeyedPhone) -> None:
    for _ in range(ROUNDS):
        challenge = mine.register().challenge
        keys = [draw_key() for _ in range(MANY)]
        calls = [
            partial(mine.complete, challenge, biometric_public_key=spki(key), signed_challenge=signed(key, challenge))
            for key in keys
        ]
        assert _at_once(calls) == {"ok": 1, "REGISTRATION_ALREADY_COMPLETED": MANY - 1}
        assert mine.registration.public_key in {spki(key) for key in keys}


def test_of_challenges_drawn_at_once_the_last_one_is_good(mine: KeyedPhone) -> None:
    mine.enrol()
    drawn: list[str] = []
    assert _at_once([lambda: drawn.append(mine.ask().challenge)] * MANY) == {"ok": MANY}
    assert _at_once([partial(mine.verify, challenge) for challenge in drawn]) == {
        "ok": 1,
        "BIOMETRIC_VERIFICATION_FAILED": MANY - 1,
    }


def test_a_proof_that_races_a_sign_in_elsewhere_leaves_no_registration_behind(mine: KeyedPhone) -> None:
    for _ in range(ROUNDS):
        phone = KeyedPhone(mine.world, key=mine.key)
        phone.enrol()
        challenge = phone.ask().challenge
        elsewhere = partial(KeyedPhone, mine.world, device_id="phone-2")
        _at_once([partial(phone.verify, challenge), elsewhere, phone.ask, phone.register])
        (user,) = stored("user")
        assert user["data"]["M"]["current_device"]["M"]["device_id"]["S"] == "phone-2"
        assert "current_biometric" not in user["data"]["M"]
        assert "biometric_expires_at" not in user["data"]["M"]["current_session"]["M"]
