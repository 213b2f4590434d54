"""Which deployed function is running: read off `app.py`, and known at every call that a test makes through a room.

A test may come in by a route, by an event, or by the method of a room that `app.py` hands a route or an event to. All
three are the same function once deployed.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, NamedTuple, get_origin, get_type_hints

ROOT: Final = Path(__file__).resolve().parents[2]
API: Final = ("api_handler",)
_WRITES_REPORTS: Final = ("Writing", "write")
"""Orders of reports are sent to the queue of retries alone, so that one function of those that analyse writes them."""
_running: ContextVar[tuple[str, ...]] = ContextVar("running", default=())


class Entry(NamedTuple):
    """A method of a room that `app.py` calls, and the functions that run it."""

    owner: type[Any]
    method: str
    functions: tuple[str, ...]


def running() -> tuple[str, ...]:
    """The functions that would make a call made now; none while a test prepares or looks."""
    return _running.get()


@contextmanager
def during(functions: tuple[str, ...]) -> Iterator[None]:
    """Run as these functions.

    What runs already goes on: a sweep that uses a method which a route uses too is still the sweep. But an event inside
    a request is a test that delivers at once what the request sent, so it counts as its own function.
    """
    before = _running.get()
    if before and (functions == API or set(before) <= set(functions)):
        yield
        return
    token = _running.set(functions)
    try:
        yield
    finally:
        _running.reset(token)


def entries() -> list[Entry]:
    """Return every method of a room that `app.py` names, with the functions that run it."""
    from chalicelib import wiring

    found: dict[tuple[type[Any], str], tuple[str, ...]] = {}
    for function, chain in _chains_of_app():
        for owner, method in _resolved(wiring.Rooms, chain):
            found[owner, method] = (*found.get((owner, method), ()), function)
    for owner, method in _resolved_through_rooms(wiring.Rooms):
        is_for_reports = (owner.__name__, method) == _WRITES_REPORTS
        found[owner, method] = ("retry_analysis",) if is_for_reports else found[wiring.Rooms, "attempt"]
    return [Entry(owner, method, tuple(dict.fromkeys(functions))) for (owner, method), functions in found.items()]


def attributed(call: Callable[..., Any], functions: tuple[str, ...]) -> Callable[..., Any]:
    """Return the same callable, which runs as these functions."""

    @functools.wraps(call)
    def run(*args: Any, **kwargs: Any) -> Any:
        with during(functions):
            return call(*args, **kwargs)

    return run


def _chains_of_app() -> Iterator[tuple[str, list[str]]]:
    """Yield `(function, [room, …, method])` for every `wiring.rooms()…` of `app.py`."""
    for statement in ast.parse((ROOT / "app.py").read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef):
            yield from (("api_handler", chain) for chain in _chains(statement, "rooms"))
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            yield from ((statement.targets[0].id, chain) for chain in _chains(statement, "rooms") if chain)


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
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == root
    return names if is_call else []


def _resolved_through_rooms(rooms: type[Any]) -> Iterator[tuple[type[Any], str]]:
    """Yield what `Rooms.attempt` chooses from."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(rooms.attempt)))):
        if isinstance(node, ast.Call) and (chain := _attributes(node.func, "self")):
            yield from _resolved(rooms, chain)


def _resolved(owner: Any, chain: list[str]) -> Iterator[tuple[type[Any], str]]:
    """Follow a chain through the types of attributes; yields the class that has the method, for shorter chains none."""
    for name in chain[:-1]:
        owner = get_type_hints(owner)[name]
        owner = get_origin(owner) or owner
    if callable(getattr(owner, chain[-1], None)):
        yield owner, chain[-1]
