"""Every third-party import stands in the requirements: what ships in one file, the rest in the other."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

OURS = {"app", "bench", "chalicelib", "deploy", "dev", "tests"}
BROUGHT_BY_CHALICE = {"chalice"}  # its packager puts its own runtime into the package
# Pictures are read where these are installed; PostgreSQL is asked through psycopg where that is, else through pg8000.
DEVELOPMENT_EXTRAS = {"rapidocr", "onnxruntime", "cv2", "numpy", "psycopg"}


@cache
def _required(*files: str) -> frozenset[str]:
    lines = [line for file in files for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    return frozenset(_plain(line) for line in lines if line and not line.startswith(("#", "-")))


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Which package brings a module: asked once, because every installed package is looked at."""
    return packages_distributions()


def _plain(line: str) -> str:
    return re.split(r"[;=\[#<> ]", line, maxsplit=1)[0].lower().replace("_", "-")


def _imported(path: Path) -> set[str]:
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found - OURS - set(sys.stdlib_module_names)


def _sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", [ROOT / "app.py", *_sources("chalicelib")], ids=lambda one: str(one.relative_to(ROOT)))
def test_what_ships_imports_only_what_ships(path: Path) -> None:
    required = _required("requirements.txt")
    for module in _imported(path) - BROUGHT_BY_CHALICE - DEVELOPMENT_EXTRAS:
        names = {_plain(name) for name in _distributions().get(module, [module])}
        assert names & required, f"{module} is not in requirements.txt"


def test_what_develops_imports_only_what_is_required() -> None:
    required = _required("requirements.txt", "requirements-dev.txt")
    for path in _sources("tests", "dev", "deploy", "bench"):
        for module in _imported(path):
            names = {_plain(name) for name in _distributions().get(module, [module])}
            assert names & required, f"{path.relative_to(ROOT)} imports {module}, which is not in requirements-dev.txt"
