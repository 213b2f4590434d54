"""Values of attributes as columns would say them: so that what means the same is the same text on both sides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from chalicelib.migration.serenya.verified_fields import Form

_TYPES: Final = {Form.TEXT: "S", Form.FLAG: "BOOL", Form.WHOLE: "N", Form.MONEY: "S", Form.JSON: "S"}


def value_of(form: Form, found: Mapping[str, Any]) -> str:
    """Return what an attribute says, comparable with its column; one of another type than it should be says so."""
    ((kind, held),) = found.items()
    if kind != _TYPES[form]:
        return f"<{kind}> {held}"
    if form is Form.TEXT or form is Form.WHOLE:
        return str(held)
    if form is Form.FLAG:
        return "true" if held else "false"
    return _money(held) if form is Form.MONEY else jsonb_text(held)


def _money(digits: str) -> str:
    try:
        amount = Decimal(digits)
    except InvalidOperation:
        return f"<no amount> {digits}"
    rounded = amount.quantize(Decimal("0.01")) if amount.is_finite() else amount
    return format(rounded if rounded == amount else amount, "f")


def jsonb_text(written: str) -> str:
    """Return JSON as PostgreSQL writes a jsonb: keys by their length, then their bytes; numbers in full."""
    try:
        return _jsonb(json.loads(written, parse_float=Decimal, parse_int=Decimal))
    except ValueError:
        return f"<no JSON> {written}"


def _jsonb(value: Any) -> str:
    match value:
        case dict():
            ordered = sorted(((name.encode(), name) for name in value), key=lambda one: (len(one[0]), one[0]))
            return "{" + ", ".join(f"{json.dumps(n, ensure_ascii=False)}: {_jsonb(value[n])}" for _, n in ordered) + "}"
        case list():
            return "[" + ", ".join(map(_jsonb, value)) + "]"
        case Decimal():
            plain = format(value, "f")
            return plain.lstrip("-") if not value else plain
        case _:
            return json.dumps(value, ensure_ascii=False)
