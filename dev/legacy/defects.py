"""Defects of legacy data, planted on purpose: every kind that a preflight must report, each in a known number."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from chalicelib.migration.serenya.preflight_kinds import DefectKind
from dev.legacy.jobs import UNFINISHED
from dev.legacy.people import add_job, biometric_of, payments_of, session_of, subscription_of
from dev.legacy.planting import Bench
from dev.legacy.tables import Dice, Planted, Row, World, text


def _found(kind: DefectKind, table: str, *rows: Row, column: str = "") -> Planted:
    """Return what a preflight must say of these rows."""
    return Planted(kind, table, tuple(sorted(row["id"] for row in rows)), column)


def _email_collision(bench: Bench) -> Planted:
    users = [bench.person()[0] for _ in range(3 if bench.number % 5 == 4 else 2)]
    name = f"zoë.straße{bench.dice.hex(6)}@example.org"
    forms = (name.upper(), f" {name.title()} ", unicodedata.normalize("NFD", name), name, name.replace("ß", "ss"))
    for place, user in enumerate(users):
        user["email"] = name if place == 0 else forms[(bench.number + place - 1) % len(forms)]
        user["email_hash"] = bench.dice.hex() if place == 0 else None
    return _found(DefectKind.EMAIL_COLLISION, "users", *users, column="email")


def _email_unusable(bench: Bench) -> Planted:
    user, _ = bench.person()
    mark = bench.dice.hex(6)
    forms = ("", "   ", f"none-{mark}", f"{mark}@", f"@{mark}.org", f"{mark}@b@example.org", f"{mark} x@example.org")
    user["email"], user["email_hash"] = forms[bench.number % len(forms)], None
    return _found(DefectKind.EMAIL_UNUSABLE, "users", user, column="email")


def _facebook_user(bench: Bench) -> Planted:
    user, _ = bench.person()
    user["auth_provider"] = "facebook"
    return _found(DefectKind.FACEBOOK_USER, "users", user)


def _session_without_device(bench: Bench) -> Planted:
    user, born = bench.person()
    row = session_of(bench.dice, user["id"], bench.dice.id(), born, is_current=bench.number % 2 == 0)
    return _found(
        DefectKind.SESSION_WITHOUT_DEVICE, "user_sessions", bench.add("user_sessions", row), column="device_id"
    )


def _biometric_without_device(bench: Bench) -> Planted:
    row = biometric_of(bench.dice, bench.dice.id(), "face", bench.dice.before(30))
    added = bench.add("biometric_registrations", row)
    return _found(DefectKind.BIOMETRIC_WITHOUT_DEVICE, "biometric_registrations", added, column="device_id")


def _several_sessions(bench: Bench) -> Planted:
    user, born = bench.person()
    device = bench.device(user)
    made = [
        session_of(bench.dice, user["id"], device["id"], born, is_current=True) for _ in range(2 + bench.number % 2)
    ]
    if bench.number % 2:
        # A tie is broken by id.
        made[1]["last_accessed_at"] = made[0]["last_accessed_at"]
    return _found(DefectKind.SEVERAL_SESSIONS, "user_sessions", *(bench.add("user_sessions", row) for row in made))


def _several_devices(bench: Bench) -> Planted:
    user, born = bench.person()
    devices = [bench.device(user) for _ in range(2 + bench.number % 2)]
    if bench.number % 2:
        row = session_of(bench.dice, user["id"], devices[0]["id"], born, is_current=True)
        bench.add("user_sessions", row)
    return _found(DefectKind.SEVERAL_DEVICES, "user_devices", *devices)


def _several_subscriptions(bench: Bench) -> Planted:
    user, born = bench.person()
    made = [subscription_of(bench.dice, user["id"], "active", born) for _ in range(2)]
    return _found(DefectKind.SEVERAL_SUBSCRIPTIONS, "subscriptions", *(bench.add("subscriptions", one) for one in made))


def _duplicate_transaction(bench: Bench) -> Planted:
    first = bench.payment()
    (sub,) = [one for one in bench.world.tables["subscriptions"][-1:] if one["id"] == first["subscription_id"]]
    again = payments_of(bench.dice, sub)[0] | {"provider_transaction_id": first["provider_transaction_id"]}
    return _found(DefectKind.DUPLICATE_TRANSACTION, "payments", first, bench.add("payments", again))


def _amount_unfit(bench: Bench) -> Planted:
    column, value = (("amount", "NaN"), ("currency", "eur"), ("amount", "-4.50"), ("currency", "US"))[bench.number % 4]
    return _found(DefectKind.AMOUNT_UNFIT, "payments", bench.payment(**{column: value}), column=column)


def _text_unfit(bench: Bench) -> Planted:
    user, _ = bench.person()
    form = bench.number % 4
    if form == 0:
        user["name"] = "  " if bench.number % 8 else ""
        return _found(DefectKind.TEXT_UNFIT, "users", user, column="name")
    if form == 1:
        user["external_id"] = " " * (1 + bench.number // 4)
        return _found(DefectKind.TEXT_UNFIT, "users", user, column="external_id")
    device = bench.device(user, status="inactive")
    device["device_id"] = "" if form == 2 else "ä" * 600
    return _found(DefectKind.TEXT_UNFIT, "user_devices", device, column="device_id")


def _instant_unfit(bench: Bench) -> Planted:
    user, born = bench.person()
    if bench.number % 2:
        user["last_login_at"] = ("infinity", "0099-01-01 00:00:00+00", "-infinity")[bench.number // 2 % 3]
        return _found(DefectKind.INSTANT_UNFIT, "users", user, column="last_login_at")
    sub = subscription_of(bench.dice, user["id"], "active", born) | {"end_date": "infinity"}
    return _found(DefectKind.INSTANT_UNFIT, "subscriptions", bench.add("subscriptions", sub), column="end_date")


def _too_large(bench: Bench) -> Planted:
    user, _ = bench.person()
    device = bench.device(user)
    row = biometric_of(bench.dice, device["id"], "face", bench.dice.before(5))
    row |= {"is_active": "t", "is_verified": "t", "last_verified_at": row["created_at"]}
    row["device_attestation_data"] = json.dumps({"certificates": [bench.dice.hex(7200) for _ in range(51)]})
    bench.add("biometric_registrations", row)
    return _found(DefectKind.TOO_LARGE, "users", user)


_NULLABLE: Final = (
    ("users", "account_status"),
    ("users", "created_at"),
    ("user_devices", "status"),
    ("user_devices", "last_active_at"),
    ("user_sessions", "status"),
    ("user_sessions", "last_accessed_at"),
    ("payments", "payment_status"),
    ("payments", "created_at"),
    ("subscriptions", "subscription_status"),
    ("consent_records", "updated_at"),
    ("biometric_registrations", "created_at"),
    ("user_sessions", "created_at"),
    ("processing_jobs", "ttl_expires_at"),
)


def _null_value(bench: Bench) -> Planted:
    table, column = _NULLABLE[bench.number % len(_NULLABLE)]
    user, born = bench.person()
    row = _row_of(bench, table, user, born)
    row[column] = None
    return _found(DefectKind.NULL_VALUE, table, row, column=column)


def _row_of(bench: Bench, table: str, user: Row, born: datetime) -> Row:
    """Return a further row of a table that belongs to somebody."""
    if table == "users":
        return user
    if table in {"payments", "subscriptions"}:
        payment = bench.payment()
        return payment if table == "payments" else bench.world.tables["subscriptions"][-1]
    if table == "processing_jobs":
        return add_job(bench.world, bench.dice, user["id"], "completed")
    if table == "consent_records":
        stamps = {"created_at": text(born), "updated_at": text(born)}
        said = {"consent_type": "privacy_policy", "consent_given": "t", "consent_version": "1.0"}
        return bench.add(table, {"id": bench.dice.id(), "user_id": user["id"], **said, **stamps})
    device = bench.device(user)
    if table == "user_sessions":
        return bench.add(table, session_of(bench.dice, user["id"], device["id"], born, is_current=True))
    if table == "biometric_registrations":
        return bench.add(table, biometric_of(bench.dice, device["id"], "voice", born))
    return device


def _unfinished_job(bench: Bench) -> Planted:
    user, _ = bench.person()
    # A job without a status counts as just uploaded, by the column's default.
    status = (*UNFINISHED, None)[bench.number % (len(UNFINISHED) + 1)]
    job = add_job(bench.world, bench.dice, user["id"], status or "uploaded")
    job["status"] = status
    if status is None:
        bench.world.planted.append(_found(DefectKind.NULL_VALUE, "processing_jobs", job, column="status"))
    return _found(DefectKind.UNFINISHED_JOB, "processing_jobs", job)


PLANTERS: Final[tuple[Callable[[Bench], Planted], ...]] = (
    _email_collision,
    _email_unusable,
    _facebook_user,
    _session_without_device,
    _biometric_without_device,
    _several_sessions,
    _several_devices,
    _several_subscriptions,
    _duplicate_transaction,
    _amount_unfit,
    _text_unfit,
    _instant_unfit,
    _too_large,
    _null_value,
    _unfinished_job,
)
"""One for each kind that rows can have. Rows that are hidden are a matter of who reads."""


def plant(world: World, dice: Dice, each: int) -> None:
    """Plant every kind of defect `each` times; what was planted is in `world.planted`."""
    world.planted += _planted(world, dice, each)


def _planted(world: World, dice: Dice, each: int) -> Iterator[Planted]:
    for planter in PLANTERS:
        bench = Bench(world, dice)
        for number in range(each):
            bench.number = number
            yield planter(bench)
