"""The kinds of defects that legacy data has, each with what becomes of the rows that have it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class DefectKind(StrEnum):
    """What can be wrong with legacy rows. The names are those of the report."""

    EMAIL_COLLISION = "email_collision"
    EMAIL_UNUSABLE = "email_unusable"
    FACEBOOK_USER = "facebook_user"
    SESSION_WITHOUT_DEVICE = "session_without_device"
    BIOMETRIC_WITHOUT_DEVICE = "biometric_without_device"
    SEVERAL_SESSIONS = "several_active_sessions"
    SEVERAL_DEVICES = "several_active_devices"
    SEVERAL_SUBSCRIPTIONS = "several_active_subscriptions"
    DUPLICATE_TRANSACTION = "duplicate_transaction"
    AMOUNT_UNFIT = "amount_unfit"
    TEXT_UNFIT = "text_unfit"
    INSTANT_UNFIT = "instant_unfit"
    TOO_LARGE = "too_large"
    NULL_VALUE = "null_value"
    UNFINISHED_JOB = "unfinished_job"
    HIDDEN_ROWS = "hidden_by_row_security"


class Weight(StrEnum):
    """How grave a defect is: whether the move may begin while it is there."""

    STOPS = "stops the move"
    DECIDE = "needs a decision"
    NOTED = "is settled by a rule"


WEIGHTS: Final[Mapping[DefectKind, tuple[Weight, str]]] = {
    DefectKind.HIDDEN_ROWS: (Weight.STOPS, "Read as the tables' owner, or as a role with BYPASSRLS."),
    DefectKind.TOO_LARGE: (Weight.STOPS, "An item holds 400 KB: shorten what is large, or leave it out."),
    DefectKind.AMOUNT_UNFIT: (Weight.DECIDE, "No amount of money: correct it, or the payment keeps what it says."),
    DefectKind.TEXT_UNFIT: (Weight.DECIDE, "Empty where a name is needed, or too long for a key."),
    DefectKind.INSTANT_UNFIT: (Weight.DECIDE, "Beyond the years 1000 to 9999: the nearest of them is stored."),
    DefectKind.EMAIL_COLLISION: (Weight.DECIDE, "The guard of the e-mail can belong to one of them alone."),
    DefectKind.BIOMETRIC_WITHOUT_DEVICE: (Weight.DECIDE, "Leads to nobody, and cannot move."),
    DefectKind.EMAIL_UNUSABLE: (Weight.NOTED, "The person keeps everything; nothing is found by this e-mail."),
    DefectKind.FACEBOOK_USER: (Weight.NOTED, "Kept; cannot sign in."),
    DefectKind.SESSION_WITHOUT_DEVICE: (Weight.NOTED, "Never becomes the session in use."),
    DefectKind.SEVERAL_SESSIONS: (Weight.NOTED, "The one used last stays in use, the others become history."),
    DefectKind.SEVERAL_DEVICES: (Weight.NOTED, "The session's device, else the one used last, stays in use."),
    DefectKind.SEVERAL_SUBSCRIPTIONS: (Weight.NOTED, "The one that ends last stays in force."),
    DefectKind.DUPLICATE_TRANSACTION: (Weight.NOTED, "Every payment is kept; one of them holds the guard."),
    DefectKind.NULL_VALUE: (Weight.NOTED, "The nearest known value is stored, and null comes back on the way back."),
    DefectKind.UNFINISHED_JOB: (Weight.NOTED, "Moves while its day lasts; ends by its deadline."),
}
"""Every kind with its weight and what becomes of it."""
