"""What each function imports before it can do its work, counted in modules and in bytes of their files.

Run: `python -m bench.imports`. All functions share one package, because Chalice makes one of the whole application;
what each of them *loads* of it is what its cold start pays for. Budgets stand in `tests/performance/imports.json`.

One process imports `app.py` and then divides for each function, so that each begins with `app.py` alone. A route is
called as `bench/recorded.json` has it; the others have what does their work built, and the table's client made.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.recorded import ENVIRONMENT, Context, Minutes, Recorded, answered, read

ROOT: Final = Path(__file__).resolve().parents[1]
OURS: Final = ("app", "chalicelib")
API: Final = "api_handler"
HEAVY: Final = frozenset(
    {"appstoreserverlibrary", "stripe", "reportlab", "pypdf", "pypdfium2", "pypdfium2_raw", "PIL", "pg8000", "psycopg"}
    | {"requests", "rapidocr", "moto", "pydantic"}
)
"""SDKs of stores, what reads and writes documents, drivers of databases: nobody pays for them who does not use them."""
_OF_THE_MOVE: Final = ("move_people", "tend_move")
_ANALYSE: Final = ("analyse_priority", "retry_analysis", "analyse_priority_backlog", "analyse_backlog")

Loaded = dict[str, Any]
"""Of one function: `ours` and `others` (how many modules, those of Python not counted), `kilobytes` of all their files,
and which of `HEAVY` are there."""


def measure(*names: str) -> dict[str, Loaded]:
    """Return what is loaded by `app.py` alone, by each recorded call of the API, and by each other function; or by some
    of them, by their names."""
    done = subprocess.run(
        [sys.executable, "-c", "from bench.imports import tell; import sys; tell(sys.argv[1:])", *names],
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Loaded] = json.loads(done.stdout.splitlines()[-1])
    return found


def tell(names: Sequence[str]) -> None:
    """Print what `measure` returns. Runs in a process of its own."""
    before = set(sys.modules)
    starts: dict[str, Callable[[], None]] = {name: partial(_build, name, act) for name, act in _acts().items()}
    calls = {f"{API}: {one.name}": partial(_call, one) for one in read()}
    starts = {"app.py": lambda: None, **calls, **starts}
    print(json.dumps({name: _apart(starts[name], before) for name in names or starts}))


def _acts() -> dict[str, Callable[[], Any]]:
    """Import `app.py`, and note what it gives each function to do."""
    from chalicelib.web.events import Events

    noted: dict[str, Callable[[], Any]] = {}

    def noting(declare: Callable[..., Any]) -> Callable[..., Any]:
        def declared(events: Events, name: str, of: Any, act: Callable[[], Any]) -> Any:
            noted[name] = act
            return declare(events, name, of, act)

        return declared

    for method in ("upload", "message", "job", "tick"):
        setattr(Events, method, noting(getattr(Events, method)))
    __import__("app")
    return noted


def _call(one: Recorded) -> None:
    import app
    from chalicelib import clock

    with answered() as outside:
        outside.expect(one.cold)
        clock.SystemClock.now = Minutes().now  # type: ignore[method-assign,assignment]  # this process ends with it
        answer = app.app(one.cold_event, Context())
        assert answer["statusCode"] == one.status, answer


def _build(name: str, act: Callable[[], Any]) -> None:
    from chalicelib import config, wiring
    from chalicelib.models.base import shared_connection

    if name in _OF_THE_MOVE:
        os.environ["HAS_LEGACY_DATABASE"] = "true"
        config.settings.cache_clear()
    act()
    if name in _ANALYSE:  # They choose by what the message says.
        assert wiring.rooms().documents.pipeline
    assert shared_connection().connection.client is not None


def _apart(act: Callable[[], None], before: Iterable[str]) -> Loaded:
    """Do it in a copy of this process, and return what that has loaded."""
    receiving, sending = os.pipe()
    child = os.fork()
    if not child:
        try:
            act()
            with os.fdopen(sending, "w") as pipe:
                json.dump(_loaded(set(before)), pipe)
            os._exit(0)
        except BaseException:  # noqa: BLE001  # the copy must not go on with what its parent does
            traceback.print_exc()
            os._exit(1)
    os.close(sending)
    with os.fdopen(receiving) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a copy of the process ended with {status}; its error stands above")
    found: Loaded = json.loads(told)
    return found


def _loaded(before: set[str]) -> Loaded:
    names = {name for name in sys.modules if name.split(".")[0] not in sys.stdlib_module_names | {"__main__", "bench"}}
    ours = {name for name in names if name.split(".")[0] in OURS}
    files = {getattr(sys.modules[name], "__file__", None) for name in set(sys.modules) - before}
    weight = sum(Path(file).stat().st_size for file in files if file is not None and Path(file).is_file())
    heavy = sorted({name.split(".")[0] for name in names} & HEAVY)
    return {"ours": len(ours), "others": len(names - ours), "kilobytes": weight // 1024, "heavy": heavy}


def main() -> int:
    """Print and keep what each function loads."""
    from bench.result_files import Result, write_result

    columns = ["function", "modules of ours", "of others", "KB of files"]
    rows: list[list[Any]] = [[name, one["ours"], one["others"], one["kilobytes"]] for name, one in measure().items()]
    for line in (columns, *rows):
        print("\t".join(map(str, line)))
    said = [
        "Chalice makes one package of the whole application, so every function has the same size in the account; what "
        "differs is what each loads of it before it can do its work. Python's own modules are not counted, their files "
        "are weighed.",
    ]
    title = "What each function loads"
    write_result(
        "imports", Result(title=title, command="python -m bench.imports", said=said, columns=columns, rows=rows)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
