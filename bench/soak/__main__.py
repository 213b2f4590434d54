"""`make soak`: the whole service under mixed load with faults, for `MINUTES`; 0 when nothing broke and the ledger is
exact."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Read what is asked, choose ports and a folder of its own, and run."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", allow_abbrev=False, description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="how long people come (default 20)")
    parser.add_argument("--rate", type=float, default=3.0, help="acts a second (default 3)")
    parser.add_argument(
        "--faults", type=float, default=0.01, help="share of AWS calls that meet a fault (default 0.01)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default 1)")
    parser.add_argument(
        "--keep", action="store_true", help="write bench/results/soak.json and docs/performance/soak.svg"
    )
    asked = parser.parse_args(arguments)
    # The stage reads its folder where it is imported, so the import comes later.
    folder = tempfile.TemporaryDirectory(prefix="serenya-soak-", ignore_cleanup_errors=True)
    os.environ["SERENYA_RUN_FOLDER"] = os.environ.get("SERENYA_RUN_FOLDER") or folder.name
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

    from bench.soak.run import Wanted, soak
    from dev.supervision import supervise

    wanted = Wanted(asked.minutes, asked.rate, asked.faults, asked.seed, is_kept=asked.keep)
    return supervise(lambda session: soak(session, wanted))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
