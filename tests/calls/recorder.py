"""Watches every call that any AWS client of this process makes, and notes which function made it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
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
    "tests/migration/",
    "tests/deploy/test_cost.py",
    "tests/performance/",
    "tests/attack/",
    "tests/faults/",
    "tests/fuzz/",
)
"""Tests of stages with a legacy database, where every function is allowed more (`permissions.needs_of`); of the bill,
which looks at each item before it is written; of attackers, who watch in the same way; of faults; and of mistakes that
are planted."""

_BY_SOME: Final = frozenset({("Application.apply", "table GUARD#EVENT#")})
"""What a shared method does for some of its callers alone: a word that no notice brought claims no notice."""


class Recorder:
    """Notes what functions need, once each. Watching costs a few microseconds a call."""

    def __init__(self) -> None:
        self.recorded: Recorded = {}
        self.entered: set[tuple[str, str]] = set()
        """Which functions were seen in which shared methods."""

    def note(self, wanted: set[Need]) -> None:
        """Note these for the functions that run now; a call that a test makes by itself is nobody's."""
        now = running.running()
        if os.environ.get("PYTEST_CURRENT_TEST", "").startswith(_APART):
            return
        for name in (*now.functions, *now.shared):
            for need in wanted:
                if (name, need) not in self.recorded:
                    self.recorded[name, need] = os.environ.get("PYTEST_CURRENT_TEST", "").split(" ")[0]

    def of_functions(self) -> Recorded:
        """Return what each function needs: what it was seen to, and what others were, in methods that they share."""
        found = {(name, need): test for (name, need), test in self.recorded.items() if "." not in name}
        for function, shared in sorted(self.entered):
            for (name, need), test in self.recorded.items():
                if name == shared and (name, need.place) not in _BY_SOME:
                    found.setdefault((function, need), test)
        return found

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
            yield

    def _watch_clients(self, patch: pytest.MonkeyPatch) -> None:
        call, presign = BaseClient._make_api_call, BaseClient._emit_api_params  # type: ignore[attr-defined]
        form = S3PostPresigner.generate_presigned_post

        def watched_call(client: Any, operation: str, sent: dict[str, Any]) -> Any:
            if not running.is_anything_running():
                return call(client, operation, sent)
            service = client.meta.service_model.service_name
            self.note(needs.needs_of(service, operation, sent))
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


def _declared_as_its_function(declare: Callable[..., Any]) -> Callable[..., Any]:
    """Let every handler that `app.py` declares run as the function of its name."""

    def declared(chalice: Any, name: str, run: Callable[..., Any]) -> Any:
        return declare(chalice, name, running.as_functions(run, (name,)))

    return declared
