"""The record names tests that exist, and the page is made from it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from deploy.attacks_page import attacks_page
from deploy.generate import ROOT
from tests.attack import record

NAMED = re.compile(r"see `(\w+)`")


def test_the_page_is_made_from_the_record() -> None:
    page = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8")
    assert page == attacks_page()
    assert sum(len(entry["rows"]) for entry in record.read()) > 500


def test_every_test_of_the_record_exists_and_every_attack_is_in_it() -> None:
    recorded = {entry["test"].partition("[")[0] for entry in record.read()}
    there = {
        node.name
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and _takes_down(node)
    }
    assert recorded == there


def test_every_test_that_the_record_refers_to_exists() -> None:
    referred = {name for entry in record.read() for row in entry["rows"] for name in NAMED.findall(row["answered"])}
    there = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert referred
    assert not [name for name in referred if f"def {name}(" not in there]


def _takes_down(test: ast.FunctionDef) -> bool:
    return "tried" in {argument.arg for argument in test.args.args}


def test_nothing_was_answered_with_a_defect() -> None:
    rows = [row for entry in record.read() for row in entry["rows"]]
    assert not [row for row in rows if re.search(r"\b50[0-4]\b", row["answered"])]
