"""What makes the suite quick without changing what it tests: botocore and moto do once what they would do again for
every test.

Measured over the rooms: a fresh botocore session costs as much as twenty calls, and moto spends a third of its time on
asking under which of several names it keeps each member of an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import botocore.loaders
import botocore.session
import pynamodb.connection.base
import pytest
from botocore.hooks import EventAliaser
from botocore.loaders import JSONFileLoader, Loader


@contextmanager
def one_of_everything() -> Iterator[None]:
    """Share what is read from botocore's files, and the sessions that hold it, for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        _read_files_once(patch)
        _share_sessions(patch)
        _remember_event_names(patch)
        _remember_names_of_members(patch)
        yield


class _Paths(list[str]):
    """Paths of a loader that many sessions share: each adds its own, which is the same."""

    def append(self, path: str) -> None:
        """Add a path that is not there yet."""
        if path not in self:
            super().append(path)


def _read_files_once(patch: pytest.MonkeyPatch) -> None:
    """Botocore reads a megabyte of JSON, and lists three hundred folders, for every session."""
    original = JSONFileLoader.load_file
    read = cache(lambda path: original(JSONFileLoader(), path))
    patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))

    @cache
    def loader(search_path: str | None = None) -> Loader:
        shared = Loader(extra_search_paths=search_path.split(":") if search_path else None)
        shared._search_paths = _Paths(shared._search_paths)  # type: ignore[attr-defined]  # stubs leave it out
        return shared

    patch.setattr(botocore.loaders, "create_loader", loader)


def _share_sessions(patch: pytest.MonkeyPatch) -> None:
    """PynamoDB makes a session for every connection, and moto has boto3 make another one for every test."""
    from moto.core.config import default_user_config

    shared = cache(botocore.session.get_session)
    patch.setattr(pynamodb.connection.base, "get_session", shared)
    patch.setitem(default_user_config, "core", {**default_user_config["core"], "reset_boto3_session": False})


def _remember_event_names(patch: pytest.MonkeyPatch) -> None:
    """Every event of every call is looked up among the old names of events."""
    original: Any = EventAliaser._alias_event_name  # type: ignore[attr-defined]  # stubs leave it out
    names: dict[tuple[int, str], str] = {}

    def alias(self: Any, name: str) -> str:
        key = (id(self._event_aliases), name)
        if key not in names:
            names[key] = original(self, name)
        return names[key]

    patch.setattr(EventAliaser, "_alias_event_name", alias)


def _remember_names_of_members(patch: pytest.MonkeyPatch) -> None:
    """For a dictionary, the names under which moto looks for a member follow from the member alone."""
    from moto.core.serialize import AttributePicker, AttributePickerContext, ResponseSerializer

    original = ResponseSerializer.get_value

    def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        picker = self._value_picker
        if type(value) is not dict or not isinstance(picker, AttributePicker) or picker.response_transformers:
            return original(self, value, key, shape)
        names = shape.__dict__.get(_NAMES)
        if names is None or names[0] != key:
            names = (key, *dict.fromkeys(picker.get_possible_keys(AttributePickerContext(value, key, shape))))
            shape.__dict__[_NAMES] = names
        return next((value[name] for name in names if name in value), None)

    patch.setattr(ResponseSerializer, "get_value", get_value)


_NAMES = "_names_in_a_dictionary"
