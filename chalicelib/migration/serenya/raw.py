"""Values in DynamoDB's own notation, written and read; and JSON as PostgreSQL's jsonb writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from chalicelib.clock import iso, parse_iso
from chalicelib.models.keys import Key

Raw = Mapping[str, Any]
"""A value in DynamoDB's own notation: `{"S": "text"}`."""

EPOCH: Final = "1970-01-01T00:00:00.000000Z"
_LAST: Final = "9000-01-01T00:00:00.000000Z"
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOST_DIGITS: Final = 1_000
"""A number with more digits than this, once its exponent is written out, is no measurement of anything."""


def text(value: str | None) -> Raw | None:
    """Write a text; None for none."""
    return None if value is None else {"S": value}


def whole(value: int | None) -> Raw | None:
    """Write a whole number; None for none."""
    return None if value is None else {"N": str(value)}


def flag(value: bool | None) -> Raw | None:
    """Write a boolean; None for none."""
    return None if value is None else {"BOOL": value}


def part(values: Mapping[str, Raw | None]) -> Raw:
    """Write a map; what is None is absent."""
    return {"M": {name: value for name, value in values.items() if value is not None}}


def item(values: Mapping[str, Raw | None]) -> dict[str, Raw]:
    """Write an item; what is None is absent."""
    return {name: value for name, value in values.items() if value is not None}


def item_at(key: Key, kind: str, created_at: str, updated_at: str, data: Raw, **more: Raw | None) -> Mapping[str, Raw]:
    """Write an item of a kind (its `entity_type`) under its key; `more` are further attributes at the top level."""
    named = {"PK": text(key.pk), "SK": text(key.sk), "entity_type": text(kind), "data": data}
    return item({**named, "created_at": text(created_at), "updated_at": text(updated_at), **more})


def inside(value: Raw | None, *path: str) -> Any:
    """Return what stands at a path of maps, in DynamoDB's notation; None where nothing does, or NULL."""
    for name in path:
        if value is None or "M" not in value:
            return None
        value = value["M"].get(name)
    return None if value is None or value.get("NULL") else value


def said(value: Raw | None, *path: str) -> str | None:
    """Return the text at a path; None where there is none."""
    found = inside(value, *path)
    return None if found is None else found.get("S")


def counted(value: Raw | None, *path: str) -> int | None:
    """Return the whole number at a path; None where there is none, or it is not whole."""
    found = inside(value, *path)
    number = None if found is None else found.get("N")
    if number is None:
        return None
    exact = Decimal(number)
    return int(exact) if exact == exact.to_integral_value() else None


def claimed(value: Raw | None, *path: str) -> bool | None:
    """Return the boolean at a path; None where there is none."""
    found = inside(value, *path)
    return None if found is None else found.get("BOOL")


def seconds(instant: str) -> int:
    """Return an instant as epoch seconds, cut off: what a `ttl` is."""
    return int(parse_iso(instant).timestamp())


def later(instant: str, by: timedelta) -> str:
    """Return an instant moved on; `infinity` stays where it is."""
    return instant if instant >= _LAST else iso(parse_iso(instant) + by)


def fits(value: str | None, most: int) -> bool:
    """Whether a column of that many characters can hold a text as it is; PostgreSQL has no NUL."""
    return value is None or (len(value) <= most and "\0" not in value)


def cut(value: str | None, most: int | None = None) -> str | None:
    """Return as much of a text as a column holds."""
    return None if value is None else value.replace("\0", "")[:most]


def uuid(value: str | None) -> str | None:
    """Return a text if it is a uuid as PostgreSQL writes it."""
    return value if value is not None and _UUID.fullmatch(value) else None


def instant_of(epoch_seconds: int) -> str:
    """Return epoch seconds as an instant."""
    return iso(datetime.fromtimestamp(epoch_seconds, UTC))


def jsonb(written: str | None) -> str | None:
    """Return JSON as jsonb writes it: keys by length, then bytes, once each; numbers with their digits and no exponent.
    None where jsonb cannot hold it (NUL, half a surrogate pair, NaN), or it is no JSON."""
    if written is None:
        return None
    try:
        parsed = json.loads(written, parse_int=Decimal, parse_float=Decimal, parse_constant=_refused)
        return _written(parsed)
    except (ValueError, InvalidOperation, RecursionError):
        return None


def document(written: str | None) -> str | None:
    """Return JSON as `jsonb` has it, as an attribute; `null` is none, because that is how the models read it."""
    found = jsonb(written)
    return None if found == "null" else found


def _refused(constant: str) -> Any:
    raise ValueError(constant)


def _written(value: Any) -> str:
    if isinstance(value, dict):
        ordered = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return "{" + ", ".join(f"{_written(key)}: {_written(value[key])}" for key in ordered) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, str):
        value.encode()
        if "\0" in value:
            raise ValueError("NUL")
    return json.dumps(value, ensure_ascii=False)


def _number(value: Decimal) -> str:
    if abs(value.adjusted()) > _MOST_DIGITS:
        raise ValueError("digits")
    plain = format(value, "f")
    return plain.removeprefix("-") if not value else plain
