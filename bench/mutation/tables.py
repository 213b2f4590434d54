"""How a fault gets into what ran at import: the statement runs again, with the fault, and what follows from it too;
then everybody who holds the old value is given the new one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

from bench.mutation.mutants import ROOT, Mutant

_OURS: Final = ("chalicelib", "tests", "dev", "deploy")


def statements(mutant: Mutant) -> list[ast.stmt] | None:
    """Return the assignments to run again: those with the fault and those that follow from it. None where that is not
    enough: the fault is in a class, a default or a decorator, and the module has to be imported anew."""
    before, after = ast.parse(mutant.original).body, ast.parse(mutant.text).body
    if len(before) != len(after):
        return None
    changed: set[str] = set()
    _follow(before, after, changed)  # once for what stands above and is read below
    return _follow(before, after, changed) or None


def _follow(before: list[ast.stmt], after: list[ast.stmt], changed: set[str]) -> list[ast.stmt] | None:
    again: list[ast.stmt] = []
    for was, becomes in zip(before, after, strict=True):
        is_changed = ast.dump(was) != ast.dump(becomes)
        if isinstance(becomes, ast.FunctionDef):
            if is_changed and ast.dump(_head(was)) != ast.dump(_head(becomes)):
                return None
            changed |= {becomes.name} if is_changed or _reads(becomes) & changed else set()
        elif isinstance(becomes, ast.ClassDef):
            if is_changed or _reads_at_import(becomes) & changed:
                return None
        elif is_changed or (_is_assignment(becomes) and _reads(becomes) & changed):
            if not _is_assignment(becomes):
                return None
            again.append(becomes)
            changed |= names_of(becomes)
    return again


def run_again(path: str, again: list[ast.stmt]) -> None:
    """Run assignments again in their module, and hand the new values to every module of ours that holds an old one.
    Raises whatever they raise: the module could not have been imported."""
    module = _module(path)
    names = {name for one in again for name in names_of(one)}
    old = {name: module.__dict__[name] for name in names if name in module.__dict__}
    code = compile(ast.Module(again, []), str(ROOT / path), "exec", dont_inherit=True)
    exec(code, module.__dict__)
    for holder in _ours():
        for name, value in list(holder.__dict__.items()):
            for was, its in old.items():
                # A number or a short text may be held by chance: then the name has to be the same as well.
                if value is its and (name == was or not isinstance(value, int | str | bytes | float | None)):
                    holder.__dict__[name] = module.__dict__[was]


def _module(path: str) -> ModuleType:
    return sys.modules[path.removesuffix(".py").replace("/", ".")]


def _ours() -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _OURS:
            yield module


def _is_assignment(one: ast.stmt) -> bool:
    return isinstance(one, ast.Assign | ast.AnnAssign) and bool(names_of(one))


def names_of(one: ast.stmt) -> set[str]:
    """Return the names that an assignment gives a value."""
    targets: list[Any] = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
    return {node.id for target in targets if target for node in ast.walk(target) if isinstance(node, ast.Name)}


def _reads(one: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(one) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _reads_at_import(one: ast.ClassDef) -> set[str]:
    """Return what a class reads as it is made: not what its methods read when they are called."""
    parts: list[ast.AST] = [*one.bases, *one.keywords, *one.decorator_list]
    for inner in one.body:
        parts += [_head(inner)] if isinstance(inner, ast.FunctionDef) else [inner]
    return {name for part in parts for name in _reads(part)}


def _head(one: ast.stmt) -> ast.AST:
    """Return a function without its body and its annotations, which run when it is called, or never."""
    if not isinstance(one, ast.FunctionDef):
        return one
    defaults: list[Any] = [*one.args.defaults, *(each for each in one.args.kw_defaults if each), *one.decorator_list]
    return ast.Tuple(defaults, ast.Load())
