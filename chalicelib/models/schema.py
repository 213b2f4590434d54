"""The table as DynamoDB's CreateTable wants it, read from the models: keys and indexes are declared once."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import JSONAttribute, MapAttribute

from chalicelib.models.base import Item


def table_definition(name: str) -> dict[str, Any]:
    """Return the arguments of CreateTable: keys, three KEYS_ONLY indexes, on-demand billing."""
    schema = Item._get_schema()
    return {
        "TableName": name,
        "KeySchema": schema["key_schema"],
        "AttributeDefinitions": sorted(schema["attribute_definitions"], key=lambda one: str(one["AttributeName"])),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index["index_name"],
                "KeySchema": index["key_schema"],
                "Projection": index["projection"],
            }
            for index in sorted(schema["global_secondary_indexes"], key=lambda one: str(one["index_name"]))
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }


def json_attributes(model: Any) -> frozenset[str]:
    """Return the names of the attributes, at any depth, that hold JSON written as text."""
    found: set[str] = set()
    for attribute in model.get_attributes().values():
        if isinstance(attribute, JSONAttribute):
            found.add(attribute.attr_name)
        elif isinstance(attribute, MapAttribute):
            found |= json_attributes(type(attribute))
    return frozenset(found)
