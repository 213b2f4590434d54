"""Enrolment and proof from beginning to end, on both engines, in as many questions as promised."""

from __future__ import annotations

import base64
from datetime import timedelta

from pynamodb.connection.table import TableConnection

from tests.rooms.biometric_phone import KeyedPhone, spki
from tests.rooms.identity_questions import counted
from tests.support import SettableClock
from tests.unit.identity.world import World


def test_a_device_enrols_and_proves_itself(any_engine_for_long: TableConnection, clock: SettableClock) -> None:
    mine = KeyedPhone(World(clock))
    with counted() as asked:
        begun = mine.register(biometric_type="touch_id", platform_info={"os": "17.1"}, device_attestation_data="blob")
        completed = mine.complete(begun.challenge, attestation_result={"format": "apple"})
        challenge = mine.ask()
        proved = mine.verify(challenge.challenge)

    assert asked == ["GetItem", "UpdateItem"] * 4
    assert len(base64.b64decode(begun.challenge)) == 32
    assert begun.challenge_expires_at == clock.now() + timedelta(minutes=5)
    assert (begun.biometric_type, completed.status) == ("fingerprint", "completed")
    assert completed.registration_id == challenge.registration_id == begun.registration_id
    assert challenge.challenge != begun.challenge
    assert (proved.verified, proved.biometric_expires_at) == (True, clock.now() + timedelta(days=7))
    kept = mine.registration
    assert (kept.public_key, kept.is_verified, kept.last_verified_at) == (spki(mine.key), True, clock.now())
    spent = ("challenge", "challenge_operation", "challenge_expires_at")
    assert [getattr(kept, field) for field in spent] == [None, None, None]
    assert kept.device_attestation_data == "blob"
    assert kept.registration_metadata == {"platform_info": {"os": "17.1"}, "attestation_result": {"format": "apple"}}
    assert (mine.session.last_biometric_auth_at, mine.session.biometric_expires_at) == (
        clock.now(),
        clock.now() + timedelta(days=7),
    )
