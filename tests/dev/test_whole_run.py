"""`make demo` and `make run` as a developer meets them: the whole service, on ports and in a folder of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from dev.children import ROOT
from dev.journey import Backend
from dev.stage import Ports, ports_from
from dev.testing import free_port

pytestmark = pytest.mark.second_engine
EXPECTED = ROOT / "tests" / "data" / "lab-reports" / "pathology-panel-10-pages.expected.json"


@contextmanager
def command(name: str, folder: Path, analyst: str = "local") -> Iterator[tuple[subprocess.Popen[str], Ports, Path]]:
    """Start a command; yields the process, its ports, and the file with what it says."""
    names = ("PORT", "CLOUD_PORT", "IDENTITY_PROVIDER_PORT", "STOREFRONT_PORT", "MODELS_PORT")
    chosen = {variable: str(free_port()) for variable in names} | {"SERENYA_RUN_FOLDER": str(folder)}
    chosen["ANALYST"] = analyst
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SERENYA_"))}
    said = folder / "said.txt"
    with said.open("w") as output:
        process = subprocess.Popen(
            [str(ROOT / "dev" / "start"), sys.executable, "-m", "dev", name],
            cwd=ROOT,
            env=inherited | chosen,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        yield process, ports_from(chosen), said
    finally:
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.wait()


def wait_for(condition: Callable[[], bool], said: Path, seconds: float) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, said.read_text()
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, timeout=2, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


@pytest.mark.parametrize("analyst", ["local", "bedrock", "anthropic"])
def test_the_demonstration_shows_exactly_the_abnormal_rows_of_the_sample_and_leaves_nothing(
    tmp_path: Path, analyst: str
) -> None:
    with command("demo", tmp_path, analyst) as (process, ports, said):
        assert process.wait(90) == 0, said.read_text()
        text = said.read_text()
        assert not answers(f"{ports.service_url}/health")
        assert not answers(f"{ports.cloud_url}/_ministack/health")
    table = text.split("findings outside their range:\n\n")[1].split("\n\n")[0].splitlines()[2:]
    abnormal = [row["test_name"] for row in json.loads(EXPECTED.read_text())["lab_results"] if row["is_abnormal"]]
    assert [line.strip().split("  ")[0] for line in table] == abnormal
    assert f"by {analyst}" in text
    assert "usage before" in text
    assert "0 of 5 documents" in text
    assert "1 of 5 documents" in text


def test_a_run_survives_the_loss_of_its_service_with_its_state_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    with command("run", tmp_path) as (process, ports, said):
        wait_for(lambda: "Press Ctrl-C" in said.read_text(), said, 90)
        backend = Backend(ports)
        backend.sign_in()
        used_before = backend.subscription()["usage"]["documents_processed"]
        _kill_the_service(process.pid)
        wait_for(lambda: "The service is up again" in said.read_text(), said, 30)
        assert backend.subscription()["usage"]["documents_processed"] == used_before == 1
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(15) == 0, said.read_text()
        assert said.read_text().splitlines()[-1] == "Stopped. Nothing is left running."
        assert not answers(f"{ports.service_url}/health")
        assert not answers(f"{ports.cloud_url}/_ministack/health")


def _kill_the_service(starter: int) -> None:
    """Kill the process group of the service, as if it had crashed."""
    (service,) = [pid for pid, command in _descendants(starter) if "dev.server" in command]
    os.killpg(service, signal.SIGKILL)


def _descendants(ancestor: int) -> list[tuple[int, str]]:
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [
        (int(pid), int(parent), command)
        for pid, parent, command in (line.split(None, 2) for line in listed.splitlines())
    ]
    found, generation = [], {ancestor}
    while generation:
        children = [(pid, command) for pid, parent, command in rows if parent in generation]
        found += children
        generation = {pid for pid, _ in children}
    return found
