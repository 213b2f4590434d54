"""What happens without being asked can be set off by hand, too."""

from __future__ import annotations

from typing import Any

import pytest
from chalice.app import Chalice

from chalicelib.web.events import Events, every


@pytest.mark.parametrize("event", [{}, {"source": "aws.events"}])
def test_an_operator_sets_off_a_schedule_without_making_up_an_event(event: dict[str, Any]) -> None:
    done: list[str] = []
    handler = Events(Chalice("serenya"), {}).tick("sweep", every(hours=1), lambda: lambda: done.append("swept"))
    handler(event, None)
    assert done == ["swept"]
