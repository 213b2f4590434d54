"""Keeps a child up while people work on its code: started anew when the code changes or when it ends by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dev.children import ROOT, Child, ChildEndedError
from dev.supervision import Session

_LOOK_EVERY_SECONDS: Final = 0.5
CodeState = dict[Path, int]


def keep_up(session: Session, child: Child, start: Callable[[], Child]) -> None:
    """Look after a child until the process ends. What the embedded cloud holds outlives every new start."""
    seen = code_state()
    while True:
        time.sleep(_LOOK_EVERY_SECONDS)
        now = code_state()
        if now == seen and child.is_running:
            continue
        reason = "The code changed" if now != seen else f"{child.name} ended by itself"
        session.say(f"{reason}: starting anew …")
        seen = now
        child.stop()
        try:
            child = start()
            session.say(f"{child.name} is up again; what the embedded cloud holds is still there.")
        except ChildEndedError as error:
            session.say(f"{error}\nIt starts again when the code changes.")
            while code_state() == seen:
                time.sleep(_LOOK_EVERY_SECONDS)


def code_state() -> CodeState:
    """Return when each file that the service is made from was last changed."""
    files = [ROOT / "app.py", ROOT / ".chalice" / "config.json", *(ROOT / "chalicelib").rglob("*.py")]
    changed_at = {}
    for file in files:
        try:
            changed_at[file] = file.stat().st_mtime_ns
        except FileNotFoundError:  # editors replace files, and for a moment there is none
            changed_at[file] = 0
    return changed_at
