"""The schemas of the contract: what structs say, and of answers also what encoding them promises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import inspect

from chalicelib.web.response import Answer

_REF: Final = "#/components/schemas/{name}"

Refs = dict[type[Any], dict[str, Any]]
"""References to the schemas of structs."""


def schemas_of(taken: Iterable[type[Any]], given: Iterable[type[Any]]) -> tuple[Refs, dict[str, Any]]:
    """Return references and schemas of what requests and answers are made of. The same structs give the same schemas.

    A struct's default is for whoever sends it: such a field may be left out. In an answer it always stands, unless it
    can be `UNSET` or the struct omits its defaults; and its instants have their zone.
    """
    asked = list(dict.fromkeys(taken))
    answered = {one.cls: one for shape in given for one in _structs(inspect.type_info(shape))}
    shapes = list(dict.fromkeys([*asked, *answered]))
    found, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    refs = dict(zip(shapes, found, strict=True))
    sent = {inner.cls for shape in asked for inner in _structs(inspect.type_info(shape))}
    for cls, info in answered.items():
        _promise(components[refs[cls]["$ref"].rsplit("/", 1)[1]], info, is_sent_too=cls in sent)
    return refs, dict(sorted(_rewritten(components).items()))


def _structs(info: inspect.Type) -> Iterator[inspect.StructType]:
    """A type's structs, itself first."""
    if isinstance(info, inspect.StructType):
        yield info
        for one in info.fields:
            yield from _structs(one.type)
    elif isinstance(info, inspect.UnionType):
        for part in info.types:
            yield from _structs(part)
    elif isinstance(info, inspect.Metadata):
        yield from _structs(info.type)
    elif isinstance(info, inspect.CollectionType):
        yield from _structs(info.item_type)
    elif isinstance(info, inspect.DictType):
        yield from _structs(info.value_type)


def _promise(schema: dict[str, Any], info: inspect.StructType, *, is_sent_too: bool) -> None:
    """Write what holds of every answer into the schema of one of its structs."""
    properties, omits_defaults = schema["properties"], info.cls.__struct_config__.omit_defaults
    for one in info.fields:
        if _is_instant(one.type):
            _add_zone(properties[one.encode_name])
    if is_sent_too:
        return
    schema["required"] = [
        one.encode_name for one in info.fields if one.required or (_has_default(one) and not omits_defaults)
    ]
    if issubclass(info.cls, Answer):
        properties["success"] = {"const": True}


def _has_default(one: inspect.Field) -> bool:
    """Whether a field has a value where none is given; `UNSET` is none."""
    return one.default is not msgspec.NODEFAULT or one.default_factory is not msgspec.NODEFAULT


def _is_instant(info: inspect.Type) -> bool:
    if isinstance(info, inspect.Metadata):
        return _is_instant(info.type)
    if isinstance(info, inspect.UnionType):
        return any(_is_instant(one) for one in info.types)
    return isinstance(info, inspect.DateTimeType)


def _add_zone(schema: dict[str, Any]) -> None:
    for one in (schema, *schema.get("anyOf", ())):
        if one.get("type") == "string":
            one["format"] = "date-time"


def _rewritten(node: Any) -> Any:
    """Decimals are written as numbers on the wire; the schema generator knows them as text."""
    if isinstance(node, dict):
        if node.get("format") == "decimal":
            return {key: value for key, value in node.items() if key not in {"format", "type"}} | {"type": "number"}
        return {key: _rewritten(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_rewritten(one) for one in node]
    return node
