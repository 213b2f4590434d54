"""The user item: profile, consents, and what is current of device, session, biometric and subscription."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.models.attributes import InstantAttribute, Part, StateAttribute
from chalicelib.models.base import Item
from chalicelib.models.old_values import with_meant_plan
from chalicelib.models.states import (
    AccountStatus,
    AuthProvider,
    BiometricOperation,
    BiometricType,
    DeviceStatus,
    SessionStatus,
    SubscriptionProvider,
    SubscriptionStatus,
    SubscriptionType,
    Tier,
)


class Consent(Part):
    """One consent as it stands now."""

    consent_given = BooleanAttribute()
    consent_version = UnicodeAttribute()
    consent_method = UnicodeAttribute()
    ui_checkbox_group = NumberAttribute(null=True)
    created_at = InstantAttribute()
    updated_at = InstantAttribute()
    withdrawn_at = InstantAttribute(null=True)


class Consents(Part):
    """The five consents. An absent one was never given."""

    medical_disclaimers = Consent(null=True)
    terms_of_service = Consent(null=True)
    privacy_policy = Consent(null=True)
    healthcare_consultation = Consent(null=True)
    emergency_care_limitation = Consent(null=True)


class ConsentChain(Part):
    """The end of the person's ledger of consents: how many entries there are, the hash of the last, and its instant. An
    append is conditional on it, and an entry cut off the end is missed by it."""

    chain_id = UnicodeAttribute()
    length = NumberAttribute()
    head_hash = UnicodeAttribute()
    changed_at = InstantAttribute()


class Device(Part):
    """The device in use."""

    device_id = UnicodeAttribute()
    device_name = UnicodeAttribute(null=True)
    platform = UnicodeAttribute()
    model = UnicodeAttribute(null=True)
    os_version = UnicodeAttribute(null=True)
    app_version = UnicodeAttribute(null=True)
    biometric_type = StateAttribute(BiometricType, null=True)
    secure_element = BooleanAttribute(default=False)
    public_key = UnicodeAttribute(null=True)
    status = StateAttribute(DeviceStatus)
    last_active_at = InstantAttribute()
    created_at = InstantAttribute()
    updated_at = InstantAttribute()


class Session(Part):
    """The session in use. `refresh_generation` counts rotations: the token before the present one can still be
    answered,
    an older one is a theft (design, decision 6)."""

    session_id = UnicodeAttribute()
    device_id = UnicodeAttribute()
    refresh_token_hash = UnicodeAttribute()
    refresh_generation = NumberAttribute()
    access_token_hash = UnicodeAttribute(null=True)
    status = StateAttribute(SessionStatus)
    created_at = InstantAttribute()
    last_accessed_at = InstantAttribute()
    expires_at = InstantAttribute()
    last_biometric_auth_at = InstantAttribute(null=True)
    biometric_expires_at = InstantAttribute(null=True)
    requires_biometric_reauth = BooleanAttribute(default=False)
    biometric_operation = StateAttribute(BiometricOperation, null=True)
    updated_at = InstantAttribute()


class Biometric(Part):
    """The biometric registration of the device in use. `public_key` is the key that answers challenges (P-256, SPKI,
    base64); it is kept here and not taken from the device, which its owner may describe anew without any proof."""

    device_id = UnicodeAttribute()
    registration_id = UnicodeAttribute()
    biometric_type = StateAttribute(BiometricType)
    public_key = UnicodeAttribute(null=True)
    challenge = UnicodeAttribute(null=True)
    challenge_operation = StateAttribute(BiometricOperation, null=True)
    challenge_expires_at = InstantAttribute(null=True)
    is_verified = BooleanAttribute(default=False)
    is_active = BooleanAttribute(default=True)
    verification_failures = NumberAttribute(default=0)
    device_attestation_data = JSONAttribute(null=True)
    registration_metadata = JSONAttribute(null=True)
    created_at = InstantAttribute()
    updated_at = InstantAttribute()
    last_verified_at = InstantAttribute(null=True)


class UsagePeriod(Part):
    """Units counted since `period_start`; what it says of a period that has ended counts as nothing used.

    `carried_from` is the `period_start` that the count ran under before another subscription moved it: a unit that was
    reserved then is still given back. Older profiles have no count of chat messages, which is none used.
    """

    documents_processed = NumberAttribute()
    chat_messages_used = NumberAttribute(null=True)
    period_start = InstantAttribute()
    period_end = InstantAttribute()
    last_updated = InstantAttribute()
    carried_from = InstantAttribute(null=True)


class DecidedBy(Part):
    """What a subscription in force follows from: the name of the rule, and the word of a store that it was applied to.
    `event_id` is None where it was no notification (a purchase handed in by the app, an answer to our question)."""

    rule = UnicodeAttribute()
    event_id = UnicodeAttribute(null=True)
    event_type = UnicodeAttribute()
    happened_at = InstantAttribute()


class Subscription(Part):
    """The subscription in force. Everybody has one: free ones are `internal` and have no end.

    `grace_end_date` is until when a failed renewal is forgiven, past `end_date`. `auto_renew` is what the store says;
    old data does not hold it.
    """

    subscription_id = UnicodeAttribute()
    subscription_status = StateAttribute(SubscriptionStatus)
    tier = StateAttribute(Tier)
    subscription_type = StateAttribute(SubscriptionType, null=True)
    provider = StateAttribute(SubscriptionProvider)
    external_subscription_id = UnicodeAttribute(null=True)
    external_subscription_id_hash = UnicodeAttribute(null=True)
    start_date = InstantAttribute()
    end_date = InstantAttribute(null=True)
    next_billing_date = InstantAttribute(null=True)
    grace_end_date = InstantAttribute(null=True)
    cancelled_at = InstantAttribute(null=True)
    auto_renew = BooleanAttribute(null=True)
    decided_by = DecidedBy(null=True)
    usage_current_period = UsagePeriod()
    created_at = InstantAttribute()
    updated_at = InstantAttribute()

    def deserialize(self, values: dict[str, Any]) -> Any:
        """Read the map; `tier` and `subscription_type` of old data are read as what they mean."""
        return super().deserialize(with_meant_plan(values))  # type: ignore[no-untyped-call]  # PynamoDB leaves it untyped


class UserData(Part):
    """The entity itself. `is_email_forwarded` is what Apple said last of a relay address, at the instant beside it;
    `apple_refresh_token` is sealed (`gateways/sealed.py`). `billing_revision` counts the changes of the person's
    subscriptions at stores: whoever decides about the one in force must have seen the latest. `granted_subscription` is
    a plan granted by us while something bought counts instead of it; it counts again when that ends.
    `free_report_job_id` names the job that the one free report went to; absent while there is one to be had."""

    id = UnicodeAttribute()
    external_id = UnicodeAttribute()
    auth_provider = StateAttribute(AuthProvider)
    email = UnicodeAttribute(null=True)
    email_hash = UnicodeAttribute(null=True)
    email_verified = BooleanAttribute(default=False)
    is_private_email = BooleanAttribute(default=False)
    is_email_forwarded = BooleanAttribute(null=True)
    email_forwarding_changed_at = InstantAttribute(null=True)
    name = UnicodeAttribute(null=True)
    given_name = UnicodeAttribute(null=True)
    family_name = UnicodeAttribute(null=True)
    account_status = StateAttribute(AccountStatus)
    last_login_at = InstantAttribute(null=True)
    deactivated_at = InstantAttribute(null=True)
    consents = Consents()
    consent_chain = ConsentChain(null=True)
    apple_refresh_token = UnicodeAttribute(null=True)
    current_device = Device(null=True)
    current_session = Session(null=True)
    current_biometric = Biometric(null=True)
    current_subscription = Subscription()
    granted_subscription = Subscription(null=True)
    billing_revision = NumberAttribute(null=True)
    free_report_job_id = UnicodeAttribute(null=True)


class UserItem(Item, discriminator="user"):
    """One person. Lives for ever: it has no `ttl` (design, trap 1)."""

    data = UserData()
