"""Sizes, docstrings, names, and nothing but definitions at import (design, section 9)."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture import sources

MODULES = sorted(sources.modules())
LAYER_WORDS = re.compile(r"(^|_)(handle|manager|helper|helpers|util|utils|info|from_db)(_|$)")
MOST_LINES = 300
MOST_LINES_OF_APP = 350
MOST_LINES_OF_A_FUNCTION = 40


@pytest.mark.parametrize("module", MODULES)
def test_a_file_fits_on_a_few_screens(module: str) -> None:
    lines = len(sources.path_of(module).read_text(encoding="utf-8").splitlines())
    assert lines <= (MOST_LINES_OF_APP if module == "app" else MOST_LINES)


@pytest.mark.parametrize("module", MODULES)
def test_a_function_fits_on_one_screen(module: str) -> None:
    for function in sources.functions(sources.modules()[module]):
        body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
        lines = (function.end_lineno or 0) - body[0].lineno + 1
        assert lines <= MOST_LINES_OF_A_FUNCTION, f"{module}.{function.name} has {lines} lines"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_in_one_sentence_what_lives_there(module: str) -> None:
    text = ast.get_docstring(sources.modules()[module])
    assert text
    assert text.split("\n\n")[0].strip().endswith((".", ":", "`.", "]`."))


@pytest.mark.parametrize("module", MODULES)
def test_nothing_but_definitions_runs_at_import(module: str) -> None:
    allowed = (
        ast.Import,
        ast.ImportFrom,
        ast.FunctionDef,
        ast.ClassDef,
        ast.Assign,
        ast.AnnAssign,
        ast.If,
        ast.TypeAlias if hasattr(ast, "TypeAlias") else ast.Assign,
    )
    for node in sources.modules()[module].body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if module == "app" and isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            continue  # the declaration of unknown paths
        if isinstance(node, ast.If):
            assert "TYPE_CHECKING" in ast.dump(node.test) or "__name__" in ast.dump(node.test)
        assert isinstance(node, allowed), f"{module}:{node.lineno}"


@pytest.mark.parametrize("module", MODULES)
def test_a_name_never_carries_its_layer(module: str) -> None:
    tree = sources.modules()[module]
    names = [function.name for function in sources.functions(tree)]
    names += [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    snake = [re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in names]
    assert not [name for name in snake if LAYER_WORDS.search(name.strip("_"))]


@pytest.mark.parametrize("module", [name for name in MODULES if name != "chalicelib.clock"])
def test_there_is_one_clock(module: str) -> None:
    source = sources.path_of(module).read_text(encoding="utf-8")
    assert not re.search(r"datetime\.(now|utcnow|today)\(|date\.today\(", source)
