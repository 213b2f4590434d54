"""What every item of the one table has in common, and the one connection that all models share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from pynamodb.attributes import DiscriminatorAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection.table import TableConnection
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib.models import keys
from chalicelib.models.attributes import InstantAttribute


class EmailIndex(GlobalSecondaryIndex["Item"]):  # type: ignore[no-untyped-call]  # PynamoDB leaves it untyped
    """Profiles by e-mail hash. Keys only: for looking up; uniqueness comes from guards."""

    class Meta:
        """PynamoDB's settings."""

        index_name = keys.EMAIL_INDEX
        projection = KeysOnlyProjection()

    gsi1_pk = UnicodeAttribute(hash_key=True, attr_name="GSI1PK")
    gsi1_sk = UnicodeAttribute(range_key=True, attr_name="GSI1SK")


class ExternalIndex(GlobalSecondaryIndex["Item"]):  # type: ignore[no-untyped-call]  # PynamoDB leaves it untyped
    """Profiles by identity at a provider. Keys only."""

    class Meta:
        """PynamoDB's settings."""

        index_name = keys.EXTERNAL_INDEX
        projection = KeysOnlyProjection()

    gsi2_pk = UnicodeAttribute(hash_key=True, attr_name="GSI2PK")
    gsi2_sk = UnicodeAttribute(range_key=True, attr_name="GSI2SK")


class DueIndex(GlobalSecondaryIndex["Item"]):  # type: ignore[no-untyped-call]  # PynamoDB leaves it untyped
    """What has to be looked at by a certain time: usage periods that end, jobs with a deadline. Sparse, keys only."""

    class Meta:
        """PynamoDB's settings."""

        index_name = keys.DUE_INDEX
        projection = KeysOnlyProjection()

    gsi3_pk = UnicodeAttribute(hash_key=True, attr_name="GSI3PK")
    gsi3_sk = UnicodeAttribute(range_key=True, attr_name="GSI3SK")


class Item(Model):
    """An item of the table. `ttl` (epoch seconds) is set on ephemeral items alone, never on a profile, payment or
    consent."""

    class Meta:
        """PynamoDB's settings; `connect` fills in the table."""

        table_name = "unconnected"
        region: str | None = None
        max_pool_connections = 32
        # A call that hangs must end, with its repetitions, well before API Gateway gives up at 29 s.
        connect_timeout_seconds = 1
        read_timeout_seconds = 2
        max_retry_attempts = 2

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    entity_type = DiscriminatorAttribute(attr_name="entity_type")
    created_at = InstantAttribute()
    updated_at = InstantAttribute()
    ttl = NumberAttribute(null=True)
    gsi1_pk = UnicodeAttribute(null=True, attr_name="GSI1PK")
    gsi1_sk = UnicodeAttribute(null=True, attr_name="GSI1SK")
    gsi2_pk = UnicodeAttribute(null=True, attr_name="GSI2PK")
    gsi2_sk = UnicodeAttribute(null=True, attr_name="GSI2SK")
    gsi3_pk = UnicodeAttribute(null=True, attr_name="GSI3PK")
    gsi3_sk = UnicodeAttribute(null=True, attr_name="GSI3SK")
    by_email = EmailIndex()
    by_external = ExternalIndex()
    by_due = DueIndex()


def connect(table_name: str, region: str) -> TableConnection:
    """Point every model at a table through one shared connection.

    PynamoDB would build a session and a client for each model class, at 50 to 120 ms apiece (design, trap 21);
    subclasses find the connection of `Item` and use it. Safe to call again, for another table or region.
    """
    Item.Meta.table_name = table_name
    Item.Meta.region = region
    Item._connection = None
    return shared_connection()


def shared_connection() -> TableConnection:
    """Return the connection that all models use."""
    connection: TableConnection = Item._get_connection()
    return connection


def put_door(door: Callable[[str, dict[str, Any]], Any]) -> None:
    """Have everything that models and stores ask go through `door(operation, arguments)`, which answers as botocore's
    `_make_api_call` does; `shared_connection().connection.client` is the way past it. `connect` takes it away."""
    connection: Any = shared_connection().connection
    context = connection._get_table_name_for_error_context
    through = SimpleNamespace(client=SimpleNamespace(_make_api_call=door), _get_table_name_for_error_context=context)
    # PynamoDB's own method, so that failures become its own exceptions in its own way; only the client is another one.
    connection._make_api_call = partial(type(connection)._make_api_call, through)


def key_of(item: Any) -> keys.Key:
    """Return an item's key."""
    return keys.Key(item.pk, item.sk)
