"""Where defects are planted: a world, what to draw from, and further people who have nothing yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dev.legacy.people import add_person, payments_of, subscription_of
from dev.legacy.tables import Dice, Row, World, text


@dataclass(slots=True)
class Bench:
    """The world that a defect is planted in, and what to draw from. `number` counts the defects of one kind, so that
    each of its forms has its turn."""

    world: World
    dice: Dice
    number: int = 0

    def person(self) -> tuple[Row, datetime]:
        """Return a further person, who has nothing but a profile, and since when they are there."""
        sizes = {name: len(rows) for name, rows in self.world.tables.items()}
        user = add_person(self.world, self.dice)
        for name, rows in self.world.tables.items():
            if name != "users":
                del rows[sizes[name] :]
        return user, datetime.fromisoformat(user["created_at"])

    def device(self, user: Row, *, status: str = "active") -> Row:
        """Return a further device of somebody."""
        at = text(self.dice.before(5))
        row: Row = {
            "id": self.dice.id(),
            "user_id": user["id"],
            "device_id": f"ios-{self.dice.hex(16)}",
            "platform": "ios",
            "secure_element": "f",
            "status": status,
            "last_active_at": at,
            "created_at": at,
            "updated_at": at,
        }
        return self.add("user_devices", row)

    def add(self, table: str, row: Row) -> Row:
        """Add a row and return it."""
        self.world.tables[table].append(row)
        return row

    def payment(self, **changes: str | None) -> Row:
        """Return one payment of a further person, with changes."""
        user, born = self.person()
        sub = self.add("subscriptions", subscription_of(self.dice, user["id"], "active", born))
        return self.add("payments", payments_of(self.dice, sub)[0] | changes)
