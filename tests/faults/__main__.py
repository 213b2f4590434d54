"""`python -m tests.faults ["journey / shot"…]`: run cases by their names, or all of them, and say what came of it."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence

from tests import support


def main(arguments: Sequence[str]) -> int:
    """Run what is named: whole journeys or single cases; 1 if anything was not as it must be."""
    os.environ.update(support.ENVIRONMENT)
    logging.disable(logging.CRITICAL)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    from dev.identity_provider import IdentityProvider
    from dev.testing import embedded_cloud
    from tests import quick
    from tests.faults.house import open_house
    from tests.faults.journeys import JOURNEYS
    from tests.faults.running import Case, Runner

    with (
        quick.one_of_everything(),
        embedded_cloud() as endpoint,
        IdentityProvider() as provider,
        open_house(endpoint, provider) as house,
    ):
        runner = Runner(house)
        for name in arguments or [one.name for one in JOURNEYS]:
            began, before = time.monotonic(), runner.findings.total
            cases = [Case.read(name)] if " / " in name else list(runner.cases(name))
            for case in cases:
                if (why := runner.run(case)) is not None:
                    print(f"  {case}: {why}", flush=True)
            print(f"{name}: {runner.findings.total - before} faults, {time.monotonic() - began:.1f} s", flush=True)
    print(runner.findings.summary())
    return 1 if runner.findings.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
