"""Watches every call that any AWS client of this process makes, and notes which function made it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.signers import S3PostPresigner

from deploy.permissions import Need
from tests.calls import needs, running

Recorded = dict[tuple[str, Need], str]
"""By function and need, the first test that showed it; what is needed in a shared method stands under its name."""

Raw = tuple[list[tuple[str, str, str, str]], list[tuple[str, str]]]

_APART: Final = (
    "tests/deploy/test_cost.py",
    "tests/performance/",
    "tests/attack/",
    "tests/faults/",
    "tests/fuzz/",
)
"""Tests of the bill and of performance, which look at each item before it is written; of attackers, who watch in the
same way; of faults; and of mistakes that are planted."""
_OF_THE_MOVE: Final = "tests/migration/"
"""Tests of stages with a legacy database, where functions are allowed more (`permissions.needs_of`): what they show has
a record of its own."""
MOVING: Final = "moving "

_BY_SOME: Final = frozenset({("Application.apply", "table GUARD#EVENT#")})
"""What a shared method does for some of its callers alone: a word that no notice brought claims no notice."""


class Recorder:
    """Notes what functions need, once each. Watching costs a few microseconds a call."""

    def __init__(self) -> None:
        self.recorded: Recorded = {}
        self.entered: set[tuple[str, str]] = set()
        """Which functions were seen in which shared methods."""

    def note(self, wanted: set[Need], sent: Mapping[str, Any] | None = None) -> None:
        """Note these for the functions that run now; a call that a test makes by itself is nobody's. `sent` is the
        request."""
        now, test = running.running(), _test()
        if test.startswith(_APART):
            return
        # What was asked through the door is asked by the function alone, and not by whatever asks the same.
        shared = frozenset() if sent is not None and sent is now.request else now.shared
        for name in (*now.functions, *shared):
            written = f"{MOVING}{name}" if _is_moving() else name
            for need in wanted:
                self.recorded.setdefault((written, need), test.split(" ")[0])

    def of_functions(self) -> Recorded:
        """Return what each function needs: what it was seen to, and what others were, in methods that they share."""
        found = {
            (name, need): test
            for (name, need), test in self.recorded.items()
            if "." not in name and not name.startswith(MOVING)
        }
        for function, shared in sorted(self.entered):
            for (name, need), test in self.recorded.items():
                if name == shared and (name, need.place) not in _BY_SOME:
                    found.setdefault((function, need), test)
        return found

    def of_the_move(self) -> Recorded:
        """Return what the move adds: by what is asked through its door, and by function, without what the function was
        seen to need elsewhere too."""
        plain = set(self.of_functions())
        moving = {
            (name.removeprefix(MOVING), need): test
            for (name, need), test in self.recorded.items()
            if name.startswith(MOVING) and "." not in name
        }
        return {one: test for one, test in moving.items() if one not in plain}

    def add(self, raw: Raw) -> None:
        """Take over what another recorder saw."""
        needs, entered = raw
        for name, action, place, test in needs:
            self.recorded.setdefault((name, Need(action, place)), test)
        self.entered.update((function, name) for function, name in entered)

    def raw(self) -> Raw:
        """Return everything that was seen, in a form that can be sent and stored."""
        needs = [(name, need.action, need.place, test) for (name, need), test in sorted(self.recorded.items())]
        return needs, sorted(self.entered)

    def _enter(self, functions: tuple[str, ...], name: str) -> None:
        if not _is_moving():
            self.entered.update((function, name) for function in functions)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch until the block ends: routes, events, the methods of rooms that they lead to, and all clients."""
        from chalicelib.web import events
        from chalicelib.web.api import Api

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Api, "_answer", running.as_functions(Api._answer, running.API))
            patch.setattr(events, "_declared", _declared_as_its_function(events._declared))
            if "app" in sys.modules:
                # A conftest of the folder that was named has imported it before we were asked.
                for name, handler in sys.modules["app"].app.handler_map.items():
                    if hasattr(handler, "func"):
                        patch.setattr(handler, "func", running.as_functions(handler.func, (name,)))
            for owner, method, functions in running.entries():
                patch.setattr(owner, method, running.as_functions(getattr(owner, method), functions))
            for owner, method, name in running.shared():
                patch.setattr(owner, method, running.as_shared(getattr(owner, method), name, self._enter))
            self._watch_clients(patch)
            _watch_the_move(patch)
            yield

    def _watch_clients(self, patch: pytest.MonkeyPatch) -> None:
        call, presign = BaseClient._make_api_call, BaseClient._emit_api_params  # type: ignore[attr-defined]
        form = S3PostPresigner.generate_presigned_post

        def watched_call(client: Any, operation: str, sent: dict[str, Any]) -> Any:
            if not running.is_anything_running():
                return call(client, operation, sent)
            service = client.meta.service_model.service_name
            self.note(needs.needs_of(service, operation, sent), sent)
            try:
                return call(client, operation, sent)
            except ClientError as refusal:
                self.note(needs.needs_of_absence(service, operation, refusal.response["Error"]["Code"]))
                raise

        def watched_presign(client: Any, *, api_params: Any, operation_model: Any, context: Any) -> Any:
            # A presigned form is signed with the model of CreateBucket; it is watched below, where its key is known.
            if context.get("is_presign_request") and operation_model.name != "CreateBucket":
                self.note(needs.needs_of(client.meta.service_model.service_name, operation_model.name, api_params))
            return presign(client, api_params=api_params, operation_model=operation_model, context=context)

        def watched_form(signer: Any, *args: Any, **kwargs: Any) -> Any:
            self.note({needs.need_of_form(kwargs["fields"]["key"])})
            return form(signer, *args, **kwargs)

        patch.setattr(BaseClient, "_make_api_call", watched_call)
        patch.setattr(BaseClient, "_emit_api_params", watched_presign)
        patch.setattr(S3PostPresigner, "generate_presigned_post", watched_form)


def _watch_the_move(patch: pytest.MonkeyPatch) -> None:
    """Watch the door, the side that people move to, and work that is done in other threads."""
    from concurrent.futures import ThreadPoolExecutor

    from chalicelib.migration.door import Door
    from chalicelib.migration.guard_rails import Load
    from chalicelib.migration.home import DynamoHome
    from chalicelib.migration.routing import KeysOf

    patch.setattr(Door, "__call__", running.as_door(Door.__call__))
    for method in ("holding", "state", "store", "bury"):
        patch.setattr(DynamoHome, method, running.as_home(getattr(DynamoHome, method)))
    # Told of an answer once it is given.
    patch.setattr(Load, "add", running.as_functions(Load.add, running.API))
    patch.setattr(KeysOf, "_read", running.as_of_people(KeysOf._read))
    patch.setattr(ThreadPoolExecutor, "submit", running.in_the_same_context(ThreadPoolExecutor.submit))


def _test() -> str:
    return os.environ.get("PYTEST_CURRENT_TEST", "")


def _is_moving() -> bool:
    return _test().startswith(_OF_THE_MOVE)


def _declared_as_its_function(declare: Callable[..., Any]) -> Callable[..., Any]:
    """Let every handler that `app.py` declares run as the function of its name."""

    def declared(chalice: Any, name: str, run: Callable[..., Any]) -> Any:
        return declare(chalice, name, running.as_functions(run, (name,)))

    return declared
