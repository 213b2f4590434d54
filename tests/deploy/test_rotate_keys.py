"""A rotation of the signing keys seen from many processes: nobody is signed out; a killed key is dead in a minute."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import boto3
import pytest

from chalicelib import errors
from chalicelib.gateways.secrets import Secrets
from chalicelib.identity.keys import TokenKeys
from chalicelib.identity.tokens import AccessTokens, RefreshClaim, RefreshTokens
from chalicelib.rules import Rules
from deploy import generate, rotate_keys
from deploy.rotate_keys import KeyRotation, RotationRefused
from tests.support import SettableClock, test_settings

SETTINGS = test_settings()
LIFE = SETTINGS.secret_life
WEEK = SETTINGS.rules.session_hard_cap
pytestmark = pytest.mark.second_engine
FIRST = {"kid": "first", "secret": "a" * 43}


@pytest.fixture
def manager(second_cloud: str) -> Iterator[Any]:
    """Secrets Manager with a key set of one key, on the second engine: moto does not let labels of versions decide what
    is read."""
    client = boto3.client("secretsmanager", region_name=SETTINGS.region, endpoint_url=second_cloud)
    client.create_secret(Name=SETTINGS.token_keys_secret, SecretString=json.dumps({"current": FIRST, "previous": None}))
    yield client
    client.delete_secret(SecretId=SETTINGS.token_keys_secret, ForceDeleteWithoutRecovery=True)


@dataclass
class Process:
    """One process of the service: it reads the secret for itself."""

    client: Any
    clock: SettableClock
    access: AccessTokens = field(init=False)
    refresh: RefreshTokens = field(init=False)

    def __post_init__(self) -> None:
        keys = TokenKeys(Secrets(lambda: self.client, self.clock, LIFE), SETTINGS.token_keys_secret)
        self.access = AccessTokens(keys, "serenya/test", "serenya-app/test", self.clock, Rules())
        self.refresh = RefreshTokens(keys)

    def minted(self) -> tuple[str, str]:
        now = self.clock.now()
        access, _ = self.access.issue("user-1", "session-1", now + timedelta(days=7))
        return access, self.refresh.issue(RefreshClaim("user-1", "session-1", now, 3))

    def is_flooded(self) -> None:
        """Somebody sends tokens with an invented key id, and so uses up what may be read out of turn."""
        with pytest.raises(errors.Unauthenticated):
            self.refresh.read(f"rt1.invented.e30.{'A' * 43}")

    def accepts(self, tokens: tuple[str, str]) -> bool:
        """Whether both tokens are good here; an access token whose 15 minutes are over is no matter."""
        access, refresh = tokens
        accepted = []
        for verify in (lambda: self.access.verify(access), lambda: self.refresh.read(refresh)):
            try:
                verify()
                accepted.append(True)
            except errors.Unauthenticated as refusal:
                accepted.append(refusal.code == "TOKEN_EXPIRED")
        assert len(set(accepted)) == 1, "one kind of token was refused, and the other was not"
        return accepted[0]


def _rotation(client: Any, clock: SettableClock, wait: Callable[[timedelta], None] | None = None) -> KeyRotation:
    return KeyRotation(client, SETTINGS, clock, wait or clock.advance, print)


def _rotate(client: Any, clock: SettableClock, *, is_forced: bool = False, is_dry: bool = False) -> None:
    _rotation(client, clock).rotate(is_forced=is_forced, is_dry=is_dry)


def _key_set(client: Any) -> dict[str, Any]:
    key_set: dict[str, Any] = json.loads(client.get_secret_value(SecretId=SETTINGS.token_keys_secret)["SecretString"])
    return key_set


def _put(client: Any, key_set: object) -> None:
    client.put_secret_value(SecretId=SETTINGS.token_keys_secret, SecretString=json.dumps(key_set))


def _processes(client: Any, clock: SettableClock) -> list[Process]:
    """Six processes that read the secret ten seconds after one another."""
    made = []
    for _ in range(6):
        made.append(Process(client, clock))
        made[-1].minted()
        clock.advance(LIFE / 6)
    return made


class Traffic:
    """Requests all the time: every process mints, and accepts what any process ever minted."""

    def __init__(self, processes: list[Process], clock: SettableClock) -> None:
        self.processes, self.clock = processes, clock
        self.tokens: list[tuple[str, str]] = []

    def pass_by(self, duration: timedelta) -> None:
        end = self.clock.now() + duration
        while True:
            self._moment()
            if self.clock.now() >= end:
                return
            self.clock.advance(min(timedelta(seconds=5), end - self.clock.now()))

    def _moment(self) -> None:
        for process in self.processes:
            process.is_flooded()
        self.tokens += [process.minted() for process in self.processes]
        latest = self.tokens[-4 * len(self.processes) :] + self.tokens[:2]
        assert all(process.accepts(tokens) for process in self.processes for tokens in latest)


def test_nobody_is_signed_out_before_during_or_after_a_rotation_in_stale_and_fresh_processes(
    manager: Any, clock: SettableClock
) -> None:
    traffic = Traffic([*_processes(manager, clock)], clock)
    traffic.pass_by(timedelta(seconds=15))
    _rotation(manager, clock, traffic.pass_by).rotate(is_forced=False, is_dry=False)
    traffic.processes.append(Process(manager, clock))
    traffic.pass_by(timedelta(minutes=3))

    newcomer = Process(manager, clock)
    assert all(newcomer.accepts(tokens) for tokens in traffic.tokens)
    kids = {refresh.split(".")[1] for _, refresh in traffic.tokens}
    assert kids == {"first", _key_set(manager)["current"]["kid"]}


def test_the_new_key_signs_within_a_minute_without_a_deployment(manager: Any, clock: SettableClock) -> None:
    processes = _processes(manager, clock)
    _rotate(manager, clock)
    clock.advance(LIFE)

    current = _key_set(manager)["current"]["kid"]
    assert {process.minted()[1].split(".")[1] for process in processes} == {current}
    assert current != "first"


def test_a_next_key_verifies_and_does_not_sign(manager: Any, clock: SettableClock) -> None:
    coming = {"kid": "coming", "secret": "b" * 43}
    _put(manager, {"current": FIRST, "previous": None, "next": coming})
    process = Process(manager, clock)

    assert process.minted()[1].split(".")[1] == "first"
    _put(manager, {"current": coming, "previous": FIRST})
    assert process.accepts(Process(manager, clock).minted())


def test_a_token_of_the_last_moment_is_accepted_until_its_session_must_end(manager: Any, clock: SettableClock) -> None:
    stale = Process(manager, clock)

    def read_at_the_last_moment(left: timedelta) -> None:
        clock.advance(left)
        stale.minted()

    _rotation(manager, clock, read_at_the_last_moment).rotate(is_forced=False, is_dry=False)
    clock.advance(LIFE - timedelta(seconds=1))
    last = stale.minted()
    assert last[1].split(".")[1] == "first"
    clock.advance(WEEK)
    with pytest.raises(RotationRefused, match="may still live"):
        _rotate(manager, clock)
    assert Process(manager, clock).accepts(last)

    clock.advance(LIFE)
    _rotate(manager, clock)
    clock.advance(LIFE)
    assert not Process(manager, clock).accepts(last)


def test_a_second_rotation_while_tokens_of_the_previous_key_live_must_be_forced(
    manager: Any, clock: SettableClock
) -> None:
    _rotate(manager, clock)
    before = _key_set(manager)
    with pytest.raises(RotationRefused, match="may still live"):
        _rotate(manager, clock)
    assert _key_set(manager) == before

    _rotate(manager, clock, is_forced=True)
    assert _key_set(manager)["previous"]["kid"] == before["current"]["kid"]


def test_a_previous_key_without_a_date_is_taken_for_alive(manager: Any, clock: SettableClock) -> None:
    for date in ({}, {"signed_until": "yesterday"}, {"signed_until": "2020-01-01"}):
        _put(manager, {"current": FIRST, "previous": {"kid": "old", "secret": "b" * 43, **date}})
        with pytest.raises(RotationRefused, match="may still live"):
            _rotate(manager, clock)


@pytest.mark.parametrize("kill", ["kill_previous", "kill_all"])
def test_a_killed_keys_tokens_are_refused_within_a_minute_in_every_process(
    manager: Any, clock: SettableClock, kill: str
) -> None:
    processes = _processes(manager, clock)
    leaked = processes[0].minted()
    _rotate(manager, clock)
    clock.advance(LIFE)
    of_the_current_key = processes[0].minted()
    assert all(process.accepts(leaked) for process in processes)

    getattr(_rotation(manager, clock), kill)(is_dry=False)
    clock.advance(LIFE)
    assert not any(process.accepts(leaked) for process in processes)
    assert all(process.accepts(of_the_current_key) == (kill == "kill_previous") for process in processes)
    assert all(process.accepts(process.minted()) for process in processes)


def test_killing_what_is_not_there_is_refused(manager: Any, clock: SettableClock) -> None:
    with pytest.raises(RotationRefused, match="no previous key"):
        _rotation(manager, clock).kill_previous(is_dry=False)


def test_without_apply_nothing_is_written(manager: Any, clock: SettableClock) -> None:
    _rotate(manager, clock, is_dry=True)
    _rotation(manager, clock).kill_all(is_dry=True)
    assert _key_set(manager) == {"current": FIRST, "previous": None}

    _rotate(manager, clock)
    before = _key_set(manager)
    _rotation(manager, clock).kill_previous(is_dry=True)
    assert _key_set(manager) == before


class _BrokenOffError(Exception):
    """Ctrl-C."""


def test_a_rotation_that_broke_off_goes_on_where_it_stopped(manager: Any, clock: SettableClock) -> None:
    def break_off(_: timedelta) -> None:
        raise _BrokenOffError

    with pytest.raises(_BrokenOffError):
        _rotation(manager, clock, break_off).rotate(is_forced=False, is_dry=False)
    coming = _key_set(manager)["next"]["kid"]
    assert _key_set(manager)["current"] == FIRST

    clock.advance(LIFE)
    waits: list[timedelta] = []
    _rotation(manager, clock, waits.append).rotate(is_forced=False, is_dry=False)
    assert waits == [LIFE]
    assert _key_set(manager)["current"]["kid"] == coming


def test_a_key_that_somebody_else_published_in_the_meantime_is_not_promoted_early(
    manager: Any, clock: SettableClock
) -> None:
    def interfere(_: timedelta) -> None:
        _put(manager, {"current": FIRST, "previous": None, "next": {"kid": "another", "secret": "b" * 43}})

    with pytest.raises(RotationRefused, match="Somebody else"):
        _rotation(manager, clock, interfere).rotate(is_forced=False, is_dry=False)
    assert _key_set(manager)["current"] == FIRST


class _Late:
    """A client whose second operator writes first."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def put_secret_value(self, **arguments: Any) -> Any:
        _put(self.client, {"current": {"kid": "theirs", "secret": "b" * 43}, "previous": FIRST})
        return self.client.put_secret_value(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def test_of_two_operators_at_once_the_second_changes_nothing(manager: Any, clock: SettableClock) -> None:
    with pytest.raises(RotationRefused, match="Somebody else"):
        _rotation(_Late(manager), clock).kill_all(is_dry=False)

    assert _key_set(manager)["current"]["kid"] == "theirs"


BROKEN: list[Mapping[str, Any] | list[Any]] = [
    {},
    [],
    {"current": None},
    {"current": {"kid": "first"}},
    {"current": {"kid": "first", "secret": "short"}},
    {"current": {"kid": "no id", "secret": "a" * 43}},
    {"current": FIRST, "previous": "old"},
    {"current": FIRST, "previous": {"kid": "old"}},
    {"current": FIRST, "next": {"kid": "coming", "secret": None}},
]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_a_broken_key_set_is_not_rotated_and_can_be_replaced(
    manager: Any, clock: SettableClock, broken: Mapping[str, Any]
) -> None:
    _put(manager, broken)
    for change in ("rotate", "kill_previous"):
        forced = {"is_forced": True} if change == "rotate" else {}
        with pytest.raises(RotationRefused, match="broken"):
            getattr(_rotation(manager, clock), change)(is_dry=False, **forced)

    _rotation(manager, clock).kill_all(is_dry=False)
    process = Process(manager, clock)
    assert process.accepts(process.minted())


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_a_broken_key_set_signs_nobody_out(manager: Any, clock: SettableClock, broken: Mapping[str, Any]) -> None:
    _put(manager, {"current": {"kid": "gone", "secret": "c" * 43}, "previous": None})
    access, refresh = Process(manager, clock).minted()
    _put(manager, broken)
    process = Process(manager, clock)

    for verify in (lambda: process.access.verify(access), lambda: process.refresh.read(refresh)):
        with pytest.raises(errors.Unavailable):
            verify()


@pytest.mark.parametrize("whole", [{"current": FIRST}, {"current": FIRST, "previous": None, "next": None}], ids=str)
def test_a_key_set_of_one_key_is_whole(manager: Any, clock: SettableClock, whole: Mapping[str, Any]) -> None:
    _put(manager, whole)
    process = Process(manager, clock)

    assert process.accepts(process.minted())
    process.is_flooded()


def test_the_command_says_what_it_would_do_and_does_it_when_told_to(
    manager: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "stage_settings", lambda _: SETTINGS)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: manager)

    assert rotate_keys.main(["--stage", "dev"]) == 0
    assert "Nothing was written" in capsys.readouterr().out
    assert rotate_keys.main(["--stage", "dev", "--apply"]) == 0
    assert "signs" in capsys.readouterr().out
    assert rotate_keys.main(["--stage", "dev", "--apply"]) == 1
    assert "--force" in capsys.readouterr().err
    assert rotate_keys.main(["--stage", "dev", "--apply", "--kill-previous"]) == 0
    assert _key_set(manager)["previous"] is None


def test_no_secret_is_ever_printed(manager: Any, clock: SettableClock, capsys: pytest.CaptureFixture[str]) -> None:
    _rotate(manager, clock)
    said = capsys.readouterr().out

    assert _key_set(manager)["current"]["kid"] in said
    assert FIRST["secret"] not in said
    assert _key_set(manager)["current"]["secret"] not in said
