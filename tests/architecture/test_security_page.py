"""`docs/security.md` names tests that exist, and every row of its tables names one."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.endswith("shown by |")]
NAMED = re.compile(r"`(test_\w+|Test\w+)`")


def _tests() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_every_test_that_the_page_names_exists() -> None:
    assert set(NAMED.findall(PAGE)) - _tests() == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_every_row_is_shown_by_a_test(row: str) -> None:
    assert NAMED.search(row.rstrip(" |").rsplit("|", 1)[-1])


def test_no_requirement_is_listed_twice() -> None:
    numbers = [found.group(1) for row in ROWS if (found := re.match(r"\| (\d+\.\d+\.\d+) \|", row))]

    assert len(numbers) > 50
    assert len(set(numbers)) == len(numbers)
