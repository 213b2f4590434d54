"""What somebody waits who has Python, make and git: from `git clone` to a result, and to green tests.

Run: `python -m bench.newcomer` (what is committed; `--without-tests`: to the result alone; `--commands`: after it,
what the README offers beside a running service). As root it makes a user with an empty home, and removes it; otherwise
it is whoever runs it, with an empty home. Nothing of the caller's environment is handed on but how the machine reaches
a package index. Fails when one of the two takes longer than five minutes, or leaves something outside the clone.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LIMIT_SECONDS: Final = 300.0
_USER: Final = "serenya-newcomer"
_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
_REACHING_OUT: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
_READY: Final = "Ctrl-C"
"""What `make run` says when it serves."""
_BESIDE_A_RUN: Final = (
    'curl -fsS -H "Authorization: Bearer $(make -s token)" http://127.0.0.1:8000/user/profile',
    "curl -fsS http://127.0.0.1:8000/docs",
    "make buy PLAN=premium_monthly",
    "make buy PLAN=premium_yearly PROVIDER=google",
    "make reset-usage",
    "make reconcile",
)
_ALONE: Final = ("make cost", "make generated", "make help")


class Failed(Exception):
    """A command of the newcomer's ended with something else than 0."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody with an empty home, who has cloned nothing yet."""

    home: Path
    name: str | None
    waited: dict[str, float] = field(default_factory=dict)

    @property
    def clone(self) -> Path:
        """Where the repository will be."""
        return self.home / "backend"

    def does(self, command: str, folder: Path) -> float:
        """Run one line of shell as the newcomer, show what it says, and return the seconds that it took.

        Raises:
            Failed: it went wrong.
        """
        print(f"\n$ {command}", flush=True)
        began = time.monotonic()
        code = subprocess.run(self.words(command), check=False, cwd=folder, env=self.environment()).returncode
        if code != 0:
            raise Failed(f"`{command}` ended with {code}")
        return time.monotonic() - began

    def words(self, command: str) -> list[str]:
        """Return the words that run a line of shell as this user."""
        shell = ["/bin/bash", "-c", command]
        return shell if self.name is None else ["/usr/sbin/runuser", "-u", self.name, "--", *shell]

    def environment(self) -> dict[str, str]:
        """Return what a new login has: no setting of whoever measures."""
        reaching = {name: os.environ[name] for name in _REACHING_OUT if name in os.environ}
        return {"HOME": str(self.home), "PATH": _PATH, "LANG": "C.UTF-8", **reaching}


def main(arguments: Sequence[str]) -> int:
    """Be the newcomer once; 0 when everything went well and soon enough."""
    parser = argparse.ArgumentParser(prog="python -m bench.newcomer", allow_abbrev=False)
    parser.add_argument("--without-tests", action="store_true")
    parser.add_argument("--commands", action="store_true", help="try what the README offers beside a running service")
    asked = parser.parse_args(arguments)
    with newcomer() as one:
        before = _left_behind(one)
        try:
            _arrive(one, with_tests=not asked.without_tests)
            if asked.commands:
                _look_around(one)
        except Failed as failure:
            print(f"\n{failure}.")
            return 1
        return _judge(one, _left_behind(one) - before)


@contextmanager
def newcomer() -> Iterator[Newcomer]:
    """Make the user and the empty home, and remove both."""
    if os.geteuid() != 0:
        home = Path(tempfile.mkdtemp(prefix="serenya-newcomer-"))
        try:
            yield Newcomer(home, None)
        finally:
            shutil.rmtree(home, ignore_errors=True)
        return
    home = Path("/home", _USER)
    subprocess.run(["/usr/sbin/useradd", "--create-home", "--home-dir", home, _USER], check=True)
    try:
        yield Newcomer(home, _USER)
    finally:
        subprocess.run(["/usr/bin/pkill", "-KILL", "-u", _USER], check=False)
        subprocess.run(["/usr/sbin/userdel", "--remove", _USER], check=True, capture_output=True)


def _arrive(one: Newcomer, *, with_tests: bool) -> None:
    # The repository belongs to somebody else, which git refuses to read until told that it may.
    bundle = one.home / "repository.bundle"
    subprocess.run(["git", "bundle", "create", "--quiet", bundle, "HEAD"], cwd=ROOT, check=True)
    bundle.chmod(0o644)
    cloned = one.does(f"git -c advice.detachedHead=false clone --quiet {bundle} {one.clone.name}", one.home)
    one.waited["from git clone to a result (make demo)"] = cloned + one.does("make demo", one.clone)
    if with_tests:
        one.waited["from there to green tests (make test)"] = one.does("make test", one.clone)


def _look_around(one: Newcomer) -> None:
    with _serving(one):
        for command in _BESIDE_A_RUN:
            one.does(f"{command} >/dev/null", one.clone)
    for command in _ALONE:
        one.does(f"{command} >/dev/null", one.clone)


@contextmanager
def _serving(one: Newcomer) -> Iterator[None]:
    """Keep `make run` going, from when it says that it serves until Ctrl-C."""
    print("\n$ make run", flush=True)
    service = subprocess.Popen(
        one.words("exec make run"),
        cwd=one.clone,
        env=one.environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert service.stdout is not None
    try:
        if not any(_READY in line for line in service.stdout):
            raise Failed("`make run` ended before it served")
        yield
    finally:
        os.killpg(service.pid, signal.SIGINT)
        service.communicate(timeout=30)


def _left_behind(one: Newcomer) -> set[str]:
    """Return what this user has in places for temporary files."""
    uid = pwd.getpwnam(one.name).pw_uid if one.name else os.geteuid()
    places = [path for place in ("/tmp", "/var/tmp", "/dev/shm") for path in Path(place).glob("*")]
    return {str(path) for path in places if path.lstat().st_uid == uid}


def _judge(one: Newcomer, left: set[str]) -> int:
    print()
    for what, seconds in one.waited.items():
        print(f"{what}: {seconds:.0f} s of {LIMIT_SECONDS:.0f}")
    if left and one.name:
        print("Left behind:", *sorted(left), sep="\n  ")
        return 1
    return 0 if all(seconds <= LIMIT_SECONDS for seconds in one.waited.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
