"""Plants small faults in the rules and counts how many the tests notice: `python -m bench.mutation [--module NAME…]`.

Writes `bench/results/mutation.json` when everything was tried. 1 if the score misses its goal. Survivors that change
nothing are explained in `explained.json`, by name and with a reason, and are not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.mutation.mutants import ROOT
from bench.mutation.plan import GOAL, MOST, ROOMS
from bench.result_files import FOLDER, Result, write_result

EXPLAINED: Final = Path(__file__).with_name("explained.json")
SURVIVORS: Final = FOLDER / "mutation-survivors.txt"
COLUMNS: Final = ("module", "made", "tried", "killed", "survived", "no test", "timed out", "explained", "score")


@dataclass(slots=True)
class Tally:
    """What became of the faults of one module, or of all."""

    name: str
    made: int = 0
    tried: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    survivors: list[str] = field(default_factory=list)

    @property
    def noticed(self) -> int:
        """Faults that some test noticed: by failing, or by never coming to its end."""
        return self.outcomes["killed"] + self.outcomes["timed out"]

    @property
    def counted(self) -> int:
        """Faults that change something: all but those that are explained."""
        return self.tried - self.outcomes["explained"]

    @property
    def score(self) -> float:
        """Of those that change something, how many were noticed, in per cent."""
        return 100.0 * self.noticed / self.counted if self.counted else 100.0

    def figures(self) -> list[str | int]:
        """Return it as the columns of the table, without the last."""
        return [self.name, self.made, self.tried, *(self.outcomes[name] for name in COLUMNS[3:8])]

    def row(self) -> list[str]:
        """Return it as the columns of the table, as text."""
        return [*map(str, self.figures()), f"{self.score:.0f} %"]


def tallies(lines: Sequence[Mapping[str, Any]], explained: Mapping[str, str]) -> list[Tally]:
    """Count what a judge wrote, per module, in its order."""
    found: dict[str, Tally] = {}
    for line in lines:
        tally = found.setdefault(line["path"], Tally(line["path"].removeprefix("chalicelib/").removesuffix(".py")))
        if "made" in line:
            tally.made, tally.tried = line["made"], line["tried"]
            continue
        outcome = line["outcome"]
        if outcome in {"survived", "no test"}:
            if line["name"] in explained:
                outcome = "explained"
            else:
                tally.survivors.append(line["name"])
        tally.outcomes[outcome] += 1
    return list(found.values())


def total(parts: Sequence[Tally], name: str = "all") -> Tally:
    """Add up."""
    whole = Tally(name)
    for part in parts:
        whole.made += part.made
        whole.tried += part.tried
        whole.outcomes += part.outcomes
        whole.survivors += part.survivors
    return whole


def table(parts: Sequence[Tally]) -> str:
    """Return the table as text, its columns aligned."""
    rows = [list(COLUMNS), *(part.row() for part in parts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def judge(room: str, paths: Sequence[str], most: int) -> list[dict[str, Any]]:
    """Try the faults of one room in a process of its own, and return what it wrote.

    Raises: RuntimeError: its tests fail without any fault, or the runner broke; its output has been shown.
    """
    with tempfile.TemporaryDirectory(prefix="serenya-mutation-") as folder:
        outcomes, log = Path(folder) / "outcomes.jsonl", Path(folder) / "log.txt"
        command = [sys.executable, "-m", "bench.mutation.judge", room, str(outcomes), str(most), *paths]
        with log.open("w", encoding="utf-8") as out:
            done = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            print(log.read_text(encoding="utf-8")[-4000:], file=sys.stderr)
            raise RuntimeError(f"{room}: the judge ended with {done.returncode}")
        return [json.loads(line) for line in outcomes.read_text(encoding="utf-8").splitlines()]


def explained() -> dict[str, str]:
    """Return the faults that change nothing, by name, with the reason."""
    found: dict[str, str] = json.loads(EXPLAINED.read_text(encoding="utf-8"))
    return found


def result(parts: Sequence[Tally]) -> Result:
    """Return what the page on performance shows."""
    rooms = [total([one for one in parts if one.name.startswith(f"{room}/")], room) for room in ROOMS]
    whole = total(parts)
    return Result(
        title="Tests that bite",
        command="make mutation",
        said=[
            f"{whole.tried:,} of the {whole.made:,} small faults that can be made in {len(parts)} modules of rules "
            f"were planted one at a time; tests noticed {whole.noticed:,} of the {whole.counted:,} that change "
            f"anything: {whole.score:.1f} % (goal {GOAL:.0f} %).",
            f"{whole.outcomes['explained']} change nothing that anybody could see, and are explained one by one in "
            "`bench/mutation/explained.json`; those that nobody noticed are listed in "
            "`bench/results/mutation-survivors.txt`.",
        ],
        columns=[*COLUMNS[:-1], "score, %"],
        rows=[[*one.figures(), round(one.score)] for one in [*parts, *rooms, whole]],
    )


def main(arguments: list[str]) -> int:
    """Try, print, and of everything write what was found; 1 if the goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutation", description="Count the faults that tests notice.")
    parser.add_argument("--module", action="append", default=[], help="a room, or a module of one: billing/periods")
    parser.add_argument("--most", type=int, default=MOST, help="faults of one module")
    parser.add_argument(
        "--keep",
        type=Path,
        help="a folder: what was found is kept there, and modules with a file in it are not tried again",
    )
    options = parser.parse_args(arguments)
    parts: list[Tally] = []
    for room, declared in ROOMS.items():
        paths = [path for path in declared.modules if _is_chosen(path, room, options.module)]
        if paths:
            parts += tallies(_kept(options.keep, room, paths, options.most), explained())
            print(table([one for one in parts if one.name.startswith(room)]), flush=True)
    if not parts:
        parser.error(f"no module is called {', '.join(options.module)}")
    whole = total(parts)
    print(table([whole]), *whole.survivors, sep="\n")
    if not options.module:
        write_result("mutation", result(parts))
        SURVIVORS.write_text("".join(f"{one}\n" for one in whole.survivors), encoding="utf-8")
    return 0 if whole.score >= GOAL else 1


def _is_chosen(path: str, room: str, names: Sequence[str]) -> bool:
    name = path.removeprefix("chalicelib/").removesuffix(".py")
    return not names or any(one.removeprefix("chalicelib/").removesuffix(".py") in {name, room} for one in names)


def _kept(folder: Path | None, room: str, paths: Sequence[str], most: int) -> list[dict[str, Any]]:
    """Judge the modules of which nothing is kept, keep what was found, and return all of it."""
    if folder is None:
        return judge(room, paths, most)
    folder.mkdir(parents=True, exist_ok=True)
    places = {path: folder / f"{path.replace('/', '-')}.json" for path in paths}
    missing = [path for path, place in places.items() if not place.exists()]
    found = judge(room, missing, most) if missing else []
    for path in missing:
        places[path].write_text(json.dumps([line for line in found if line["path"] == path]), encoding="utf-8")
    kept: list[dict[str, Any]] = []
    for place in places.values():
        kept += json.loads(place.read_text(encoding="utf-8"))
    return kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
