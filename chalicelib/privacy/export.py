"""The export: everything stored about a person as one readable document, made from the catalogue of kinds."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

from chalicelib import errors
from chalicelib.clock import Clock, iso
from chalicelib.gateways.owned_objects import OwnedObject, OwnedObjects
from chalicelib.ids import new_id
from chalicelib.models import keys
from chalicelib.models.catalogue import KINDS, OBJECTS, WITHHELD
from chalicelib.models.kinds import ItemKind
from chalicelib.models.schema import json_attributes
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.privacy.doors import FreshProof, Profiles, SessionRule
from chalicelib.privacy.gdpr_contract import ExportAnswer, ExportDownload, ExportFile, ExportFiles, ExportPart
from chalicelib.rules import Rules
from chalicelib.stores.partitions import Partitions, StoredItem
from chalicelib.web.request import Caller
from chalicelib.web.response import encode

FORMAT: Final = "serenya-export/1"
ABOUT: Final = (
    "Everything that we store about you, in parts, each with what it is, why we have it and for how long. What we made "
    "of a document lies in `files` and leaves after two days; the app keeps it on your phone. Times are UTC."
)
_SHOWN_AS_WITHHELD: Final = "(withheld)"
_NOT_PART_OF_AN_ITEM: Final = frozenset({"PK", "SK", "entity_type", "data", "ttl"})
_GUARD: Final = "guard"
_JSON: Final = "application/json"


class Objects(Protocol):
    """Stores and reads objects."""

    def put(self, key: str, content: bytes, content_type: str, *, is_replacing: bool = False) -> bool:
        """Store an object."""
        ...

    def get(self, key: str, limit_bytes: int) -> bytes | None:
        """Return an object's bytes, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Export:
    """Makes exports."""

    profiles: Profiles
    sessions: SessionRule
    fresh_proof: FreshProof
    partitions: Partitions
    owned: OwnedObjects
    objects: Objects
    clock: Clock
    rules: Rules
    kinds: Mapping[str, ItemKind] = field(default_factory=lambda: KINDS)

    def of(self, caller: Caller) -> ExportAnswer:
        """Return everything stored about the caller; where that is too large for an answer, where it lies.

        One read of the profile, one query per megabyte of items, one listing per prefix, one read per small object.

        Raises:
            Unauthenticated, Forbidden: the session has ended; ACCOUNT_SUSPENDED; BIOMETRIC_REQUIRED.
            Unavailable: table or bucket do not answer.
        """
        user = self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
        self.fresh_proof.require(user, caller)
        answer = self._document(caller.user_id)
        audit.record(AuditEvent.DATA_EXPORTED, user_id=caller.user_id)
        content = encode(answer).encode()
        if len(content) <= self.rules.export_inline_limit_bytes:
            return answer
        return self._stored(answer, content)

    def _document(self, user_id: str) -> ExportAnswer:
        items: dict[str, list[dict[str, Any]]] = {name: [] for name, kind in self.kinds.items() if kind.is_personal}
        guards: list[keys.Key] = []
        for page in self.partitions.pages(keys.user_partition(user_id)):
            for item in page:
                kind = self.kinds.get(item.entity_type)
                items.setdefault(item.entity_type, []).append(_shown(item, kind))
                guards += kind.guards(item.data) if kind is not None else []
        held = self.partitions.guards_held(guards, user_id)
        items[_GUARD] = [{"stored_under": guard._asdict(), "user_id": user_id} for guard in held]
        return ExportAnswer(
            format=FORMAT,
            generated_at=self.clock.now(),
            user_id=user_id,
            about=ABOUT,
            parts=[self._part(name, found) for name, found in items.items()],
            files=ExportFiles(
                kinds={kind.name: f"{kind.description} Kept: {kind.retention}" for kind in OBJECTS.values()},
                items=list(self._files(user_id)),
            ),
            withheld=dict(WITHHELD),
            not_included={name: kind.description for name, kind in self.kinds.items() if not kind.is_personal},
        )

    def _part(self, name: str, items: Sequence[dict[str, Any]]) -> ExportPart:
        kind = self.kinds.get(name)
        return ExportPart(
            name=name,
            description=kind.description if kind else "Left from an earlier version of the service.",
            purpose=kind.purpose if kind else "None any more.",
            retention=kind.retention if kind else "Until it is found and removed.",
            after_erasure=str(kind.after_erasure) if kind else "removed",
            contains=dict(kind.parts or {}) if kind else {},
            items=list(items),
        )

    def _files(self, user_id: str) -> Iterator[ExportFile]:
        """Return what lies in the bucket, the content included while it is small and readable."""
        objects_left = self.rules.export_inline_objects
        bytes_left = self.rules.export_inline_object_bytes
        for prefix, kind in OBJECTS.items():
            for found in self.owned.listed(f"{prefix}{user_id}/"):
                content = None
                if kind.is_shown and objects_left > 0 and found.size_bytes <= bytes_left:
                    content = self._content(found)
                    objects_left, bytes_left = objects_left - 1, bytes_left - found.size_bytes
                yield self._file(found, kind.name, content)

    def _file(self, found: OwnedObject, kind: str, content: Any) -> ExportFile:
        file = ExportFile(
            name=found.key, kind=kind, size_bytes=found.size_bytes, stored_at=found.stored_at, content=content
        )
        if content is None:
            file.download_url = self.owned.link(found.key, int(self.rules.download_life.total_seconds()))
            file.link_expires_at = self.clock.now() + self.rules.download_life
        return file

    def _content(self, found: OwnedObject) -> Any:
        """Return what a JSON object holds, digit by digit; None where it is gone by now, or no JSON."""
        try:
            stored = self.objects.get(found.key, self.rules.export_inline_object_bytes)
            return None if stored is None else json.loads(stored, parse_float=Decimal)
        except (errors.TooLarge, ValueError):
            return None

    def _stored(self, answer: ExportAnswer, content: bytes) -> ExportAnswer:
        """Store a large export and return where. It leaves like every object after two days, or with its person."""
        key = f"exports/{answer.user_id}/{new_id()}.json"
        self.objects.put(key, content, _JSON)
        download = ExportDownload(
            url=self.owned.link(key, int(self.rules.download_life.total_seconds())),
            expires_at=self.clock.now() + self.rules.download_life,
            size_bytes=len(content),
            checksum_sha256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
        )
        files = ExportFiles(kinds=answer.files.kinds, items=[])
        return msgspec.structs.replace(answer, parts=[], files=files, download=download)


def _shown(item: StoredItem, kind: ItemKind | None) -> dict[str, Any]:
    """Return an item as its person may read it: where it stands, its instants, and its data without what is secret."""
    values = item.values
    shown: dict[str, Any] = {"stored_under": item.key._asdict()}
    shown |= {name: value for name, value in values.items() if name not in _NOT_PART_OF_AN_ITEM}
    if values.get("ttl") is not None:
        shown["expires_at"] = iso(datetime.fromtimestamp(int(values["ttl"]), UTC))
    texts_of_json = json_attributes(kind.model) if kind is not None else frozenset()
    shown["data"] = _readable(dict(item.data), texts_of_json)
    return shown


def _readable(value: Any, texts_of_json: frozenset[str], name: str = "") -> Any:
    if name in WITHHELD and value is not None:
        return _SHOWN_AS_WITHHELD
    if isinstance(value, Mapping):
        return {key: _readable(part, texts_of_json, str(key)) for key, part in value.items()}
    if isinstance(value, list):
        return [_readable(part, texts_of_json) for part in value]
    if name in texts_of_json and isinstance(value, str):
        return _parsed(value)
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return text
