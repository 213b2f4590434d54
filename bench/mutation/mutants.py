"""Small faults to plant into a module, one at a time: mutmut's mutators over the whole of it, tables included.

Mutmut itself rewrites functions alone and leaves decorated ones, properties and everything at module level as they are;
a third of the rules here are tables and properties. So its mutators are driven from here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SEED: Final = 8
_FOR_TYPES_AND_LOGGERS: Final = frozenset({"TypeVar", "ParamSpec", "NewType", "cast", "getLogger"})
_SENTENCE: Final = 3
_LOGS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


@dataclass(frozen=True)
class Mutant:
    """One fault: the lines of the statement it is in, and the module's text without and with it."""

    path: str
    lines: range
    function: str
    is_at_import: bool
    original: str
    text: str

    @cached_property
    def name(self) -> str:
        """What it is called where it is explained: the line before and after, without its number, which moves."""
        return f"{self.path} {self.function}: {' => '.join(_difference(self.original, self.text))}"


def _difference(before: str, after: str) -> tuple[str, str]:
    """Return the first line that differs, as it was and as it is."""
    for was, became in zip(before.splitlines(), after.splitlines(), strict=False):
        if was != became:
            return was.strip(), became.strip()
    return "", "(lines left out)"


def sample(path: str, most: int) -> tuple[int, list[Mutant]]:
    """Return how many mutants a module has, and those to try: all, or `most` of them, always the same."""
    text = (ROOT / path).read_text(encoding="utf-8")
    wrapper = MetadataWrapper(cst.parse_module(text))
    parents, places = wrapper.resolve(ParentNodeProvider), wrapper.resolve(PositionProvider)
    found = list(_changes(wrapper))
    chosen = range(len(found))
    if len(found) > most:
        chosen = sorted(random.Random(f"{SEED} {path}").sample(chosen, most))  # type: ignore[assignment]  # numbers
    made = []
    for number in chosen:
        node, changed = found[number]
        function, is_at_import = _place(node, parents)
        module = wrapper.module.deep_replace(node, changed)
        assert isinstance(module, cst.Module)
        made.append(Mutant(path, _lines(node, parents, places), function, is_at_import, text, module.code))
    return len(found), made


def _changes(wrapper: MetadataWrapper) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    from mutmut.mutation.mutators import mutation_operators

    for node in _worth_changing(wrapper.module):
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                for changed in _of_operator(operator, node):
                    yield node, changed


def _of_operator(operator: Callable[[Any], Iterable[cst.CSTNode]], node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the changes that an operator makes; of a text one: the others change the case of its letters."""
    found = list(operator(node))
    return found[:1] if isinstance(node, cst.BaseString) else found


def _worth_changing(module: cst.Module) -> Iterator[cst.CSTNode]:
    """Yield nodes whose change could matter, in the order of the text."""
    stack: list[tuple[cst.CSTNode, bool]] = [(module, False)]
    while stack:
        node, is_told = stack.pop()
        if _is_without_meaning(node):
            continue
        is_told = is_told or _is_told_to_engineers(node)
        if not (is_told and isinstance(node, cst.BaseString | cst.Call)):
            yield node
        stack += [(child, is_told) for child in reversed(node.children)]


def _is_without_meaning(node: cst.CSTNode) -> bool:
    """Whether no rule depends on it: annotations, decorators, imports, docstrings, names for types; and sentences,
    whose wording a test could only repeat."""
    if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom | cst.TypeAlias):
        return True
    if isinstance(node, cst.Expr):
        return isinstance(node.value, cst.BaseString)
    if isinstance(node, cst.SimpleString):
        return node.value.count(" ") >= _SENTENCE
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in _FOR_TYPES_AND_LOGGERS


def _is_told_to_engineers(node: cst.CSTNode) -> bool:
    """Whether texts in it are read by engineers alone: log lines and what an assertion or an exception says of
    itself. Whether it is raised, and when, is changed all the same."""
    if isinstance(node, cst.Raise | cst.Assert):
        return True
    if not isinstance(node, cst.Call):
        return False
    if isinstance(node.func, cst.Attribute):
        return node.func.attr.value in _LOGS
    return isinstance(node.func, cst.Name) and node.func.value == "log"


def _place(node: cst.CSTNode, parents: Any) -> tuple[str, bool]:
    """Return the name of the function around a node, and whether the node runs at import: outside every body."""
    names: list[str] = []
    is_at_import = True
    while node in parents:
        parent = parents[node]
        if isinstance(parent, cst.FunctionDef | cst.Lambda) and parent.body is node:
            is_at_import = False
        if isinstance(parent, cst.FunctionDef | cst.ClassDef):
            names.append(parent.name.value)
        node = parent
    return ".".join(reversed(names)) or "(module)", is_at_import


def _lines(node: cst.CSTNode, parents: Any, places: Any) -> range:
    """Return the lines of the statement that a node is in; of one with a body, of its head alone."""
    while not isinstance(node, cst.SimpleStatementLine) and node in parents:
        if isinstance(parents[node], cst.BaseCompoundStatement) and node in places:
            break
        node = parents[node]
    return range(places[node].start.line, places[node].end.line + 1)
