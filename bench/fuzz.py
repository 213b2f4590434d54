"""`python -m bench.fuzz`: thousands of generated calls against the running service, counted by route and status."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dev.children import ROOT

if TYPE_CHECKING:
    from collections import Counter

    from bench.result_files import Result
    from tests.fuzz.fuzzing import Outcome, Plan

_STATUSES: Final = (400, 401, 402, 403, 404, 405, 409, 413, 415, 422)
_COLUMNS: Final = ("route", "calls", "2xx", "304", *(str(one) for one in _STATUSES), "429", "5xx")


def main(arguments: Sequence[str]) -> int:
    """Fuzz as asked, print what was seen; 0 where everything was answered as documented."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", allow_abbrev=False, description=__doc__)
    parser.add_argument("--per-route", type=int, help="generated cases for each route (default: as in `make prove`)")
    parser.add_argument("--walks", type=int, help="walks along links (default: as in `make prove`)")
    parser.add_argument("--seed", type=int, help="the same seed draws the same cases")
    parser.add_argument("--keep", action="store_true", help="write bench/results/fuzz.json")
    asked = parser.parse_args(arguments)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

    from tests.fuzz.fuzzing import WHOLE, fuzz
    from tests.fuzz.place import running

    chosen = {"cases_per_route": asked.per_route, "walks": asked.walks, "seed": asked.seed}
    plan = replace(WHOLE, **{name: value for name, value in chosen.items() if value is not None})
    document = json.loads(Path(ROOT, "docs", "openapi.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="serenya-fuzz-") as folder, running(Path(folder)) as place:
        outcome = fuzz(place, document, plan)
    print(outcome.table())
    if outcome.complaints():
        print(outcome.complaints(), file=sys.stderr)
        return 1
    if asked.keep:
        from bench.result_files import write_result

        write_result("fuzz", result(outcome, plan))
    return 0


def result(outcome: Outcome, plan: Plan) -> Result:
    """Return the figures as they stand on the page."""
    from bench.result_files import Result

    walked = sum(outcome.walked.values())
    return Result(
        title="Fuzz",
        command="python -m bench.fuzz --keep",
        said=[
            f"{outcome.cases:,} calls, drawn by schemathesis from docs/openapi.json with seed {plan.seed}, to the "
            f"service that `make run` serves: {outcome.cases - walked:,} by route, {walked:,} on walks along the "
            "contract's links. Data as documented and data that is not; of cases as documented seven in ten are "
            "completed with what a genuine caller knows: tokens, signatures, ids, cursors.",
            "Each answer is held against the contract (status, code, headers, content type, schema) and against the "
            "one envelope; a 5xx, a 503 or 429 of the fuzz's own making, and an undocumented status are failures. "
            "There were none.",
            "405 and 415 are tried on purpose: unknown methods and media types.",
        ],
        columns=list(_COLUMNS),
        rows=[
            *(_row(label, counts) for label, counts in sorted(outcome.statuses.items())),
            _row("other methods", outcome.other_methods),
        ],
    )


def _row(label: str, counts: Counter[int]) -> list[str | int | float | bool | None]:
    successes, failures = (
        sum(number for status, number in counts.items() if status // 100 == hundred) for hundred in (2, 5)
    )
    return [label, sum(counts.values()), successes, *(counts[one] for one in (304, *_STATUSES, 429)), failures]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
