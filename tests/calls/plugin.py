"""Pytest's part of the proof that policies are exact: every worker records, and the controller compares, once.

`pytest --record-calls` writes what was seen into `recorded.json`, or, of a part of the suite, adds to it. A run of the
whole suite compares with it. Whether the policies allow exactly what stands there is a quick test of its own,
`tests/deploy/test_permissions.py`.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Final

import pytest

from tests.calls import record
from tests.calls.recorder import Recorder

_RECORDER: Final = pytest.StashKey[Recorder]()
_COMPLAINTS: Final = pytest.StashKey[list[str]]()
_FLAG: Final = "records_calls"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the record anew."""
    parser.addoption(
        "--record-calls",
        action="store_true",
        help="write tests/calls/recorded.json anew; of a part of the suite, add to it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch where the whole suite runs; elsewhere nothing could be compared."""
    config.stash[_COMPLAINTS] = []
    worker = getattr(config, "workerinput", None)
    is_wanted = worker[_FLAG] if worker is not None else config.getoption("--record-calls") or _is_whole(config)
    if not is_wanted:
        return
    recorder, stack = Recorder(), ExitStack()
    config.stash[_RECORDER] = recorder
    if worker is not None or not config.getoption("numprocesses", None):
        stack.enter_context(recorder.watching())
        config.add_cleanup(stack.close)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker whether to watch: it does not see the command line as it was."""
    node.workerinput[_FLAG] = _RECORDER in node.config.stash


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker saw."""
    recorder = node.config.stash.get(_RECORDER, None)
    if recorder is not None:
        recorder.add(getattr(node, "workeroutput", {}).get(_FLAG, ([], [])))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand over, or compare. Tests that failed may not have come to their calls, so nothing is said then."""
    recorder = session.config.stash.get(_RECORDER, None)
    if recorder is None:
        return
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_FLAG] = recorder.raw()
    elif session.config.getoption("--record-calls"):
        record.write(recorder, is_whole=_is_whole(session.config))
    elif exitstatus == pytest.ExitCode.OK:
        complaints = session.config.stash[_COMPLAINTS] = record.differences(recorder)
        if complaints:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what differs, in the words of an engineer who has to decide who is right."""
    if complaints := config.stash[_COMPLAINTS]:
        terminalreporter.section("calls of AWS that differ from tests/calls/recorded.json")
        for complaint in complaints:
            terminalreporter.line(complaint)
        terminalreporter.line("Right? Then `make record-calls`, and look at deploy/permissions.py.")


def _is_whole(config: pytest.Config) -> bool:
    """Whether this run is `make thorough` or more: no file was named, nothing chosen by word."""
    is_chosen = bool(config.getoption("keyword", "")) or bool(config.getoption("deselect", None))
    names_no_file = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    is_run = not config.getoption("collectonly", False)
    return is_run and names_no_file and not is_chosen and config.getoption("markexpr", "") in {"", "not prove"}
