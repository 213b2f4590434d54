"""Which tests judge a room: a plugin for pytest that leaves out what needs an engine outside of the process."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Final

import pytest

from bench.mutation.plan import MEASURE_TIME

_OUTSIDE: Final = frozenset({"second_cloud", "relational", "relational_engine"})
_SERVERS: Final = frozenset({"legacy_postgres", "legacy_database"})
"""A server outside is shared with forks, which have databases of their own in it; a process begun anew has none."""
_ENGINES: Final = frozenset({"second", "relational"})


class InProcess:
    """Keeps the tests that run in this process alone, whichever tier they are on, and makes them repeatable."""

    def __init__(self, *, has_server: bool = True) -> None:
        self._outside = _OUTSIDE if has_server else _OUTSIDE | _SERVERS

    def pytest_sessionstart(self) -> None:
        """Have Hypothesis draw the same every time, and stop where a test first fails."""
        import hypothesis

        hypothesis.settings.register_profile(
            "mutation",
            derandomize=True,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutation")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let the second engine be the first for once, and leave out those who need another process all the same."""
        for item in items:
            _bring_in(item)
        items[:] = [item for item in items if _is_in_process(item, self._outside)]


def _bring_in(item: Any) -> None:
    """Give a test that asks for the second engine the table on moto in its place, under the same name."""
    asked = item._fixtureinfo.name2fixturedefs
    if "second_engine" not in asked or "second_cloud" in item._fixtureinfo.initialnames:
        return
    asked["second_engine"] = item.session._fixturemanager.getfixturedefs("table", item)
    item._fixtureinfo.names_closure[:] = [name for name in item.fixturenames if name != "second_cloud"]


def _is_in_process(item: pytest.Item, outside: Set[str]) -> bool:
    """Whether a test asks no other process than those that it starts itself for a moment, nor a clock on the wall."""
    if item.nodeid.startswith(MEASURE_TIME) or outside & set(getattr(item, "fixturenames", ())):
        return False
    chosen: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    return not any(name.startswith("any_engine") and value in _ENGINES for name, value in chosen.items())
