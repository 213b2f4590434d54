"""Draws items of people out of the models themselves: every attribute that is declared, of every kind."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st
from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
)

from chalicelib.migration.serenya.to_items import Items
from chalicelib.models import keys
from chalicelib.models.attributes import DateAttribute, DecimalAttribute, InstantAttribute, StateAttribute
from chalicelib.models.catalogue import KINDS
from chalicelib.models.keys import GuardKind, HistoryKind
from tests.migration.people_rows import ids

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(["a" * 300, "x\0y", ""])
_values: dict[type, st.SearchStrategy[Any]] = {
    UnicodeAttribute: _texts,
    BooleanAttribute: st.booleans(),
    NumberAttribute: st.integers(-5, 2**40),
    JSONAttribute: st.dictionaries(_texts, st.integers() | _texts | st.floats(allow_nan=False), max_size=3),
    InstantAttribute: st.datetimes(datetime(2020, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    DateAttribute: st.dates(date(2020, 1, 1), date(2028, 1, 1)),
    DecimalAttribute: st.decimals(-(10**9), 10**9, places=3) | st.decimals(0, 99, places=2),
}


def _drawn(draw: st.DrawFn, attribute: Attribute[Any]) -> Any:
    if attribute.null and draw(st.booleans()):
        return None
    if isinstance(attribute, StateAttribute):
        states: list[Any] = list(attribute.states.__members__.values())
        return draw(st.sampled_from(states))
    if isinstance(attribute, MapAttribute):
        return type(attribute)(**_parts(draw, type(attribute)))
    if isinstance(attribute, ListAttribute):
        return draw(st.lists(_texts, max_size=2))
    return draw(_values[type(attribute)])


def _parts(draw: st.DrawFn, model: Any) -> dict[str, Any]:
    return {name: _drawn(draw, one) for name, one in model.get_attributes().items()}


@st.composite
def holdings(draw: st.DrawFn) -> Items:
    """All items of one person: a profile, and some of every kind that stands in a person's partition."""
    user_id = draw(ids)
    found: Items = {}
    for kind, place in _places(draw, user_id):
        model = KINDS[kind].model
        top = {name: one for name, one in model.get_attributes().items() if name in _TOP}
        item = model(
            *place,
            **{name: _drawn(draw, one) for name, one in top.items()},
            data=_drawn(draw, model.get_attributes()["data"]),
        )
        _coherent(draw, kind, item, user_id)
        found[place.pk, place.sk] = item.serialize()
    return found


_TOP = ("created_at", "updated_at", "ttl", "gsi1_pk", "gsi1_sk", "gsi3_pk", "gsi3_sk")


def _places(draw: st.DrawFn, user_id: str) -> list[tuple[str, keys.Key]]:
    partition = keys.user_partition(user_id)
    several = {
        "session_history": HistoryKind.SESSION,
        "device_history": HistoryKind.DEVICE,
        "subscription_history": HistoryKind.SUBSCRIPTION,
        "consent_entry": HistoryKind.CONSENT,
        "payment": "PAYMENT",
        "job": "JOB",
        "message_unit": "MESSAGE",
        "provider_subscription": "STORE",
    }
    places = [("user", keys.user_key(user_id))]
    for kind, prefix in several.items():
        for number in range(draw(st.integers(0, 2))):
            places.append((kind, keys.Key(partition, f"{prefix}#2026-01-0{number + 1}#{number}")))
    if draw(st.booleans()):
        places.append(("line", keys.line_key(user_id)))
    for kind in draw(st.lists(st.sampled_from(list(GuardKind)), unique=True)):
        places.append(("guard", keys.guard_key(kind, "name")))
    return places


def _coherent(draw: st.DrawFn, kind: str, item: Any, user_id: str) -> None:
    """Whose it is, it says; ids of a payment or subscription are often ours, and often a row's."""
    if kind == "user":
        item.data.id = user_id
    if hasattr(item.data, "user_id"):
        item.data.user_id = user_id
    plan = item.data if kind == "subscription_history" else getattr(item.data, "current_subscription", None)
    if plan is not None and draw(st.booleans()):
        plan.subscription_id = draw(ids)
