"""Pages name commands, files and modules that exist, and the README names every command that `make help` lists."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.sources import ROOT

PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_MAKEFILES: Final = (ROOT / "Makefile", *sorted((ROOT / "dev").glob("*.mk")), *sorted((ROOT / "deploy").glob("*.mk")))
_FOLDERS: Final = "app.py", "chalicelib", "deploy", "dev", "bench", "docs", "tests", ".chalice", ".github"
_HISTORY: Final = frozenset({"decisions.md"})
"""Tells what was, too: a file that a decision names may be gone."""
_MADE: Final = re.compile(r"(?:^|[`(\s])make (?:-s )?([a-z][a-z-]+)\b(?= *(?:`|$|\s{2,}|[A-Z]+=|\)))", re.MULTILINE)
_PATH: Final = re.compile(rf"`((?:{'|'.join(map(re.escape, _FOLDERS))})(?:/[\w./-]*)?)`")
_MODULE: Final = re.compile(r"python -m ((?:bench|chalicelib|deploy|dev|tests)[\w.]*)")


def _targets() -> set[str]:
    return {
        name
        for path in _MAKEFILES
        for line in re.findall(r"^([a-z][a-z -]*):(?!=)", path.read_text(encoding="utf-8"), re.MULTILINE)
        for name in line.split()
    }


def _helped() -> set[str]:
    return {
        name
        for path in _MAKEFILES
        for name in re.findall(r"^([a-z-]+):.*## ", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


@pytest.fixture(params=PAGES, ids=lambda path: path.name)
def page(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    assert set(_MADE.findall(page.read_text(encoding="utf-8"))) - _targets() == set()


def test_every_file_that_a_page_names_exists(page: Path) -> None:
    if page.name in _HISTORY:
        pytest.skip("a decision may name what is gone")
    named = _PATH.findall(page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_module_that_a_page_runs_exists(page: Path) -> None:
    for name in set(_MODULE.findall(page.read_text(encoding="utf-8"))):
        assert importlib.util.find_spec(name.rstrip(".")), name


def test_the_readme_names_every_command_that_help_lists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in _helped() if f"make {name}" not in readme} == set()


def test_the_readme_says_where_each_page_is() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {page.name for page in PAGES if page.name != "README.md" and f"docs/{page.name}" not in readme} == set()
