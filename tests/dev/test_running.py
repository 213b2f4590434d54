"""What `make run` stands on: ports, one run at a time, children that never outlive their parent, the account."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib.config import load
from deploy.resources import declare
from dev import supervision
from dev.children import ROOT, ChildEndedError, Children, wait_until
from dev.journey import direction, table_of
from dev.stage import PortTakenError, environment_of, ports_from, require_free
from dev.storefront.opening import Storefront
from dev.supervision import AlreadyRunningError, Session
from dev.testing import free_port

# A command like `make run` in small: one child that listens, then serving.
COMMAND = """
import sys, time
from pathlib import Path
from dev.supervision import supervise
from dev.stage import require_free

def work(session):
    port, log = int(sys.argv[1]), Path(sys.argv[2])
    require_free(port, "the test", "TEST_PORT")
    session.children.start("A server", Path(sys.executable), ["http.server", str(port), "-b", "127.0.0.1"], log=log)
    session.say("started")
    session.is_serving = len(sys.argv) > 3
    time.sleep(60)
    return 0

supervise(work)
"""


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.01)


@contextmanager
def command(folder: Path, port: int, *more: str, through: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    log = folder / "child.log"
    process = subprocess.Popen(
        [*through, sys.executable, "-c", COMMAND, str(port), str(log), *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_in_a_sentence_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    with command(tmp_path, port, "serving") as process:
        wait_for(lambda: is_listening(port))
        os.killpg(process.pid, number)
        said, _ = process.communicate(timeout=10)
        assert said.splitlines()[-1] == "Stopped. Nothing is left running."
        assert "Traceback" not in said
        assert process.returncode == 0
        assert not is_listening(port)


def test_a_run_that_is_interrupted_while_it_starts_says_so_in_its_exit_code(tmp_path: Path) -> None:
    with command(tmp_path, free_port()) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 130


@pytest.mark.parametrize("through", [(), (str(ROOT / "dev" / "start"),)], ids=["the command", "what started it"])
def test_nothing_outlives_a_parent_that_was_killed(tmp_path: Path, through: tuple[str, ...]) -> None:
    port = free_port()
    with command(tmp_path, port, through=through) as process:
        wait_for(lambda: is_listening(port))
        process.kill()
        process.wait()
        wait_for(lambda: not is_listening(port))


def test_a_taken_port_ends_in_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with command(tmp_path, port) as process:
            said, _ = process.communicate(timeout=10)
        assert process.returncode == 1
        assert said.count("\n") == 1
        assert f"Port {port} on 127.0.0.1 is taken, and the test needs it." in said
        assert f"TEST_PORT={port + 1000}" in said


def test_a_port_that_somebody_takes_on_every_interface_is_taken() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken, pytest.raises(PortTakenError):
        require_free(taken.getsockname()[1], "the test", "TEST_PORT")


def test_a_second_run_in_the_same_folder_names_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "RUN_FOLDER", tmp_path)
    first, second = Session(), Session()
    first.claim_folder("run")
    with pytest.raises(AlreadyRunningError, match=rf"in use by `make run` \(process {os.getpid()}\)"):
        second.claim_folder("demo")


def test_a_child_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    children = Children()
    child = children.start("The child", Path(sys.executable), ["no_such_module"], log=tmp_path / "log")
    with pytest.raises(ChildEndedError, match=r"(?s)The child ended by itself.*No module named no_such_module"):
        wait_until(lambda: False, child, "Its start", seconds=5)


def test_no_child_is_started_once_a_run_is_ending(tmp_path: Path) -> None:
    children = Children()
    children.stop()
    with pytest.raises(ChildEndedError, match="is not started any more"):
        children.start("The child", Path(sys.executable), ["http.server"], log=tmp_path / "log")


@pytest.mark.parametrize("text", ["x", "0", "65536", "-1", "8000.5"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="PORT must be a port between 1 and 65535"):
        ports_from({"PORT": text})


def test_other_ports_move_every_address_of_the_stage() -> None:
    declared = environment_of(ports_from({}))
    ports = {"CLOUD_PORT": "5001", "IDENTITY_PROVIDER_PORT": "5002", "STOREFRONT_PORT": "5003"}
    moved = environment_of(ports_from(ports))
    assert declared["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert moved["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5001"
    changed = {name for name in declared if declared[name] != moved[name]}
    providers = {"GOOGLE_ISSUERS", "GOOGLE_JWKS_URL", "APPLE_ISSUERS", "APPLE_JWKS_URL", "APPLE_AUTH_URL"}
    stores = {"APP_STORE_API_URL", "PLAY_JWKS_URL", "PLAY_TOKEN_URL", "PLAY_API_URL", "STRIPE_API_URL"}
    assert changed == {"AWS_ENDPOINT_URL", *providers, *stores}
    assert "4566" not in str(moved)
    assert "4567" not in str(moved)
    assert "4568" not in str(moved)


def test_the_stage_says_of_the_simulated_stores_what_they_say_of_themselves() -> None:
    ports = ports_from({})
    storefront = Storefront(ports.service_url)
    declared = load(environment_of(ports) | {"APP_STORE_ROOTS": storefront.root()})
    assert declared.app_store == storefront.apple.settings(ports.storefront_url)
    assert declared.play_store == storefront.google.settings(ports.storefront_url)
    assert declared.stripe == storefront.stripe.settings(f"{ports.storefront_url}/stripe")
    for name, value in storefront.secrets().items():
        assert set(value) == set(getattr(declare(declared), name).fields)


def test_findings_stand_in_an_aligned_table() -> None:
    finding = {"test_name": "Calcium", "test_value": "8.0", "test_unit": "mg/dL", "is_abnormal": True}
    bounds = {"reference_range_low": "8.7", "reference_range_high": "10.4"}
    wide = {"test_name": "Bilirubin, total", "test_value": "12.25", "test_unit": None, "reference_range_high": 1}
    assert table_of([finding | bounds, wide]) == [
        "test              value  unit   range",
        "────────────────  ─────  ─────  ──────────  ────",
        "Calcium               8  mg/dL  8.7 – 10.4  low",
        "Bilirubin, total  12.25         < 1         high",
    ]


def test_a_value_without_numbers_has_no_direction() -> None:
    assert direction({"test_value": "positive", "reference_range_low": None, "reference_range_high": None}) == ""
    assert direction({"test_value": "5", "reference_range_low": "5", "reference_range_high": "5"}) == ""
