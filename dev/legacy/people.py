"""People as a running product has them: nothing here is a defect, and everything is within what the schema allows."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Final

from dev.legacy.jobs import events_of, job_of
from dev.legacy.tables import Dice, Row, World, text

_GIVEN: Final = ("Anna", "Jürgen", "Zoë", "Łukasz", "José", "Noor", "Siân", "Ольга", "美咲", "Aoife", "Mehmet", "Lea")
_FAMILY: Final = ("Müller", "O'Brien", "Nowak", "García", "van den Berg", "Şahin", "Иванова", "佐藤", "d'Àngelo", "Ng")
_PLATFORMS: Final = (("ios", "iPhone 15", "17.4.1"), ("ios", "iPhone SE", "16.7"), ("android", "Pixel 8", "14"))
_CONSENTS: Final = (
    "medical_disclaimers",
    "terms_of_service",
    "privacy_policy",
    "healthcare_consultation",
    "emergency_care_limitation",
)
_CURRENCIES: Final = (("EUR", "9.99"), ("USD", "9.99"), ("JPY", "1500.00"), ("CHF", "10.00"), ("EUR", "99.99"))


def add_person(world: World, dice: Dice) -> Row:
    """Add a person with everything that belongs to them, and return their row of `users`."""
    user = _user(dice, len(world.tables["users"]))
    born = datetime.fromisoformat(user["created_at"])
    world.tables["users"].append(user)
    world.tables["consent_records"] += _consents(dice, user["id"], born)
    devices = _devices(dice, user["id"], born)
    world.tables["user_devices"] += devices
    world.tables["user_sessions"] += _sessions(dice, user["id"], devices, born)
    world.tables["biometric_registrations"] += _biometrics(dice, devices)
    subscriptions = _subscriptions(dice, user["id"], born)
    world.tables["subscriptions"] += subscriptions
    world.tables["payments"] += [one for sub in subscriptions for one in payments_of(dice, sub)]
    for _ in range(dice.random.choice((1, 1, 2, 3)) if dice.chance(0.15) else 0):
        add_job(world, dice, user["id"])
    return user


def _user(dice: Dice, number: int) -> Row:
    given, family = dice.random.choice(_GIVEN), dice.random.choice(_FAMILY)
    is_apple = dice.chance(0.4)
    relay = is_apple and dice.chance(0.3)
    email = f"{dice.hex(10)}@privaterelay.appleid.com" if relay else f"Person.{number}+{dice.hex(4)}@Example.ORG"
    born = dice.before(900, at_least=8)
    status = "active" if dice.chance(0.96) else dice.random.choice(("suspended", "deactivated", "deleted"))
    subject = f"{dice.random.randrange(10**6):06d}.{dice.hex(32)}.{dice.random.randrange(10**4):04d}"
    return {
        "id": dice.id(),
        "external_id": subject if is_apple else str(dice.random.randrange(10**20, 10**21)),
        "auth_provider": "apple" if is_apple else "google",
        "email": email,
        # The old code hashed what it was given, without trimming or folding.
        "email_hash": hashlib.sha256(email.encode()).hexdigest() if dice.chance(0.9) else None,
        "email_verified": "t" if dice.chance(0.92) else "f",
        "name": f"{given} {family}",
        "given_name": given if dice.chance(0.9) else None,
        "family_name": family if dice.chance(0.9) else "",
        "account_status": status,
        "created_at": text(born),
        "updated_at": text(dice.between(born, dice.now)),
        "last_login_at": text(dice.between(born, dice.now)) if dice.chance(0.95) else None,
        "deactivated_at": text(dice.between(born, dice.now)) if status in {"deactivated", "deleted"} else None,
    }


def _consents(dice: Dice, user_id: str, born: datetime) -> list[Row]:
    kinds = _CONSENTS if dice.chance(0.85) else dice.random.sample(_CONSENTS, dice.random.randrange(5))
    group = dice.random.choice((None, "1", "2"))
    made = []
    for kind in kinds:
        withdrawn = dice.chance(0.03)
        changed = dice.between(born, dice.now) if withdrawn else born
        made.append(
            {
                "id": dice.id(),
                "user_id": user_id,
                "consent_type": kind,
                "consent_given": "f" if withdrawn else "t",
                "consent_version": dice.random.choice(("1.0", "1.1", "2024-05")),
                "consent_method": dice.random.choice(("bundled_consent", "bundled_consent", "settings", None)),
                "ui_checkbox_group": group,
                "created_at": text(born),
                "updated_at": text(changed),
                "withdrawn_at": text(changed) if withdrawn else None,
            }
        )
    return made


def _devices(dice: Dice, user_id: str, born: datetime) -> list[Row]:
    made: list[Row] = []
    for number in range(dice.random.choice((0, 1, 1, 1, 2, 3))):
        platform, model, version = dice.random.choice(_PLATFORMS)
        seen = dice.between(born, dice.now)
        made.append(
            {
                "id": dice.id(),
                "user_id": user_id,
                "device_id": f"{platform}-{dice.hex(16)}",
                "device_name": dice.random.choice((None, "", "My phone", "Telefon von 美咲 📱", model)),
                "platform": platform,
                "model": model if dice.chance(0.8) else None,
                "os_version": version if dice.chance(0.9) else None,
                "app_version": dice.random.choice(("1.4.0", "2.0.1", None)),
                "biometric_type": dice.random.choice((None, "fingerprint", "face")),
                "secure_element": dice.random.choice(("t", "f", None)),
                "public_key": dice.hex(120) if dice.chance(0.3) else None,
                "status": dice.random.choice(("active", "active", "inactive")) if number == 0 else "inactive",
                "last_active_at": text(seen),
                "created_at": text(born),
                "updated_at": text(seen),
            }
        )
    return made


def _sessions(dice: Dice, user_id: str, devices: list[Row], born: datetime) -> list[Row]:
    made: list[Row] = []
    for device in devices:
        for number in range(dice.random.choice((0, 1, 1, 2))):
            is_current = device is devices[0] and number == 0 and device["status"] == "active" and dice.chance(0.6)
            made.append(session_of(dice, user_id, device["id"], born, is_current=is_current))
    return made


def session_of(dice: Dice, user_id: str, device_row_id: str, born: datetime, *, is_current: bool) -> Row:
    """A session on a device, in force or over."""
    start = dice.before(0.9, at_least=0.01) if is_current else dice.between(born, dice.now - timedelta(days=3))
    used = dice.between(start, min(start + timedelta(hours=20), dice.now))
    proof = dice.between(start, used) if dice.chance(0.3) else None
    return {
        "id": dice.id(),
        "user_id": user_id,
        "device_id": device_row_id,
        "session_id": f"sess_{dice.hex(32)}",
        "refresh_token_hash": dice.hex(),
        "access_token_hash": dice.hex() if dice.chance(0.7) else None,
        # What the old code forgot to end says "active" for ever; the instant says otherwise.
        "status": "active" if is_current else dice.random.choice(("expired", "revoked", "active")),
        "created_at": text(start),
        "last_accessed_at": text(used),
        "expires_at": text(start + timedelta(days=6 if is_current else 1)),
        "last_biometric_auth_at": text(proof) if proof else None,
        "biometric_expires_at": text(proof + timedelta(days=7)) if proof else None,
        "requires_biometric_reauth": dice.random.choice(("t", "f", "f", None)),
        "updated_at": text(used),
    }


def _biometrics(dice: Dice, devices: list[Row]) -> list[Row]:
    made: list[Row] = []
    for device in devices:
        for kind in dice.random.sample(("fingerprint", "face", "voice"), dice.random.choice((0, 0, 1, 2))):
            made.append(biometric_of(dice, device["id"], kind, datetime.fromisoformat(device["created_at"])))
    return made


def biometric_of(dice: Dice, device_row_id: str, kind: str, born: datetime) -> Row:
    """A registration of a biometric on a device."""
    start = dice.between(born, dice.now)
    verified = dice.chance(0.7)
    evidence = {"format": "packed", "counter": dice.random.randrange(100), "ratio": 0.25, "name": 'Zoë "Z" \u2713 \n'}
    return {
        "id": dice.id(),
        "device_id": device_row_id,
        "registration_id": f"bio_{dice.hex(24)}",
        "biometric_type": kind,
        "challenge": dice.hex(43),
        "challenge_expires_at": text(start + timedelta(minutes=5)),
        "is_verified": "t" if verified else "f",
        "is_active": dice.random.choice(("t", "t", "f", None)),
        "verification_failures": str(dice.random.choice((0, 0, 1, 3))),
        "device_attestation_data": json.dumps(evidence) if dice.chance(0.5) else None,
        "registration_metadata": dice.random.choice((None, "{}", "[]", '{"1e2": 1.50, "a": [null, true]}', '"text"')),
        "created_at": text(start),
        "updated_at": text(start),
        "last_verified_at": text(dice.between(start, dice.now)) if verified else None,
    }


def _subscriptions(dice: Dice, user_id: str, born: datetime) -> list[Row]:
    if not dice.chance(0.25):
        return []
    states = ["active"] if dice.chance(0.6) else ["cancelled"]
    states += ["expired"] * dice.random.choice((0, 0, 1, 2))
    return [subscription_of(dice, user_id, state, born) for state in states]


def subscription_of(dice: Dice, user_id: str, state: str, born: datetime) -> Row:
    """A subscription at a store."""
    start = dice.between(born, dice.now)
    is_over = state == "expired" or (state == "cancelled" and dice.chance(0.5))
    end = dice.between(start, dice.now) if is_over else dice.now + timedelta(days=dice.random.uniform(2, 360))
    provider = dice.random.choice(("apple", "google", "stripe"))
    name = {"apple": f"2{dice.hex(14)}", "google": f"GPA.{dice.hex(18)}", "stripe": f"sub_{dice.hex(24)}"}[provider]
    return {
        "id": dice.id(),
        "user_id": user_id,
        "subscription_status": state,
        "subscription_type": dice.random.choice(("monthly", "yearly")),
        "provider": provider,
        "external_subscription_id": name,
        "external_subscription_id_hash": hashlib.sha256(name.encode()).hexdigest() if dice.chance(0.8) else None,
        "start_date": text(start),
        "end_date": text(end),
        "created_at": text(start),
        "updated_at": text(dice.between(start, dice.now)),
    }


def payments_of(dice: Dice, subscription: Row) -> list[Row]:
    """What was paid for a subscription."""
    start = datetime.fromisoformat(subscription["start_date"])
    currency, amount = dice.random.choice(_CURRENCIES)
    made: list[Row] = []
    for _ in range(dice.random.randrange(1, 9)):
        at = dice.between(start, dice.now)
        state = dice.random.choice(("completed",) * 7 + ("pending", "failed", "refunded", "disputed"))
        name = f"txn_{dice.hex(24)}"
        made.append(
            {
                "id": dice.id(),
                "subscription_id": subscription["id"],
                "user_id": subscription["user_id"],
                "amount": amount,
                "currency": currency,
                "payment_status": state,
                "provider_transaction_id": name,
                "provider_transaction_id_hash": hashlib.sha256(name.encode()).hexdigest() if dice.chance(0.8) else None,
                "payment_method": dice.random.choice(("card", "apple_pay", "google_pay", "sepa")),
                "processed_at": text(at) if state in {"completed", "refunded", "disputed"} else None,
                "created_at": text(at),
                "updated_at": text(at),
            }
        )
    return made


def add_job(world: World, dice: Dice, user_id: str, status: str | None = None) -> Row:
    """Add a job of the last day with its events, finished unless told otherwise; return its row."""
    job = job_of(
        dice, user_id, status or dice.random.choice(("completed", "completed", "completed", "failed", "timeout"))
    )
    world.tables["processing_jobs"].append(job)
    world.tables["processing_job_events"] += events_of(dice, job)
    return job
