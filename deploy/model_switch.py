"""Turns models off and on for everybody: `python -m deploy.model_switch --stage prod off --reason "…" --apply`.

Takes effect with the next call to a model, without a deployment: the switch is read before each of them. Work that is
under way ends. While models are off, the local analyst answers where the stage names it after a model. Without
`--apply` the command says how the switch stands, and writes nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from chalicelib.clock import SystemClock
from chalicelib.models.base import connect
from chalicelib.stores.model_spending import ModelSpending


def main(arguments: Sequence[str]) -> int:
    """Do what was asked, and return the exit code."""
    from deploy.generate import STAGES, stage_settings

    parser = argparse.ArgumentParser(prog="python -m deploy.model_switch", description="Turn models off and on.")
    parser.add_argument("--stage", required=True, choices=STAGES)
    parser.add_argument("turn", choices=("on", "off"))
    parser.add_argument("--reason", required=True, help="kept with the switch, for whoever looks next")
    parser.add_argument("--apply", action="store_true", help="do it, instead of saying how the switch stands")
    asked = parser.parse_args(arguments)
    settings = stage_settings(asked.stage)
    connect(settings.table_name, settings.region)
    spending = ModelSpending(settings.rules.model_daily_cap_cents, SystemClock())
    print(f"Models of {asked.stage} are {'on' if spending.is_on() else 'off'}.")
    if not asked.apply:
        print("Nothing was written. Say --apply to do it.")
        return 0
    spending.turn(is_off=asked.turn == "off", reason=asked.reason)
    print(f"Now they are {asked.turn}, from the next call on.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
