"""The closed sets of values that items hold (design, section 3)."""

from __future__ import annotations

from enum import StrEnum


class AuthProvider(StrEnum):
    """Who vouches for somebody. Facebook users exist in old data and cannot sign in."""

    GOOGLE = "google"
    APPLE = "apple"
    FACEBOOK = "facebook"


class AccountStatus(StrEnum):
    """Whether somebody may use the service."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DEACTIVATED = "deactivated"
    DELETED = "deleted"


class ConsentType(StrEnum):
    """The five things that a new user must agree to."""

    MEDICAL_DISCLAIMERS = "medical_disclaimers"
    TERMS_OF_SERVICE = "terms_of_service"
    PRIVACY_POLICY = "privacy_policy"
    HEALTHCARE_CONSULTATION = "healthcare_consultation"
    EMERGENCY_CARE_LIMITATION = "emergency_care_limitation"


PROCESSING_CONSENTS = (ConsentType.HEALTHCARE_CONSULTATION, ConsentType.MEDICAL_DISCLAIMERS)
"""Without these, nothing medical is processed: uploads, reports and chat answer CONSENT_REQUIRED."""


class ConsentSource(StrEnum):
    """Where a change of a consent was made. `carried_over` is one that stood before there was a ledger."""

    SIGN_UP = "sign_up"
    SIGN_IN = "sign_in"
    SETTINGS = "settings"
    CARRIED_OVER = "carried_over"


class DeviceStatus(StrEnum):
    """Whether a device is the one in use."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    REVOKED = "revoked"


class SessionStatus(StrEnum):
    """Whether a session still counts."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class BiometricType(StrEnum):
    """What unlocks the device key."""

    FINGERPRINT = "fingerprint"
    FACE = "face"
    VOICE = "voice"


class BiometricOperation(StrEnum):
    """What a challenge is for, and so the proof that answers it. `authentication` is for nothing in particular."""

    ENROLMENT = "enrolment"
    AUTHENTICATION = "authentication"
    EXPORT = "export"
    ERASURE = "erasure"
    PURCHASE = "purchase"


class Tier(StrEnum):
    """What somebody may use. Not to be mixed with how they pay (`SubscriptionType`)."""

    FREE = "free"
    PREMIUM = "premium"
    FAMILY = "family"


class SubscriptionType(StrEnum):
    """How a paid tier is paid; absent for free."""

    MONTHLY = "monthly"
    YEARLY = "yearly"


class SubscriptionStatus(StrEnum):
    """Where a subscription stands."""

    ACTIVE = "active"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    PENDING = "pending"


class SubscriptionProvider(StrEnum):
    """Who bills. `internal` is the free plan."""

    INTERNAL = "internal"
    APPLE = "apple"
    GOOGLE = "google"
    STRIPE = "stripe"


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


class JobState(StrEnum):
    """Where a job stands. The app is shown completed, failed, processing or timeout only.

    A cleaned job is shown to nobody; its item stays, empty, until its `ttl`, so that nothing late brings it back.
    """

    UPLOADED = "uploaded"
    PROCESSING = "processing"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CLEANED = "cleaned"


class JobKind(StrEnum):
    """What a job makes; also the prefix of its id."""

    RESULT = "result"
    REPORT = "report"
    CHAT = "chat"
