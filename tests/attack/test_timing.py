"""Time: whether how long a refusal takes tells what exists, by a rank test over interleaved requests."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

import pytest

from tests.attack.battlefield import Answered, Battlefield
from tests.attack.record import Tried
from tests.attack.test_foreign_ids import UUID
from tests.rooms.biometric_phone import base64_of

SECTION = "9 Time"
pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]
EACH: Final = 400
MOST_Z: Final = 4.5
"""How many standard deviations the ranks may lie apart: by chance more often than this once in 150,000 tries."""

Ask = Callable[[Battlefield], Answered]


@dataclass(frozen=True)
class Pair:
    """Two questions that a stranger must not be able to tell apart: one near to something, one far from everything."""

    near: Ask
    far: Ask


def _get(path: str, job: Callable[[Battlefield], str]) -> Ask:
    return lambda field: field.send("GET", path.format(job(field)), by=field.mallory)


def _post(path: str, body: Callable[[Battlefield], dict[str, str]], *, is_public: bool = False) -> Ask:
    return lambda field: field.send("POST", path, body(field), by=None if is_public else field.mallory)


def _job(field: Battlefield) -> str:
    return field.ada.has["job"]


def _no_job(_: Battlefield) -> str:
    return f"result_{UUID}"


def _almost(token: str) -> str:
    """The same but for its last letters."""
    return token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")


def _refresh(change: Callable[[str], str]) -> Ask:
    return _post(
        "/auth/refresh",
        lambda field: {"refresh_token": change(field.ada.refresh_token), "device_id": field.ada.device_id},
        is_public=True,
    )


def _verify(registration: Callable[[Battlefield], str]) -> Ask:
    zeros = base64_of(bytes(32))
    return _post(
        "/auth/biometric/verify",
        lambda field: {"registration_id": registration(field), "challenge": zeros, "biometric_signature": zeros},
    )


def _bearer(change: Callable[[str], str]) -> Ask:
    return lambda field: field.send(
        "GET", "/user/profile", headers={"Authorization": f"Bearer {change(field.token(field.ada))}"}
    )


def _cursor(change: Callable[[str], str]) -> Ask:
    return lambda field: field.send(
        "GET", f"/api/v1/process/jobs?cursor={change(field.ada.has['cursor of jobs'])}", by=field.ada
    )


def _all_wrong(token: str) -> str:
    """The signature replaced from its first letter on, at the same length."""
    head, dot, mark = token.rpartition(".")
    return head + dot + ("A" * len(mark) if dot else "") or "A" * len(token)


PAIRS: dict[str, Pair] = {
    "Somebody else's job, its status": Pair(
        _get("/api/v1/process/status/{}", _job), _get("/api/v1/process/status/{}", _no_job)
    ),
    "Somebody else's job, its result": Pair(
        _get("/api/v1/process/result/{}", _job), _get("/api/v1/process/result/{}", _no_job)
    ),
    "Somebody else's biometric registration": Pair(
        _verify(lambda field: field.ada.has["registration"]), _verify(lambda _: UUID)
    ),
    "A refresh token right but for its end": Pair(_refresh(_almost), _refresh(_all_wrong)),
    "An access token right but for its end": Pair(_bearer(_almost), _bearer(_all_wrong)),
    "A cursor right but for its end": Pair(_cursor(_almost), _cursor(lambda cursor: "A" * len(cursor))),
}


def _seconds(field: Battlefield, pair: Pair) -> tuple[list[float], list[float]]:
    """Time both questions by turns, in an order that is drawn; the answers must be alike."""
    chance = random.Random(8)
    taken: tuple[list[float], list[float]] = ([], [])
    assert pair.near(field).code == pair.far(field).code
    for _ in range(EACH):
        for side in chance.sample((0, 1), 2):
            ask = (pair.near, pair.far)[side]
            began = time.perf_counter()
            ask(field)
            taken[side].append(time.perf_counter() - began)
    return taken


def z_of_ranks(one: list[float], other: list[float]) -> float:
    """Mann and Whitney's test: how many standard deviations the ranks of two samples lie apart (no ties here)."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    of_one = sum(rank for rank, (_, side) in enumerate(ranked, 1) if side == 0)
    u, sizes = of_one - len(one) * (len(one) + 1) / 2, len(one) * len(other)
    return float((u - sizes / 2) / (sizes * (len(one) + len(other) + 1) / 12) ** 0.5)


@pytest.mark.parametrize("name", PAIRS)
def test_how_long_a_refusal_takes_does_not_tell_what_exists(field: Battlefield, tried: Tried, name: str) -> None:
    near, far = _seconds(field, PAIRS[name])
    z, ratio = z_of_ranks(near, far), median(near) / median(far)
    print(f"{name}: z {z:+.2f}, medians {median(near) * 1000:.2f} and {median(far) * 1000:.2f} ms")
    # The ranks decide: on a busy machine two medians of the same thing lie apart by more than a leak would move them.
    assert abs(z) < MOST_Z, (z, ratio)
    tried.held(name, "against what never was, by turns", "no difference in ranks", "no difference in ranks", 2 * EACH)


def test_a_difference_of_one_call_is_found(field: Battlefield, tried: Tried) -> None:
    """Planted: one's own job, whose result is read as well, takes longer than none; the same test says so."""
    own = Pair(
        lambda field: field.send("GET", f"/api/v1/process/status/{field.ada.has['job']}", by=field.ada),
        lambda field: field.send("GET", f"/api/v1/process/result/{field.ada.has['job']}", by=field.ada),
    )
    z = z_of_ranks(*_seconds(field, own))
    assert abs(z) > 2 * MOST_Z, z
    tried.held("Planted: a read of the bucket more", "one's own job", "found", "found", 2 * EACH)
