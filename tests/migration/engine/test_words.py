"""The engine knows holdings, keys and items, and nothing of what Serenya is about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

import chalicelib.migration

SERENYA = re.compile(
    r"serenya|medical|doctor|patient|diagnos|laborator|from users|[\"']users[\"']|"
    r"\b(?:users?_id|profile|session|device|biometric|consent|subscription|payment|email|e-mail|upload|document|report)"
    r"s?\b",
    re.IGNORECASE,
)
_ROOT: Final = Path(chalicelib.migration.__file__).parent
MODULES: Final = sorted(
    str(path.relative_to(_ROOT)) for path in _ROOT.rglob("*.py") if path.relative_to(_ROOT).parts[0] != "serenya"
)
"""Every module but those of the mapping."""
_REPORT: Final = {"report", "reports"}
"""What a verification or the history is told in, not a report about somebody."""
EXEMPT: Final = {
    "__main__.py": {*_REPORT, "serenya"},  # The environment's variable of the stage has the name of the service.
    "commands.py": _REPORT,
    "data_commands.py": _REPORT,
    "page_jobs.py": {'"users"'},  # The call that operators make, as an example.
    "relational/expressions.py": {"document"},  # DynamoDB's own word, in what it answers.
    "verify/differences.py": _REPORT,
    "verify/digests.py": _REPORT,
    "verify/page.py": {*_REPORT, "device"},  # `device-width`, a word of HTML.
    "verify/recompute.py": _REPORT,
    "verify/report.py": _REPORT,
}


def test_all_of_the_engine_is_looked_at() -> None:
    assert {"routing.py", "page_jobs.py", "relational/engine.py", "verify/run.py"} <= set(MODULES)
    assert set(EXEMPT) <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_the_core_knows_no_word_of_serenya(name: str) -> None:
    found = {one.lower() for one in SERENYA.findall((_ROOT / name).read_text(encoding="utf-8"))}

    assert found - EXEMPT.get(name, set()) == set()
    assert (EXEMPT.get(name, set()) - found) <= _REPORT, "an exemption that nothing needs"


@pytest.mark.parametrize("name", MODULES)
def test_the_core_does_not_import_the_mapping(name: str) -> None:
    assert "migration.serenya" not in (_ROOT / name).read_text(encoding="utf-8")
