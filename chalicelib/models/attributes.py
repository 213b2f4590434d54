"""How our types are written in DynamoDB: instants, dates, exact decimals, states."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pynamodb.attributes import Attribute, MapAttribute
from pynamodb.constants import STRING

from chalicelib.clock import iso, parse_iso

E = TypeVar("E", bound=StrEnum)


class InstantAttribute(Attribute[datetime]):
    """An aware instant as ISO 8601 text in UTC with `Z`; text order is time order."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """Write the instant."""
        return iso(value)

    def deserialize(self, value: str) -> datetime:
        """Read the instant."""
        return parse_iso(value)


class DateAttribute(Attribute[date]):
    """A calendar day as `YYYY-MM-DD`."""

    attr_type = STRING

    def serialize(self, value: date) -> str:
        """Write the day."""
        return value.isoformat()

    def deserialize(self, value: str) -> date:
        """Read the day."""
        return date.fromisoformat(value)


class DecimalAttribute(Attribute[Decimal]):
    """An exact decimal as text: DynamoDB's own number drops trailing zeros, and money keeps exactly its digits."""

    attr_type = STRING

    def serialize(self, value: Decimal) -> str:
        """Write the digits."""
        return format(value, "f")

    def deserialize(self, value: str) -> Decimal:
        """Read the digits."""
        return Decimal(value)


class StateAttribute(Attribute[E], Generic[E]):
    """A state out of a closed set, as text.

    Raises (on reading):
        ValueError: the table holds a value that this version of the code does not know.
    """

    attr_type = STRING

    def __init__(self, states: type[E], **options: Any) -> None:
        super().__init__(**options)
        self.states = states

    def serialize(self, value: E) -> str:
        """Write the state; a text that is no state is refused."""
        return self.states(value).value

    def deserialize(self, value: str) -> E:
        """Read the state."""
        return self.states(value)


class Part(MapAttribute[str, object]):
    """A map with declared attributes; each part of an item is one. Exists to give the constructor a type."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)  # type: ignore[no-untyped-call]  # PynamoDB leaves it untyped
