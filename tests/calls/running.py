"""Which deployed function is running: read off `app.py`, and known at every call that a test makes through a room.

A test may come in by a route, by an event, or by the method of a room that `app.py` hands a route or an event to. All
three are the same function once deployed.
"""

from __future__ import annotations

import ast
import functools
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from chalicelib.migration.serenya.places import is_person
from deploy import moving
from deploy.permissions import key_prefix
from tests.calls.needs import needs_of_table

ROOT: Final = Path(__file__).resolve().parents[2]
API: Final = ("api_handler",)
_WRITES_REPORTS: Final = ("ReportWriting", "write")
"""Orders of reports are sent to the queue of retries alone, so that one function of those that analyse writes them."""
_TESTS: Final = str(ROOT / "tests")
_HERE: Final = (str(Path(__file__).parent), str(ROOT / "tests" / "migration" / "service" / "sides.py"))
"""What watches calls, and what a test lets calls through until it cuts them off: neither makes one."""
_ENTERED: Final = frozenset({"run_as", "run_shared", "run_door", "run_home"})


class Running(NamedTuple):
    """What runs: the deployed functions that would, and the shared methods that they are in, or what is asked through
    the door of the move, with the request itself."""

    functions: tuple[str, ...] = ()
    shared: frozenset[str] = frozenset()
    request: Mapping[str, Any] | None = None


_running: ContextVar[Running] = ContextVar("running", default=Running())  # noqa: B039  # an immutable tuple


class Entry(NamedTuple):
    """A method of a room that `app.py` calls, and the functions that run it."""

    owner: type[Any]
    method: str
    functions: tuple[str, ...]


def running() -> Running:
    """What would make a call made now; nothing while a test prepares or looks, or a test's own double calls."""
    now = _running.get()
    return Running() if is_anything_running() and _is_by_a_test(sys._getframe(1)) else now


def is_anything_running() -> bool:
    """Whether a function or a shared method runs at all; quicker."""
    return _running.get() != Running()


def as_functions(call: Callable[..., Any], functions: tuple[str, ...]) -> Callable[..., Any]:
    """Return the same callable, which runs as these functions.

    Inside of another one it goes on as that: a sweep that uses a method which a route uses too is still the sweep; of
    several that share a method, those stay that share this one as well.
    Unless a test stands between, which delivers at once what the first one sent, or acts while that one runs.
    """

    @functools.wraps(call)
    def run_as(*args: Any, **kwargs: Any) -> Any:
        now = _running.get()
        goes_on = bool(now.functions) and not _is_by_a_test(sys._getframe(1))
        is_narrower = set(functions) < set(now.functions)
        if goes_on and not is_narrower:
            return call(*args, **kwargs)
        token = _running.set(Running(functions, now.shared if goes_on else frozenset()))
        try:
            return call(*args, **kwargs)
        finally:
            _running.reset(token)

    return run_as


def as_shared(
    call: Callable[..., Any], name: str, entered: Callable[[tuple[str, ...], str], None]
) -> Callable[..., Any]:
    """Return the same callable, which tells by which functions it was entered."""

    @functools.wraps(call)
    def run_shared(*args: Any, **kwargs: Any) -> Any:
        now = _running.get()
        if _is_by_a_test(sys._getframe(1)):
            now = Running()  # What it needs is seen all the same; only nobody was seen to enter it.
        entered(now.functions, name)
        token = _running.set(now._replace(shared=now.shared | {name}))
        try:
            return call(*args, **kwargs)
        finally:
            _running.reset(token)

    return run_shared


def as_door(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return the door, which tells what is asked through it."""

    @functools.wraps(call)
    def run_door(door: Any, operation: str, request: dict[str, Any]) -> Any:
        ways = {moving.way(need.action.partition(":")[2], need.place) for need in needs_of_table(operation, request)}
        now = Running() if _is_by_a_test(sys._getframe(1)) else _running.get()
        token = _running.set(Running(now.functions, frozenset(one for one in ways if one is not None), request))
        try:
            return call(door, operation, request)
        finally:
            _running.reset(token)

    return run_door


def as_home(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of the side that people move to: what it asks is asked for what is of the holding's kind; and
    what copies asks in the copy's name too, for whoever else copies."""

    @functools.wraps(call)
    def run_home(home: Any, holding: Any, *args: Any, **kwargs: Any) -> Any:
        key = str(getattr(holding, "key", holding))
        kind, now = "people" if is_person(key) else key_prefix(key), _running.get()
        if now == Running():
            return call(home, holding, *args, **kwargs)
        of_kind = {one for one in now.shared if one.endswith(f" {kind}")}
        copies = {f"copies {kind}"} if call.__name__ == "store" else set()
        token = _running.set(now._replace(shared=frozenset(of_kind | copies)))
        try:
            return call(home, holding, *args, **kwargs)
        finally:
            _running.reset(token)

    return run_home


def as_of_people(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return what looks whose guards are: it asks for what is of people."""

    @functools.wraps(call)
    def run_home(*args: Any) -> Any:
        now = _running.get()
        token = _running.set(now._replace(shared=frozenset(one for one in now.shared if one.endswith(" people"))))
        try:
            return call(*args)
        finally:
            _running.reset(token)

    return run_home


def in_the_same_context(submit: Callable[..., Any]) -> Callable[..., Any]:
    """Return an executor's `submit` that lets the work run as whoever submits it, and hands on nothing else."""

    @functools.wraps(submit)
    def submitted(executor: Any, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        submitter = _running.get()

        def carried(*given: Any, **named: Any) -> Any:
            token = _running.set(submitter)
            try:
                return work(*given, **named)
            finally:
                _running.reset(token)

        return submit(executor, carried, *args, **kwargs)

    return submitted


def _is_by_a_test(frame: FrameType | None) -> bool:
    """Whether code of a test stands between a call and the function that runs."""
    while frame is not None:
        code = frame.f_code
        if code.co_filename == __file__ and code.co_name in _ENTERED:
            return False
        if code.co_filename.startswith(_TESTS) and not code.co_filename.startswith(_HERE):
            return True
        frame = frame.f_back
    return False


def entries() -> list[Entry]:
    """Return every method of a room that `app.py` names, with the functions that run it."""
    from chalicelib import config, wiring
    from chalicelib.clock import SystemClock

    # Building a room asks nobody anything; of any stage it is of the same class.
    stages = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))["stages"]
    rooms = wiring.Rooms(config.load(stages["local"]["environment_variables"]), SystemClock())
    found: dict[tuple[type[Any], str], tuple[str, ...]] = {}
    for function, chain in _chains_of_app():
        for owner, method in _resolved(rooms, chain):
            found[owner, method] = (*found.get((owner, method), ()), function)
    for owner, method in _resolved_through(rooms):
        is_for_reports = (owner.__name__, method) == _WRITES_REPORTS
        found[owner, method] = ("retry_analysis",) if is_for_reports else found[wiring.Rooms, "attempt"]
    return [Entry(owner, method, tuple(dict.fromkeys(functions))) for (owner, method), functions in found.items()]


def shared() -> Iterator[tuple[type[Any], str, str]]:
    """Yield the public methods of what several functions are handed, with their names.

    What one of two functions is seen to need in such a method the other one needs as well, once it is seen there: not
    every branch of theirs is tested under each of them.
    """
    from chalicelib.billing.application import Application
    from chalicelib.billing.notices import Notices
    from chalicelib.chat.endings import Endings
    from chalicelib.documents.outcomes import Outcomes
    from chalicelib.documents.sources import Sources
    from chalicelib.gateways.analyst.spending import Purse
    from chalicelib.identity.apple_grants import AppleGrants

    for owner in (Application, Notices, Endings, Outcomes, Sources, Purse, AppleGrants):
        for name, method in vars(owner).items():
            if inspect.isfunction(method) and not name.startswith("_"):
                yield owner, name, f"{owner.__name__}.{name}"


def _chains_of_app() -> Iterator[tuple[str, list[str]]]:
    """Yield `(function, [room, …, method])` for every `wiring.rooms()…` of `app.py`, whether it stands there or in the
    function of `wiring.py` that stands there."""
    named = list(_chains_of_wiring())
    for statement in ast.parse((ROOT / "app.py").read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef):
            yield from (("api_handler", chain) for chain in _chains(statement, "rooms"))
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            names = set(_names_of_wiring(statement))
            found = [*_chains(statement, "rooms"), *(chain for name, chain in named if name in names)]
            yield from ((statement.targets[0].id, chain) for chain in found if chain)


def _chains_of_wiring() -> Iterator[tuple[str, list[str]]]:
    for statement in ast.parse((ROOT / "chalicelib" / "wiring.py").read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef):
            yield from ((statement.name, chain) for chain in _chains(statement, "rooms"))


def _names_of_wiring(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wiring":
            yield node.attr


def _chains(tree: ast.AST, root: str) -> Iterator[list[str]]:
    """Yield the longest attribute chains that begin at a call of `….<root>()`."""
    for node in ast.walk(tree):
        if names := _attributes(node, root):
            yield names


def _attributes(node: ast.AST, root: str) -> list[str]:
    """Return `["a", "b"]` for `<root>.a.b` and `….<root>().a.b`, and nothing for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return names if node.id == root else []
    called = node.func if isinstance(node, ast.Call) else None
    is_call = getattr(called, "attr", None) == root or getattr(called, "id", None) == root
    return names if is_call else []


def _resolved_through(rooms: Any) -> Iterator[tuple[type[Any], str]]:
    """Yield what `Rooms.attempt` chooses from."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(type(rooms).attempt)))):
        if isinstance(node, ast.Call) and (chain := _attributes(node.func, "self")):
            yield from _resolved(rooms, chain)


def _resolved(start: Any, chain: list[str]) -> Iterator[tuple[type[Any], str]]:
    """Follow a chain of attributes; yields the class that has the method, for shorter chains none."""
    for name in chain[:-1]:
        start = getattr(start, name)
    if callable(getattr(type(start), chain[-1], None)):
        yield type(start), chain[-1]
