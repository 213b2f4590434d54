"""Consents: which stand, and who may have medical data processed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib import errors
from chalicelib.models.profile import Consent, Consents, UserData, UserItem
from chalicelib.models.states import ConsentType
from chalicelib.privacy.consents import ConsentForms, is_given, require_processing

AT = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


def _given(**changes: object) -> Consent:
    good = {
        "consent_given": True,
        "consent_version": "1",
        "consent_method": "bundled_consent",
        "created_at": AT,
        "updated_at": AT,
    }
    return Consent(**{**good, **changes})


def _user(**changes: Consent | None) -> UserItem:
    consents = {str(kind): _given() for kind in ConsentType}
    present = {name: consent for name, consent in {**consents, **changes}.items() if consent is not None}
    return UserItem("USER#user-1", "PROFILE", data=UserData(consents=Consents(**present)))


def test_somebody_who_agreed_may_have_medical_data_processed() -> None:
    require_processing(_user())


@pytest.mark.parametrize("kind", ["healthcare_consultation", "medical_disclaimers"])
@pytest.mark.parametrize(
    "consent",
    [None, _given(consent_given=False), _given(withdrawn_at=AT), _given(consent_given=False, withdrawn_at=AT)],
    ids=["absent", "not given", "withdrawn", "withdrawn and marked"],
)
def test_without_a_processing_consent_nothing_medical_is_processed(kind: str, consent: Consent | None) -> None:
    with pytest.raises(errors.Forbidden) as refusal:
        require_processing(_user(**{kind: consent}))
    assert (refusal.value.status, refusal.value.code) == (403, "CONSENT_REQUIRED")
    assert refusal.value.details == {"missing_consents": [kind]}


@pytest.mark.parametrize("kind", ["terms_of_service", "privacy_policy", "emergency_care_limitation"])
def test_other_consents_do_not_stop_processing(kind: str) -> None:
    require_processing(_user(**{kind: None}))


def test_both_missing_consents_are_named() -> None:
    with pytest.raises(errors.Forbidden) as refusal:
        require_processing(_user(healthcare_consultation=None, medical_disclaimers=None))
    assert set(refusal.value.details["missing_consents"]) == {"healthcare_consultation", "medical_disclaimers"}


def test_a_consent_that_is_not_there_was_never_given() -> None:
    assert not is_given(Consents(), ConsentType.PRIVACY_POLICY)


def test_what_the_app_does_not_say_is_recorded_as_such() -> None:
    given = ConsentForms().given({"privacy_policy": True}, AT)[ConsentType.PRIVACY_POLICY]

    assert (given.consent_version, given.consent_method) == ("unspecified", "bundled_consent")


def test_only_true_is_true() -> None:
    forms = ConsentForms()
    for almost in (1, "true", "True", [True], 1.0, "yes"):
        assert forms.given({"privacy_policy": almost, "version": "1"}, AT) == {}


@pytest.mark.parametrize(
    ("field", "value"), [("version", 2), ("version", "x" * 51), ("consent_method", ["x"]), ("consent_method", "x" * 21)]
)
def test_a_version_or_method_that_cannot_be_kept_is_refused_by_field(field: str, value: object) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        ConsentForms().given({"privacy_policy": True, field: value}, AT)
    assert refusal.value.details == {"field": f"consent_acknowledgments.{field}"}


def test_a_disclaimer_has_two_names() -> None:
    assert list(ConsentForms().given({"medical_disclaimer": True}, AT)) == [ConsentType.MEDICAL_DISCLAIMERS]
