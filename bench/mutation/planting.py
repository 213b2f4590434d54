"""How a fault gets into a running process: into functions that are there, or into a module as it is imported."""

from __future__ import annotations

import ast
import functools
import gc
import importlib.machinery
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from types import CodeType, FunctionType, ModuleType
from typing import Final

from bench.mutation import tables
from bench.mutation.mutants import ROOT, Mutant

_OURS: Final = ("chalicelib", "tests", "dev", "deploy")
Place = tuple[str, str, int]
"""A function's file, qualified name and first line."""


def functions_by_place() -> dict[Place, list[FunctionType]]:
    """Return every function of ours that exists, wherever it is wrapped or kept."""
    found: dict[Place, list[FunctionType]] = {}
    for one in gc.get_objects():
        if type(one) is FunctionType and one.__code__.co_filename.startswith(str(ROOT)):
            found.setdefault(_place(one.__code__), []).append(one)
    return found


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault that functions and tables which exist can be given."""

    path: str
    codes: list[tuple[FunctionType, CodeType]]
    again: list[ast.stmt]

    def plant(self) -> None:
        """Give it to them, and forget what was remembered of answers from before."""
        for function, code in self.codes:
            function.__code__ = code
        _forget()
        if self.again:
            tables.run_again(self.path, self.again)


def planted(mutant: Mutant, functions: dict[Place, list[FunctionType]], *, is_early: bool) -> Planted | None:
    """Return how to plant a fault into what exists; `is_early`: it also runs at import. None: the module has to be
    imported with it."""
    file = str(ROOT / mutant.path)
    before = compile(mutant.original, file, "exec", dont_inherit=True)
    try:
        after = compile(mutant.text, file, "exec", dont_inherit=True)
    except SyntaxError:  # a mutator's doing: the import says so
        return None
    codes = [
        (function, code)
        for place, code in _changed(before, after)
        for function in functions.get(place, ())
        if len(function.__code__.co_freevars) == len(code.co_freevars)
    ]
    again = tables.statements(mutant) if is_early else []
    return Planted(mutant.path, codes, again or []) if (again if is_early else codes) else None


def _changed(before: CodeType, after: CodeType) -> Iterator[tuple[Place, CodeType]]:
    for was, became in zip(_inner(before), _inner(after), strict=False):
        if was != became:
            yield _place(was), became
            yield from _changed(was, became)


def _inner(code: CodeType) -> list[CodeType]:
    return [one for one in code.co_consts if isinstance(one, CodeType)]


def _place(code: CodeType) -> Place:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _forget() -> None:
    """Empty every cache of ours: an answer from before would hide the fault."""
    for one in gc.get_objects():
        if isinstance(one, functools._lru_cache_wrapper) and str(one.__module__).startswith(_OURS):
            one.cache_clear()


class PlantedModule(MetaPathFinder, Loader):
    """Imports one module with the fault in it."""

    def __init__(self, path: str, text: str) -> None:
        self._name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self._file, self._text = str(ROOT / path), text

    def find_spec(
        self,
        fullname: str,
        path: object = None,  # noqa: ARG002  # the protocol's
        target: object = None,  # noqa: ARG002  # the protocol's
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer for the one module."""
        if fullname != self._name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=self._file, is_package=False)

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed text."""
        module.__file__ = self._file
        exec(compile(self._text, self._file, "exec", dont_inherit=True), module.__dict__)

    def install(self) -> None:
        """Stand before every other finder of this process."""
        sys.meta_path.insert(0, self)
